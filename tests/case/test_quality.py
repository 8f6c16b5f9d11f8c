"""What a prediction that holds is worth: null control, order, dose; one test for each gate and what it does to the ledger."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from console.case import entries
from console.case.book import Book
from console.case.evaluate import Evaluation, evaluate, trouble_in
from console.case.model import HypothesisState, Outcome
from console.case.predictions import Answer, BadPrediction, Question, question_of
from console.case.quality import Points, Trouble, around, change_point, dosed, ordered, peers
from console.domain.instant import Instant, Window
from tests.case.conftest import START, Clock

POOL = "max(pool_in_use, checkout) >= 20 over 10m"
HOLDS, FAILS, UNSURE = Outcome.HOLDS, Outcome.FAILS, Outcome.INCONCLUSIVE
STEP = 60.0


def stepped(at: Instant, low: float = 5.0, high: float = 21.0, noise: float = 1.0, points: int = 60) -> Points:
    """An hour around `START`, another level from a moment on."""
    rng = random.Random(7)
    times = [START - STEP * (points // 2 - n) for n in range(points)]
    return [(t, (high if t >= at else low) + rng.uniform(-noise, noise)) for t in times]


class Fake:
    """Sources that know the values of places, and one series."""

    def __init__(self, values: dict[str, float | None], series: Points = (), services: Sequence[str] = ()) -> None:
        self.values, self.series, self.services = values, series, services
        self.asked: list[str] = []

    async def answer(self, question: Question, window: Window) -> Answer:
        self.asked.append(question.query)
        value = self.values.get(question.query)
        before = window.end < START
        return Answer(value if not before else 1.0, 10 if value is not None else 0)

    async def points(self, question: Question, window: Window) -> tuple[Points, float]:
        return [(at, value) for at, value in self.series if at in window], STEP

    async def places(self, question: Question) -> tuple[Sequence[str], Sequence[str]]:
        return self.services, ("GET /cart", "POST /orders", "GET /health")


def test_a_change_of_level_is_found_where_it_is_and_noise_is_none() -> None:
    points = stepped(START + 120)
    place = change_point(points)
    assert place is not None and points[place][0] == START + 120
    assert change_point(stepped(START + 9e9)) is None
    assert change_point(points[:5]) is None
    assert change_point([(at, 3.0) for at, _ in points]) is None


def test_chance_alone_seldom_makes_a_change_of_level() -> None:
    rng = random.Random(1)
    found = sum(change_point([(float(n), rng.random()) for n in range(60)]) is not None for _ in range(400))
    assert found <= 30  # 5 % are allowed


@pytest.mark.parametrize(
    ("at", "began", "outcome"),
    [
        (START - 300, START, HOLDS),
        (START, START, HOLDS),
        (START + 120, START, HOLDS),  # both are known to a minute
        (START + 180, START, FAILS),
        (START + 600, START, FAILS),
        (START, None, UNSURE),
        (9e12, START, UNSURE),
    ],
)
def test_a_cause_begins_no_later_than_its_effect(at: float, began: float | None, outcome: Outcome) -> None:
    assert ordered(question_of(POOL), stepped(at), STEP, began).outcome is outcome


def test_a_change_in_the_other_direction_is_not_the_predicted_one() -> None:
    falls = stepped(START - 300, low=30.0, high=5.0)
    assert ordered(question_of(POOL), falls, STEP, START).outcome is UNSURE
    assert ordered(question_of(POOL.replace(">=", "<")), falls, STEP, START).outcome is HOLDS


def test_order_is_looked_for_around_the_onset_and_never_in_what_is_not_known_yet() -> None:
    assert around(START, START + 60, 600.0) == Window(START - 1800, START + 60)
    assert around(START, START + 99_999, 7200.0) == Window(START - 7200, START + 7200)


ILL = Trouble(START, frozenset({("checkout", "POST /orders"), ("gateway", "")}))


def test_peers_are_places_without_trouble() -> None:
    def asked(text: str, trouble: Trouble = ILL) -> list[str]:
        found = peers(
            question_of(text), ("gateway", "checkout", "search", "mail"), ("POST /orders", "GET /cart"), trouble
        )
        return [one.query for one in found]

    assert asked(POOL) == ["pool_in_use, search", "pool_in_use, mail"]
    assert asked("max(error_rate, checkout, POST /orders) > 5%") == ["error_rate, checkout, GET /cart"]
    assert asked("count(timeout) > 20") == ['(timeout) service:"search"', '(timeout) service:"mail"']
    assert asked("count(timeout service:checkout) > 20") == []
    versions = replace(ILL, versions=frozenset({"v41"}), others=frozenset({"v40"}))
    assert asked("count(timeout) > 20", versions) == ['(timeout) version:"v40"']
    assert asked(POOL, Trouble(START)) == []


@pytest.mark.parametrize(
    ("values", "outcome"),
    [
        ([5.0, 5.0, 5.0], HOLDS),
        ([25.0, 5.0, 5.0], UNSURE),
        ([21.0, 21.0, 5.0], HOLDS),  # it holds there too, and is nothing beside what it is here
        ([25.0, 25.0, 5.0], FAILS),
        ([25.0], FAILS),
        ([None], UNSURE),
        ([], UNSURE),
    ],
)
def test_what_is_as_true_where_nothing_is_wrong_tells_nothing(values: list[float | None], outcome: Outcome) -> None:
    question = question_of(POOL)
    asked = [(question, Answer(value, 9 if value is not None else 0)) for value in values]
    assert dosed(Answer(45.0, 9), asked, 3).outcome is outcome


ORDER = "onset(count(timeout acquiring)) <= onset(error_rate, checkout)"


@pytest.mark.parametrize(
    ("first", "then", "outcome"),
    [
        (START - 300, START, HOLDS),
        (START + 120, START, HOLDS),  # each is known to a minute
        (START + 180, START, FAILS),
        (9e12, START, UNSURE),
        (START, 9e12, UNSURE),
    ],
)
async def test_what_begins_first_is_a_prediction_of_its_own(
    book: Book, first: float, then: float, outcome: Outcome
) -> None:
    class Two(Fake):
        async def points(self, question: Question, window: Window) -> tuple[Points, float]:
            series = stepped(first) if question.kind == "log" else stepped(then)
            return [(at, value) for at, value in series if at in window], STEP

    book.hypothesis("the pool is exhausted", {})
    book.predict("H1", ORDER, {"min_samples": 10})
    found = await evaluate(book.read().hypotheses[0].predictions[0], Two({}), ILL, START + 1200)
    assert found is not None and found.outcome is outcome
    book.result("H1", "P1", found.outcome, found.data, found.says)
    state = {HOLDS: HypothesisState.SUPPORTED, FAILS: HypothesisState.REFUTED, UNSURE: HypothesisState.OPEN}[outcome]
    assert book.read().hypotheses[0].state is state


@pytest.mark.parametrize(
    "text",
    [
        "onset(count(x)) <= onset(count(x))",
        "onset(error_rate) <= onset(count(x))",
        "onset(count(level:)) <= onset(cpu, checkout)",
        "onset(count(x)) <= onset(cpu, checkout) over soon",
    ],
)
def test_an_order_that_says_nothing_or_of_nothing_is_no_prediction(text: str) -> None:
    with pytest.raises(BadPrediction):
        question_of(text)


def test_what_falls_is_as_true_where_it_fell_as_far() -> None:
    question = question_of("min(request_rate, checkout) < 10/s")
    for there, outcome in ((9.0, HOLDS), (3.0, FAILS), (50.0, HOLDS)):
        assert dosed(Answer(2.0, 9), [(question, Answer(there, 9))], 3).outcome is outcome


async def checked(fake: Fake, book: Book, trouble: Trouble = ILL) -> Evaluation:
    """H1's prediction asked and written down."""
    if not book.read().hypotheses:
        book.hypothesis("the pool is exhausted", {})
        book.predict("H1", POOL, {"min_samples": 3})
    one = book.read().hypotheses[0]
    found = await evaluate(one.predictions[0], fake, trouble, START + 1200)
    assert found is not None
    book.result("H1", "P1", found.outcome, found.data, found.says)
    return found


async def test_what_passes_every_gate_supports(book: Book) -> None:
    fake = Fake({"pool_in_use, checkout": 21.0, "pool_in_use, mail": 3.0}, stepped(START - 60), ("checkout", "mail"))
    found = await checked(fake, book)
    assert (found.outcome, found.data["order"], found.data["dose"]) == (HOLDS, "holds", "holds")
    one = book.read().hypotheses[0]
    assert one.state is HypothesisState.SUPPORTED and one.predictions[0].discriminates


@pytest.mark.parametrize(
    ("series", "elsewhere", "words"),
    [
        (stepped(START + 600), 3.0, "began after the trouble"),
        (stepped(START - 60), 21.0, "as true where nothing is wrong"),
    ],
)
async def test_what_fails_a_gate_supports_nothing_and_says_why(
    book: Book, series: Points, elsewhere: float, words: str
) -> None:
    fake = Fake({"pool_in_use, checkout": 21.0, "pool_in_use, mail": elsewhere}, series, ("checkout", "mail"))
    await checked(fake, book)
    one = book.read().hypotheses[0]
    assert one.state is HypothesisState.OPEN
    assert not one.predictions[0].discriminates and words in one.predictions[0].weak


async def test_a_gate_is_asked_again_and_may_turn(book: Book) -> None:
    late = Fake({"pool_in_use, checkout": 21.0}, stepped(START + 600))
    await checked(late, book)
    assert book.read().hypotheses[0].state is HypothesisState.OPEN
    await checked(Fake({"pool_in_use, checkout": 21.0}, stepped(START - 60)), book)
    assert book.read().hypotheses[0].state is HypothesisState.SUPPORTED


async def test_of_what_does_not_hold_nothing_more_is_asked(book: Book) -> None:
    fake = Fake({"pool_in_use, checkout": 3.0, "pool_in_use, mail": 3.0}, stepped(START), ("checkout", "mail"))
    found = await checked(fake, book)
    assert found.outcome is FAILS and (found.data["order"], found.data["dose"]) == ("unknown", "unknown")
    assert fake.asked == ["pool_in_use, checkout"] * 2


async def test_what_only_a_person_can_see_and_what_nobody_understands_is_not_asked(book: Book) -> None:
    book.hypothesis("one pod is broken", {})
    book.predict("H1", "manual: restarting that pod clears it", {})
    prediction = book.read().hypotheses[0].predictions[0]
    assert await evaluate(prediction, Fake({}), ILL, START) is None
    assert await evaluate(replace(prediction, text="who knows"), Fake({}), ILL, START) is None


def test_the_trouble_is_what_the_newest_snapshot_with_symptoms_shows(book: Book, clock: Clock) -> None:
    assert trouble_in(book.read()) == Trouble(None)
    document = {
        "state": "incident",
        "onset": "2026-11-18T11:06:40Z",
        "symptoms": [{"service": "checkout", "operation": "POST /orders"}, {"service": "gateway", "operation": None}],
        "suspects": [{"subject": "deploy/41", "standing": "leading"}],
        "changes": [{"id": "deploy/41", "version": "v41"}],
        "running": [{"service": "checkout", "version": "v41"}, {"service": "checkout", "version": "v40"}],
    }
    book.write(entries.snapshot(document, clock()))
    book.write(entries.snapshot({"state": "healthy"}, clock()))
    found = trouble_in(book.read())
    assert found.affected == ILL.affected and found.began == START
    assert (found.versions, found.others) == (frozenset({"v41"}), frozenset({"v40"}))
    whole = {**document, "running": [{"service": "checkout", "version": "v40"}]}
    book.write(entries.snapshot(whole, clock()))
    assert trouble_in(book.read()).others == frozenset()  # the blamed one does not run beside it
