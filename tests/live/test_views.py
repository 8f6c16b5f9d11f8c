"""From observations and a diagnosis to what the panes show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.analysis.rates import error_series
from console.domain.diagnosis import BaselineWindow, Diagnosis, Exhaustion, JudgedChange, Standing, State, Symptom
from console.domain.instant import Window
from console.domain.observations import Observations
from console.domain.reading import SourceReport, SourceState
from console.domain.series import Series, SeriesKey, SeriesSet
from console.domain.text import SafeText
from console.domain.topology import DependencyState, Health, Service, Topology
from console.state import AXIS_POINTS, Axis, Status, Word, axis_step
from console.views import (
    NO_SOURCE,
    axis_of,
    changes_view,
    header_view,
    quantity,
    rebin,
    signals_view,
    suspects_view,
    worst_symptom,
)
from tests.widgets.samples import LOOK
from widgets import header, signals
from widgets.words import state_sign

T0 = 1_780_000_000.0
WINDOW = Window(T0, T0 + 1800)


def series(
    metric: str, values: Sequence[float], step: float = 60.0, service: str = "checkout", operation: str = ""
) -> Series:
    return Series.of(SeriesKey(service, operation, metric), [(T0 + (i + 1) * step, v) for i, v in enumerate(values)])


def observed(*all_series: Series) -> Observations:
    topology = Topology((Service("gateway"), Service("checkout")))
    return Observations(WINDOW.end, WINDOW, WINDOW, topology, SeriesSet.of(list(all_series)))


def diagnosed(**fields: object) -> Diagnosis:
    base = Diagnosis(WINDOW.end, State.INCIDENT, SafeText("checkout fails"), T0 + 1200, WINDOW)
    return replace(base, **fields)  # type: ignore[arg-type]


SYMPTOM = Symptom("checkout", "POST /orders", "error_rate", 0.002, 0.084, "ratio", 5120, T0 + 1200, None, 0.81)


@given(st.floats(60.0, 30 * 86400.0))
def test_an_axis_never_has_more_points_than_it_may(seconds: float) -> None:
    step = axis_step(Window(0.0, seconds))
    assert seconds / step <= AXIS_POINTS or step == 86400


def test_a_point_stands_for_the_interval_that_ends_at_it() -> None:
    axis = Axis(Window(T0, T0 + 300), 60.0)
    points = rebin(series("request_rate", [1, 2, 3, 4, 5]), axis, max)
    assert list(points) == [1, 2, 3, 4, 5]


def test_a_coarse_series_fills_its_own_step_and_a_gap_stays_a_gap() -> None:
    axis = Axis(Window(T0, T0 + 600), 60.0)
    points = rebin(Series.of(SeriesKey("a", "", "m"), [(T0 + 300, 7.0), (T0 + 600, 8.0)]), axis, max)
    assert list(points) == [7] * 5 + [8] * 5
    assert set(rebin(None, axis, max)) == {None}


def test_one_bad_bucket_among_many_survives_downsampling() -> None:
    axis = Axis(WINDOW, 60.0)
    values = [0.1] * 180
    values[77] = 10.0
    assert max(p for p in rebin(series("latency_p99", values, step=10.0), axis, max) if p is not None) == 10.0


def test_an_error_ratio_comes_from_counts_and_no_traffic_is_a_gap() -> None:
    ratio = error_series(
        SeriesSet.of([series("request_count", [10, 0, 20]), series("error_count", [1, 0, 10])]), "checkout"
    )
    assert ratio is not None
    assert list(ratio) == [(T0 + 60, 0.1), (T0 + 180, 0.5)]


def test_the_last_error_rate_is_failures_over_requests_with_its_count() -> None:
    counts = [
        series("request_count", [10] * 178 + [1, 99], step=10.0),
        series("error_count", [0] * 178 + [1, 0], step=10.0),
    ]
    row = next(r for r in signals_view(observed(*counts), None, WINDOW, Status()).services if r.name == "checkout")
    assert row.errors.samples is not None and row.errors.samples >= 100
    assert row.errors.last is not None and 0 < row.errors.last < 0.011


def test_a_service_without_data_says_how_to_get_some() -> None:
    rows = {
        r.name: r
        for r in signals_view(observed(series("request_rate", [1.0] * 30)), None, WINDOW, Status(Word.LIVE)).services
    }
    assert "add [[logs]]" in rows["gateway"].note
    assert rows["checkout"].note == ""


def test_services_in_trouble_come_first_and_their_signal_is_marked() -> None:
    view = signals_view(observed(series("error_rate", [0.1] * 30)), diagnosed(symptoms=(SYMPTOM,)), WINDOW, Status())
    assert view.services[0].name == "checkout"
    assert view.services[0].errors.bad
    assert not view.services[0].p99.bad


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (Status(Word.LIVE), NO_SOURCE),
        (Status(Word.LOADING), "reading the sources"),
        (Status(Word.LOADING, detail=SafeText("40% are read")), "40% are read"),
        (Status(Word.DOWN, detail=SafeText("refused")), "refused"),
    ],
)
def test_a_service_that_nobody_knows_yet_is_not_called_one_without_a_source(status: Status, said: str) -> None:
    view = signals_view(observed(), None, WINDOW, status)
    assert {row.note for row in view.services} == {said}
    body = signals.paint(view, 120, 30, LOOK)
    text = "\n".join(line.text for row in body.all_rows for line in row.lines)
    assert said in text and ("no data in this window" in text) == (status.word is not Word.LOADING)


def test_nothing_is_called_well_before_a_verdict_or_without_one() -> None:
    seen = observed(series("request_rate", [1.0] * 30))
    for diagnosis in (None, diagnosed(state=State.INCONCLUSIVE, onset=None)):
        rows = {row.name: row for row in signals_view(seen, diagnosis, WINDOW, Status()).services}
        assert rows["checkout"].state in (None, State.INCONCLUSIVE)
        assert state_sign(rows["checkout"].state).glyph == "?"
    rows = {row.name: row for row in signals_view(seen, diagnosed(), WINDOW, Status()).services}
    assert rows["checkout"].state is State.HEALTHY


def test_who_only_gets_fewer_requests_is_not_shown_as_failing() -> None:
    fewer = replace(
        SYMPTOM, service="gateway", operation=None, signal="traffic", baseline=9.0, observed=7.0, unit="1/s"
    )
    seen = observed(series("error_rate", [0.1] * 30), series("request_rate", [7.0] * 30, service="gateway"))
    view = signals_view(seen, diagnosed(symptoms=(fewer, SYMPTOM)), WINDOW, Status())
    assert [(row.name, row.state) for row in view.services] == [
        ("checkout", State.INCIDENT),
        ("gateway", State.DEGRADING),
    ]
    assert view.services[1].traffic.bad


def test_marks_and_header_say_one_thing_while_a_verdict_is_not_settled() -> None:
    """A signal has left its level and the verdict is that nothing is wrong so far: neither a cross nor a calm word."""
    glyph = "▲"
    seen = observed(series("error_rate", [0.1] * 30))
    watched = diagnosed(state=State.HEALTHY, symptoms=(SYMPTOM,), onset=None, summary=SafeText("Healthy: 2 services"))
    rows = {row.name: row for row in signals_view(seen, watched, WINDOW, Status()).services}
    assert state_sign(rows["checkout"].state).glyph == glyph and rows["checkout"].errors.bad
    view = header_view(watched, WINDOW.end, "", Status(Word.LIVE, 1.0))
    first, second = (line.text for line in header.paint(view, 120, LOOK))
    assert first.startswith(f" {glyph} WATCHING  checkout") and " since " in first and "HEALTHY" not in first
    assert "called an incident" in second and "Healthy" not in second
    assert "nobody is suspected until" in suspects_view(watched, Status()).empty_reason
    calm = header_view(diagnosed(state=State.HEALTHY, onset=None), WINDOW.end, "", Status(Word.LIVE, 1.0))
    assert "● HEALTHY" in header.paint(calm, 120, LOOK)[0].text
    over = replace(watched, symptoms=(replace(SYMPTOM, end=WINDOW.end - 60),))
    assert "● HEALTHY" in header.paint(header_view(over, WINDOW.end, "", Status()), 120, LOOK)[0].text


def test_a_service_that_fills_up_is_not_shown_as_well() -> None:
    leak = Exhaustion("checkout", "memory_bytes", 1e8, WINDOW.end + 60, WINDOW.end + 90)
    seen = observed(series("request_rate", [1.0] * 30), series("request_rate", [1.0] * 30, service="gateway"))
    view = signals_view(seen, diagnosed(state=State.DEGRADING, exhaustion=(leak,)), WINDOW, Status())
    assert [(row.name, row.state) for row in view.services] == [
        ("checkout", State.DEGRADING),
        ("gateway", State.HEALTHY),
    ]


def test_operations_are_ranked_by_their_share_of_the_excess() -> None:
    pieces = []
    for operation, errors in (("GET /", 3.0), ("POST /orders", 2.0)):
        pieces += [
            series("request_count", [100.0] * 30, operation=operation),
            series("error_count", [errors] * 30, operation=operation),
        ]
    view = signals_view(observed(*pieces), diagnosed(symptoms=(SYMPTOM,)), WINDOW, Status())
    assert [row.operation for row in view.operations] == ["POST /orders", "GET /"]
    assert view.operations[0].total == 1000
    assert view.operations[0].failed == 20


def test_one_route_under_two_names_is_one_row_the_better_known_one() -> None:
    def told(name: str, count: float, steps: int) -> tuple[Series, ...]:
        counts = series("request_count", [count] * steps, operation=name)
        return counts, series("error_count", [1.0] * steps, operation=name)

    seen = observed(
        *told("GET /cart/{id}", 60, 30), *told("GET /cart/{cart}", 60, 4), *told("POST /cart/{cart}", 9, 30)
    )
    rows = signals_view(seen, None, WINDOW, Status()).operations
    assert sorted(row.operation for row in rows) == ["GET /cart/{id}", "POST /cart/{cart}"]
    bad = replace(SYMPTOM, operation="GET /cart/{cart}")
    rows = signals_view(seen, diagnosed(symptoms=(bad,)), WINDOW, Status()).operations
    assert rows[0].operation == "GET /cart/{cart}" and len(rows) == 2


def test_markers_lie_inside_the_window_only() -> None:
    changes = tuple(
        JudgedChange(name, kind, "checkout", at, None, None, Standing.POSSIBLE, SafeText(""))
        for name, kind, at in (("v41", "deploy", T0 + 60), ("old", "deploy", T0 - 60), ("new-cart", "flag", T0 + 90))
    )
    markers = axis_of(WINDOW, diagnosed(changes=changes)).markers
    assert [(m.glyph, m.label) for m in markers] == [("▼", "v41"), ("◆", "flag new-cart"), ("╎", "onset")]


def test_the_header_names_the_worst_signal_with_its_baseline() -> None:
    view = header_view(diagnosed(symptoms=(SYMPTOM,)), WINDOW.end, "-30m ▸", Status())
    assert view.headline == "checkout · POST /orders failing 8.4 % (was 0.2 %)"


def test_the_headline_stays_with_its_symptom_until_another_is_clearly_worse() -> None:
    def seen(ours: float, theirs: float) -> Diagnosis:
        other = replace(SYMPTOM, service="payments", operation="POST /pay", share_of_bad=theirs)
        return diagnosed(symptoms=(replace(SYMPTOM, share_of_bad=ours), other))

    first = worst_symptom(seen(0.5, 0.6))
    assert first is not None and first.service == "payments"
    kept = worst_symptom(seen(0.6, 0.5), first)
    assert kept is not None and (kept.service, kept.share_of_bad) == ("payments", 0.5)
    assert "payments" in header_view(seen(0.6, 0.5), WINDOW.end, "", Status(), kept).headline
    moved = worst_symptom(seen(0.9, 0.1), kept)
    assert moved is not None and moved.service == "checkout"
    whole = replace(SYMPTOM, operation=None, share_of_bad=0.6)
    closer = worst_symptom(seen(0.6, 0.1), whole)
    assert closer is not None and closer.operation == SYMPTOM.operation
    gone = worst_symptom(diagnosed(symptoms=(SYMPTOM,)), kept)
    assert gone is not None and gone.service == "checkout"


def test_the_onset_carries_its_error_to_the_header_and_the_changes() -> None:
    known = diagnosed(symptoms=(SYMPTOM,))
    assert known.onset is not None
    assert header_view(known, WINDOW.end, "", Status()).since_error_s is None
    about = replace(known, onset_between=Window(known.onset - 10, known.onset + 25))
    assert header_view(about, WINDOW.end, "", Status()).since_error_s == 25


def test_a_healthy_header_says_what_it_was_compared_with() -> None:
    quiet = BaselineWindow(Window(T0 - 3600, T0), SafeText("just before"))
    view = header_view(
        diagnosed(
            state=State.HEALTHY, summary=SafeText("2 services inside their baseline"), onset=None, baseline=(quiet,)
        ),
        T0,
        "",
        Status(),
    )
    assert view.headline == "2 services inside their baseline"
    assert "just before" in view.verdict


def test_a_healthy_header_hides_no_dependency_that_is_down() -> None:
    def state(name: str, health: Health) -> DependencyState:
        return DependencyState(name, "third_party", health, 0.5, 2.5, "own metrics", WINDOW.end)

    quiet = BaselineWindow(Window(T0 - 3600, T0), SafeText("just before"))
    well = diagnosed(state=State.HEALTHY, summary=SafeText("well"), onset=None, baseline=(quiet,))
    seen = (state("cache", Health.DEGRADED), state("cardpay", Health.DOWN), state("db", Health.HEALTHY))
    verdict = header_view(replace(well, dependencies=seen), T0, "", Status()).verdict
    assert verdict.startswith("yet cardpay is down and cache degraded") and "just before" in verdict
    verdict = header_view(replace(well, dependencies=seen[:1]), T0, "", Status()).verdict
    assert verdict.startswith("yet cache is degraded")
    assert "yet" not in header_view(replace(well, dependencies=seen[2:]), T0, "", Status()).verdict
    many = tuple(state(f"d{n}", Health.DOWN) for n in range(5))
    assert header_view(replace(well, dependencies=many), T0, "", Status()).verdict.startswith(
        "yet d0 is down and 4 more"
    )


def test_no_suspects_reads_differently_when_healthy_and_when_nothing_explains_it() -> None:
    healthy = suspects_view(diagnosed(state=State.HEALTHY), Status()).empty_reason
    puzzling = suspects_view(diagnosed(change_explains=False), Status()).empty_reason
    assert "nothing is wrong" in healthy
    assert "0 of 0 changes" in puzzling


def test_the_heading_of_the_changes_names_a_source_that_did_not_tell_all() -> None:
    told = SourceReport(
        "flags.jsonl", "jsonl", SourceState.PARTIAL, SafeText("2 lines could not be read"), role="changes"
    )
    seen = replace(observed(), sources=(told,))
    heading = changes_view(seen, diagnosed(), Status(Word.LIVE)).heading
    assert heading.startswith("0 of 0 changes can explain this") and heading.endswith("flags.jsonl did not tell all")
    whole = replace(seen, sources=(replace(told, state=SourceState.OK),))
    assert "did not tell all" not in changes_view(whole, diagnosed(), Status(Word.LIVE)).heading


def test_quantities_carry_their_unit_and_unknown_is_a_word() -> None:
    assert [quantity(v, u) for v, u in ((0.0842, "ratio"), (0.5, "ratio"), (0.031, "s"), (2.41, "s"), (None, "s"))] == [
        "8.4 %",
        "50 %",
        "31 ms",
        "2.4 s",
        "unknown",
    ]


def test_the_headline_tells_failures_before_log_lines_and_the_operation_before_the_service() -> None:
    lines = replace(SYMPTOM, signal="log_errors", operation=None, unit="count", share_of_bad=1.0)
    whole = replace(SYMPTOM, operation=None)
    assert header_view(diagnosed(symptoms=(lines, whole, SYMPTOM)), 0.0, "", Status()).headline.startswith(
        "checkout · POST /orders failing"
    )
