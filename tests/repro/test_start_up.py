"""What the commands of reproduction import: nothing of the network for those that send nothing, and never the screen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.test_import_hygiene import SCREEN, among, modules_of


@pytest.mark.parametrize("arguments", [("repro", "--help"), ("repro", "run", "--help"), ("repro", "audit")])
def test_commands_that_send_nothing_load_no_network_and_no_screen(arguments: tuple[str, ...], tmp_path: Path) -> None:
    code, names = modules_of(tmp_path, *arguments)
    assert code == (2 if arguments[-1] == "audit" else 0)
    assert among(names, (*SCREEN, "httpx", "httpcore", "h11", "git", "numpy", "asyncio", "sources")) == set()
