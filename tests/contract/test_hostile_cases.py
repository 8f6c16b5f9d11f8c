"""Every case of the list of hostile and edge cases has a test that bears its number: requests 1 to 29, imports 30 to 47, secrets and
screens 48 and 49, git 50 to 59, minimising, verifying and judging 60 to 70."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
CASES = range(1, 71)


def test_every_hostile_case_has_a_test_of_its_number() -> None:
    named = re.compile(r"def test_case_0*(\d+)_\w+")
    found = {int(number) for path in TESTS.rglob("test_*.py") for number in named.findall(path.read_text("utf-8"))}
    assert found == set(CASES)
