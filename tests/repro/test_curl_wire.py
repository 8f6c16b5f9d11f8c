"""Case 47, and more: what is imported is what the real curl sends, byte for byte of what matters, or refused with a reason.

Each line of curl_cases.txt is the arguments of a command, most of them corner cases. The real curl sends it to a server on
loopback; the imported request must be the same, and where curl sends nothing or several requests, it must be refused.
curl_commands.txt holds commands as people paste them, each with what is right.
"""

from __future__ import annotations

import shlex
from collections import Counter
from pathlib import Path

import pytest

from console.repro.curl import curl_command
from console.repro.curl_options import OPTIONS
from console.repro.errors import Unclear
from tests.repro.curl_judge import (
    CURL,
    EQUAL_SHARE,
    Case,
    commands,
    judged,
    of_curl,
    of_ours,
    recorded,
    sent_by_curl,
    words_of_shell,
)

CASES = [line for line in (Path(__file__).parent / "curl_cases.txt").read_text("utf-8").splitlines() if line]
PASTED = commands()
MUST_BE_EQUAL = 0.65
"""Share of the corner cases that are imported and not refused; the others ask for files, several requests or nonsense."""
by_curl = pytest.mark.skipif(not CURL, reason="the oracle is the real curl")


@by_curl
@pytest.mark.slow
@pytest.mark.parametrize("line", CASES)
def test_case_47_the_import_is_what_curl_sends_or_is_refused(line: str, tmp_path: Path) -> None:
    arguments = shlex.split(line)
    real = sent_by_curl(arguments, tmp_path)
    try:
        ours = curl_command("curl " + shlex.join(arguments)).request
    except Unclear as error:
        assert str(error)
        return
    assert len(real) == 1, "curl sends no single request, so the import should have refused"
    assert of_ours(ours) == of_curl(real[0])


def test_most_commands_are_imported_and_not_refused() -> None:
    imported = 0
    for line in CASES:
        try:
            curl_command("curl " + shlex.join(shlex.split(line)))
        except Unclear:
            continue
        imported += 1
    assert imported >= MUST_BE_EQUAL * len(CASES)


@pytest.mark.slow
@pytest.mark.parametrize("case", PASTED, ids=lambda case: case.id)
def test_a_pasted_command_is_what_curl_sends_or_is_refused_for_the_reason_that_it_has(
    case: Case, tmp_path: Path
) -> None:
    found = judged(case, tmp_path)
    assert found.outcome == ("refused" if case.refused else "equal"), found.says


def test_of_pasted_commands_as_many_are_imported_as_can_be() -> None:
    equal = sum(not case.refused for case in PASTED)
    assert len(PASTED) >= 81 and len({case.id for case in PASTED}) == len(PASTED)
    assert equal >= EQUAL_SHARE * len(PASTED)


OFTEN = """
header request form data data-binary user compressed include cookie verbose insecure upload-file url-query json location get
user-agent head range oauth2-bearer max-time data-urlencode data-raw referer next config netrc cert data-ascii form-string
"""
"""Options that pasted commands have, the most frequent first; and those by which a local file would be read."""


def test_every_option_that_pasted_commands_have_is_in_one() -> None:
    known = {option.name: option for option in OPTIONS}
    words = Counter(word for case in PASTED for word in case.text.replace("=", " ").split())
    for name in OFTEN.split():
        short = known[name].short.strip(":")
        forms = {f"--{name}", f"-{short}"} if short else {f"--{name}"}
        assert any(words[form] for form in forms), f"no command has {' or '.join(sorted(forms))}"


@by_curl
@pytest.mark.slow
def test_what_is_recorded_is_what_curl_sends(tmp_path: Path) -> None:
    kept = recorded()
    assert set(kept) == {case.id for case in PASTED if not case.refused}
    for case in PASTED[::7]:
        if not case.refused:
            (one,) = sent_by_curl(words_of_shell(case.given), tmp_path)
            assert of_curl(one) == of_curl(kept[case.id]), case.id


def test_the_import_agrees_with_what_was_recorded_where_no_curl_is_at_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.repro.curl_judge.CURL", False)
    wrong = {case.id: one.says for case in PASTED if (one := judged(case, tmp_path)).outcome == "wrong"}
    assert not wrong


def test_the_judge_sees_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.repro.curl_judge.CURL", False)
    one = next(case for case in PASTED if case.id == "header")
    other = Case(one.id, one.text.replace("acme", "other"), "", one.given)
    assert judged(other, tmp_path).outcome == "wrong"
    assert judged(Case(one.id, one.text, "-T", one.given), tmp_path).outcome == "wrong"
    assert judged(Case(one.id, f"{one.text} -T x", "", one.given), tmp_path).outcome == "wrong"
    assert judged(Case(one.id, f"{one.text} -T x", "-K", one.given), tmp_path).outcome == "wrong", "another reason"
