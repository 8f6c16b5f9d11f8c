"""What really arrives at a terminal: how much, and never what data says it should be told."""

from __future__ import annotations

import re
import time
from itertools import pairwise
from pathlib import Path

import pytest

from tests.widgets.ptyrun import Terminal
from tests.widgets.vt import Screen

pytestmark = pytest.mark.slow

GALLERY = ["-m", "tests.widgets.gallery"]
READY = b"panes"
PAYLOADS = tuple(
    text.encode()
    for text in (
        "\x1b]52",
        "\x1b]0;",
        "\x1b[2J",
        "\x1bP",
        "\x90",
        "\x9b",
        "\x9c",
        "\x7f",
        "\x0e",
        "\x00",
        "\u202e",
        "\u2066",
        "\u200b",
        "\ufeff",
    )
)


def started(terminal: Terminal) -> None:
    """Wait until the last line was painted."""
    terminal.read_for(15, until=READY)
    assert READY in terminal.output
    terminal.read_for(0.5)


@pytest.mark.parametrize(("columns", "rows", "most"), [(80, 24, 4_000), (120, 40, 6_000), (200, 60, 10_000)])
def test_a_live_screen_sends_little(columns: int, rows: int, most: int) -> None:
    """Five log lines and new numbers every second; half of what the whole console may send."""
    with Terminal([*GALLERY, "incident"], columns, rows, {"GALLERY_RATE": "1"}) as terminal:
        started(terminal)
        assert len(terminal.output) <= 110_000
        sent = len(terminal.read_for(8)) / 8
    assert 100 < sent <= most


def test_nothing_changing_sends_nothing() -> None:
    with Terminal([*GALLERY, "incident"], 120, 40) as terminal:
        started(terminal)
        assert len(terminal.read_for(3)) == 0
        for _ in range(5):
            terminal.press(b"n")  # the same state is shown again
        assert len(terminal.read_for(1)) == 0


def test_what_the_terminal_shows_is_what_a_full_repaint_shows() -> None:
    """After many small updates, wide characters among them, sending every cell again changes nothing."""
    screen = Screen(120, 40)
    with Terminal([*GALLERY, "incident"], 120, 40) as terminal:
        started(terminal)
        for key in b"ttjjtttjtkkt ttt":
            terminal.press(bytes([key]))
            terminal.read_for(0.15)
        terminal.read_for(0.5)
        before = bytes(terminal.output)
        terminal.press(b"r")
        terminal.read_for(1)
        after = bytes(terminal.output)
    assert len(after) > len(before) + 5000
    screen.feed_session(before.decode())
    shown = screen.visible()
    screen.feed_session(after[len(before) :].decode())
    assert screen.visible() == shown
    assert "✖ INCIDENT" in screen.text() and "漢字" in screen.text()


@pytest.mark.parametrize("theme", ["dark", "ansi-dark"])
def test_no_payload_byte_of_hostile_data_arrives(theme: str) -> None:
    with Terminal([*GALLERY, "hostile", theme], 120, 40) as terminal:
        started(terminal)
        for key in b"jjjjttj":
            terminal.press(bytes([key]))
            terminal.read_for(0.1)
        output = bytes(terminal.output)
    for payload in PAYLOADS:
        assert payload not in output, payload
    titles = re.findall(rb"\x1b\](\d+);", output)
    assert b"52" not in titles and b"8" not in titles
    Screen(120, 40).feed_session(output.decode())  # refuses every sequence that the painter does not use


@pytest.mark.parametrize("term", ["xterm-256color", "xterm", "linux"])
def test_no_color_sends_no_colour(term: str) -> None:
    with Terminal(
        [*GALLERY, "incident", "ansi-dark"], 120, 40, {"NO_COLOR": "1", "TERM": term, "COLORTERM": ""}
    ) as terminal:
        started(terminal)
        output = bytes(terminal.output).decode()
    codes = {code for body in re.findall(r"\x1b\[([0-9;]*)m", output) for code in body.split(";")}
    assert not {code for code in codes if code[:1] in ("3", "4") and len(code) == 2 and code not in ("39", "49")}
    assert "INCIDENT" in output


def test_sixteen_colours_stay_within_sixteen() -> None:
    with Terminal([*GALLERY, "incident"], 120, 40, {"TERM": "xterm-16color", "COLORTERM": ""}) as terminal:
        started(terminal)
        output = bytes(terminal.output).decode()
    assert "38;2;" not in output and "38;5;" not in output
    assert "INCIDENT" in output


def test_a_stalled_terminal_does_not_stop_the_event_loop(tmp_path: Path) -> None:
    """Nobody reads for four seconds of busy painting: the loop turns on, and afterwards the screen is right."""
    beats = tmp_path / "beats"
    with Terminal([*GALLERY, "incident"], 200, 60, {"GALLERY_HEARTBEAT": str(beats)}) as terminal:
        started(terminal)
        stalled = time.monotonic()
        while time.monotonic() < stalled + 4:
            time.sleep(0.2)
        resumed = time.monotonic()
        terminal.read_for(2.5)
        screen = Screen(200, 60)
        screen.feed_session(bytes(terminal.output).decode(errors="ignore"))
    stamps = [float(line) for line in beats.read_text().split()]
    during = [stamp for stamp in stamps if stalled < stamp < resumed]
    assert len(during) > 20
    assert max(later - earlier for earlier, later in pairwise(during)) < 0.5
    assert "✖ INCIDENT" in screen.text()


def test_a_storm_of_sizes_ends_in_the_right_screen() -> None:
    with Terminal([*GALLERY, "incident"], 120, 40) as terminal:
        started(terminal)
        for number in range(60):
            terminal.resize(1 + number * 7 % 200, 1 + number * 3 % 60)
            terminal.read_for(0.02)
        begin = len(terminal.output)
        terminal.resize(100, 30)
        terminal.read_for(1.5)
        terminal.press(b"r")
        again = terminal.read_for(1.5)
    assert len(terminal.output) > begin
    screen = Screen(100, 30)
    screen.feed_session(again.decode())
    assert screen.text().count("┐") >= 4 and "LIVE" in screen.text()
