"""The commands without a screen, on a terminal: what somebody else wrote is text there as well."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.terminal import hostile
from tests.terminal.project import Project
from tests.terminal.running import command, strays

pytestmark = pytest.mark.slow

COLOURS = re.compile(rb"\x1b\[[0-9;]*m")
"""All that a command may write besides text, and nothing of it with --plain or --json."""


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Everything hostile, and a server that answers in the same way."""
    with hostile.answering() as address:
        yield hostile.write(tmp_path_factory.mktemp("hostile"), address)


def said(project: Project, *arguments: str, codes: tuple[int, ...] = (0, 1, 3)) -> bytes:
    """What a command wrote, whichever of these codes it ended with."""
    with command(project.root, *arguments, "--config", str(project.config)) as console:
        assert console.ends(60) in codes, console.data()[-2000:]
        return console.data()


COMMANDS = [
    ("logs", "--limit", "400"),
    ("logs", "--limit", "400", "--since", "-60m", "level:>=warn"),
    ("logs", "--histogram", "5m"),
    ("patterns",),
    ("patterns", "--since", "-60m"),
    ("changes",),
    ("health",),
    ("diagnose",),
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_text_holds_no_sequence_of_others(attacked: Project, arguments: tuple[str, ...]) -> None:
    data = said(attacked, *arguments)
    assert strays(data, ours=COLOURS) == []
    plain = said(attacked, *arguments, "--plain")
    assert b"\x1b" not in plain
    assert strays(plain) == []


def test_attacks_are_told_and_not_dropped(attacked: Project) -> None:
    logs, changes = said(attacked, *COMMANDS[1], "--plain").decode(), said(attacked, "changes", "--plain").decode()
    for seen in ("^[]52;c;UFdORUQ=^G", "<U+202E>etirw", "<U+009B>31m", "[/foo]", "[@click=app.exit]x[/]", "real^MFAKE"):
        assert seen in logs
    assert "^[]0;N^G[/x]" in changes and "<U+202E>" in changes


@pytest.mark.parametrize("arguments", [("changes",), ("health",), ("diagnose",)], ids=" ".join)
def test_json_is_json_and_has_no_sequence_of_others(attacked: Project, arguments: tuple[str, ...]) -> None:
    data = said(attacked, *arguments, "--json")
    assert strays(data) == []
    json.loads(data)


def test_json_lines_of_logs_are_json_and_have_no_sequence_of_others(attacked: Project) -> None:
    data = said(attacked, "logs", "--json", "--limit", "300", "level:>=warn")
    assert strays(data) == []
    lines = [json.loads(line) for line in data.decode().splitlines()]
    assert len(lines) == 300


@pytest.mark.parametrize(
    "arguments",
    [
        ("logs", "level:\x1b]0;T\x07\u202e"),
        ("logs", "--since", "\x9b31m\x1b[2J"),
        ("diagnose", "--service", "\x1b]52;c;eA==\x07"),
        ("\x1b]0;T\x07",),
        ("--\x1b]0;T\x07",),
        ("run", "--theme", "\x1b[31m"),
        ("demo", "\x1b]0;T\x07"),
    ],
    ids=repr,
)
def test_a_mistake_is_repeated_as_text(attacked: Project, arguments: tuple[str, ...]) -> None:
    with command(attacked.root, *arguments) as console:
        assert console.ends() == 2
        assert strays(console.data(), ours=COLOURS) == []


def test_a_configuration_with_names_that_cannot_be_shown_is_refused(attacked: Project, tmp_path: Path) -> None:
    config = tmp_path / "incident.toml"
    config.write_text('[[service]]\nname = "s\\u001b]0;S\\u0007"\n\n["\\u001b[2J"]\nx = 1\n')
    with command(tmp_path, "run", "--config", str(config)) as console:
        assert console.ends() == 2
        assert "cannot be shown: U+001B" in console.data().decode()
        assert strays(console.data()) == []


def test_a_folder_with_a_hostile_name_is_named_as_text(tmp_path: Path) -> None:
    folder = tmp_path / "x\x1b]0;T\x07\u202e"
    folder.mkdir()
    (folder / "incident.toml").write_text("[[[broken")
    for arguments in (("run",), ("diagnose",), ("logs",), ("config", "check")):
        with command(folder, *arguments, "--config", str(folder / "incident.toml")) as console:
            assert console.ends() == 2
            assert strays(console.data()) == []
