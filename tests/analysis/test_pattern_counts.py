"""Patterns of counted shapes: against the share of all lines, with a baseline that may be too small, and with ids that stay."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as oracle

from console.analysis import stats
from console.analysis.patterns import compare_counts
from console.domain.instant import Window
from console.domain.logs import Level, Pattern
from console.domain.shapes import OTHER, Shape, ShapeCounts
from console.domain.text import SafeText

NOW, BEFORE = Window(3600.0, 4200.0), Window(0.0, 3600.0)


def side(window: Window, lines: dict[str, int], level: Level = Level.INFO, service: str = "a") -> ShapeCounts:
    shapes = [
        Shape(service, level, SafeText(text), {0: n}, window.start + 1, window.start + 9, SafeText(text))
        for text, n in lines.items()
        if n
    ]
    return ShapeCounts(window, window.seconds, tuple(shapes))


def compared(now: dict[str, int], before: dict[str, int]) -> dict[str, Pattern]:
    return {str(p.template): p for p in compare_counts([side(NOW, now)], [side(BEFORE, before)]).patterns}


@pytest.mark.parametrize(
    ("lines", "before", "status"),
    [
        (3, 0, "new"),
        (2, 0, "steady"),
        (0, 30, "gone"),
        (0, 2, "steady"),
        (60, 60, "surged"),
        (10, 60, "steady"),
        (9, 1, "steady"),
        (5, 400, "steady"),
    ],
)
def test_statuses(lines: int, before: int, status: str) -> None:
    pattern = compared({"odd thing": lines, "usual work": 1000}, {"odd thing": before, "usual work": 6000})["odd thing"]
    assert pattern.status == status
    assert (pattern.count, pattern.baseline_count) == (lines, before)
    assert (pattern.ratio is None) == (before == 0)


def test_more_lines_of_everything_are_no_surge() -> None:
    found = compared({"one thing": 3000, "another thing": 3000}, {"one thing": 6000, "another thing": 6000})
    assert {p.status for p in found.values()} == {"steady"}


def test_what_a_short_baseline_could_have_missed_is_not_new() -> None:
    pattern = compared({"odd thing": 3, "usual work": 4000}, {"usual work": 1100})["odd thing"]
    assert pattern.status == "steady"


def test_a_baseline_that_is_too_small_calls_nothing_new_or_gone() -> None:
    found = compare_counts([side(NOW, {"x y": 50, "u w": 500})], [side(BEFORE, {"u w": 400, "v w": 99})])
    assert found.too_small
    assert {p.template: p.status for p in found.patterns} == {"x y": "surged", "u w": "steady", "v w": "steady"}


def test_the_gravest_of_equally_new_patterns_comes_first() -> None:
    now = [side(NOW, {"usual work": 1000}), side(NOW, {"odd thing": 40}), side(NOW, {"bad thing": 40}, Level.ERROR)]
    found = compare_counts(now, [side(BEFORE, {"usual work": 6000})])
    assert [str(p.template) for p in found.patterns] == ["bad thing", "odd thing", "usual work"]


COUNTS = st.dictionaries(
    st.sampled_from(["get <*>", "get <*> ms", "put x", "put y", "a b c", OTHER]), st.integers(0, 5000), max_size=6
)


@settings(deadline=None)
@given(COUNTS, COUNTS)
def test_counts_add_up(now: dict[str, int], before: dict[str, int]) -> None:
    found = compare_counts([side(NOW, now)], [side(BEFORE, before)])
    assert sum(p.count for p in found.patterns) == found.lines == sum(now.values())
    assert sum(p.baseline_count or 0 for p in found.patterns) == found.baseline_lines == sum(before.values())
    assert len({p.id for p in found.patterns}) == len(found.patterns)


def test_beyond_the_most_templates_of_a_place_the_rarest_are_other() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    lines = {f"{x}{y} {y}{x} {x}{x}": 5 for x in letters for y in letters}
    lines["usual work"] = 9999
    found = compared(lines, lines)
    assert len(found) <= 301
    assert sum(p.count for p in found.values()) == sum(lines.values())
    assert found["usual work"].count == 9999


def test_what_is_counted_only_is_neither_new_nor_gone() -> None:
    usual = {"usual work": 6000}
    assert compared({OTHER: 50, **usual}, usual)[OTHER].status == "steady"
    assert compared(usual, {OTHER: 5000, **usual})[OTHER].status == "steady"


def test_a_pattern_keeps_its_id_when_its_template_changes() -> None:
    before = side(BEFORE, {"usual work": 6000})
    first = compare_counts([side(NOW, {"login of bob failed": 50, "login of eve failed": 50})], [before])
    names = {"bob": 50, "eve": 5, "kim": 5, "lee": 5, "pat": 5}
    lines = {f"login of {name} failed": n for name, n in names.items()}
    later = compare_counts([side(NOW, lines)], [before], known=first.names)
    fresh = compare_counts([side(NOW, lines)], [before])
    ids = {p.template: p.id for p in first.patterns}
    (pattern,) = [p for p in later.patterns if p.status == "new"]
    assert pattern.template == "login of <*> failed"
    assert pattern.id == ids[SafeText("login of bob failed")]
    assert pattern.id not in {p.id for p in fresh.patterns}
    assert ids[SafeText("usual work")] in {p.id for p in later.patterns}


def test_without_a_majority_a_pattern_gets_a_new_id() -> None:
    first = compare_counts([side(NOW, {"login of bob failed": 50})], [])
    lines = {f"login of {name} failed": 50 for name in ("bob", "eve", "kim", "lee")}
    later = compare_counts([side(NOW, lines)], [], known=first.names)
    assert first.patterns[0].id not in {p.id for p in later.patterns}


@given(st.integers(1, 5000), st.integers(1, 5000), st.data())
@settings(deadline=None, max_examples=80)
def test_g_of_shares(of_w: int, of_b: int, data: st.DataObject) -> None:
    w, b = data.draw(st.integers(0, of_w)), data.draw(st.integers(0, of_b))
    table = [[w, of_w - w], [b, of_b - b]]
    if 0 in (w + b, of_w + of_b - w - b):
        assert stats.g_shares(w, of_w, b, of_b) == 0.0
        return
    expected = oracle.chi2_contingency(table, correction=False, lambda_="log-likelihood")
    g = stats.g_shares(w, of_w, b, of_b)
    assert g == pytest.approx(expected.statistic, rel=1e-6, abs=1e-6)
    assert stats.chi_square_p(g) == pytest.approx(expected.pvalue, rel=1e-4, abs=1e-12)


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=30))
@settings(deadline=None)
def test_benjamini_hochberg(ps: list[float]) -> None:
    found = stats.benjamini_hochberg(ps)
    assert found == pytest.approx(list(oracle.false_discovery_control(ps)))
    assert all(math.isfinite(p) for p in found)
