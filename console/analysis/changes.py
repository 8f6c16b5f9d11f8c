"""Every change with its standing and the rule that decided.

Rules that exculpate come first and are facts about order, reach and place; time and mechanism only order what is left.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from console.analysis.aftermath import Aftermath
from console.analysis.cohorts import NAMED_PART, Ruling, ruling
from console.analysis.constants import (
    CHANGE_DECAY_S,
    CHANGE_EARLY_S,
    CHANGE_LAG_S,
    CLOCK_SKEW_S,
    EARLIER_PENALTY,
    LOOKBACK_MOST_S,
    LOOKBACK_S,
    MATCH_APART,
    MATCH_CONNECTED,
    MATCH_SAME,
    MATCH_UNKNOWN,
    MATCH_UNSEEN,
    PER_HOP,
    TIME_SCORE_NAMED,
)
from console.analysis.diffs import ADDED, NEW_CALL, SETTING, UNKNOWN, Effect
from console.analysis.frames import same_file
from console.analysis.matter import Case, Growth
from console.analysis.routine import routine_key
from console.analysis.running import DEPLOYS, runs_another
from console.analysis.undone import Undo, key_of
from console.domain.changes import Change
from console.domain.diagnosis import Compared, Standing
from console.domain.instant import Instant, clock_text, span_text
from console.domain.logs import Level, Pattern
from console.domain.values import dataclass

WEIGHT_TIME = 0.35
WEIGHT_MECHANISM = 0.65
"""Time orders, mechanism decides [D]."""
RELEVANT_WORD = 0.05
RELEVANT_MOST = 0.15
"""Added for each word that diff and symptom share, and at most [D]."""
GROWS = 0.9
"""Mechanism where a leak began as the change took effect [D]."""
UNDONE = 1.0
"""Mechanism where the trouble ended as the change was taken back: nothing tells more [D]."""
FOLLOWED_BEFORE = 0.7
"""Mechanism where trouble followed most of the earlier times as well [D]."""
WITH_EACH_RUN = 0.9
"""Mechanism of a job with each run of which the same trouble came, and not in between [D]."""
FRAME = 0.9
"""Mechanism where a stack trace of the new errors leads into the diff [D]."""
AT_ONCE_S = 90.0
"""A change this close to the interval of the onset happened at the very minute [D]."""
UNDECAYED_S = 60.0
"""A lag up to this counts as none [D]."""
AFTER_GUESS = 0.4
"""Part of its time score that a change loses which only bins and clocks allow to be earlier than the onset: all of this where
it lies `CHANGE_EARLY_S` after the best guess, evenly less before. Who mends at once must not hide the cause [D]."""
NAMED = 0.4
"""Below this score a possible change is not named as a suspect [D]."""
NOT_FAR_BEHIND = 0.2
"""Part of the likeliest place's weight from which the second may be where the trouble begins as well [D]."""
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
OUTVOTED = frozenset(("late", "routine", "effect-precedes"))
"""Rules that do not hold against a change with whose undoing the trouble ended, the newest where several were taken back, nor
against one that is where the bad requests are."""


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
    undo: Undo | None = None
    """What took it back since the onset."""
    ending: Aftermath | None = None
    """What became of the trouble then."""
    compared: tuple[Compared, ...] = ()
    """What it touched, before and after it."""
    ruling: Ruling = Ruling()
    """What the place of the bad requests inside the service says of it."""

    @property
    def undone(self) -> str:
        """What taking it back brought, in words; empty where that tells nothing."""
        return _undone(self.undo, self.ending)


def _undone(undo: Undo | None, ending: Aftermath | None) -> str:
    return f"{undo.by.id} {undo.how}: {ending.claim}" if undo is not None and ending is not None else ""


def in_reach(changes: Iterable[Change], onset: Instant | None, at: Instant) -> tuple[Change, ...]:
    """Changes near the onset: half an hour back, doubled while there is none, at most a week; and everything since."""
    known = sorted((c for c in changes if c.at <= at), key=lambda c: (c.at, c.id))
    reference = onset if onset is not None else at
    reach = LOOKBACK_S
    while reach < LOOKBACK_MOST_S and not any(reference - reach <= c.at <= reference for c in known):
        reach *= 2
    reach = max(min(reach, LOOKBACK_MOST_S), 2 * 3600.0)
    return tuple(c for c in known if c.at >= reference - reach)


def judge_changes(changes: tuple[Change, ...], history: tuple[Change, ...], case: Case) -> tuple[Judged, ...]:
    """Standing of each change, the likeliest first."""
    judged = [_judge(change, history, case) for change in changes]
    possible = sorted((j for j in judged if j.standing is Standing.POSSIBLE), key=lambda j: -j.score)
    if possible and _leads(possible[0], case):
        rival = possible[1].score if len(possible) > 1 else 0.0
        if possible[0].score - rival >= CLEAR_LEAD:
            lead = possible[0]
            judged[judged.index(lead)] = replace(
                lead, standing=Standing.LEADING, rule="leading", reason=_leading_reason(lead)
            )
    order = {Standing.LEADING: 0, Standing.POSSIBLE: 1, Standing.UNLIKELY: 2, Standing.IMPOSSIBLE: 3}
    return tuple(sorted(judged, key=lambda j: (order[j.standing], -j.score, -j.change.at, j.change.id)))


def _leads(judged: Judged, case: Case) -> bool:
    """A mechanism, and the right time: near, or far with a mechanism that acts late; or the trouble ended with it."""
    change = judged.change
    if judged.ending is not None and not judged.ending.ended:
        return False
    if judged.ending is not None and case.newest_undone(change):
        return True
    if judged.ruling.mechanism > NAMED_PART or (judged.ruling.support and judged.time_score >= TIME_SCORE_NAMED):
        return True
    if change.id in case.scheduled:
        return judged.time_score >= TIME_SCORE_NAMED
    if change.kind in ("infrastructure", "traffic", "other"):
        return False
    if judged.growth is not None:
        return judged.time_score >= TIME_SCORE_NAMED
    effect = case.effects.get(change.id)
    if effect is not None and effect.risk >= NEW_CALL and judged.score >= 0.5:
        return True
    # Under demand that multiplied a limit writes errors of its own, whoever released what.
    told = any("stack traces" in s or ("first seen after it" in s and not case.surged) for s in judged.support)
    if told and judged.time_score >= TIME_SCORE_NAMED:
        return True
    return _at_once_and_there(change, effect, case)


def _at_once_and_there(change: Change, effect: Effect | None, case: Case) -> bool:
    """Without a mechanism: of the very place, which adds the trouble itself, at the very minute; unless demand multiplied then.

    A deploy must be known to change what runs: of one whose content nobody knows, time and place alone say too little.
    """
    place = case.places[0] if case.places and not case.surged else None
    at_once = abs(case.onset.lag(change.at)) <= AT_ONCE_S
    there = place is not None and (place.node == change.service or (change.service, place.node) in case.asks_more)
    right_place = place is not None and there and place.share >= 0.5
    runs = change.kind != "deploy" if effect is None else bool(effect.path) and effect.risk >= ADDED
    return runs and at_once and right_place


def _leading_reason(judged: Judged) -> str:
    told = [part for part in (judged.undone, judged.ruling.support, *judged.support) if part]
    return f"leading: {'; '.join(told) or 'right place and time'}"


def _judge(
    change: Change,
    history: tuple[Change, ...],
    case: Case,
) -> Judged:
    grown = _grown(change, case)
    lag = (case.onset if grown is None else grown.since).lag(change.at)
    effect = case.effects.get(change.id)
    match, where = _match(change, case)
    mechanism, why = _mechanism(change, effect, case)
    here = ruling(change, case.found, case.running, case.mixed)
    if here.support:
        match, where = MATCH_SAME, where if match == MATCH_SAME else ""
        mechanism = max(mechanism, here.mechanism)
    scheduled = case.scheduled.get(change.id)
    if scheduled is not None:
        match, where, mechanism = MATCH_SAME, scheduled.reason, max(mechanism, WITH_EACH_RUN)
    if grown is not None:
        match, where = MATCH_SAME, f"changed {change.service}, which leaks"
        mechanism = max(mechanism, GROWS)
    ending = case.ending(change)
    ended = ending is not None and ending.ended
    alone = ended and case.newest_undone(change)
    time_score = match if alone else _time_score(change, match, lag, case)
    mechanism = UNDONE if ended else mechanism
    score = match * (WEIGHT_TIME * (time_score / match if match else 0.0) + WEIGHT_MECHANISM * mechanism)
    support = [
        _order_text(change, case),
        *_first_ran(change, case),
        *([where] if where and match >= MATCH_UNSEEN else []),
        *why,
    ]

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
            case.undone_since(change),
            ending,
            ruling=here,
        )

    if reason := _follows(change, case):
        return verdict(Standing.IMPOSSIBLE, "symptom", reason)
    if case.onset.surely_before(change.at):
        late = f"took effect {span_text(change.at - case.onset.at)} after the first symptom"
        return verdict(Standing.IMPOSSIBLE, "after-onset", "; ".join((late, *_mends(change, case))))
    if reason := _not_running(change, history, case):
        return verdict(Standing.IMPOSSIBLE, "not-running", reason)
    if here.standing is Standing.IMPOSSIBLE:
        return verdict(Standing.IMPOSSIBLE, here.rule, here.reason)
    if reason := _ended(change, case):
        return verdict(Standing.IMPOSSIBLE, "ended-before", reason)
    for rule, reason in ((here.rule, here.reason), *_exculpations(change, effect, lag, grown, case)):
        if reason and scheduled is None and not ((alone or here.support) and rule in OUTVOTED):
            return verdict(Standing.UNLIKELY, rule, reason, reason)
    told = [part for part in (_undone(case.undone_since(change), ending), *support) if part]
    return verdict(Standing.POSSIBLE, "possible", "; ".join(told) or "no rule excludes it")


def _exculpations(
    change: Change,
    effect: Effect | None,
    lag: float,
    grown: Growth | None,
    case: Case,
) -> Iterator[tuple[str, str]]:
    """Each rule that makes a change unlikely, with the reason where it holds; the first that does decides."""
    if grown is None:
        yield "unreachable", _unreachable(change, case)
    yield "takes-back", "; ".join(_mends(change, case))
    yield "survived-undo", _survived(change, case)
    delayed = grown is not None or (
        effect is not None and effect.risk >= SETTING and bool(effect.words & DELAYED_WORDS)
    )
    if lag > CHANGE_LAG_S and not delayed:
        yield "late", f"{span_text(lag)} before the first symptom, and nothing about it acts after so long"
    routine = case.routines.get(routine_key(change))
    if routine is not None and routine.harmless:
        yield "routine", routine.reason
    yield "effect-precedes", _precedes(change, case)
    if grown is None:
        yield "excess-elsewhere", _elsewhere(change, effect, case)
    yield "outlasts", _outlasts(change, case)


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


def _first_ran(change: Change, case: Case) -> list[str]:
    """When a told deploy was seen to run."""
    ran = case.ran.get(key_of(change))
    return [f"{ran.build} was first seen running at {clock_text(ran.at)} UTC ({ran.how})"] if ran is not None else []


def _follows(change: Change, case: Case) -> str:
    """A process that began anew since the trouble began, or goes on to, follows from it; whoever restarted it on purpose would
    have told."""
    if not change.observed or change.kind != "other":
        return ""
    began = case.onset.earliest - CLOCK_SKEW_S
    if change.at >= began:
        return f"{change.service} began anew as the trouble began or later: that follows from it"
    if case.until.get(key_of(change), change.at) >= began:
        return f"{change.service} begins anew again and again since {clock_text(change.at)} UTC: that is part of the trouble"
    return ""


def _match(change: Change, case: Case) -> tuple[float, str]:
    """How close the change is to where the trouble is, and in words."""
    service = change.service
    if service is None:
        return MATCH_UNKNOWN, "names no service"
    leading = _beginnings(case)
    if service in leading:
        return MATCH_SAME, f"changed {service}, where the trouble begins"
    for node in leading:
        if (times := case.asks_more.get((service, node))) is not None:
            return (
                MATCH_SAME,
                f"changed {service}, which asks {node} {times:.1f} x as often for each of its own requests",
            )
    caller = next((node for node in leading if service in case.graph.callees.get(node, ())), None)
    if caller is not None and service not in case.observed:
        return MATCH_UNSEEN, f"changed {service}, which {caller} calls and which tells nothing of itself"
    if service in case.affected:
        return 0.7, f"changed {service}, which is affected"
    if (away := _away(service, leading, case)) is not None:
        hops, words = away
        return max(MATCH_APART, MATCH_CONNECTED * PER_HOP ** (hops - 1)), f"changed {service}, {words}"
    if service not in case.observed and service not in case.graph.callees and service not in case.graph.callers:
        return MATCH_CONNECTED * 0.6, f"changed {service}, of which nothing is known"
    return MATCH_APART, f"changed {service}, which no call connects with what is affected"


def _beginnings(case: Case) -> list[str]:
    """The likeliest place, and the second where it is not far behind: what merely suffers is no beginning."""
    most = case.places[0].rank_value if case.places else 0.0
    return [p.node for p in case.places[:2] if p.rank_value > 0 and p.rank_value >= NOT_FAR_BEHIND * most]


def _away(service: str, leading: list[str], case: Case) -> tuple[int, str] | None:
    """Fewest calls to where the trouble begins, else to what is affected, and in words; None: no way of calls leads there.

    Who is affected suffers from where it begins, and so counts as one call further off.
    """
    graph = case.graph
    near = [(hops, node, "") for node in leading if (hops := graph.hops(service, node)) is not None]
    if not near:
        suffers = ", which is affected"
        near = [(hops, node, suffers) for node in case.affected if (hops := graph.hops(service, node)) is not None]
    if not near:
        return None
    hops, node, more = min(near)
    return hops + bool(more), f"{'one call' if hops == 1 else f'{hops} calls'} away from {node}{more}"


def _time_score(change: Change, match: float, lag: float, case: Case) -> float:
    """match x earlier x exp(-lag / 300 s); a lag up to `UNDECAYED_S` counts as none. Earlier is less than 1 where the service
    moved before the change, and where the change lies after the best guess of the onset."""
    early = case.moved_at.get(change.service or "")
    earlier = EARLIER_PENALTY if early is not None and early.surely_before(change.at) else 1.0
    earlier *= 1 - AFTER_GUESS * min(1.0, max(0.0, change.at - case.onset.at) / CHANGE_EARLY_S)
    return match * earlier * math.exp(-max(lag - UNDECAYED_S, 0.0) / CHANGE_DECAY_S)


def _mechanism(change: Change, effect: Effect | None, case: Case) -> tuple[float, list[str]]:
    why = []
    value = MECHANISM_BY_KIND.get(change.kind, 0.2)
    routine = case.routines.get(routine_key(change))
    if routine is not None and not routine.harmless:
        value = max(value, FOLLOWED_BEFORE)
        why.append(routine.reason)
    if effect is not None:
        value = effect.risk
        shared = sorted(effect.words & case.words)
        bonus = min(RELEVANT_MOST, RELEVANT_WORD * len(shared))
        value = min(1.0, value + bonus * min(1.0, effect.risk))
        where = f" in {effect.path}" if effect.path else ""
        why.append(f"its diff {effect.what}{where}")
        if shared and effect.risk >= NEW_CALL:
            why.append(f"diff and symptom share the word{'s' if len(shared) > 1 else ''} {', '.join(shared[:4])}")
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
            and not _relayed(p, case)
        ]
        if fresh and effect is None:
            value = max(value, 0.6)
        if fresh:
            why.append(f"{change.service} writes a new error first seen after it: {fresh[0].template}")
    return value, why


def _relayed(pattern: Pattern, case: Case) -> bool:
    """Whether an error tells of a callee that is off its level itself, or of which nothing else is known."""
    text = f"{pattern.template} {pattern.example or ''}"
    return any(
        (callee in case.affected or callee not in case.observed) and _says(text, callee)
        for callee in case.graph.callees.get(pattern.service or "", ())
    )


def _says(text: str, name: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) is not None


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


def _ended(change: Change, case: Case) -> str:
    undo = case.undos.get(key_of(change))
    if undo is None or change.kind == "migration" or not case.onset.surely_after(undo.by.at):
        return ""
    return f"taken back by {undo.by.id} {span_text(case.onset.at - undo.by.at)} before the first symptom: it {undo.how}"


def _mends(change: Change, case: Case) -> list[str]:
    """What a change mends that was made after the first symptom, as far as anybody can tell the order; empty: nothing.

    It takes back a change from before, or the trouble ended with it and the same service was changed before.
    """
    if change.at <= case.onset.at:
        return []
    back = [u.change for u in case.undos.values() if u.by == change and not case.onset.surely_before(u.change.at)]
    if back:
        return [f"it takes back {back[-1].id}, after the first symptom"]
    ending = case.after.get(key_of(change))
    if ending is None or not ending.ended or change.service not in case.changed_before:
        return []
    return [f"the trouble ended after it: {ending.claim}"]


def _survived(change: Change, case: Case) -> str:
    undo, ending = case.undos.get(key_of(change)), case.ending(change)
    if undo is None or ending is None or not ending.clears:
        return ""
    return f"taken back by {undo.by.id}, and the trouble went on: {ending.claim}"


def _outlasts(change: Change, case: Case) -> str:
    """The trouble is over since another change was taken back, and this one is still in place."""
    if case.lasts or change.kind == "other" or key_of(change) in case.undos:
        return ""
    ended = [u for u in case.undos.values() if (e := case.ending(u.change)) is not None and e.ended]
    if not ended:
        return ""
    return f"still in place, and the trouble ended as {ended[0].by.id} took back {ended[0].change.id}"


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
    if (service, top) in case.asks_more:
        return ""
    if place is None and service in case.affected:
        return ""
    if place is None and service not in case.observed:
        return ""
    return f"{service} adds less than {EXCESS_ELSEWHERE:.0%} of the trouble itself; {top} does"
