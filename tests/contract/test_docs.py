"""Documents that fail the build when they are stale."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from console.cli import COMMANDS
from tests.contract.docs import with_keys

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def test_the_key_list_is_the_table_of_actions() -> None:
    assert with_keys(README) == README, "run `python -m tests.contract.write_docs`"


def test_every_test_that_a_promise_names_exists_and_every_promise_names_one() -> None:
    rows = re.findall(r"^\| (.+?) \| (`tests/.+?) \|$", README, re.MULTILINE)
    assert len(rows) >= 7
    for promise, tests in rows:
        for name in re.findall(r"`(tests/[^`]+)`", tests):
            assert (ROOT / name).exists(), (promise, name)


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


def test_the_picture_of_the_readme_is_a_real_screen() -> None:
    picture = (ROOT / "docs" / "overview.svg").read_text("utf-8")
    assert "Signals" in picture and "Suspects" in picture


def test_requirement_files_are_hash_pinned_and_hold_no_address() -> None:
    for path in ROOT.glob("requirements*.txt"):
        text = path.read_text("utf-8")
        assert "://" not in text
        pins = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
        assert all("==" in pin and pin.endswith("\\") for pin in pins)
