"""The ledger of hypotheses: one test for each row of its table, and for the rules of predictions."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from console.case.book import Book, Unfit
from console.case.brief import since_you_looked
from console.case.hypotheses import NotAllowed, next_test, rivals_unsplit
from console.case.model import Hypothesis, HypothesisState, Outcome
from console.case.predictions import Answer, BadPrediction, judged, question_of, reduced
from console.report.case_text import hypothesis_lines
from tests.case.conftest import Clock, seen

S = HypothesisState
POOL = "max(pool_in_use, checkout) >= 20 over 5m"


def one(book: Book, name: str = "H1") -> Hypothesis:
    found = book.read().hypothesis(name)
    assert found is not None
    return found


def opened(book: Book, statement: str = "the pool is exhausted", predict: str = POOL, **data: object) -> str:
    name = str(book.hypothesis(statement, dict(data)).data["name"])
    book.predict(name, predict, {"must_hold": True, "min_samples": 3})
    return name


def result(
    book: Book, outcome: Outcome, name: str = "H1", control: Outcome = Outcome.FAILS, prediction: str = "P1"
) -> None:
    book.result(name, prediction, outcome, {"value": 21, "samples": 5, "control": str(control)}, "21")


def supported(book: Book) -> None:
    opened(book)
    result(book, Outcome.HOLDS)


def test_without_a_prediction_a_hypothesis_stays_a_draft(book: Book) -> None:
    book.hypothesis("the pool is exhausted", {})
    assert one(book).state is S.DRAFT
    with pytest.raises(NotAllowed, match="SG8"):
        book.turn("H1", S.OPEN, "because I think so, really", ())


def test_a_prediction_that_could_fail_opens_it(book: Book) -> None:
    opened(book)
    assert one(book).state is S.OPEN


def test_a_manual_prediction_needs_what_would_refute_it(book: Book) -> None:
    book.hypothesis("one pod is broken", {})
    book.predict("H1", "manual: restarting that pod clears it", {})
    assert one(book).state is S.DRAFT
    book.predict("H1", "manual: restarting that pod clears it", {"refutes": "errors go on after its restart"})
    assert one(book).state is S.OPEN


def test_a_must_hold_that_holds_supports(book: Book) -> None:
    supported(book)
    assert one(book).state is S.SUPPORTED


def test_an_evaluation_that_says_nothing_new_stands_in_the_record_and_not_in_the_timeline(
    book: Book, clock: Clock
) -> None:
    opened(book)
    for outcome in (Outcome.INCONCLUSIVE, Outcome.HOLDS, Outcome.HOLDS, Outcome.HOLDS):
        result(book, outcome)
    result(book, Outcome.HOLDS, control=Outcome.HOLDS)
    result(book, Outcome.FAILS)
    case = book.read()
    assert len(case.hypotheses[0].predictions[0].results) == 6 and len(case.repeated) == 2
    shown = [event for event in case.timeline() if event.kind == "result"]
    assert [event.data["outcome"] for event in shown] == ["inconclusive", "holds", "holds", "fails"]
    lines = since_you_looked(case, case.opened_at, clock.now, ZoneInfo("UTC"))
    assert sum("H1.P1" in line for line in lines) == 4


def test_what_may_hold_supports_nothing(book: Book) -> None:
    book.hypothesis("x", {})
    book.predict("H1", POOL, {"must_hold": False})
    result(book, Outcome.HOLDS)
    assert one(book).state is S.OPEN


def test_what_is_true_on_the_control_window_too_supports_nothing(book: Book) -> None:
    opened(book)
    result(book, Outcome.HOLDS, control=Outcome.HOLDS)
    assert one(book).state is S.OPEN
    assert not one(book).predictions[0].discriminates


def test_correlation_stops_at_supported(book: Book) -> None:
    supported(book)
    for _ in range(5):
        result(book, Outcome.HOLDS)
    assert one(book).state is S.SUPPORTED
    with pytest.raises(NotAllowed, match="intervention"):
        book.turn("H1", S.CONFIRMED, "it holds again and again", ())


def test_an_intervention_confirms(book: Book) -> None:
    supported(book)
    name = seen(book, "with the old build the request passes, with the new one it fails", kind="repro")
    book.turn("H1", S.CONFIRMED, "the repro fails with the cause only", [name])
    assert one(book).state is S.CONFIRMED and one(book).interventions == (name,)


def test_an_open_rival_of_the_same_symptoms_stops_confirmation(book: Book) -> None:
    supported(book)
    opened(book, "the database is slow", "max(latency_p95, orders-db) > 1s over 5m")
    name = seen(book, kind="repro")
    with pytest.raises(NotAllowed, match="H2 may explain"):
        book.turn("H1", S.CONFIRMED, "the repro fails with the cause only", [name])
    book.result("H2", "P1", Outcome.FAILS, {"samples": 5}, "12 ms")
    assert one(book, "H2").state is S.REFUTED
    book.turn("H1", S.CONFIRMED, "the repro fails with the cause only", [name])


def test_a_hypothesis_of_other_symptoms_is_no_rival(book: Book) -> None:
    opened(book, explains=["errors"])
    result(book, Outcome.HOLDS)
    opened(book, "disk", "max(disk, db) > 9 over 5m", explains=["latency"])
    book.turn("H1", S.CONFIRMED, "seen directly in the heap", [seen(book)])


def test_a_must_hold_that_fails_refutes(book: Book) -> None:
    supported(book)
    result(book, Outcome.FAILS)
    assert one(book).state is S.REFUTED


@pytest.mark.parametrize("state", ["inconclusive"])
def test_inconclusive_is_neither_holds_nor_refuted(book: Book, state: str) -> None:
    opened(book)
    result(book, Outcome(state))
    assert one(book).state is S.OPEN


def test_parking_needs_a_reason_and_data_reopen_it(book: Book) -> None:
    opened(book)
    with pytest.raises(NotAllowed):
        book.turn("H1", S.PARKED, "no data", ())
    book.turn("H1", S.PARKED, "there is no metric of the pool", ())
    book.turn("H1", S.OPEN, "the metric is there now", ())
    assert one(book).state is S.OPEN


def test_a_refinement_supersedes(book: Book) -> None:
    opened(book)
    opened(book, "the pool of the payments client is exhausted", parent="H1")
    book.turn("H1", S.SUPERSEDED, "H2 says it more exactly", ())
    assert one(book).state is S.SUPERSEDED and one(book, "H2").parent == "H1"
    assert one(book).superseded_by == "H2"
    assert hypothesis_lines(one(book), 0.0)[0].startswith("H1 superseded by H2: ")


def test_nothing_is_superseded_but_by_another_that_stands(book: Book) -> None:
    opened(book)
    with pytest.raises(NotAllowed, match="only a refinement takes the place of H1"):
        book.turn("H1", S.SUPERSEDED, "something says it more exactly")
    with pytest.raises(NotAllowed, match="no other hypothesis H1"):
        book.turn("H1", S.SUPERSEDED, "it says it more exactly", by="h1")
    opened(book, "the pool of payments is exhausted")
    result(book, Outcome.FAILS, "H2")
    with pytest.raises(NotAllowed, match="H2 is refuted"):
        book.turn("H1", S.SUPERSEDED, "H2 says it more exactly", by="H2")
    opened(book, "the pool of payments' client is exhausted")
    with pytest.raises(NotAllowed, match="say why H1 is superseded"):
        book.turn("H1", S.SUPERSEDED, "better", by="H3")
    book.turn("H1", S.SUPERSEDED, "H3 names the client", by="h3")
    assert one(book).standing == "superseded by H3" and one(book, "H3").parent == "H1"


def test_refuted_opens_again_with_new_evidence_and_a_reason_only(book: Book) -> None:
    opened(book)
    result(book, Outcome.FAILS)
    with pytest.raises(NotAllowed):
        book.turn("H1", S.OPEN, "I still believe in it strongly", ())
    name = seen(book, "the metric counted only one of two pools")
    with pytest.raises(NotAllowed):
        book.turn("H1", S.OPEN, "short", [name])
    book.turn("H1", S.OPEN, "the metric counted one pool of two", [name])
    assert one(book).state is S.OPEN


def test_confirmed_falls_back_to_supported_when_a_must_hold_fails(book: Book) -> None:
    supported(book)
    book.turn("H1", S.CONFIRMED, "the rollback moved it there and back", [seen(book)])
    result(book, Outcome.FAILS)
    assert one(book).state is S.SUPPORTED


def test_nobody_declares_a_hypothesis_supported(book: Book) -> None:
    opened(book)
    with pytest.raises(NotAllowed, match="prediction that holds"):
        book.turn("H1", S.SUPPORTED, "everybody thinks so by now", ())


def test_evidence_that_is_not_there_is_no_evidence(book: Book) -> None:
    supported(book)
    with pytest.raises(NotAllowed, match="E9"):
        book.turn("H1", S.CONFIRMED, "the rollback moved it", ["E9"])
    with pytest.raises(Unfit):
        book.support("H1", ["E9"])


def test_a_flip_is_on_the_timeline(book: Book) -> None:
    supported(book)
    result(book, Outcome.FAILS)
    texts = [event.text for event in book.read().timeline()]
    assert any("H1.P1 fails (was holds)" in text for text in texts)
    assert any("H1 supported to refuted" in text for text in texts)


def test_a_result_older_than_its_interval_is_stale(book: Book, clock: Clock) -> None:
    book.hypothesis("x", {})
    book.predict("H1", POOL, {"every_s": 60.0})
    result(book, Outcome.HOLDS)
    prediction = one(book).predictions[0]
    assert not prediction.stale(clock.now + 30) and prediction.stale(clock.now + 120)
    assert "H1.P1 stale (holds): " in hypothesis_lines(one(book), clock.now + 120)[1]


def test_the_next_test_is_the_likely_and_cheap_one(book: Book, clock: Clock) -> None:
    opened(book, "dear", POOL, prior="high", cost=60.0)
    opened(book, "cheap", "count(level:error) > 5 over 5m", prior="med", cost=1.0)
    found = next_test(book.read(), clock.now)
    assert found is not None and found[0].name == "H2"
    result(book, Outcome.HOLDS, "H2")
    found = next_test(book.read(), clock.now)
    assert found is not None and found[0].name == "H1"


def test_two_hypotheses_that_predict_the_same_are_told(book: Book) -> None:
    opened(book)
    opened(book, "the database is slow", POOL)
    same = rivals_unsplit(book.read())
    assert same is not None and {one.name for one in same} == {"H1", "H2"}
    book.predict("H2", "max(latency_p95, orders-db) > 1s over 5m", {})
    assert rivals_unsplit(book.read()) is None


# Predictions.


def test_the_forms_of_predictions() -> None:
    metric = question_of("max(error_rate, checkout, POST /orders) >= 5% over 10m")
    assert (metric.metric, metric.service, metric.operation, metric.threshold, metric.over_s) == (
        "error_rate",
        "checkout",
        "POST /orders",
        0.05,
        600.0,
    )
    assert question_of("p95(latency_p95, db) < 300ms").threshold == pytest.approx(0.3)
    log = question_of('count(level:error "timeout acquiring (pool)") > 20 over 5m')
    assert (log.kind, log.query, log.threshold) == ("log", 'level:error "timeout acquiring (pool)"', 20)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "the pool is full",
        "max(error_rate) > 5",
        "median(x, y) > 1",
        "count(status:) > 5",
        "count(a) >= 0",
        "manual: x",
        "max(a, b) > x",
    ],
)
def test_a_text_that_could_not_turn_out_false_is_no_prediction(text: str) -> None:
    with pytest.raises(BadPrediction):
        question_of(text)


def test_an_absent_series_is_not_zero() -> None:
    assert reduced("max", []) is None
    question = question_of("max(error_rate, checkout) < 5%")
    assert judged(question, Answer(None, 0), 1) is Outcome.INCONCLUSIVE


def test_too_few_samples_and_partial_data_are_inconclusive() -> None:
    question = question_of(POOL)
    assert judged(question, Answer(25.0, 2), 3) is Outcome.INCONCLUSIVE
    assert judged(question, Answer(25.0, 9, complete=False), 3) is Outcome.INCONCLUSIVE
    assert judged(question, Answer(25.0, 9), 3) is Outcome.HOLDS
    assert judged(question, Answer(15.0, 9), 3) is Outcome.FAILS
