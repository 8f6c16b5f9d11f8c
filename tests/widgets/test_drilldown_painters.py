"""The painters of the drill-downs: every size, every text, and what a person reads first."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.domain.changes import Change, Commit, DeployDetail, FileChange, Running
from console.domain.diagnosis import Evidence, GraphCall, JudgedChange, Standing, Suspect
from console.domain.instant import Window
from console.domain.text import SafeText
from console.domain.topology import Health, ProbeResult
from console.guard.sanitise import UNSAFE, safe
from console.state import (
    Axis,
    BeforeAfter,
    BeforeAfterRow,
    ChangesView,
    LoadView,
    Marker,
    MemoryView,
    News,
    SpanRow,
    SpansView,
    TreeRow,
    TreeView,
    Trend,
)
from tests.widgets.samples import HOSTILE, LOOK, NOW, ONSET, WIDE
from widgets import call_tree, changes, details, memory, news, scatter, spans, timeline
from widgets.body import Body
from widgets.glyphs import to_ascii
from widgets.ink import STYLES

SIZES = ((1, 1), (10, 4), (28, 9), (46, 10), (76, 18), (116, 34), (196, 46))
WINDOW = Window(NOW - 1800, NOW)
MIB = 1024.0**2


def bodies(text: str, width: int, height: int) -> dict[str, Body]:
    """Every drill-down with a text from outside wherever one can stand."""
    said = safe(text)
    evidence = (
        Evidence(said, "fact", True, said, said, WINDOW, 412),
        Evidence(said, "inference", True, "app", None),
        Evidence(said, "fact", False, "probes", "http://x/healthz"),
    )
    who = Suspect(1, "third_party", said, said, said, 0.9, Standing.LEADING, said, evidence, said)
    judged = JudgedChange(said, "deploy", said, ONSET - 70, said, "a" * 40, Standing.LEADING, said, said)
    rows = (
        BeforeAfterRow("errors", "ratio", 0.002, 0.1, 5120, 300),
        BeforeAfterRow("p99", "s", 0.3, None, 5120, 300, 368),
        BeforeAfterRow("traffic", "1/s", 0.0, 12.0, None, None),
    )
    compared = (BeforeAfter(said, said, WINDOW, WINDOW, rows),)
    running = (Running(said, said, None, said, False, NOW, 3), Running(said, None, "b" * 40, "tag", None))
    probe = ProbeResult(said, said, Health.DOWN, None, said, NOW)
    call = GraphCall(said, said, "logs", 0.31, 0.001, 0.2, 12345)
    node = TreeRow(
        said, said, "│  ├─ ", said, Health.DOWN, said, 0.93, 0.5, 2.9, call, probe, ONSET, Standing.LEADING, True, said
    )
    tree = TreeView(
        (node, replace(node, key="b", share=None, call=None, probe=None, since=None, standing=None)), said, (said,)
    )
    axis = Axis(WINDOW, 15.0, (Marker(ONSET, "╎", SafeText("onset")), Marker(ONSET - 70, "▼", said)))
    used = Trend(
        "bytes",
        300 * MIB,
        310 * MIB,
        512 * MIB,
        tuple(100 * MIB + n * MIB if n < 70 else None for n in range(120)),
        120,
        True,
    )
    fit = tuple(None if n < 40 else 100 * MIB + n * MIB for n in range(120))
    points = tuple((n / 4, 0.1 + n / 100) for n in range(60))
    return {
        "suspect": details.suspect(who, width, height, LOOK, lambda e: (e.query or "", ""), [(said, "there")]),
        "change": details.change(None, judged, width, height, LOOK, compared, running, said),
        "timeline": timeline.paint(
            ChangesView((judged, replace(judged, at=NOW)), (), ONSET, said, said, heading=said), width, height, LOOK
        ),
        "tree": call_tree.paint(tree, width, height, LOOK),
        "load": scatter.paint(
            LoadView(said, said, "s", points, points[30:], 9.0, said, ((said, said),)), width, height, LOOK
        ),
        "memory": memory.paint(
            MemoryView(said, axis, used, fit, 512 * MIB, said, ((said, said),)), width, height, LOOK
        ),
        "spans": spans.paint(SpansView(_spans(said), 1.0, said), width, height, LOOK),
        "news": news.paint((News(NOW - 5, said, True), News(NOW - 600, said)), width, height, LOOK),
    }


def _spans(said: SafeText) -> tuple[SpanRow, ...]:
    """One below the other, the last with more branches than there is room for."""
    first = SpanRow("a", "", said, said, "server", 0.0, 1.0, 0.2, True)
    below = replace(first, key="b", trunk="└─ ", start_s=0.999, duration_s=0.5, failed=False)
    return first, below, replace(below, key="c", trunk="   " * 60 + "└─ ", start_s=7.0, duration_s=0.0)


def text_of(body: Body) -> str:
    """All of it as text."""
    return "\n".join(line.text for row in body.all_rows for line in row.lines)


def fits(found: dict[str, Body], width: int) -> None:
    for name, body in found.items():
        for row in body.all_rows:
            for line in row.lines:
                assert line.width <= width, (name, line.text)
                assert not UNSAFE.search(line.text), (name, line.text)
                assert all(style in STYLES for _, style in line.spans), name


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("text", ["", "checkout", WIDE, "word " * 80, "x" * 300])
def test_every_drill_down_fits_every_size(text: str, size: tuple[int, int]) -> None:
    found = bodies(text, *size)
    if size[0] >= 28:
        fits(found, size[0])


@pytest.mark.parametrize("attack", HOSTILE)
def test_attacks_become_visible_text(attack: str) -> None:
    fits(bodies(attack, 100, 30), 100)


@settings(max_examples=20, deadline=None)
@given(st.text(max_size=60), st.integers(30, 130), st.integers(1, 40))
def test_any_text_from_outside_fits(text: str, width: int, height: int) -> None:
    fits(bodies(text, width, height), width)


@pytest.mark.parametrize("name", ["suspect", "change", "timeline", "tree", "load", "memory", "spans", "news"])
def test_nothing_is_lost_in_ascii(name: str) -> None:
    plain = to_ascii(text_of(bodies("checkout", 116, 34)[name]))
    assert plain.isascii() and "?" not in plain


# What is read first


def test_a_suspect_says_its_sentence_then_both_sides_and_what_could_clear_it_stays_in_view() -> None:
    body = bodies("checkout", 100, 12)["suspect"]
    text = text_of(body)
    assert text.index("2 claims speak for it") < text.index("1 claim speaks against it") < text.index("look further")
    assert "fact      n 412 · checkout · " in text and "inference app" in text
    assert "cheapest check that could clear it: checkout" in text_of(Body(foot=body.foot))


def test_the_cursor_stays_on_a_claim_whose_figures_move_on() -> None:
    def keys(claims: list[str]) -> list[str]:
        told = tuple(Evidence(SafeText(claim), "fact", True, "app", "q") for claim in claims)
        one = Suspect(1, "service", "a", "a", None, None, Standing.LEADING, SafeText("s"), told, None)
        painted = details.suspect(one, 80, 20, LOOK, lambda e: ("", ""))
        return [row.key for row in painted.rows if row.value is not None]

    before = keys(["rose from 0.2 % to 8.4 % at 14:03:10", "412 lines", "37 lines"])
    after = keys(["a new claim", "rose from 0.2 % to 9.1 % at 14:03:05", "455 lines", "40 lines"])
    assert len(set(before)) == 3 and before == after[1:]


def test_before_and_after_names_the_requests_behind_both_and_says_where_they_are_too_few() -> None:
    lines = text_of(bodies("checkout", 100, 30)["change"]).splitlines()
    errors, p99 = (next(line for line in lines if line.startswith(name)) for name in ("errors", "p99"))
    assert errors.split() == ["errors", "0.20", "%", "10", "%", "×", "50", "5,120", "300"] or "× 50" in errors
    assert "5,120" in p99 and "300" in p99 and "needs 368" in p99 and "–" in p99
    assert any("×3 by" in line and "says another" in line for line in lines)


def test_the_commits_of_a_deploy_stand_before_the_tables_of_its_operations() -> None:
    judged = JudgedChange(
        "v41", "deploy", "checkout", ONSET - 70, "v41", "a" * 40, Standing.LEADING, safe("new"), safe("x")
    )
    files = (FileChange(SafeText("checkout/pricing.py"), 3, 1),)
    commit = Commit("b" * 40, ONSET - 400, SafeText("Ada"), SafeText("Round totals"), files)
    detail = DeployDetail(Change("v41", "deploy", ONSET - 70, "checkout"), None, (commit,), files)
    rows = tuple(BeforeAfterRow(name, "s", 0.3, 0.2, 5120, 300) for name in ("errors", "p50", "p95", "p99", "traffic"))
    compared = [
        BeforeAfter(SafeText(f"checkout{what}"), SafeText(""), WINDOW, WINDOW, rows)
        for what in ("", *(f" · GET /{n}" for n in range(9)))
    ]
    text = text_of(details.change(detail, judged, 116, 35, LOOK, compared))
    places = [
        text.index(words) for words in ("checkout: ", "Round totals", "checkout/pricing.py", "· GET /0", "· GET /8")
    ]
    assert places == sorted(places)


def test_the_timeline_answers_first_and_puts_the_onset_among_the_changes() -> None:
    one = JudgedChange("v2", "deploy", "shop", ONSET - 70, "v2", None, Standing.UNLIKELY, SafeText("unlikely: late"))
    view = ChangesView(
        (replace(one, id="v3", at=NOW), one), (), ONSET, heading=SafeText("0 of 2 changes can explain this")
    )
    lines = text_of(timeline.paint(view, 100, 20, LOOK)).splitlines()
    assert lines[0] == "0 of 2 changes can explain this"
    onset = next(n for n, line in enumerate(lines) if "╎ onset" in line)
    assert any("v3" in line for line in lines[:onset]) and any("70s before onset" in line for line in lines[onset:])
    assert any(line.strip() == "late" for line in lines)


def test_what_telemetry_alone_shows_is_marked() -> None:
    restart = JudgedChange(
        "restart/shop@1",
        "other",
        "shop",
        ONSET - 70,
        None,
        None,
        Standing.IMPOSSIBLE,
        SafeText("symptom: part of it"),
        source="prod",
        observed="restarts in prod",
    )
    release = replace(restart, id="seen/shop/v2", kind="deploy", version="v2")
    view = ChangesView((restart, release), (), ONSET)
    screen = text_of(timeline.paint(view, 100, 20, LOOK))
    assert screen.count("observed by restarts in prod: no source of changes told it") == 2
    assert "restart " in screen and "other" not in screen
    pane = text_of(changes.paint(view, 100, 20, LOOK))
    assert pane.count(" observed") == 2 and "restart " in pane
    assert "by restarts in prod; no source of changes told it" in text_of(details.change(None, release, 100, 20, LOOK))


def test_the_tree_keeps_name_share_and_failures_on_a_small_screen() -> None:
    body = bodies("checkout", 50, 10)["tree"]
    row = body.rows[0].lines[0].text
    assert "✖ DOWN" in row and "▸ check" in row and "93 %" in row and "50 %" in row
    wide = text_of(bodies("checkout", 150, 10)["tree"])
    assert "31 % n 12k" in wide and "✖ leading" in wide


def test_memory_names_the_limit_and_draws_where_it_leads() -> None:
    text = text_of(bodies("checkout", 110, 30)["memory"])
    assert "limit 512MiB" in text and "·····" in text and "if this continues" in text and "━━━" in text


def test_points_that_are_no_numbers_do_not_reach_the_chart() -> None:
    points = ((1.0, math.nan), (math.inf, 2.0), (2.0, 3.0), (1e308, 1e308))
    fits(
        {"load": scatter.paint(LoadView("a", "p99", "s", points, points, math.nan, SafeText("s")), 100, 30, LOOK)}, 100
    )


def test_the_last_minute_is_one_line() -> None:
    many = tuple(News(NOW - n, SafeText(f"thing {n}"), n == 3) for n in range(1, 9))
    assert news.last_minute(many, LOOK) == "in the last minute: thing 3 · 7 more"
    assert news.last_minute((News(NOW - 90, SafeText("old")),), LOOK) == "nothing changed in the last minute"
