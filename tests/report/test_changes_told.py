"""What is said of changes without a screen: before and after with samples, and who was not asked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.analysis.diagnose import diagnose
from console.domain.changes import Change
from console.domain.diagnosis import Diagnosis
from console.domain.observations import Observations
from console.domain.reading import SourceReport, SourceState
from console.report.diagnosis_json import diagnosis_json
from console.report.diagnosis_text import human_text, plain_text
from tests.incidents.shop import BEFORE_S, START, Fault, Shop

ONSET = START + BEFORE_S
FAILS = Shop(7, faults=(Fault("bank", 0.0, failing=0.3),), length_s=320.0)
GUILTY = Change("deploy/bank/42", "deploy", ONSET - 20.0, "bank", "v42", source="changes")
CALM = Change("flag/7", "flag", ONSET - 1500.0, "stock", source="changes")


def found(*changes: Change, roles: tuple[str, ...] = ("metrics", "changes", "deploys")) -> Diagnosis:
    return diagnose(asked(FAILS.seen(300.0, 5.0), changes, roles))


def asked(seen: Observations, changes: tuple[Change, ...], roles: tuple[str, ...]) -> Observations:
    reports = tuple(SourceReport(role, "csv", SourceState.OK, role=role) for role in roles)
    return replace(seen, changes=changes, sources=reports)


def test_every_change_in_reach_tells_before_and_after_with_samples() -> None:
    document = diagnosis_json(found(GUILTY, CALM))
    for change in document["changes"]:
        rows = {row["metric"]: row for row in change["compared"] if row["operation"] is None}
        assert {"error_rate", "latency_p99", "request_rate"} <= rows.keys()
        assert all(row["samples_before"] > 100 and row["samples_after"] > 100 for row in rows.values())
        failed = rows["error_rate"]
        assert failed["before"] < 0.02
        assert (failed["after"] > 0.2) is (change["id"] == GUILTY.id)
        assert failed["before_window"]["end"] == failed["after_window"]["start"] == change["at"]


def test_they_are_evidence_and_stand_in_the_text() -> None:
    one = found(GUILTY, CALM)
    suspect = next(s for s in one.suspects if s.subject == GUILTY.id)
    (item,) = (e for e in suspect.evidence if e.claim.startswith("bank's error rate"))
    assert item.supports and item.kind == "fact" and (item.samples or 0) > 1000
    assert " before and " in item.claim and " requests)" in item.claim
    text = plain_text(one)
    assert "bank, 30m before and 5m after it: error rate " in text
    assert "stock, 30m before and 30m after it: error rate " in text
    assert text.count(" requests.") >= 2


def test_what_is_no_worse_after_it_speaks_against_a_suspect() -> None:
    neighbour = Change("config/front", "config", ONSET - 20.0, "stock", source="changes")
    one = found(neighbour)
    for suspect in (s for s in one.suspects if s.subject == neighbour.id):
        assert any(e.claim.startswith("no worse after it: stock's") and not e.supports for e in suspect.evidence)


def test_a_change_that_is_too_young_or_of_nobody_has_nothing_to_compare() -> None:
    young = Change("deploy/bank/43", "deploy", ONSET + 280.0, "bank", "v43", source="changes")
    nobody = Change("net/1", "infrastructure", ONSET - 20.0, None, source="changes")
    document = diagnosis_json(found(young, nobody))
    assert [change["compared"] for change in document["changes"]] == [[], []]


@pytest.mark.parametrize(
    ("roles", "missing"),
    [
        (("metrics", "changes", "deploys"), []),
        (("metrics", "deploys"), ["feature flags, configuration and schedules"]),
        (("metrics",), ["deploy tags", "feature flags, configuration and schedules"]),
    ],
)
@pytest.mark.parametrize("changes", [(), (CALM,)], ids=["none", "one"])
def test_who_was_not_asked_is_said(roles: tuple[str, ...], missing: list[str], changes: tuple[Change, ...]) -> None:
    one = found(*changes, roles=roles)
    rows = [s for s in diagnosis_json(one)["sources"] if s["state"] == "not_consulted"]
    assert [row["name"] for row in rows] == missing
    assert all(row["detail"].startswith("no [[") for row in rows)
    for text in (plain_text(one), human_text(one)):
        assert ("were not consulted" in text) is bool(missing)
        for name in missing:
            assert text.count(name) == 1


def test_nothing_configured_at_all_has_no_sources() -> None:
    assert found(roles=()).sources == ()
