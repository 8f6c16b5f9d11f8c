"""Every change with its standing and the rule that decided.

Rules that exculpate come first and are facts about order, reach and place; time and mechanism only order what is left.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import field

from console.analysis.constants import (
    CHANGE_DECAY_S,
    CHANGE_LAG_S,
    CLOCK_SKEW_S,
    EARLIER_PENALTY,
    LOOKBACK_MOST_S,
    LOOKBACK_S,
    MATCH_CONNECTED,
    MATCH_SAME,
    MATCH_UNKNOWN,
    MATCH_UNSEEN,
    ROUTINE_TIMES,
    TIME_SCORE_NAMED,
)
from console.analysis.diffs import NEW_CALL, SETTING, UNKNOWN, Effect
from console.analysis.frames import same_file
from console.analysis.graph import Graph
from console.analysis.onset import Onset
from console.analysis.place import Place
from console.analysis.running import DEPLOYS, runs_another
from console.domain.changes import Change, Running
from console.domain.diagnosis import Standing
from console.domain.instant import Instant, span_text
from console.domain.logs import Level, Pattern
from console.domain.reading import SourceReport, SourceState
from console.domain.values import dataclass

WEIGHT_TIME = 0.35
WEIGHT_MECHANISM = 0.65
"""Time orders, mechanism decides [D]."""
RELEVANT_WORD = 0.05
RELEVANT_MOST = 0.15
"""Added for each word that diff and symptom share, and at most [D]."""
GROWS = 0.9
"""Mechanism where a leak began as the change took effect [D]."""
FRAME = 0.9
"""Mechanism where a stack trace of the new errors leads into the diff [D]."""
AT_ONCE_S = 90.0
"""A change this close to the interval of the onset happened at the very minute [D]."""
UNDECAYED_S = 60.0
"""A lag up to this counts as none [D]."""
NAMED = 0.4
"""Below this score a possible change is not named as a suspect [D]."""
CLEAR_LEAD = 0.05
"""A change leads only this far ahead of the next [D]."""
EXCESS_ELSEWHERE = 0.10
DELAYED_WORDS = frozenset(
    [
        "ttl",
        "cache",
        "expire",
        "expiry",
        "lifetime",
        "leak",
        "retention",
        "rotate",
        "schedule",
        "cron",
        "interval",
        "limit",
        "quota",
        "pool",
        "buffer",
    ]
)
"""Words of settings that act later than they are made [D]."""
MECHANISM_BY_KIND = {
    "deploy": UNKNOWN,
    "rollback": UNKNOWN,
    "config": 0.5,
    "flag": 0.4,
    "cron": 0.5,
    "scale": 0.5,
    "migration": 0.5,
    "certificate": 0.6,
    "infrastructure": 0.3,
    "traffic": 0.3,
    "other": 0.2,
}
"""What is assumed of a change whose content is not known [D]."""
CODE_KINDS = frozenset(("deploy", "rollback", "config", "migration"))
CHANGE_ROLES = frozenset(("changes", "deploys"))


@dataclass(frozen=True, slots=True)
class Growth:
    """A resource that began to grow and has run out since, or will: a mechanism that acts late."""

    metric: str
    since: Onset
    source: str = ""
    query: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """What is to be explained, as far as changes are concerned."""

    at: Instant
    onset: Onset
    places: tuple[Place, ...]
    graph: Graph
    affected: frozenset[str]
    """Services and dependencies with a symptom."""
    moved_at: dict[str, Onset]
    """When each service first left a level."""
    words: frozenset[str]
    """Words of metrics, operations and error messages that belong to the symptoms."""
    patterns: tuple[Pattern, ...] = ()
    effects: dict[str, Effect] = field(default_factory=dict)
    running: tuple[Running, ...] = ()
    observed: frozenset[str] = frozenset()
    """Services with telemetry of their own."""
    grows: dict[str, Growth] = field(default_factory=dict)
    """What leaks, by service."""
    frames: dict[str, Counter[str]] = field(default_factory=dict)
    """Source files that the errors since the onset name, by service."""
    lasts: bool = True
    """Whether the trouble goes on."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One change, judged."""

    change: Change
    standing: Standing
    rule: str
    """Short name of the rule that decided: after-onset, late, …"""
    reason: str
    score: float
    time_score: float
    mechanism: float
    support: tuple[str, ...] = ()
    """Facts that speak for it."""
    against: tuple[str, ...] = ()
    growth: Growth | None = None
    """What began to grow as it took effect: it acts late."""


def in_reach(changes: Iterable[Change], onset: Instant | None, at: Instant) -> tuple[Change, ...]:
    """Changes near the onset: half an hour back, doubled while there is none, at most a week; and everything since."""
    known = sorted((c for c in changes if c.at <= at), key=lambda c: (c.at, c.id))
    reference = onset if onset is not None else at
    reach = LOOKBACK_S
    while reach < LOOKBACK_MOST_S and not any(reference - reach <= c.at <= reference for c in known):
        reach *= 2
    reach = max(min(reach, LOOKBACK_MOST_S), 2 * 3600.0)
    return tuple(c for c in known if c.at >= reference - reach)


def unread_changes(sources: Iterable[SourceReport]) -> list[SourceReport]:
    """The sources of changes that may know of one that is not at hand."""
    return [one for one in sources if one.role in CHANGE_ROLES and one.state is not SourceState.OK]


def judge_changes(changes: tuple[Change, ...], history: tuple[Change, ...], case: Case) -> tuple[Judged, ...]:
    """Standing of each change, the likeliest first."""
    times = Counter(_routine_key(c) for c in history if c.at < case.onset.earliest - CHANGE_LAG_S)
    judged = [_judge(change, changes, history, times, case) for change in changes]
    possible = sorted((j for j in judged if j.standing is Standing.POSSIBLE), key=lambda j: -j.score)
    if possible and _leads(possible[0], case):
        rival = possible[1].score if len(possible) > 1 else 0.0
        if possible[0].score - rival >= CLEAR_LEAD:
            lead = possible[0]
            judged[judged.index(lead)] = Judged(
                lead.change,
                Standing.LEADING,
                "leading",
                _leading_reason(lead, case),
                *_scores(lead),
                lead.support,
                lead.against,
                lead.growth,
            )
    order = {Standing.LEADING: 0, Standing.POSSIBLE: 1, Standing.UNLIKELY: 2, Standing.IMPOSSIBLE: 3}
    return tuple(sorted(judged, key=lambda j: (order[j.standing], -j.score, -j.change.at, j.change.id)))


def _scores(judged: Judged) -> tuple[float, float, float]:
    return judged.score, judged.time_score, judged.mechanism


def _leads(judged: Judged, case: Case) -> bool:
    """A mechanism, and the right time: near, or far with a mechanism that acts late."""
    change = judged.change
    if change.kind in ("infrastructure", "traffic", "other"):
        return False
    if judged.growth is not None:
        return judged.time_score >= TIME_SCORE_NAMED
    effect = case.effects.get(change.id)
    if effect is not None and effect.risk >= NEW_CALL and judged.score >= 0.5:
        return True
    told = any("first seen after it" in s or "stack traces" in s for s in judged.support)
    if told and judged.time_score >= TIME_SCORE_NAMED:
        return True
    # Without its content: a change other than a deploy, of the very place, at the very minute.
    place = case.places[0] if case.places else None
    at_once = abs(case.onset.lag(change.at)) <= AT_ONCE_S
    right_place = place is not None and place.node == change.service and place.share >= 0.5
    return change.kind != "deploy" and effect is None and at_once and right_place


def _leading_reason(judged: Judged, case: Case) -> str:
    return f"leading: {'; '.join(judged.support) or 'right place and time'}"


def _routine_key(change: Change) -> tuple[str, str | None, str]:
    return change.kind, change.service, change.id.split("/")[0] if change.kind in ("cron", "scale") else change.id


def _judge(
    change: Change,
    changes: tuple[Change, ...],
    history: tuple[Change, ...],
    times: Counter[tuple[str, str | None, str]],
    case: Case,
) -> Judged:
    grown = _grown(change, case)
    lag = (case.onset if grown is None else grown.since).lag(change.at)
    effect = case.effects.get(change.id)
    match, where = _match(change, case)
    mechanism, why = _mechanism(change, effect, case)
    if grown is not None:
        match, where = MATCH_SAME, f"changed {change.service}, which leaks"
        mechanism = max(mechanism, GROWS)
    time_score = _time_score(change, match, lag, case)
    score = match * (WEIGHT_TIME * (time_score / match if match else 0.0) + WEIGHT_MECHANISM * mechanism)
    support = [_order_text(change, case), *([where] if match >= MATCH_UNSEEN else []), *why]

    def verdict(standing: Standing, rule: str, reason: str, against: str = "") -> Judged:
        value = score if standing in (Standing.POSSIBLE, Standing.LEADING) else 0.25 * score
        return Judged(
            change,
            standing,
            rule,
            f"{rule}: {reason}",
            value,
            time_score,
            mechanism,
            tuple(support),
            (against,) if against else (),
            grown,
        )

    if case.onset.surely_before(change.at):
        late = span_text(change.at - case.onset.at)
        return verdict(Standing.IMPOSSIBLE, "after-onset", f"took effect {late} after the first symptom")
    if reason := _not_running(change, history, case):
        return verdict(Standing.IMPOSSIBLE, "not-running", reason)
    if reason := _ended(change, changes, case):
        return verdict(Standing.IMPOSSIBLE, "ended-before", reason)
    if grown is None and (reason := _unreachable(change, case)):
        return verdict(Standing.UNLIKELY, "unreachable", reason, reason)
    delayed = grown is not None or (
        effect is not None and effect.risk >= SETTING and bool(effect.words & DELAYED_WORDS)
    )
    if lag > CHANGE_LAG_S and not delayed:
        reason = f"{span_text(lag)} before the first symptom, and nothing about it acts that late"
        return verdict(Standing.UNLIKELY, "late", reason, reason)
    if times[_routine_key(change)] >= ROUTINE_TIMES:
        reason = f"done {times[_routine_key(change)]} times before"
        return verdict(Standing.UNLIKELY, "routine", reason, reason)
    if reason := _precedes(change, case):
        return verdict(Standing.UNLIKELY, "effect-precedes", reason, reason)
    if grown is None and (reason := _elsewhere(change, effect, case)):
        return verdict(Standing.UNLIKELY, "excess-elsewhere", reason, reason)
    return verdict(Standing.POSSIBLE, "possible", "; ".join(support) or "no rule excludes it")


def _grown(change: Change, case: Case) -> Growth | None:
    """What began to grow in the changed service just then."""
    growth = case.grows.get(change.service or "")
    if growth is None or change.kind not in CODE_KINDS | {"flag", "scale"}:
        return None
    fits = not growth.since.surely_before(change.at) and growth.since.lag(change.at) <= CHANGE_LAG_S
    return growth if fits else None


def _order_text(change: Change, case: Case) -> str:
    if case.onset.surely_after(change.at):
        return f"took effect {span_text(case.onset.at - change.at)} before the first symptom"
    return "took effect as the first symptom appeared"


def _match(change: Change, case: Case) -> tuple[float, str]:
    """How close the change is to where the trouble is, and in words."""
    service = change.service
    if service is None:
        return MATCH_UNKNOWN, "names no service"
    leading = [p.node for p in case.places[:2] if p.rank_value > 0]
    if service in leading:
        return MATCH_SAME, f"changed {service}, where the trouble begins"
    caller = next((node for node in leading if service in case.graph.callees.get(node, ())), None)
    if caller is not None and service not in case.observed:
        return MATCH_UNSEEN, f"changed {service}, which {caller} calls and which tells nothing of itself"
    if service in case.affected:
        return 0.7, f"changed {service}, which is affected"
    if any(case.graph.connected(service, node) for node in (*leading, *case.affected)):
        return MATCH_CONNECTED, f"changed {service}, which calls or is called by what is affected"
    if service not in case.observed and service not in case.graph.callees and service not in case.graph.callers:
        return MATCH_CONNECTED * 0.6, f"changed {service}, of which nothing is known"
    return 0.1, f"changed {service}, which no call connects with what is affected"


def _time_score(change: Change, match: float, lag: float, case: Case) -> float:
    """match x earlier x exp(-lag / 300 s); a lag up to `UNDECAYED_S` counts as none."""
    early = case.moved_at.get(change.service or "")
    earlier = EARLIER_PENALTY if early is not None and early.surely_before(change.at) else 1.0
    return match * earlier * math.exp(-max(lag - UNDECAYED_S, 0.0) / CHANGE_DECAY_S)


def _mechanism(change: Change, effect: Effect | None, case: Case) -> tuple[float, list[str]]:
    why = []
    value = MECHANISM_BY_KIND.get(change.kind, 0.2)
    if effect is not None:
        value = effect.risk
        shared = sorted(effect.words & case.words)
        bonus = min(RELEVANT_MOST, RELEVANT_WORD * len(shared))
        value = min(1.0, value + bonus * min(1.0, effect.risk))
        where = f" in {effect.path}" if effect.path else ""
        why.append(f"its diff {effect.what}{where}")
        if shared and effect.risk >= NEW_CALL:
            why.append(f"diff and symptom share the words {', '.join(shared[:4])}")
    if change.service is not None and change.kind in CODE_KINDS | {"flag"}:
        named = _frame(effect, case.frames.get(change.service)) if effect is not None else ""
        if named:
            value = max(value, FRAME)
            why.append(f"the stack traces of the errors since then name {named}, which its diff changes")
        fresh = [
            p
            for p in case.patterns
            if p.service == change.service
            and p.status == "new"
            and p.level >= Level.ERROR
            and p.first_seen is not None
            and p.first_seen >= change.at - CLOCK_SKEW_S
        ]
        if fresh and effect is None:
            value = max(value, 0.6)
        if fresh:
            why.append(f"{change.service} writes a new error first seen after it: {fresh[0].template}")
    return value, why


def _frame(effect: Effect, frames: Counter[str] | None) -> str:
    """The changed file that most errors name."""
    for named, _ in frames.most_common() if frames else ():
        for path in sorted(effect.files):
            if same_file(path, named):
                return path
    return ""


def _not_running(change: Change, history: tuple[Change, ...], case: Case) -> str:
    """The trouble goes on, and whoever was asked since it began runs something else: this never ran, or is gone by now."""
    if change.kind not in DEPLOYS or change.service is None or not case.lasts:
        return ""
    newest = max((c for c in history if c.kind in DEPLOYS and c.service == change.service), key=lambda c: (c.at, c.id))
    if newest.id != change.id:
        return ""
    other = runs_another(change, case.running, history, max(change.at, case.onset.latest))
    if other is None:
        return ""
    runs = other.version or (other.commit or "")[:10]
    return f"{change.service} runs {runs}, not {change.version or (change.commit or change.id)[:10]} ({other.source})"


def _ended(change: Change, changes: tuple[Change, ...], case: Case) -> str:
    if change.kind == "migration":
        return ""
    for other in changes:
        undone = other.kind == "rollback" and other.service == change.service and change.service is not None
        if undone and change.at < other.at and case.onset.surely_after(other.at) and change.kind == "deploy":
            return f"rolled back by {other.id} {span_text(case.onset.at - other.at)} before the first symptom"
    return ""


def _unreachable(change: Change, case: Case) -> str:
    service = change.service
    if service is None or service in case.affected or any(p.node == service for p in case.places):
        return ""
    known = service in case.graph.callees or service in case.graph.callers
    targets = [p.node for p in case.places[:3]] or sorted(case.affected)
    if any(case.graph.connected(service, node) for node in (*targets, *case.affected)):
        return ""
    if known:
        return f"no call connects {service} with what is affected"
    if service in case.observed:
        return f"{service} itself is as before, and no call connects it with what is affected"
    return ""


def _precedes(change: Change, case: Case) -> str:
    moved = case.moved_at.get(change.service or "")
    if moved is None or not moved.surely_before(change.at):
        return ""
    return f"{change.service} itself was off its level {span_text(change.at - moved.at)} before the change"


def _elsewhere(change: Change, effect: Effect | None, case: Case) -> str:
    """The changed service adds nothing itself. One that calls the culprit and now asks more of it is another matter."""
    service = change.service
    if service is None or not case.places:
        return ""
    place = next((p for p in case.places if p.node == service), None)
    top = case.places[0].node
    if service == top or (place is not None and (not place.measured or place.share >= EXCESS_ELSEWHERE)):
        return ""
    if top in case.graph.callees.get(service, ()) and effect is not None and effect.risk >= NEW_CALL:
        return ""
    if place is None and service in case.affected:
        return ""
    if place is None and service not in case.observed:
        return ""
    return f"{service} adds less than {EXCESS_ELSEWHERE:.0%} of the trouble itself; {top} does"
