"""Meaning is in words and signs: without colours, with few, or in ASCII the screen says the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import get_args

import pytest

from console.config.models import Theme
from tests.terminal.conftest import plain
from tests.terminal.project import CONFIG, Project, ordinary
from tests.terminal.running import Console, running

pytestmark = pytest.mark.slow

SGR = re.compile(rb"\x1b\[([0-9;]*)m")
ATTRIBUTES = frozenset({"", "0", "1", "2", "3", "4", "7", "9"})
SIXTEEN = ATTRIBUTES | {str(base + n) for base in (30, 40, 90, 100) for n in range(8)} | {"39", "49"}
FEW = {"COLORTERM": ""}
THEMES = get_args(Theme)


def settled(console: Console) -> None:
    """Until every source was consulted and judged, and the whole screen is there."""
    console.judged()
    console.shows("consulted:", "next:", "LIVE")
    console.shows_no("LOADING")


def words(console: Console) -> set[str]:
    """The words of the whole screen; but of the line of the verdict, which shares it with news: whether the first verdict was
    another one is chance."""
    head, _, *rows = console.screen().splitlines()
    return set(re.findall(r"[A-Za-z]{3,}", "\n".join([head, *rows])))


def same_words(console: Console, coloured: Console) -> None:
    """Until both screens say the same of what both see now: one of them may be a verdict or an age ahead for a moment.

    Raises:
        AssertionError: They never do; with the words that only one of them has, and both screens.
    """
    settled(console)
    settled(coloured)
    try:
        console.until(lambda: words(console) == words(coloured), "same words")
    except AssertionError:
        here, there = words(console), words(coloured)
        told = f"only here: {sorted(here - there)}; only with all colours: {sorted(there - here)}"
        raise AssertionError(f"{told}\n{console.screen()}\n{coloured.screen()}") from None


def codes(console: Console) -> set[str]:
    """Every single code of every colour sequence that arrived."""
    return {code for found in SGR.findall(console.data()) for code in found.decode().split(";")}


def printed(console: Console) -> str:
    """Everything that was ever painted, without the sequences."""
    return re.sub(r"\x1b\[[0-9;?>=<$]*[A-Za-z]|\x1b\][^\x07]*\x07", "", console.data().decode())


@pytest.mark.parametrize("theme", ["dark", "ansi-dark"])
def test_ascii_writes_nothing_but_ascii(project: Project, theme: str) -> None:
    project.configure("\n[console]\nascii = true\n")
    project.append("naïve 漢字 🚀 line")
    with running(project.config, options=["--theme", theme]) as console:
        console.shows("INCIDENT", "checkout", "not asked", "errors per", "na?ve ???? ?? line")
        for key, shown in ((b"?", "Everywhere"), (b":", "quit"), (b"/", "words, /regex/")):
            console.send(key)
            console.shows(shown)
            console.send(b"\x1b")
            console.shows_no(shown)
        for keys in (b"1\r", b"2\r", b"3\r", b"4\r"):
            console.type(keys)
            console.shows_no("5 Upstreams")
            console.send(b"\x7f")
            console.shows("5 Upstreams")
        console.send(b"x")
        console.type(b"\x1b")
        text = printed(console)
        assert text.isascii(), sorted({c for c in text if not c.isascii()})
        assert "+" in text and "|" in text


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The incident that all these consoles look at, unless they say otherwise."""
    return ordinary(tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="module")
def coloured(shared: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console with all colours, beside each that is looked at: both see the same at the same moment, of a log that goes on, so
    that the verdict does not depend on when it is asked for."""
    with pytest.MonkeyPatch.context() as patch:
        plain(patch, tmp_path_factory.mktemp("person"))
        with shared.goes_on(), running(shared.config) as console:
            settled(console)
            yield console


@pytest.mark.parametrize("theme", ["dark", "ansi-light"])
@pytest.mark.parametrize("term", ["xterm-256color", "linux"])
def test_no_color_has_no_colour_and_the_same_words(shared: Project, coloured: Console, theme: str, term: str) -> None:
    with running(shared.config, options=["--theme", theme], env={"NO_COLOR": "1", "TERM": term}) as console:
        same_words(console, coloured)
        assert codes(console) <= ATTRIBUTES
        assert "▸" in console.screen() and "┏" in console.screen()


@pytest.mark.parametrize("term", ["xterm-16color", "screen", "linux", "xterm"])
def test_sixteen_colours_are_enough(shared: Project, coloured: Console, term: str) -> None:
    with running(shared.config, env={"TERM": term, **FEW}) as console:
        same_words(console, coloured)
        found = codes(console)
        assert found <= SIXTEEN
        assert found & {"31", "33", "91", "93", "34", "94"}


def test_256_colours_are_used_where_there_are_no_more(shared: Project) -> None:
    with running(shared.config, env={"TERM": "xterm-256color", **FEW}) as console:
        settled(console)
        data = console.data()
        assert b"38;5;" in data and b"38;2;" not in data and b"48;2;" not in data


@pytest.mark.parametrize("theme", THEMES)
def test_every_theme_says_the_same(shared: Project, coloured: Console, theme: str) -> None:
    with running(shared.config, options=["--theme", theme]) as console:
        same_words(console, coloured)


def test_low_bandwidth_means_sixteen_colours(shared: Project, coloured: Console) -> None:
    low = shared.root / "low.toml"
    low.write_text(CONFIG + "\n[console]\nlow_bandwidth = true\n", encoding="utf-8")
    with running(low) as console:
        same_words(console, coloured)
        assert codes(console) <= SIXTEEN
