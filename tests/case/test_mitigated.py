"""A fix must not refute the cause that it removed: after a mitigation a prediction is asked as at it, through the book."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from console.case import entries
from console.case.book import Book
from console.case.evaluate import Evaluation, evaluate, trouble_in
from console.case.events import Draft
from console.case.gates import Wish
from console.case.mitigated import Mitigated, mitigated
from console.case.model import CaseState, Hypothesis, HypothesisState, Outcome
from console.case.predictions import ASKED_EVERY_S, Answer, Question
from console.case.quality import Points
from console.domain.instant import Instant, Window, rfc3339
from tests.case.conftest import START, Clock, seen

S = HypothesisState
KEYERRORS = "count(service:checkout KeyError) > 5 over 10m"
BEGAN, STOPPED = START + 600, START + 1800


class Errors:
    """A log with a line every ten seconds from one moment to another."""

    def __init__(self, began: Instant = BEGAN, stopped: Instant = STOPPED) -> None:
        self.began, self.stopped = began, stopped
        self.asked: list[Window] = []

    async def answer(self, question: Question, window: Window) -> Answer:
        self.asked.append(window)
        shared = min(window.end, self.stopped) - max(window.start, self.began)
        lines = max(0.0, shared // 10)
        return Answer(lines, int(lines) or 1)

    async def points(self, question: Question, window: Window) -> tuple[Points, float]:
        return (), 60.0

    async def places(self, question: Question) -> tuple[Sequence[str], Sequence[str]]:
        return (), ()


@pytest.fixture
def cause(book: Book) -> Book:
    """A case whose trouble began, with its true cause as H1."""
    book.write(Draft("impact", "impact", {"impact_started_at": rfc3339(BEGAN)}))
    book.hypothesis("the new build asks for a key that old carts do not have", {})
    book.predict("H1", KEYERRORS, {})
    return book


def one(book: Book) -> Hypothesis:
    return book.read().hypotheses[0]


async def asked(book: Book, at: Instant, errors: Errors | None = None, reach: Instant | None = None) -> Evaluation:
    """H1.P1 asked and written down."""
    found = await evaluate(one(book).predictions[0], errors or Errors(), trouble_in(book.read()), at, reach)
    assert found is not None
    book.result("H1", "P1", found.outcome, found.data, found.says)
    return found


def monitoring(book: Book, clock: Clock, at: Instant) -> None:
    """People say that the harm was stopped."""
    clock.now = at
    book.move(Wish(CaseState.INVESTIGATING))
    for state in (CaseState.MITIGATING, CaseState.MONITORING):
        book.write(Draft("state", str(state), {"to": str(state)}))


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("confirmed", [True, False])
async def test_ten_minutes_after_the_fix_its_cause_stands(
    cause: Book, clock: Clock, told: bool, confirmed: bool
) -> None:
    await asked(cause, STOPPED - 60)
    if confirmed:
        cause.turn("H1", S.CONFIRMED, "the rollback moved it there and back", [seen(cause)])
    cause.mitigation("rolled back", {"kind": "rollback"}, STOPPED)
    if told:
        monitoring(cause, clock, STOPPED + 300)
    found = await asked(cause, STOPPED + 700)
    assert found.outcome is Outcome.HOLDS and "as at the mitigation" in found.says
    assert one(cause).state is (S.CONFIRMED if confirmed else S.SUPPORTED)
    last = one(cause).predictions[0].last
    assert last is not None and last.as_at == last.until == STOPPED
    assert not one(cause).predictions[0].stale(STOPPED + 9000)


async def test_asked_before_the_mitigation_it_is_asked_about_then(cause: Book, clock: Clock) -> None:
    cause.mitigation("rolled back", {}, STOPPED)
    monitoring(cause, clock, STOPPED + 1)
    errors = Errors()
    found = await asked(cause, STOPPED - 60, errors)
    assert "as_at" not in found.data and errors.asked[0].end == STOPPED - 60


async def test_asked_as_of_before_anybody_said_that_the_harm_was_stopped_it_is_asked_about_then(
    cause: Book, clock: Clock
) -> None:
    cause.mitigation("restarted all pods, which did nothing", {}, STOPPED)
    monitoring(cause, clock, STOPPED + 3600)
    goes_on = Errors(stopped=STOPPED + 3500)
    early = await asked(cause, STOPPED + 600, goes_on)
    assert early.outcome is Outcome.HOLDS and "as_at" not in early.data and goes_on.asked[0].end == STOPPED + 600
    late = await asked(cause, STOPPED + 4000, goes_on)
    assert late.data["as_at"] == rfc3339(STOPPED)


async def test_a_wrong_cause_is_refuted_after_the_fix_too(cause: Book, clock: Clock) -> None:
    cause.mitigation("rolled back", {}, STOPPED)
    monitoring(cause, clock, STOPPED + 300)
    found = await asked(cause, STOPPED + 700, Errors(STOPPED - 30, STOPPED))
    assert found.outcome is Outcome.FAILS and one(cause).state is S.REFUTED


async def test_while_the_trouble_goes_on_a_mitigation_that_did_nothing_hides_nothing(cause: Book) -> None:
    cause.mitigation("restarted all pods", {}, BEGAN + 30)
    found = await asked(cause, STOPPED - 60)
    assert found.outcome is Outcome.HOLDS and "as_at" not in found.data


async def test_of_several_mitigations_any_may_have_ended_it(cause: Book, clock: Clock) -> None:
    cause.mitigation("switched the flag off", {}, STOPPED)
    cause.mitigation("deployed the fix", {}, STOPPED + 3600)
    monitoring(cause, clock, STOPPED + 3700)
    found = await asked(cause, STOPPED + 4000)
    assert found.data["as_at"] == rfc3339(STOPPED) and one(cause).state is S.SUPPORTED


def test_what_was_done_after_the_harm_was_stopped_did_not_stop_it(cause: Book, clock: Clock) -> None:
    cause.mitigation("switched the flag off", {}, STOPPED)
    monitoring(cause, clock, STOPPED + 100)
    cause.mitigation("deployed the fix", {}, STOPPED + 3600)
    assert mitigated(cause.read()) == Mitigated((STOPPED,), mitigated(cause.read()).over)


def test_what_was_done_before_the_trouble_or_taken_back_ended_nothing(cause: Book) -> None:
    cause.mitigation("restarted for another reason", {}, BEGAN - 600)
    wrong = cause.mitigation("rolled back", {}, STOPPED)
    cause.write(Draft("note", "it was not rolled back", supersedes=wrong.id))
    assert mitigated(cause.read()).moments == ()


def test_the_deploy_of_a_fix_that_was_proved_is_a_mitigation(cause: Book) -> None:
    cause.write(entries.fix({"commit": "abc1234", "outcome": "worked"}, "FIXED"))
    cause.saw_deploys(
        [
            Draft("deploy", "deploy", {"id": "d1", "commit": "fff"}, STOPPED - 60, "deploy"),
            Draft("deploy", "deploy", {"id": "d2", "commit": "abc1234"}, STOPPED, "deploy"),
        ]
    )
    assert mitigated(cause.read()).moments == (STOPPED,)


async def test_taken_up_again_a_prediction_is_asked_about_now(cause: Book, clock: Clock) -> None:
    cause.mitigation("rolled back", {}, STOPPED)
    monitoring(cause, clock, STOPPED + 300)
    await asked(cause, STOPPED + 700)
    clock.now = STOPPED + 1000
    cause.move(Wish(CaseState.INVESTIGATING, "the errors are back"))
    done = mitigated(cause.read())
    last = one(cause).predictions[0].last
    assert done == Mitigated() and last is not None and done.overtaken(last)


@pytest.mark.parametrize("confirmed", [True, False])
async def test_a_mitigation_that_is_written_down_late_takes_back_what_its_effect_refuted(
    cause: Book, confirmed: bool
) -> None:
    await asked(cause, STOPPED - 60)
    if confirmed:
        cause.turn("H1", S.CONFIRMED, "the heap shows it", [seen(cause)])
    for _ in range(2):
        await asked(cause, STOPPED + 700)
    assert one(cause).state is S.REFUTED
    cause.mitigation("rolled back", {}, STOPPED)
    assert one(cause).state is (S.CONFIRMED if confirmed else S.SUPPORTED)
    assert one(cause).reason == "what failed was seen after the mitigation"
    await asked(cause, STOPPED + 760)
    assert one(cause).state is (S.CONFIRMED if confirmed else S.SUPPORTED)


async def test_what_was_refuted_before_it_or_by_a_person_stays_refuted(cause: Book) -> None:
    await asked(cause, BEGAN + 10)
    assert one(cause).state is S.REFUTED
    cause.hypothesis("the database is slow", {})
    cause.predict("H2", "max(latency_p95, orders-db) > 1s over 5m", {})
    cause.turn("H2", S.REFUTED, "it answers in 12 ms", [seen(cause)])
    cause.mitigation("rolled back", {}, STOPPED)
    assert [h.state for h in cause.read().hypotheses] == [S.REFUTED, S.REFUTED]


async def test_without_a_mitigation_what_fails_after_the_case_was_resolved_refutes_nothing(
    cause: Book, clock: Clock
) -> None:
    await asked(cause, STOPPED - 60)
    clock.now = STOPPED + 60
    cause.write(Draft("state", "resolved", {"to": "resolved"}))
    assert (await asked(cause, STOPPED + 900)).outcome is Outcome.FAILS
    assert one(cause).state is S.SUPPORTED


async def test_a_stretch_that_the_asker_knows_in_part_is_inconclusive(cause: Book, clock: Clock) -> None:
    cause.mitigation("rolled back", {}, STOPPED)
    monitoring(cause, clock, STOPPED + 300)
    assert (await asked(cause, STOPPED + 700, reach=STOPPED - 5)).outcome is Outcome.INCONCLUSIVE
    assert (await asked(cause, STOPPED + 700, reach=STOPPED - 600)).outcome is Outcome.HOLDS


def test_a_prediction_is_asked_every_minute_where_nobody_says_how_often(cause: Book) -> None:
    cause.predict("H1", KEYERRORS, {"every_s": 300.0})
    cause.predict("H1", KEYERRORS, {"every_s": None})
    cause.predict("H1", "manual: restarting one pod clears it", {})
    assert [p.every_s for p in one(cause).predictions] == [ASKED_EVERY_S, 300.0, ASKED_EVERY_S, None]
