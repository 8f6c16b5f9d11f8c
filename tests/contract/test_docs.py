"""Documents that fail the build when they are stale."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from console.cli import COMMANDS
from console.guard.sanitise import safe
from tests.contract.docs import with_keys
from tests.contract.picture import PICTURE, painted, recorded

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def test_the_key_list_is_the_table_of_actions() -> None:
    assert with_keys(README) == README, "run `python -m tests.contract.write_docs`"


def test_every_promise_names_test_functions_that_are_collected(request: pytest.FixtureRequest) -> None:
    """`tests/x/test_y.py::test_z`: pytest itself is asked, so a file alone, a typing error or a renamed test fails."""
    table = README.split("| promise | held by |", 1)[1].split("\n\n", 1)[0]
    rows = [line for line in table.splitlines() if line.startswith("| ") and not line.startswith("| ---")]
    assert len(rows) >= 7
    named: set[str] = set()
    for row in rows:
        tests = re.findall(r"`([^`]+)`", row.rsplit(" | ", 1)[1])
        assert tests, row
        named.update(tests)
    assert all(re.fullmatch(r"tests/[\w/]+\.py::test_\w+", name) for name in named), named
    assert named == collected(named, request.session)


def test_a_promise_that_names_no_test_is_noticed(request: pytest.FixtureRequest) -> None:
    here = "tests/contract/test_docs.py"
    real = f"{here}::{test_a_promise_that_names_no_test_is_noticed.__name__}"
    wrong = {f"{here}::collected", f"{here}::test_that_is_not_there", "tests/contract/nothing.py::test_x"}
    assert collected({real} | wrong, request.session) == {real}


def collected(names: set[str], session: pytest.Session) -> set[str]:
    """Which of the tests pytest's own collector finds in their files; of those that are parametrised, any."""
    found: set[str] = set()
    for file in {name.partition("::")[0] for name in names}:
        if (ROOT / file).is_file():
            module = pytest.Module.from_parent(session, path=ROOT / file)
            found.update(f"{file}::{item.name.partition('[')[0]}" for item in module.collect())
    return names & found


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in ("run", "demo")])
def test_every_command_is_told_in_the_readme(command: str) -> None:
    assert f"incident {command}" in README


def test_the_six_lines_of_the_readme_are_a_configuration(tmp_path: Path) -> None:
    from console.config.load import validate

    block = re.search(r"```toml\n(.+?)```", README, re.DOTALL)
    assert block is not None
    lines = [line for line in block[1].splitlines() if line.strip()]
    assert len(lines) == 6
    config = validate(tomllib.loads(block[1]), "README.md")
    assert config.service[0].name == config.logs[0].service == "checkout"


def test_the_changelog_has_the_version_of_the_package_or_an_unreleased_part() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert headings[0] == "Unreleased" or headings[0].startswith(version)


def test_every_place_that_the_architecture_names_exists() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    for cell in re.findall(r"^\| (`.+?`) \|", text, re.MULTILINE):
        for name in re.findall(r"`([a-z_./]+)`", cell):
            assert (ROOT / name).exists(), name


def test_every_part_of_the_console_has_a_row_in_the_architecture() -> None:
    cells = re.findall(r"^\| (`.+?`) \|", (ROOT / "ARCHITECTURE.md").read_text("utf-8"), re.MULTILINE)
    named = {name for cell in cells for name in re.findall(r"`([a-z_./]+)`", cell)}
    parts = [
        place for place in (ROOT / "console").iterdir() if place.suffix == ".py" or (place / "__init__.py").exists()
    ]
    missing = {f"console/{place.name}" for place in parts if place.name != "__init__.py"} - named
    assert not missing, missing


async def test_the_picture_of_the_readme_is_what_the_program_paints() -> None:
    """From the recorded state; a change of the look, or of what a state holds, makes the picture stale."""
    again = "run `python -m tests.contract.write_picture`, with `--again` where only the look has changed"
    state = recorded()
    assert any(suspect.kind == "third_party" for suspect in state.suspects.suspects[:1])
    same = await painted(state) == PICTURE.read_text("utf-8")  # comparing two pictures in words takes minutes
    assert same, again
    other = replace(state, header=replace(state.header, headline=safe("other")))
    assert await painted(other) != PICTURE.read_text("utf-8")


def test_requirement_files_are_hash_pinned_and_hold_no_address() -> None:
    for path in ROOT.glob("requirements*.txt"):
        text = path.read_text("utf-8")
        assert "://" not in text
        pins = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
        assert all("==" in pin and pin.endswith("\\") for pin in pins)
