"""Incidents made up by mechanism: each class is found, its healthy counterparts are left alone."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from random import Random

import pytest

from console.analysis.diagnose import diagnose
from console.domain.changes import Running
from console.domain.diagnosis import Diagnosis, Evidence, Standing, State
from console.domain.series import Series, SeriesKey, SeriesSet
from console.query.parse import parse
from tests.incidents.generate import CLASSES, Incident, Story, bad_deploy_errors, make, third_party_slow
from tests.incidents.score import Score, mean, score, show, table

SEEDS = (11, 12)


@cache
def judged(kind: Callable[[Random], Story], seed: int) -> tuple[Incident, Diagnosis]:
    """One incident and what is said of it; making one costs more than judging it."""
    incident = make(kind, seed)
    return incident, diagnose(incident.seen)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda k: k.__name__)
def test_each_class(kind: Callable[[Random], Story]) -> None:
    scores = [score(*judged(kind, seed)) for seed in SEEDS]
    assert all(s.state for s in scores)
    assert not any(s.decoy_leads for s in scores)
    assert all(s.among_three is not False for s in scores)


def test_every_suspect_has_evidence_for_it_and_the_order_is_that_of_the_scores() -> None:
    for kind in CLASSES:
        _, found = judged(kind, SEEDS[0])
        assert [s.rank for s in found.suspects] == list(range(1, len(found.suspects) + 1))
        assert all(any(e.supports for e in s.evidence) for s in found.suspects)
        scores = [s.score or 0.0 for s in found.suspects]
        assert scores == sorted(scores, reverse=True)
        for suspect in found.suspects:
            low = {Standing.LEADING: 0.7, Standing.POSSIBLE: 0.3}.get(suspect.standing, 0.0)
            assert suspect.score is not None and suspect.score >= low


def repeats(evidence: Evidence) -> bool:
    """Whether a person can repeat what an item rests on."""
    words = shlex.split(evidence.query or "")
    match words[:2]:
        case ["incident", "logs"]:
            return parse(words[2]) is not None and words[3::2] == ["--since", "--until"]
        case ["incident", "changes"]:
            return words[2::2] == ["--since", "--until"]
        case ["git", "show"] | ["grep", "-F"]:
            return len(words) > 2
    return False


@pytest.mark.parametrize("kind", CLASSES, ids=lambda k: k.__name__)
def test_every_item_of_evidence_names_a_configured_source_and_can_be_repeated(kind: Callable[[Random], Story]) -> None:
    for seed in SEEDS:
        incident, found = judged(kind, seed)
        configured = {report.name for report in incident.seen.sources}
        for item in (item for suspect in found.suspects for item in suspect.evidence):
            assert item.source in configured, item
            assert repeats(item), item
            assert item.kind in ("fact", "inference")
            assert item.window is not None and item.window.end <= found.at


def test_every_change_in_reach_has_a_rule() -> None:
    for kind in CLASSES:
        _, found = judged(kind, SEEDS[1])
        assert all(c.reason for c in found.changes)
        if found.state is State.INCIDENT and found.change_explains is False:
            assert not [c for c in found.changes if c.standing in (Standing.LEADING, Standing.POSSIBLE)]


def test_a_callee_first_measured_as_the_trouble_begins_cannot_clear_itself() -> None:
    """A console that was opened during the incident scrapes a provider that has always been bad, as far as it saw."""
    incident = make(third_party_slow, SEEDS[0])
    (provider,) = incident.truth.services
    onset = incident.truth.onset
    assert onset is not None
    assert not any(s.key.service == provider for s in incident.seen.series)
    times = [onset - 30.0 + 5.0 * n for n in range(int((incident.seen.at - onset) // 5))]
    bad = {"request_count": 40.0, "error_count": 18.0, "latency_avg": 3.1, "latency_p50": 3.0, "latency_p95": 3.4}
    late = [
        Series.of(SeriesKey(provider, "", metric), [(at, value) for at in times], "scrape")
        for metric, value in bad.items()
    ]
    found = diagnose(replace(incident.seen, series=SeriesSet.of([*incident.seen.series, *late])))
    assert (found.suspects[0].service, found.suspects[0].standing) == (provider, Standing.LEADING)


def test_a_deploy_that_does_not_run_is_cleared_by_what_the_service_itself_says() -> None:
    """As a live console asks: `/version` tells a version, and nobody has compared it with the deploys yet."""
    incident = make(bad_deploy_errors, SEEDS[0])
    guilty = next(c for c in incident.seen.changes if c.id == incident.truth.change)
    service, onset = guilty.service or "", incident.truth.onset or 0.0
    before = next(c for c in incident.seen.changes if c.kind == "deploy" and c.service == service and c is not guilty)

    def standing(*versions: str, asked: float = incident.seen.at - 5.0) -> tuple[Standing, str]:
        told = tuple(Running(service, version, None, "/version", None, asked) for version in versions)
        found = diagnose(replace(incident.seen, running=told))
        judged = next(c for c in found.changes if c.id == guilty.id)
        return judged.standing, judged.reason

    cleared, reason = standing(before.version or "")
    assert cleared is Standing.IMPOSSIBLE
    assert reason == f"not-running: {service} runs {before.version}, not {guilty.version} (/version)"
    assert standing()[0] is Standing.LEADING
    assert standing(guilty.version or "")[0] is Standing.LEADING
    both = standing(before.version or "", guilty.version or "")
    assert both[0] is Standing.LEADING, "a part of the instances runs it"
    assert standing(before.version or "", asked=onset - 60)[0] is Standing.LEADING, "it may have started since"
    assert standing("2026-11-27")[0] is Standing.LEADING, "another scheme of names tells nothing"


@pytest.mark.slow
def test_the_floors_hold_on_fresh_seeds() -> None:
    rows = table(range(100, 103))
    every: list[Score] = [s for scores in rows.values() for s in scores]
    print(show(rows))
    assert (mean(s.first for s in every) or 0) >= 0.75
    assert (mean(s.decoy_leads for s in every) or 0) <= 0.05
    assert (mean(s.onset for s in every) or 0) >= 0.85
    healthy = [s for s in every if s.first is None]
    assert (mean(s.state for s in healthy) or 0) >= 0.95
    ill = [s for s in every if s.first is not None]
    assert (mean(s.state for s in ill) or 0) >= 0.95
