"""Keys, pastes and type-ahead, typed at the real program on a real terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.terminal.project import Project, ordinary
from tests.terminal.running import USUAL_FILTER, Console, Kept, running

pytestmark = pytest.mark.slow

PASTED = b"\x1b[200~%s\x1b[201~"
HARMFUL = b"qqzP3q\r?:quit\rq\x0c<<<z"
"""Without a guard: quits, zooms, freezes, opens, moves the window."""


@pytest.fixture(scope="module")
def incident(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """What the console looks at."""
    return ordinary(tmp_path_factory.mktemp("incident"))


@pytest.fixture(scope="module")
def kept(incident: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """A console that has judged it."""
    person = tmp_path_factory.mktemp("person")

    @contextmanager
    def start() -> Iterator[Console]:
        with running(incident.config, env={"XDG_STATE_HOME": str(person)}) as console:
            console.judged()
            yield console

    kept = Kept(start)
    yield kept
    kept.close()


def unmoved(console: Console) -> None:
    """It lives, and nothing was zoomed, frozen, opened or moved."""
    assert console.wait(0) is None
    shown = console.screen()
    assert "2 Suspects" in shown and "-30m ▸" in shown and "FROZEN" not in shown and "again quits" not in shown


def test_a_paste_that_the_terminal_does_not_mark_presses_no_key(kept: Kept) -> None:
    with kept.used() as console:
        console.send(HARMFUL * 20)
        console.shows("typed too fast for keys")
        unmoved(console)
        console.shows_no("typed too fast")  # the notice goes, and keys act again
        console.send(b"z")
        console.shows_no("2 Suspects")
        console.send(b"z")


@pytest.mark.parametrize(
    "text", [HARMFUL, b"qq", b"\x1bqq", b"\x1b" + b"q" * 60, b"\x1b[A\x1bOPqq\x03\x03\n"], ids=repr
)
def test_a_marked_paste_does_nothing_and_is_told(kept: Kept, text: bytes) -> None:
    with kept.used() as console:
        console.send(PASTED % text)
        console.shows("pasted text does nothing here")
        unmoved(console)
        console.shows_no("pasted text")  # by another paste it would be told again


def test_what_is_typed_right_after_the_slash_goes_into_the_filter(incident: Project, kept: Kept) -> None:
    incident.append("a needle of its own")
    with kept.used() as console:
        console.shows("a needle of its own", "order refused")
        console.send(b"/need")
        console.shows("/ level:>=warn need")
        console.send(b"le\r")
        console.until(lambda: "order refused" not in body(console), "filtered lines")
        console.shows("a needle of its own", "1 line", "3 Logs  level:>=warn needle")
        console.filter_by(USUAL_FILTER)


def body(console: Console) -> str:
    """The log lines, without patterns and counts above them."""
    return "\n".join(line[:86] for line in console.screen().splitlines() if " ERROR " in line)


def test_a_paste_into_the_filter_is_typed_into_it(kept: Kept) -> None:
    with kept.used() as console:
        console.send(b"/")
        console.shows("words, /regex/")
        console.send(PASTED % b" re\x1b[31mfused")
        console.shows("fused")
        console.send(b"\x1b")
        console.shows_no("words, /regex/")
        assert console.wait(0) is None


def test_a_key_that_moves_can_be_held_down(kept: Kept) -> None:
    with kept.used() as console:
        console.send(b"3")
        console.shows("┏ 3 Logs")
        console.send(b"k" * 150)
        console.until(lambda: "┃▸" in console.screen() and "↓ 1" in console.screen(), "over a hundred lines below")
        assert "typed too fast" not in console.screen()
        console.send(b"G")


def test_bytes_that_are_no_text_end_nothing(kept: Kept) -> None:
    with kept.used() as console:
        console.send(b"\xff\xfe\x80z")
        console.shows_no("2 Suspects")
        assert console.wait(0) is None
        console.send(b"z")


def test_keys_of_a_modern_terminal_are_understood(kept: Kept) -> None:
    """The keyboard protocol of kitty sends every key as a sequence; a paste is marked there as well."""
    with kept.used() as console:
        console.send(b"\x1b[122;1;122u")
        console.shows_no("2 Suspects")
        console.send(b"\x1b[122;1;122u")
        console.shows("2 Suspects")


def test_keys_act_in_the_order_in_which_they_are_typed(kept: Kept) -> None:
    """The second key of each pair needs what the first has done; in an input, what is typed is edited in order."""
    with kept.used() as console:
        for digit in "42351":
            console.send(f"{digit}z".encode())
            console.shows(f"┏ {digit} ")
            console.shows_no("┌")
            console.hands_off()  # more than six keys within a moment would be a paste
            console.type(b"z")
            console.shows("┌")
        console.send(b"/x")
        console.shows("/ level:>=warn x")
        console.send(b"\x15level:fata\x7f\x7ft\x7ftal\r")
        console.shows("3 Logs  level:fatal")
        console.filter_by(USUAL_FILTER)
