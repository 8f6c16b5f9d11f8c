"""Each incident from its first sight to its end, in one go, in a real terminal: what a person does, in the order in which one does it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.walk.bad_deploy import TAG, walk_bad_deploy
from tests.walk.third_party_slow import walk_third_party_slow
from tests.walk.walking import Walk, demo

pytestmark = [
    pytest.mark.long,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]


def the_case(walk: Walk, *records: str) -> dict[str, Any]:
    """The case, once its record and the audit of what was sent were found to be whole.

    Args:
        records: The files that were looked at.
    """
    verified = walk.command("case", "verify", "latest")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    for name in records:
        assert re.search(rf"{name}: \d+ lines, whole", verified.stdout), verified.stdout
    shown = walk.command("case", "show", "latest", "--json")
    assert shown.returncode == 0, shown.stderr
    case: dict[str, Any] = json.loads(shown.stdout)
    return case


def test_bad_deploy(tmp_path: Path) -> None:
    with demo("bad-deploy", tmp_path, "deploy") as walk:
        repository = walk.config.parent / "repo"
        main = walk.git(repository, "rev-parse", "main")
        walk_bad_deploy(walk)
        case = the_case(walk, "ada.jsonl", "audit.jsonl")
        assert case["state"] == "resolved" and case["overrides"] == []
        assert [one["state"] for one in case["hypotheses"]] == ["confirmed"]
        report = walk.command("report", "latest").stdout
        for words in ("## Root cause", "minimised, 1-minimal", "FIXED: ", "Judged recovered at", TAG, "impact: orders"):
            assert words in report, report
        ours = "KeyError: 'lines'"  # of requests from which minimising left too much out
        seen = walk.command("logs", f'"{ours}"', "--count", "--json", "--since", "-20m")
        assert json.loads(seen.stdout)["count"] > 0, seen.stdout + seen.stderr
        patterns = walk.command("patterns", "--json", "--since", "-20m").stdout
        assert "KeyError: 'percent_off'" in patterns and ours not in patterns
        assert walk.git(repository, "status", "--porcelain") == ""
        assert walk.git(repository, "rev-parse", "main") == main
        walk.leave()
    assert list(walk.folder.iterdir()) == []


def test_third_party(tmp_path: Path) -> None:
    with demo("third-party-slow", tmp_path, "cardpay") as walk:
        repository = walk.config.parent / "repo"
        branches = walk.git(repository, "branch", "--list")
        walk_third_party_slow(walk)
        case = the_case(walk, "ada.jsonl")
        assert case["state"] == "monitoring"
        diagnosis = json.loads(walk.command("diagnose", "--json").stdout)
        assert diagnosis["change_explains"] is False
        report = walk.command("report", "latest").stdout
        for words in (
            "Leading suspect: third",
            "no change of ours",
            "customers may pay by invoice",
            "To cardpay: since",
        ):
            assert words in report, report
        assert walk.git(repository, "branch", "--list") == branches
        walk.leave()
    assert list(walk.folder.iterdir()) == []
