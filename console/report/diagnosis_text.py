"""A diagnosis as text: sentences that make sense read aloud (`--plain`), and the same laid out for the eye."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, tzinfo

from console.analysis.words import joined, metric_name, number
from console.domain.consulted import NO_KIND, not_consulted
from console.domain.diagnosis import Compared, Diagnosis, Evidence, JudgedChange, Standing, State, Suspect, Symptom
from console.domain.instant import Instant, clock_text, span_text
from console.domain.reading import SourceState
from console.domain.topology import DependencyState, Health

MOST_SYMPTOMS = 8
MOST_CHANGES = 8
MOST_PATTERNS = 5
MOST_EVIDENCE = 6
NO_QUERY = "computed from several series: no one query repeats it"
STATE_WORDS = {
    State.HEALTHY: "Healthy",
    State.DEGRADING: "Degrading",
    State.INCIDENT: "Incident",
    State.RECOVERING: "Recovering",
    State.INCONCLUSIVE: "Inconclusive",
}
_SIGNALS = {
    "error_rate": "failures",
    "latency_p50": "typical latency",
    "latency_p95": "95th percentile of latency",
    "latency_p99": "99th percentile of latency",
    "traffic": "traffic",
    "saturation": "saturation",
    "memory": "memory",
    "silence": "silence",
    "log_errors": "error lines in the log",
}
_COLOURS = {
    State.HEALTHY: "green",
    State.DEGRADING: "yellow",
    State.INCIDENT: "red",
    State.RECOVERING: "yellow",
    State.INCONCLUSIVE: "yellow",
}
Style = Callable[[str, str], str]
"""A text in a colour or weight by name: `red`, `green`, `yellow`, `dim`, `bold`."""


def state_colour(state: State) -> str:
    """The colour that goes with a state; the word beside it says the same."""
    return _COLOURS[state]


def plain_text(diagnosis: Diagnosis, zone: tzinfo = UTC) -> str:
    """Linear text: whole sentences, no colour, no columns, one statement a line."""
    return "\n".join(_Teller(diagnosis, zone, _unstyled, bullets=False).lines()) + "\n"


def human_text(diagnosis: Diagnosis, zone: tzinfo = UTC, style: Style | None = None) -> str:
    """The same statements with headings, indents and, where the terminal takes them, colours."""
    return "\n".join(_Teller(diagnosis, zone, style or _unstyled, bullets=True).lines()) + "\n"


def _unstyled(text: str, _: str) -> str:
    return text


class _Teller:
    """Puts one diagnosis into lines."""

    def __init__(self, diagnosis: Diagnosis, zone: tzinfo, style: Style, *, bullets: bool) -> None:
        self._seen = diagnosis
        self._zone = zone
        self._style = style
        self._bullets = bullets

    def lines(self) -> list[str]:
        """Everything, most important first."""
        parts = (
            self._verdict(),
            self._symptoms(),
            self._suspects(),
            self._changes(),
            self._patterns(),
            self._dependencies(),
            self._exhaustion(),
            self._sources(),
        )
        found: list[str] = []
        for part in parts:
            if part and found:
                found.append("")
            found += part
        return found

    def _clock(self, at: Instant) -> str:
        return clock_text(at, self._zone, now=self._seen.at)

    def _head(self, text: str) -> str:
        return self._style(text, "bold") if self._bullets else text

    def _item(self, text: str, indent: int = 1) -> str:
        return f"{'  ' * indent}{text}" if self._bullets else text

    def _verdict(self) -> list[str]:
        seen = self._seen
        word = STATE_WORDS[seen.state]
        at = clock_text(seen.at, self._zone, now=seen.generated_at)
        found = [f"{self._style(word, state_colour(seen.state))} as of {at} {self._zone_name()}."]
        found.append(str(seen.summary))
        if seen.onset is not None and seen.state is not State.HEALTHY:
            error = seen.onset_error_s
            about = f" (± {span_text(error)})" if error else ""
            found.append(
                f"It began at {self._clock(seen.onset)}{about}, {span_text(seen.at - seen.onset)} before that."
            )
        return found

    def _zone_name(self) -> str:
        return str(self._zone) if self._zone is not UTC else "UTC"

    def _symptoms(self) -> list[str]:
        symptoms = self._seen.symptoms
        if not symptoms:
            return []
        found = [self._head(f"{_count(len(symptoms), 'symptom')}, worst first:")]
        found += [self._item(self._symptom(s)) for s in symptoms[:MOST_SYMPTOMS]]
        return found + self._more(len(symptoms) - MOST_SYMPTOMS, "symptom")

    def _symptom(self, symptom: Symptom) -> str:
        where = f"{symptom.operation} of {symptom.service}" if symptom.operation else symptom.service
        was, now = (_number(v, symptom.unit) for v in (symptom.baseline, symptom.observed))
        text = f"{where}: {_SIGNALS[symptom.signal]} {now}, normally {was}"
        if symptom.onset is not None:
            text += f", since {self._clock(symptom.onset)}"
        if symptom.end is not None:
            text += f" until {self._clock(symptom.end)}"
        if symptom.share_of_bad is not None and symptom.share_of_bad >= 0.005:
            text += f"; {symptom.share_of_bad:.0%} of the excess"
        if symptom.samples is not None:
            text += f"; {symptom.samples:,} samples"
        return text + "."

    def _suspects(self) -> list[str]:
        seen = self._seen
        if not seen.suspects:
            return ["No suspect has evidence for it."] if seen.state is State.INCIDENT else []
        found = [self._head(f"{_count(len(seen.suspects), 'suspect')}, the likeliest first:")]
        for suspect in seen.suspects:
            found += self._suspect(suspect)
        return found

    def _suspect(self, suspect: Suspect) -> list[str]:
        kind = suspect.kind.replace("_", " ")
        head = f"{suspect.rank}. {kind} {suspect.subject}, {suspect.standing.value}. {suspect.summary}"
        found = [
            self._item(self._style(head, "bold") if suspect.standing is Standing.LEADING and self._bullets else head)
        ]
        found += [self._item(self._evidence(e), 2) for e in suspect.evidence[:MOST_EVIDENCE]]
        found += self._more(len(suspect.evidence) - MOST_EVIDENCE, "reason", 2)
        if suspect.next_check:
            found.append(self._item(f"To refute it: {suspect.next_check}.", 2))
        return found

    def _evidence(self, evidence: Evidence) -> str:
        side = "For" if evidence.supports else "Against"
        kind = "read" if evidence.kind == "fact" else "concluded"
        query = f" Repeat: {evidence.query}" if evidence.query and self._bullets else ""
        if evidence.query is None:
            query = f" {NO_QUERY[0].upper()}{NO_QUERY[1:]}."
        return f"{side}, {kind} from {evidence.source}: {evidence.claim}.{query}"

    def _changes(self) -> list[str]:
        seen = self._seen
        missing = not_consulted(seen.sources)
        without = f"{joined(missing)} were not consulted" if missing and seen.sources else ""
        if not seen.changes:
            return [*([f"No change is in reach; {without}."] if without else []), *self._running()]
        can = [c for c in seen.changes if c.standing in (Standing.LEADING, Standing.POSSIBLE)]
        if seen.state is State.HEALTHY:
            head = f"{_count(len(seen.changes), 'change')} in reach"
        else:
            head = f"{len(can)} of {_count(len(seen.changes), 'change')} in reach can explain it"
        found = [self._head(f"{'; '.join(part for part in (head, without) if part)}:")]
        order = {Standing.LEADING: 0, Standing.POSSIBLE: 1, Standing.UNLIKELY: 2, Standing.IMPOSSIBLE: 3}
        ranked = sorted(seen.changes, key=lambda c: (order[c.standing], -c.at))
        for one in ranked[:MOST_CHANGES]:
            found.append(self._item(self._change(one)))
            found += [self._item(text, 2) for text in self._compared(one)]
        return [*found, *self._more(len(ranked) - MOST_CHANGES, "change"), *self._running()]

    def _change(self, change: JudgedChange) -> str:
        what = change.id if change.observed and change.kind == "other" else f"{change.kind} {change.id}"
        where = f" of {change.service}" if change.service else ""
        seen = f", observed by {change.observed}" if change.observed else ""
        if self._seen.state is State.HEALTHY:
            return f"{what}{where} at {self._clock(change.at)}{seen}."
        reason = str(change.reason).removeprefix(f"{change.standing.value}: ")
        return f"{what}{where} at {self._clock(change.at)}{seen}: {change.standing.value}; {reason}."

    def _compared(self, change: JudgedChange) -> list[str]:
        """Before and after, a sentence for the service and for each of its operations that is in trouble."""
        found = []
        for operation in dict.fromkeys(one.operation for one in change.compared):
            rows = [one for one in change.compared if one.operation == operation]
            place = f"{operation} of {rows[0].service}" if operation else rows[0].service
            spans = f"{span_text(rows[0].before_window.seconds)} before and {span_text(rows[0].after_window.seconds)} after it"
            told = "; ".join(f"{metric_name(one.metric)} {_sides(one)}" for one in rows)
            found.append(f"{place}, {spans}: {told}{_requests(rows[0])}.")
        return found

    def _running(self) -> list[str]:
        """What runs and is not what was deployed last."""
        return [
            f"{one.service} runs {one.version or one.commit or 'another build'}, by {one.source}: its newest deploy says another."
            for one in self._seen.running
            if one.agrees is False
        ]

    def _patterns(self) -> list[str]:
        special = [p for p in self._seen.patterns if p.status != "steady"]
        if not special:
            return []
        counted = " (counted in a sample of the lines)" if self._seen.patterns_sampled else ""
        found = [self._head(f"Log lines special to this stretch{counted}:")]
        for pattern in special[:MOST_PATTERNS]:
            was = "not known" if pattern.baseline_count is None else f"{pattern.baseline_count:,} before"
            found.append(
                self._item(
                    f"{pattern.status}, {pattern.level.word} of {pattern.service or 'unknown'}: {pattern.template} ({pattern.count:,} lines, {was})."
                )
            )
        return found + self._more(len(special) - MOST_PATTERNS, "pattern")

    def _dependencies(self) -> list[str]:
        bad = [d for d in self._seen.dependencies if d.health in (Health.DOWN, Health.DEGRADED)]
        if not bad:
            return []
        return [self._head("What services need and is not well:"), *(self._item(_dependency(d)) for d in bad)]

    def _exhaustion(self) -> list[str]:
        found = []
        for one in self._seen.exhaustion:
            if one.earliest is not None:
                latest = f"and {self._clock(one.latest)}" if one.latest is not None else "and perhaps never"
                found.append(
                    f"{one.metric} of {one.service} runs out between {self._clock(one.earliest)} {latest}, if this continues."
                )
        return found

    def _sources(self) -> list[str]:
        wrong = [s for s in self._seen.sources if s.state is not SourceState.OK]
        right = len(self._seen.sources) - len(wrong)
        found = [f"{_count(right, 'source')} read without a gap."] if right else []
        for source in wrong:
            if source.kind == NO_KIND:
                continue  # it was said where the changes are told
            detail = f": {source.detail}" if source.detail else ""
            found.append(f"Source {source.name} ({source.kind}) is {source.state.value.replace('_', ' ')}{detail}.")
        return found

    def _more(self, rest: int, what: str, indent: int = 1) -> list[str]:
        return [self._item(f"and {_count(rest, what + ' more', what + 's more')}.", indent)] if rest > 0 else []


def _sides(one: Compared) -> str:
    return f"{_number(one.before, one.unit)} and {_number(one.after, one.unit)}"


def _requests(one: Compared) -> str:
    if one.samples_before is None and one.samples_after is None:
        return ""
    counts = ("not known" if n is None else f"{n:,}" for n in (one.samples_before, one.samples_after))
    return f"; {' and '.join(counts)} requests"


def _dependency(state: DependencyState) -> str:
    text = f"{state.name} is {state.health.value}, by {state.evidence}"
    if state.error_rate is not None:
        text += f"; {_number(state.error_rate, 'ratio')} of calls fail"
    if state.latency_p95_s is not None:
        text += f"; 95th percentile {_number(state.latency_p95_s, 's')}"
    return text + (f" ({state.detail})." if state.detail else ".")


def _count(n: int, one: str, many: str | None = None) -> str:
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def _number(value: float | None, unit: str) -> str:
    if value is None or not math.isfinite(value):
        return "not known"
    return f"{value:,.3g} per second" if unit == "1/s" else number(value, unit)
