"""Whether a prediction that holds says anything: it must not be true before, its cause must not begin after its effect, and it
must not be as true where nothing is wrong. Pure.

Each is a gate of its own (null control, order, dose); what fails one of them supports no hypothesis. What cannot be told is
inconclusive and changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import field, replace

from console.case.mitigated import Mitigated
from console.case.model import Outcome
from console.case.predictions import Answer, Question, judged
from console.domain.instant import Instant, Window, clock_text
from console.domain.values import dataclass
from console.query.text import quoted

CHANGE_P = 0.05
"""A change point that chance makes more often than this is none."""
LEAST_SIDE = 3
"""Values on each side of a change point."""
AROUND_S = 1800.0
"""Order is looked for so far on both sides of the onset, at least."""
MOST_PEERS = 4
"""Places without trouble that are asked, so that a system in trouble is not asked the more."""
DOSE = 0.5
"""What is less than this share of what it is at the trouble is another dose."""
RISES, FALLS = (">", ">="), ("<", "<=")

Points = Sequence[tuple[Instant, float]]


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is known of the incident that a hypothesis is about."""

    began: Instant | None = None
    affected: frozenset[tuple[str, str]] = frozenset()
    """Services with symptoms and the operation of each; empty: of the service as a whole."""
    versions: frozenset[str] = frozenset()
    """Versions that the leading suspect brought."""
    others: frozenset[str] = frozenset()
    """Other versions that run beside them."""
    mitigated: Mitigated = field(default_factory=Mitigated)


@dataclass(frozen=True, slots=True)
class Checked:
    """One gate."""

    outcome: Outcome = Outcome.UNKNOWN
    says: str = ""


@dataclass(frozen=True, slots=True)
class Quality:
    """The gates of one evaluation."""

    order: Checked = field(default_factory=Checked)
    dose: Checked = field(default_factory=Checked)


def around(began: Instant, now: Instant, over_s: float) -> Window:
    """Where the change point of a cause is looked for."""
    reach = max(AROUND_S, over_s)
    return Window(began - reach, max(began, min(now, began + reach)))


def change_point(points: Points) -> int | None:
    """The first value of another level than those before it; None where there is no change, or chance may have made it.

    The rank-sum test (Mann and Whitney 1947) at every place, so that no single value decides; the clearest place counts, and its
    chance is multiplied by their number. Where all values before lie on one side of all behind, the chance is the exact one: a
    change that came late has few values behind it.
    """
    n = len(points)
    if n < 2 * LEAST_SIDE:
        return None
    values = [value for _, value in points]
    ranks = _ranks(values)
    found, place, total = 0.0, 0, 0.0
    for k in range(1, n - LEAST_SIDE + 1):
        total += ranks[k - 1]
        score = abs(total - k * (n + 1) / 2) / math.sqrt(k * (n - k) * (n + 1) / 12)
        if k >= LEAST_SIDE and score > found:
            found, place = score, k
    chance = math.erfc(found / math.sqrt(2))
    before, behind = values[:place], values[place:]
    if before and (max(before) < min(behind) or min(before) > max(behind)):
        chance = min(chance, 2 / math.comb(n, place))
    return place if place and chance * (n - 2 * LEAST_SIDE + 1) <= CHANGE_P else None


def _ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 1 on; equal values share theirs."""
    order = sorted(range(len(values)), key=lambda k: values[k])
    found = [0.0] * len(values)
    start = 0
    for end in range(1, len(order) + 1):
        if end == len(order) or values[order[end]] != values[order[start]]:
            for k in order[start:end]:
                found[k] = (start + 1 + end) / 2
            start = end
    return found


def ordered(question: Question, points: Points, step_s: float, began: Instant | None) -> Checked:
    """Whether what was predicted began no later than the trouble; both are known to one step of the series.

    Args:
        points: Of the question's series around the onset, without gaps.
    """
    if began is None:
        return Checked(Outcome.INCONCLUSIVE, "when the trouble began is not known")
    place = change_point(points)
    if place is None:
        return Checked(Outcome.INCONCLUSIVE, "no change of level around the onset")
    rose = _middle(points[place:]) > _middle(points[:place])
    if (question.comparator in RISES and not rose) or (question.comparator in FALLS and rose):
        return Checked(Outcome.INCONCLUSIVE, f"around the onset it {'rose' if rose else 'fell'}")
    at = points[place][0]
    said = f"it changed at {clock_text(at)} UTC, the trouble began at {clock_text(began)}"
    return Checked(Outcome.FAILS if at - step_s > began + step_s else Outcome.HOLDS, said)


def in_order(first: Points, then: Points, step_s: float) -> tuple[Checked, float | None]:
    """Whether one series changed its level no later than another, each known to one step; and by how many seconds before."""
    places = change_point(first), change_point(then)
    if places[0] is None or places[1] is None:
        missing = " and ".join(
            name for name, place in zip(("the first", "the second"), places, strict=True) if place is None
        )
        return Checked(Outcome.INCONCLUSIVE, f"no change of level of {missing}"), None
    at, later = first[places[0]][0], then[places[1]][0]
    said = f"the first changed at {clock_text(at)} UTC, the second at {clock_text(later)}"
    return Checked(Outcome.FAILS if at - step_s > later + step_s else Outcome.HOLDS, said), later - at


def _middle(points: Points) -> float:
    values = sorted(value for _, value in points)
    return values[len(values) // 2]


def peers(question: Question, services: Iterable[str], operations: Iterable[str], trouble: Trouble) -> list[Question]:
    """The same question where nothing is wrong; empty where there is no such place, or nobody knows where the trouble is.

    Args:
        services: Those that can be asked about.
        operations: Of the question's service.
    """
    if not trouble.affected:
        return []
    if question.kind == "log":
        return _log_peers(question, services, trouble)[:MOST_PEERS]
    if question.operation:
        names = [o for o in operations if o != question.operation and (question.service, o) not in trouble.affected]
        found = [_of(question, question.service, name) for name in names if name]
    else:
        found = [_of(question, name, "") for name in _well(services, trouble) if name != question.service]
    return found[:MOST_PEERS]


def _well(services: Iterable[str], trouble: Trouble) -> list[str]:
    ill = {service for service, _ in trouble.affected}
    return [name for name in services if name not in ill]


def _of(question: Question, service: str, operation: str) -> Question:
    query = ", ".join(part for part in (question.metric, service, operation) if part)
    return replace(question, query=query, service=service, operation=operation)


def _log_peers(question: Question, services: Iterable[str], trouble: Trouble) -> list[Question]:
    if trouble.versions and trouble.others and "version:" not in question.query:
        return [_narrowed(question, "version", name) for name in sorted(trouble.others)]
    if "service:" in question.query:
        return []
    return [_narrowed(question, "service", name) for name in _well(services, trouble)]


def _narrowed(question: Question, name: str, value: str) -> Question:
    return replace(question, query=f"({question.query}) {name}:{quoted(value)}")


def dosed(answer: Answer, asked: Collection[tuple[Question, Answer]], least: int) -> Checked:
    """Whether it is true only where the trouble is: at most places without trouble it must not hold, or be much weaker.

    Args:
        answer: At the place of the trouble, where it holds.
        asked: The same question at places without trouble, with its answers.
        least: Samples that an answer needs.
    """
    known = [(one, there) for one, there in asked if judged(one, there, least) is not Outcome.INCONCLUSIVE]
    if not known:
        return Checked(Outcome.INCONCLUSIVE, "no place without trouble can be compared")
    alike = [one.query for one, there in known if _as_true(one, answer, there, least)]
    said = f"it is as true at {len(alike)} of {len(known)} places without trouble"
    if not alike:
        return Checked(Outcome.HOLDS, said)
    told = f"{said}: {alike[0]}"
    return Checked(Outcome.FAILS if 2 * len(alike) >= len(known) else Outcome.INCONCLUSIVE, told)


def _as_true(question: Question, here: Answer, there: Answer, least: int) -> bool:
    """Whether it holds there too, and at least half as much: an ordinary peak is no such trouble."""
    if judged(question, there, least) is not Outcome.HOLDS or here.value is None or there.value is None:
        return False
    if question.comparator in RISES and here.value > 0:
        return there.value >= DOSE * here.value
    if question.comparator in FALLS and here.value > 0:
        return DOSE * there.value <= here.value
    return True
