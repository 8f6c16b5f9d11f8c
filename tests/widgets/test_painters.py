"""The painters of all panes, without Textual: every size, every state, every text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.actions import ACTIONS
from console.domain.changes import BY_DEPLOY, Running
from console.domain.diagnosis import Standing, State, Suspect
from console.domain.logs import Level, LogCounts, LogRecord
from console.domain.text import SafeText
from console.domain.topology import ProbeResult
from console.guard.sanitise import UNSAFE, safe
from console.state import ConsoleState, HeaderView, LogsView, Marker, News, Status, SuspectsView, Word
from tests.widgets.samples import (
    HOSTILE,
    LOOK,
    NOW,
    ONSET,
    SCREENS,
    WIDE,
    empty,
    hostile,
    incident,
    loading,
    logs,
    record,
)
from widgets import (
    changes,
    details,
    fields,
    footer,
    header,
    help,
    histogram,
    log_lines,
    patterns,
    signals,
    suspects,
    upstreams,
)
from widgets import logs as log_pane
from widgets.body import Body
from widgets.frame import Frame, status_line, status_text
from widgets.ink import STYLES, Line, cut
from widgets.scroll import Placed, place

SIZES = ((1, 1), (3, 2), (10, 4), (28, 9), (46, 10), (66, 20), (76, 8), (84, 12), (118, 36), (196, 46), (498, 196))


def bodies(state: ConsoleState, width: int, height: int) -> dict[str, Body]:
    """Every pane's body."""
    found = {
        "suspects": suspects.paint(state.suspects, width, height, LOOK),
        "logs": log_pane.paint(
            state.logs, width, height, LOOK, markers=state.signals.axis.markers if state.signals else ()
        ),
        "changes": changes.paint(state.changes, width, height, LOOK),
        "upstreams": upstreams.paint(state.upstreams, width, height, LOOK),
        "help": help.paint(
            ACTIONS, {"later": "the window ends now"}, "logs", "What the logs say.", width, height, LOOK
        ),
    }
    markers = state.signals.axis.markers if state.signals else ()
    records = state.logs.records
    found |= {
        "histogram": histogram.paint(state.logs, width, height, LOOK, markers),
        "patterns": patterns.paint(state.logs, width, height, LOOK),
        "lines": log_pane.paint(state.logs, width, height, LOOK, bare=True),
        "fields": fields.paint(records[0] if records else None, state.logs, width, height, LOOK),
        "fields of a pattern": fields.paint(next(iter(state.logs.patterns), None), state.logs, width, height, LOOK),
    }
    if state.signals is not None:
        found["signals"] = signals.paint(state.signals, width, height, LOOK)
        found |= {
            f"operation {n}": details.operation(o, width, height, LOOK) for n, o in enumerate(state.signals.operations)
        }
    found |= {
        f"suspect {s.rank}": details.suspect(s, width, height, LOOK, lambda e: (e.query or "", ""))
        for s in state.suspects.suspects
    }
    found |= {f"upstream {n}": details.upstream(r, width, height, LOOK) for n, r in enumerate(state.upstreams.rows)}
    found |= {f"change {n}": details.change(None, c, width, height, LOOK) for n, c in enumerate(state.changes.changes)}
    found |= {f"record {n}": details.record(r, width, height, LOOK) for n, r in enumerate(state.logs.records[:3])}
    found |= {f"pattern {n}": details.pattern(p, width, height, LOOK) for n, p in enumerate(state.logs.patterns)}
    return found


def shown(body: Body, width: int, height: int) -> list[Line]:
    """The body in its frame, as the screen has it."""
    frame = Frame(width + 4, height + 2, 1, "Pane", "filter", "facts", Status(Word.LIVE, 3.0))
    placed = place(body, frame.inner_height, None, 0)
    return frame.around([], placed.lines, placed.hidden_text)


def text_of(body: Body) -> str:
    """All of it as text."""
    return "\n".join(line.text for row in body.all_rows for line in row.lines)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", SCREENS)
def test_every_pane_fits_every_size(name: str, size: tuple[int, int]) -> None:
    width, height = size
    for pane, body in bodies(SCREENS[name](), width, height).items():
        lines = shown(body, width, height)
        assert {line.width for line in lines} == {width + 4}, pane
        assert len(lines) == height + 2, pane
        assert all(style in STYLES for row in body.all_rows for line in row.lines for _, style in line.spans), pane


@settings(max_examples=20, deadline=None)
@given(st.text(max_size=60).map(safe), st.integers(1, 130), st.integers(1, 40))
def test_any_text_from_outside_fits_any_size(text: SafeText, width: int, height: int) -> None:
    state = hostile(text or WIDE)
    for pane, body in bodies(state, width, height).items():
        assert {line.width for line in shown(body, width, height)} == {width + 4}, pane
        if width >= 30:
            assert all(line.width <= width for row in body.all_rows for line in row.lines), pane
    for line in header.paint(state.header, width, LOOK):
        assert line.width == width


@pytest.mark.parametrize("attack", HOSTILE)
def test_attacks_become_visible_text(attack: str) -> None:
    for body in bodies(hostile(attack), 100, 30).values():
        for line in shown(body, 100, 30):
            assert not UNSAFE.search(line.text)
    for line in header.paint(hostile(attack).header, 120, LOOK):
        assert not UNSAFE.search(line.text)


# Signals


@pytest.mark.parametrize("width", [60, 76, 82, 118, 160, 196, 250])
def test_numbers_of_a_column_end_in_the_same_cell(width: int) -> None:
    view = incident().signals
    assert view is not None
    body = signals.paint(view, width, 30, LOOK)
    heading = body.head[0].lines[0].text
    rows = [row.lines[0].text for row in body.rows[:4]]
    end = heading.index("err %") + len("err %")
    assert [row[:end].split()[-1] for row in rows] == ["6.1", "8.4", "0.3", "0.1"]
    assert all(row[end] == " " and row[end - 1] != " " for row in rows)
    base = heading.index("was", end) + 3
    assert [row[end:base].strip() for row in rows] == ["0.12", "0.2", "0.09", "0.1"]


@pytest.mark.parametrize("width", [24, 30, 40, 52, 60, 76, 82, 118, 196])
def test_name_error_rate_and_its_normal_value_are_never_dropped(width: int) -> None:
    view = incident().signals
    assert view is not None
    line = signals.paint(view, width, 30, LOOK).rows[1].lines[0].text
    assert "checkout" in line and "8.4" in line and " 0.2" in line


def test_columns_are_dropped_in_a_fixed_order() -> None:
    view = incident().signals
    assert view is not None
    seen: list[set[str]] = []
    for width in range(200, 20, -1):
        heading = signals.paint(view, width, 30, LOOK).head[0].lines[0].text
        seen.append({name for name in ("req/s", "err %", "p50", "p95", "p99", "memory", "peak") if name in heading})
    assert all(later <= earlier for earlier, later in pairwise(seen))
    assert seen[0] == {"req/s", "err %", "p50", "p95", "p99", "memory", "peak"}
    assert seen[-1] == {"err %"}


def test_a_gap_of_one_service_shows_in_its_graph_only() -> None:
    view = incident().signals
    assert view is not None
    rows = signals.paint(view, 160, 30, LOOK).rows
    graphs = [row.lines[0].text[-30:] for row in rows[:4]]
    assert graphs[0].strip() != ""
    payments = next(row.lines[0] for row in rows if "payments" in row.lines[0].text)
    assert any(
        " " in text.strip("\u2588") and "▁" in text for text, style in payments.spans if style.startswith("graph")
    )


def test_markers_stand_under_the_step_of_the_graph() -> None:
    view = incident().signals
    assert view is not None
    body = signals.paint(view, 118, 30, LOOK)
    texts = [row.lines[0].text for row in body.rows]
    place = next(n for n, text in enumerate(texts) if set(text) <= set(" ▼╎"))
    first_high = texts[1].index("█")
    assert any(abs(column - first_high) <= 1 for column, glyph in enumerate(texts[place]) if glyph == "╎")


@pytest.mark.parametrize("height", [7, 8, 9, 12, 20])
def test_the_worst_operation_is_in_view_on_low_panes(height: int) -> None:
    view = incident().signals
    assert view is not None
    placed = place(signals.paint(view, 76, height, LOOK), height, None, 0)
    assert "POST /orders" in "\n".join(line.text for line in placed.lines) or height < 6


@pytest.mark.parametrize(("width", "height"), [(76, 9), (80, 16)])
def test_operations_keep_their_headings_where_the_services_have_scrolled_away(width: int, height: int) -> None:
    view = incident().signals
    assert view is not None
    worst = view.operations[0]
    more = replace(view, operations=tuple(replace(worst, operation=f"GET /thing/{n}") for n in range(40)))
    body = signals.paint(more, width, height, LOOK)
    last = body.rows[-1]
    top = place(body, height, None, 0).lines[0].text
    assert top.startswith("service") and "failed / n" not in top
    scrolled = [line.text for line in place(body, height, last, 0).lines]
    assert "GET /thing/39" in scrolled[-1]
    assert "failed / n" in scrolled[0] and "p50" not in scrolled[0]
    assert scrolled[0].index("was") == next(
        line.text for line in place(body, 99, None, 0).lines if "/ n" in line.text
    ).index("was")


@pytest.mark.parametrize(("width", "height"), [(116, 35), (196, 46), (246, 76)])
def test_a_zoomed_pane_charts_the_service_under_the_cursor(width: int, height: int) -> None:
    view = incident().signals
    assert view is not None
    body = signals.paint(view, width, height, LOOK, "payments")
    text = text_of(body)
    assert "payments errors  now 0.3 %" in text and "payments p99  now 3.0s" in text
    assert sum(len(row.lines) for row in body.all_rows) <= height
    assert {line.width for line in body.foot[0].lines[1:]} <= set(range(width + 1))


def test_a_service_without_data_says_how_to_get_it() -> None:
    view = empty().signals
    assert view is not None
    assert "no data: add [[logs]]" in text_of(signals.paint(view, 80, 10, LOOK))


def test_copied_rows_tell_their_numbers_with_units() -> None:
    view = incident().signals
    assert view is not None
    body = signals.paint(view, 80, 20, LOOK)
    assert "errors 8.4 % (was 0.2 %)" in body.rows[1].text
    assert (
        "checkout POST /orders: errors 8.4 % (was 0.2 %)"
        in next(r for r in body.rows if r.key.startswith("operation:")).text
    )


# Suspects, changes, upstreams


def test_an_objection_is_told_even_where_only_one_claim_fits() -> None:
    text = text_of(suspects.paint(incident().suspects, 34, 12, LOOK))
    assert "− its own probe is green" in text
    assert "next: send the same calls" in text


def test_where_many_are_suspected_those_who_lead_keep_their_reasons() -> None:
    first = incident().suspects.suspects[0]
    others = [replace(first, rank=n, standing=Standing.POSSIBLE, subject=f"other-{n}") for n in range(2, 9)]
    lines = text_of(suspects.paint(SuspectsView((first, *others)), 58, 22, LOOK)).splitlines()
    assert len(lines) <= 22 and "payments-gateway answers slowly" in lines[1]
    assert any("− its own probe is green" in line for line in lines[2:5])
    assert [line.split()[0] for line in lines if line[:1].isdigit()] == [str(n) for n in range(1, 9)]


@pytest.mark.parametrize(
    ("kind", "subject", "service", "width", "shown"),
    [
        (
            "deploy",
            "deploy/prod/checkout/2026-11-28T09-15-01",
            "checkout",
            80,
            "deploy/prod/checkout/2026-11-28T09-15-01",
        ),
        ("deploy", "deploy/prod/checkout/2026-11-28T09-15-01", "checkout", 36, "deploy checkout …-15-01"),
        ("deploy", "deploy/prod/checkout/2026-11-28T09-15-01", "checkout", 31, "deploy checkout"),
        ("flag", "flag-20261128-0131-gateway", "gateway", 36, "flag gateway …1128-0131"),
        ("deploy", "v41", "checkout", 36, "deploy v41"),
        ("service", "checkout-of-everything-there-is", "checkout", 36, "checkout-of…ng-there-is"),
    ],
)
def test_a_suspected_change_says_of_whom_it_is_where_its_name_is_cut(
    kind: str, subject: str, service: str, width: int, shown: str
) -> None:
    one = Suspect(1, kind, subject, service, None, 0.9, Standing.LEADING, SafeText("s"), (), None)
    text = text_of(suspects.paint(SuspectsView((one,)), width, 6, LOOK))
    assert f"1 leading    {shown}" in text.splitlines()[0]


def test_a_rich_pane_tells_more_than_a_poor_one() -> None:
    small, large = (suspects.paint(incident().suspects, 60, height, LOOK) for height in (6, 30))
    assert len(text_of(large)) > len(text_of(small))
    assert "+ 93 % of the added time" in text_of(large)


@pytest.mark.parametrize("word", [Word.LOADING, Word.DOWN, Word.LIVE, Word.NO_DATA])
def test_absence_is_told_apart(word: Word) -> None:
    status = Status(
        word, detail=SafeText("connection refused by 127.0.0.1:9090") if word is Word.DOWN else SafeText("")
    )
    said = text_of(suspects.paint(SuspectsView((), SafeText("nothing is wrong"), status), 60, 5, LOOK))
    assert said == {Word.LOADING: "reading the sources", Word.DOWN: "connection refused by 127.0.0.1:9090"}.get(
        word, "nothing is wrong"
    )


def test_a_loading_pane_never_claims_that_there_is_nothing() -> None:
    for pane, body in bodies(loading(), 80, 10).items():
        if pane != "help":
            assert text_of(body) == "reading the sources", pane


def test_the_onset_stands_between_the_changes() -> None:
    texts = [row.lines[0].text for row in changes.paint(incident().changes, 60, 20, LOOK).rows]
    assert "onset" in texts[0] and "deploy" in texts[1]
    later = replace(incident().changes, onset=NOW - 1000)
    texts = [row.lines[0].text for row in changes.paint(later, 60, 20, LOOK).rows]
    assert "deploy" in texts[0] and "onset" in texts[1] and "flag" in texts[2]


def test_what_runs_and_what_was_not_asked_is_said() -> None:
    text = text_of(changes.paint(incident().changes, 90, 20, LOOK))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "runs gateway v12 ✖ tag says another by app_build_info" in lines
    assert "runs checkout v41 ×3 ✓ tag agrees by /version" in lines
    assert "not consulted: infrastructure" in text
    columns = {line.index(sign) for line in text.splitlines() for sign in ("✖ tag", "✓ tag") if sign in line}
    assert len(columns) == 1, "they stand below each other"


def runs(service: str, agrees: bool | None, source: str = "/version") -> Running:
    return Running(service, "2026-11-27T10-00-00", None, source, agrees)


def test_of_what_runs_a_disagreement_is_never_hidden() -> None:
    running = tuple(runs(f"service-{n}", n % 2 == 0 or None) for n in range(6)) + tuple(
        runs(f"bad-{n}", False) for n in range(3)
    )
    lines = text_of(changes.paint(replace(incident().changes, running=running), 32, 9, LOOK)).splitlines()
    told = [line for line in lines if "✖" in line or "more" in line]
    assert [line.split()[0] for line in told[:2]] == ["bad-0", "bad-1"]
    assert told[-1].startswith("+7 more  ✖ 1 differs")
    roomy = text_of(changes.paint(replace(incident().changes, running=running), 100, 40, LOOK))
    assert all(one.service in roomy for one in running) and "more" not in roomy
    by_tag = text_of(changes.paint(replace(incident().changes, running=(runs("a", None, BY_DEPLOY),)), 60, 20, LOOK))
    assert "by its tag, not asked" in by_tag and "by newest deploy" not in by_tag


def test_an_incomplete_source_of_changes_says_what_is_missing() -> None:
    partial = replace(incident().changes, status=Status(Word.PARTIAL, 3.0, detail=SafeText("no lines of v41")))
    assert "no lines of v41; consulted: git" in text_of(changes.paint(partial, 100, 20, LOOK))


def test_a_change_on_two_lines_says_what_it_is_and_what_the_rule_says() -> None:
    text = text_of(changes.paint(incident().changes, 80, 20, LOOK))
    assert "new-pricing on" in text and "an unaffected sibling has it too" in text


def test_on_a_wide_pane_the_numbers_of_dependencies_stand_beside_their_names() -> None:
    body = upstreams.paint(incident().upstreams, 180, 12, LOOK)
    assert body.head[0].lines[0].text.split() == ["state", "upstream", "fails", "p95", "what", "was", "seen", "age"]
    first = body.rows[0].lines[0].text
    assert first.split()[:5] == ["✖", "DOWN", "payments-gateway", "31", "%"] and first.index("31 %") < 45
    assert [row.lines[0].text.split()[-1] for row in body.rows] == ["3s", "45s", "3s", "3s"]
    assert all(row.value is not None and row.key.startswith("upstream:") for row in body.rows)


def test_what_a_probe_says_is_said_once() -> None:
    view = incident().upstreams
    row = next(r for r in view.rows if r.state.evidence == "probe")
    probe = ProbeResult(row.state.name, SafeText("tcp://x:1"), row.state.health, 0.06, SafeText("tcp 60 ms"), NOW)
    shown = text_of(upstreams.paint(replace(view, rows=(replace(row, probes=(probe,)),)), 120, 5, LOOK))
    assert row.state.detail in shown and "tcp 60 ms" not in shown, "a newer one is in the next verdict"


def test_markers_that_are_not_named_are_counted() -> None:
    signals_view = incident().signals
    assert signals_view is not None
    markers = tuple(Marker(NOW - 60 * n, "◆", SafeText(f"flag a-long-name-{n}")) for n in range(1, 8))
    view = replace(signals_view, axis=replace(signals_view.axis, markers=markers))
    text = next(line for line in text_of(signals.paint(view, 82, 30, LOOK)).splitlines() if "graphs" in line)
    assert "◆ flag a-long-name-1" in text and text.rstrip().endswith("+6 more")
    narrow = next(line for line in text_of(signals.paint(view, 50, 30, LOOK)).splitlines() if "graphs" in line)
    assert narrow.rstrip().endswith("7 changes")


@pytest.mark.parametrize("words", [1, 60])
def test_the_cost_stands_in_the_header_whatever_the_verdict_is(words: int) -> None:
    view = replace(incident().header, verdict=SafeText("word " * words))
    for width in (80, 120, 200):
        assert "q/min" in header.paint(view, width, LOOK)[1].text


def test_a_state_that_is_too_long_keeps_its_age() -> None:
    status = Status(Word.PARTIAL, 4.0, detail=SafeText("1/2 · prod: connection refused"))
    assert status_line(status, UTC, 60).text == "PARTIAL 1/2 · prod: connection refused 3s"
    assert status_line(status, UTC, 12).text == "PARTIAL 3s"
    assert status_line(status, UTC, 7).text == "PARTIAL"


def test_every_dependency_shows_word_and_age() -> None:
    rows = upstreams.paint(incident().upstreams, 46, 12, LOOK).rows
    firsts = [row.lines[0].text for row in rows]
    assert [text.split()[1] for text in firsts] == ["DOWN", "UNKNOWN", "OK", "OK"]
    assert [text.split()[-1] for text in firsts] == ["3s", "45s", "3s", "3s"]


def test_low_panes_keep_the_worst_dependencies_details() -> None:
    rows = upstreams.paint(incident().upstreams, 46, 6, LOOK).rows
    assert len(rows[0].lines) == 2 and len(rows[-1].lines) == 1


# Logs


def test_the_newest_line_is_last_and_long_records_are_counted() -> None:
    body = log_pane.paint(logs(), 100, 30, LOOK)
    assert "3059" in body.rows[-1].lines[0].text
    assert body.rows[-3].lines[0].text.rstrip().endswith("[+18 lines]")


def test_unfolding_shows_the_further_lines() -> None:
    view = logs()
    key = log_lines.record_keys(view.records)[-3]
    body = log_pane.paint(view, 100, 30, LOOK, unfolded=frozenset({key}))
    assert len(body.rows[-3].lines) == 19


def test_levels_are_words_and_columns_stand() -> None:
    rows = log_pane.paint(logs(), 100, 30, LOOK).rows
    assert {row.lines[0].text[13:18] for row in rows} == {"ERROR", "WARN ", "INFO "}


def test_equal_records_have_different_keys() -> None:
    twin = LogRecord(at=NOW, level=Level.ERROR, service="a", message=SafeText("same"))
    keys = log_lines.record_keys((twin, twin, twin))
    assert len(set(keys)) == 3


def test_patterns_show_status_count_and_comparison() -> None:
    text = text_of(log_pane.paint(logs(), 100, 30, LOOK))
    assert "NEW      412  timeout after <*> ms" in text
    assert "6.2 × more" in text
    assert "request done" not in text  # steady patterns are no news


def test_skipped_lines_are_said() -> None:
    view = replace(logs(), skipped=12340)
    assert "+12,340 lines skipped in view (all counted, all kept on disk)" in text_of(
        log_pane.paint(view, 100, 30, LOOK)
    )


def test_painted_records_are_kept_while_they_stay() -> None:
    memo = log_lines.Memo()
    first = log_pane.paint(logs(), 100, 30, LOOK, memo=memo).rows
    view = logs()
    again = log_pane.paint(replace(view, records=(*logs().records[1:], record(99))), 100, 30, LOOK, memo=memo).rows
    assert len(memo.rows) == len(view.records)
    assert again[0].lines == first[1].lines


def test_words_of_the_filter_are_marked_in_the_lines() -> None:
    line = log_lines.marked("Timeout after TIMEOUT [x", "text", ("timeout", "[x"))
    assert line.spans == (
        ("Timeout", "match"),
        (" after ", "text"),
        ("TIMEOUT", "match"),
        (" ", "text"),
        ("[x", "match"),
    )
    view = replace(logs(), filter_text=SafeText('level:>=warn "calling" -retry'))
    spans = [span for row in log_pane.paint(view, 120, 30, LOOK).rows for line in row.lines for span in line.spans]
    assert {text for text, style in spans if style == "match"} == {"calling"}


@given(st.text("aAbB漢İ ", max_size=30), st.lists(st.text("abİ漢", min_size=1, max_size=3), max_size=4))
def test_marking_changes_no_character(text: str, needles: list[str]) -> None:
    assert log_lines.marked(text, "text", tuple(needle.lower() for needle in needles)).text == text


def test_a_broken_filter_marks_nothing() -> None:
    view = replace(logs(), filter_text=SafeText("(level:"))
    spans = [span for row in log_pane.paint(view, 120, 30, LOOK).rows for line in row.lines for span in line.spans]
    assert "match" not in {style for _, style in spans}


def test_the_operation_is_told_where_the_message_does_not() -> None:
    quiet = LogRecord(
        at=NOW, level=Level.ERROR, service="a", message=SafeText("upstream timed out"), operation="GET /x", status=504
    )
    view = replace(logs(), records=(quiet, record(3)))
    texts = [row.lines[0].text for row in log_pane.paint(view, 120, 30, LOOK).rows]
    assert "GET /x 504  upstream timed out" in texts[0]
    assert texts[1].count("POST /orders") == 1


def test_a_longer_service_name_widens_the_column_for_all_lines_and_for_good() -> None:
    memo = log_lines.Memo()
    long = LogRecord(at=NOW, level=Level.ERROR, service="recommendations", message=SafeText("here"))
    short = LogRecord(at=NOW, level=Level.ERROR, service="a", message=SafeText("here"))
    for records in ((short,), (short, long), (short,)):
        rows = log_pane.paint(replace(logs(), records=records), 100, 30, LOOK, memo=memo).rows
        assert len({row.lines[0].text.index("here") for row in rows}) == 1
    assert rows[0].lines[0].text.index("here") == 34


def test_high_panes_count_warnings_apart() -> None:
    text = text_of(log_pane.paint(logs(), 120, 30, LOOK))
    assert "warnings per 10s, max 20" in text and "errors per 10s, max 69" in text


def test_no_source_no_match_and_no_line_are_different() -> None:
    texts = {
        text_of(log_pane.paint(LogsView(status=Status(word), filter_text=SafeText(query)), 80, 5, LOOK))
        for word, query in ((Word.NO_DATA, ""), (Word.LIVE, "level:error"), (Word.LIVE, ""), (Word.LOADING, ""))
    }
    assert len(texts) == 4


@pytest.mark.parametrize("word", [Word.DOWN, Word.NO_DATA, Word.LOADING, Word.LIVE])
def test_lines_that_nobody_could_count_are_not_drawn_as_none(word: Word) -> None:
    none = LogCounts(NOW - 600, 10.0, ({},) * 60)
    view = LogsView(status=Status(word, detail=SafeText("logs: no file matches")), counts=none)
    for body in (log_pane.paint(view, 80, 20, LOOK), histogram.paint(view, 80, 20, LOOK)):
        assert ("max 0" in text_of(body) or "peak" in text_of(body)) == (word is Word.LIVE)
    some = replace(view, counts=replace(none, buckets=({Level.ERROR: 3},) * 60))
    assert "errors per 10s, max 3" in text_of(log_pane.paint(some, 80, 20, LOOK))


# Header, footer, frame, help


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_the_header_keeps_state_number_and_age(width: int) -> None:
    first, second = (line.text for line in header.paint(incident().header, width, LOOK))
    assert "✖" in first and "LIVE 2s" in first
    assert second.rstrip().endswith("RO")
    if width >= 80:
        assert "checkout · POST /orders failing 8.4 % (was 0.2 %)" in first
        assert "since 14:03" in first
    if width >= 120:
        assert "INCIDENT" in first and "11m" in first and "14:14" in first and "-30m" in first


def test_nothing_is_since_when_nothing_is_wrong() -> None:
    view = replace(incident().header, state=State.HEALTHY)
    assert "since" not in header.paint(view, 120, LOOK)[0].text


def test_the_header_before_the_first_answer() -> None:
    assert "READING  reading the sources" in header.paint(loading().header, 80, LOOK)[0].text


def test_frozen_is_a_banner() -> None:
    view = replace(incident().header, status=Status(Word.FROZEN, None, NOW - 110))
    line = header.paint(view, 120, LOOK)[0]
    assert ("FROZEN 14:12:10", "banner") in line.spans


def test_the_footer_greys_and_never_hides() -> None:
    usable = footer.paint(ACTIONS, {}, 200)
    greyed = footer.paint(ACTIONS, {"freeze": "nothing to freeze yet"}, 200)
    assert usable.text == greyed.text
    assert ("freeze", "text") in usable.spans and ("freeze", "muted") in greyed.spans


@pytest.mark.parametrize("width", [1, 20, 80, 120, 250])
def test_the_footer_cuts_between_keys(width: int) -> None:
    line = footer.paint(ACTIONS, {}, width)
    assert line.width == width
    labels = {action.label for action in ACTIONS} | {"panes"}
    assert {text.strip() for text, style in line.spans if style == "text" and text.strip()} <= labels or width < 14


def test_help_lists_this_pane_first_and_gives_reasons() -> None:
    text = text_of(help.paint(ACTIONS, {"later": "the window ends now"}, "logs", "", 100, 60, LOOK))
    assert text.index("In this pane (logs)") < text.index("follow") < text.index("Everywhere")
    assert "Not now: the window ends now" in " ".join(text.split())
    assert all(action.tooltip.split()[0] in text for action in ACTIONS)


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (Status(Word.LIVE, 3.4), "LIVE 3s"),
        (Status(Word.STALE, 47.0), "STALE 45s"),
        (Status(Word.PARTIAL, 4.0, None, SafeText("2/3")), "PARTIAL 2/3 3s"),
        (Status(Word.THROTTLED, None, None, SafeText("retry 20s")), "THROTTLED retry 20s"),
        (Status(Word.DOWN, 200.0, ONSET), "DOWN since 14:03"),
        (Status(Word.NO_DATA), "NO DATA"),
        (Status(Word.FROZEN, None, ONSET), "FROZEN 14:03:10"),
        (Status(Word.LOADING), "LOADING"),
    ],
)
def test_state_words(status: Status, text: str) -> None:
    assert status_text(status) == text


@given(st.integers(1, 200), st.integers(1, 40), st.text("ab漢 ", max_size=60), st.text("x:y ", max_size=60))
def test_any_frame_is_exactly_its_size(width: int, height: int, title: str, narrowed: str) -> None:
    frame = Frame(width, height, 3, title, narrowed, "412 lines", Status(Word.PARTIAL, 4.0, None, SafeText("2/3")))
    lines = frame.around([True], [Line.of("x" * 300)] * 50, "+18 more")
    assert len(lines) == height
    assert {line.width for line in lines} == {width}


def test_hidden_rows_are_counted() -> None:
    view = incident()
    body = log_pane.paint(view.logs, 80, 8, LOOK)
    lines = shown(body, 80, 8)
    assert f"+{len(view.logs.records) - 6} more" in lines[-1].text


def test_thousands_of_hidden_rows_are_written_as_every_other_count() -> None:
    assert Placed(above=1493).hidden_text == "↑ 1,493 more"
    assert Placed(below=12_345).hidden_text == "+12,345 more"
    assert Placed(above=1000, below=2000).hidden_text == "↑ 1,000 · ↓ 2,000 more"


@pytest.mark.parametrize("paint", [signals.paint, suspects.paint, changes.paint, upstreams.paint])
def test_painting_is_quick(paint: Callable[..., Body]) -> None:
    """A painter runs on the event loop at every tick: well under a frame even on the largest screen."""
    import time

    state = incident()
    name = paint.__module__.rsplit(".", 1)[-1]
    view = getattr(state, name)
    best = min(_timed(lambda: paint(view, 200, 60, LOOK), time.perf_counter) for _ in range(5))
    assert best < 0.05


def _timed(call: Callable[[], object], clock: Callable[[], float]) -> float:
    begin = clock()
    call()
    return clock() - begin


@pytest.mark.parametrize("width", [80, 120, 200])
def test_the_header_tells_what_changed_in_the_last_minute_and_grows_by_nothing(width: int) -> None:
    verdict = SafeText("deploy v42 of checkout explains 93 % of the failures; " * 3)
    view = HeaderView(State.INCIDENT, SafeText("checkout failing"), NOW - 90, verdict, "", NOW, Status(Word.LIVE, 1.0))
    told = [
        News(NOW - 5, SafeText("p99 of cart went off")),
        News(NOW - 20, SafeText("verdict: incident, was healthy"), verdict=True),
        News(NOW - 300, SafeText("long ago")),
    ]
    with_news, without = (header.paint(view, width, LOOK, "", news) for news in (told, told[2:]))
    assert [line.width for line in with_news] == [line.width for line in without] == [width, width]
    assert "new: verdict: incident, was" in with_news[1].text
    assert "1 more" in with_news[1].text or width < 120
    assert with_news[1].text.startswith(" deploy v42 of checkout expl")
    assert "new:" not in without[1].text
    assert with_news[0] == without[0]
    before, _, behind = with_news[1].text.partition("new: ")
    assert len(before.strip()) > len(behind.strip(" RO"))


def test_on_a_narrow_header_the_verdict_has_the_room_that_a_few_words_of_news_would_take() -> None:
    verdict = SafeText("The evidence points to deploy/prod/checkout/2026-11-27T22-45-48")
    cost = incident().header.cost
    view = HeaderView(State.INCIDENT, SafeText("x"), NOW - 90, verdict, "", NOW, Status(Word.LIVE, 1.0), cost)
    news = [News(NOW - 5, SafeText("new change: cron of inventory"))]
    text = header.paint(view, 80, LOOK, "", news)[1].text
    assert "new:" not in text and text.startswith(" The evidence points to deploy/prod/checkout")


def test_the_header_says_how_far_the_onset_may_be_off() -> None:
    view = HeaderView(State.INCIDENT, SafeText("x"), NOW - 300, now=NOW, status=Status(Word.LIVE, 1.0))
    assert "±" not in header.paint(view, 120, LOOK)[0].text
    assert "± 30s · 5m" in header.paint(replace(view, since_error_s=30.0), 120, LOOK)[0].text


def test_header_is_cut_at_its_end_and_says_so() -> None:
    view = HeaderView(State.INCIDENT, SafeText("x" * 300), None, SafeText("y" * 300), "", NOW, Status(Word.LIVE, 1.0))
    first, second = (line.text for line in header.paint(view, 80, LOOK))
    assert "…" in first and first.rstrip().endswith("LIVE 1s")
    assert "…" in second
    assert cut("abc", 2) == "a…"
