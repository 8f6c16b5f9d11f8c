"""Nothing that somebody else wrote drives the terminal, whatever is opened: only our own sequences arrive."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.terminal import hostile
from tests.terminal.project import Project
from tests.terminal.running import COPY, USUAL_FILTER, Console, Kept, running, strays

pytestmark = pytest.mark.slow

BACK = b"\x7f"
ENTER = b"\r"
PAGE_DOWN = b"\x1b[6~"
WIDE = (250, 80)


@pytest.fixture
def attacked(tmp_path: Path) -> Iterator[Project]:
    """Everything hostile, and a server that answers in the same way."""
    root = tmp_path / "hostile"
    root.mkdir()
    with hostile.answering() as address:
        yield hostile.write(root, address)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """A console on everything hostile, of which more arrives all the time."""
    root, person = tmp_path_factory.mktemp("hostile"), tmp_path_factory.mktemp("person")

    @contextmanager
    def start() -> Iterator[Console]:
        with running(project.config, WIDE, env={"XDG_STATE_HOME": str(person)}) as console:
            settled(console)
            yield console

    with hostile.answering() as address:
        project = hostile.write(root, address)
        with project.goes_on(**hostile.FAILING):
            kept = Kept(start)
            yield kept
            kept.close()


def settled(console: Console) -> None:
    """All panes have said something."""
    console.shows("INCIDENT", "^[]0;PWNED^G", "<U+202E>", "no tag to compare", "503 in", " plain ")


def keys(text: str) -> Sequence[bytes]:
    """Each character as a key; `⏎` is Enter, `⇟` is page down. One that moves and stands there several times is held down."""
    return [{"⏎": ENTER, "⇟": PAGE_DOWN}.get(one, one.encode()) for one in re.findall("j+|k+|.", text)]


def visit(console: Console, typed: str, *words: str) -> None:
    """Open something, look at all of it, and come back."""
    console.type(*keys(typed))
    console.shows(*words)
    console.shows_no("5 Upstreams")
    console.type(*keys("⇟jj2⇟"))
    console.send(BACK)
    console.shows("1 Signals", "5 Upstreams")


def nothing_arrived(console: Console) -> None:
    """Nothing but ours, and the program lives."""
    assert strays(console.arrived()) == []
    assert console.wait(0) is None


@pytest.mark.parametrize("theme", ["dark", "ansi-light"])
def test_the_overview_and_every_pane_of_it(attacked: Project, theme: str) -> None:
    with running(attacked.config, WIDE, options=["--theme", theme]) as console:
        settled(console)
        for word in (*hostile.MARKUP[:2], "list[int]", "{0!r} %s $(id)"):
            assert word in console.screen()
        for digit in "12345":
            console.type(*keys(f"{digit}z"))
            console.shows(f"┏ {digit} ")
            console.type(*keys("⇟⇟⇟⇟⇟"))
            console.type(b"z")
            console.shows("1 Signals", "5 Upstreams")
        nothing_arrived(console)
        assert not COPY.search(console.data())


def test_the_log_screen_and_every_pane_of_it(kept: Kept) -> None:
    with kept.used() as console:
        console.type(b"l")
        console.shows("4 Lines", "2 Patterns", "3 Fields of the line")
        for digit in "1234":
            console.type(*keys(f"{digit}z"))
            console.shows(f"┏ {digit} ")
            console.shows_no("1 Histogram" if digit != "1" else "4 Lines")
            console.type(*keys("⇟⇟jj⇟"))
            console.type(b"z")
            console.shows("1 Histogram", "4 Lines")
        console.type(*keys("4gm"))
        console.shows("1 marked")
        console.send(b"f")
        console.shows("then n and N")
        console.type(b"\x1b[200~" + "[/foo]\u202e\x9b2J".encode() + b"\x1b[201~", ENTER)
        console.shows_no("then n and N")
        console.type(*keys("nN4o"))
        console.send(BACK)
        console.shows("1 Signals", "5 Upstreams")
        nothing_arrived(console)


def test_services_operations_and_suspects(kept: Kept) -> None:
    with kept.used() as console:
        visit(console, "1g⏎", "Lines of checkout")
        visit(console, "1gjjjjj⏎", "Lines of <U+")
        visit(console, "1G⏎", "Lines of ")
        visit(console, "2g⏎", "Suspect ")
        visit(console, "2gjj⏎", "Suspect ")
        nothing_arrived(console)


def test_records_with_all_their_fields_and_patterns(kept: Kept) -> None:
    with kept.used() as console:
        visit(console, "3G ⏎", "Record")
        console.filter_by("plain")
        console.shows("3 Logs  plain")
        for up in (8, 12, 20):
            visit(console, f"3G{'k' * up} ⏎", "Record")
        console.filter_by(USUAL_FILTER)
        console.shows(f"3 Logs  {USUAL_FILTER}")
        visit(console, "3g⏎", "NEW ")
        nothing_arrived(console)


def test_traces_and_fields_of_one_attack_after_the_other(kept: Kept) -> None:
    """Filtered down to the lines whose trace, traceback, level and keys attack."""
    with kept.used() as console:
        for words in ("trace", "level", "name"):
            console.filter_by(f'"a {words}"')
            console.shows(f'3 Logs  "a {words}"', "28 lines")
            for up in (0, 4, 9, 15, 24):
                visit(console, f"3G{'k' * up} ⏎", "Record")
        console.filter_by(USUAL_FILTER)
        nothing_arrived(console)


def test_changes_with_their_commits_and_upstreams_with_their_answers(kept: Kept) -> None:
    with kept.used() as console:
        for down in range(4):
            visit(console, f"4g{'j' * down}⏎", "┏ ")
        console.type(*keys("4G⏎"))
        console.shows("^[]0;PWNED^G^[[2J^[[H[/foo] subject", "Eve^[]52;c;UFdORUQ=^G<U+202E>[@click=app.exit]x[/]")
        console.send(BACK)
        console.shows("5 Upstreams")
        visit(console, "5g⏎", "Upstream [@click=app.exit]x[/]", "Lines that name")
        nothing_arrived(console)


def test_a_hostile_filter_is_recalled_and_shown_as_text(kept: Kept) -> None:
    with kept.used() as console:
        for attack in ("\u202e[/foo][@click=app.exit]x[/]", "\x9b31m\u200b", '"$(id) \ufeff[/"'):
            console.filter_by(attack)
            console.shows("no line matches")
            console.send(b"/")
            console.shows("words, /regex/")
            console.send(b"\x1b")
            console.shows_no("words, /regex/")
        console.filter_by(USUAL_FILTER)
        nothing_arrived(console)


def test_help_palette_and_notices(kept: Kept) -> None:
    with kept.used() as console:
        console.send(b"?")
        console.shows("Everywhere")
        console.send(b"\x1b")
        console.shows_no("Everywhere")
        console.send(b":")
        console.shows("type a part")
        console.send("\x1b[200~\x9b31m\u202e[/foo]\x1b[201~".encode())
        console.shows_no("type a part")
        console.send(b"\x1b")
        console.shows_no("╭")
        nothing_arrived(console)


def copied(console: Console) -> list[str]:
    """What was put into the clipboard, oldest first."""
    return [base64.b64decode(found).decode() for found in COPY.findall(console.arrived())]


NOTHING = ("nothing to copy", "no command gives this")
"""What is said where the value under the cursor, or what gives it, cannot be copied."""


def copy(console: Console, typed: str) -> str:
    """What the last of these keys copies; empty where it says that there is nothing."""
    before = len(copied(console))
    for said in NOTHING:
        console.shows_no(said)
    console.type(*keys(typed))
    console.until(
        lambda: len(copied(console)) > before or any(said in console.screen() for said in NOTHING), f"copy by {typed}"
    )
    return copied(console)[before] if len(copied(console)) > before else ""


def test_a_copy_is_made_on_demand_only_and_holds_neither_attacks_nor_secrets(kept: Kept) -> None:
    with kept.used() as console:
        console.filter_by('"a secret"')
        console.shows("a secret ‹redacted:github:", "password=‹redacted:password:")
        assert not copied(console)
        text = copy(console, "3Gy")
        assert text.startswith("a secret ‹redacted:github:") and "^[]52;c;UFdORUQ=^G" in text and "[/foo]" in text
        assert hostile.SECRET not in text and "hunter2" not in text
        console.shows("copied ")
        visit(console, " ⏎", "Record", "‹redacted:")
        for typed in ("1gy", "2gy", "4gy", "4gjy", "4Gy", "5gy"):
            text += copy(console, typed)
        assert not strays(text.replace("\n", "").encode())
        assert strays(COPY.sub(b"", console.arrived())) == []
        assert hostile.SECRET.encode() not in console.arrived() and b"hunter2" not in console.arrived()
        console.filter_by(USUAL_FILTER)


SAFE_COMMAND = re.compile(r"(?:[\w@%+=:,./-]+|'[^']*'|\\'|\"'\"|\s)+(?:\| head -n \d+)?")
"""Words, quoted words, and the one pipe that we write ourselves: nothing that a shell would carry out besides."""


def test_a_copied_command_runs_nothing_that_somebody_else_wrote(kept: Kept) -> None:
    with kept.used() as console:
        found = [
            copy(console, typed) for typed in ("4gY", "4gjY", "4gjjY", "4gjjjY", "4GY", "5gY", "3gY", "3GY", "2gY")
        ]
        assert any(found)
        for command in filter(None, found):
            assert SAFE_COMMAND.fullmatch(command), command
            assert not strays(command.encode())
