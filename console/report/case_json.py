"""A case as JSON, for scripts: `incident case show --json` and the front of `incident report --json`, with its JSON Schema."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from console.case.events import CERTAINTIES, KINDS, Event
from console.case.gates import banners
from console.case.hypotheses import next_test
from console.case.model import SEVERITIES, Case, CaseState, Hypothesis, HypothesisState, Outcome, Prediction
from console.domain.instant import Instant
from console.domain.values import dataclass
from console.report.shape import Field, Json, schema, write

SCHEMA_VERSION = 1
ADDRESS = "urn:incident-console:schema:case:1"
METRICS = (
    ("ttd_s", "detected_at", "impact_started_at"),
    ("tta_s", "acknowledged_at", "detected_at"),
    ("tti_s", "identified_at", "detected_at"),
    ("ttm_s", "mitigated_at", "impact_started_at"),
    ("ttr_resolve_s", "resolved_at", "impact_started_at"),
)
"""Durations of the incident: later moment, earlier moment. A moment that is missing gives null, never 0."""
MOMENTS = (
    *("impact_started_at", "detected_at", "acknowledged_at", "declared_at", "identified_at"),
    *("mitigated_at", "resolved_at", "closed_at"),
)


def durations(case: Case) -> dict[str, float | None]:
    """Seconds between the moments of the incident; null where one is missing or they stand the wrong way round."""
    found: dict[str, float | None] = {}
    for name, later, earlier in METRICS:
        end, start = case.times.get(later), case.times.get(earlier)
        found[name] = round(end - start, 3) if end is not None and start is not None and end >= start else None
    return found


@dataclass(frozen=True, slots=True)
class _At:
    """Something of a case, and the moment at which it is told."""

    of: Any
    now: Instant


def _of(name: str) -> Callable[[Any], Any]:
    """Reads an attribute of what an `_At` is about; empty text is null."""
    return lambda at: getattr(at.of, name) if getattr(at.of, name) != "" else None


def _own_name(event: Event) -> str:
    name = event.data.get("name") if event.kind == "evidence" else ""
    return name if isinstance(name, str) else ""


EVENT = (
    Field("id", "text", "Unique; `--supersedes` takes it."),
    Field("occurred_at", "time", "When it happened."),
    Field("recorded_at", "time", "When it was written down."),
    Field("author", "text", "Who wrote it."),
    Field("source", "text", "human, console, alert, deploy, metric, log, langsmith or git."),
    Field("kind", "text", "What it is.", among=KINDS),
    Field("text", "text", "In words; may hold line breaks."),
    Field("certainty", "text", "Whether it is known for sure.", among=CERTAINTIES),
    Field(
        "evidence",
        "texts",
        "Names of evidence that it rests on, or its own.",
        read=lambda e: [n for n in (*e.evidence, _own_name(e)) if n],
    ),
    Field("supersedes", "text", "The id of the entry that this corrects.", null=True),
)
EVIDENCE = (
    Field("name", "text", "How the record speaks of it: E3."),
    Field("kind", "text", "log, metric, change, trace, diagnosis, repro, fix or note."),
    Field("claim", "text", "What it shows."),
    Field("fact", "boolean", "Read directly; false: concluded."),
    Field("supports", "boolean", "It speaks for the suspect or hypothesis; false: against it."),
    Field("source", "text", "Where it was seen.", null=True, read=lambda e: e.source or None),
    Field("query", "text", "What finds it again.", null=True, read=lambda e: e.query or None),
    Field("window", "window", "The stretch that it is about.", null=True),
    Field("digest", "text", "SHA-256 over what is kept; `incident case verify` computes it again."),
    Field("excerpt", "text", "What was seen, without its secrets.", null=True, read=lambda e: e.excerpt or None),
    Field("completeness", "text", "COMPLETE, PARTIAL or PREVIEW-ONLY."),
    Field("samples", "integer", "Requests, points or lines behind it.", null=True),
    Field("captured_at", "time", "When it was kept.", read=lambda e: e.event.recorded_at),
    Field("author", "text", "Who kept it.", read=lambda e: e.event.author),
)


def _status(at: _At) -> str:
    return "stale" if at.of.stale(at.now) else str(at.of.outcome)


def _last(name: str) -> Callable[[_At], Any]:
    def read(at: _At) -> Any:
        one: Prediction = at.of
        return getattr(one.last, name) if one.last is not None else None

    return read


def _gate(name: str) -> Callable[[_At], str]:
    def read(at: _At) -> str:
        one: Prediction = at.of
        return str(getattr(one.last, name)) if one.last is not None else str(Outcome.UNKNOWN)

    return read


_OUTCOMES = tuple(str(one) for one in Outcome)
PREDICTION = (
    Field("name", "text", "P2, numbered within its hypothesis.", read=_of("name")),
    Field("text", "text", "The question that it asks.", read=_of("text")),
    Field("refutes", "text", "The observation that would refute the hypothesis.", null=True, read=_of("refutes")),
    Field("must_hold", "boolean", "Failing refutes the hypothesis.", read=_of("must_hold")),
    Field("min_samples", "integer", "Fewer are inconclusive.", read=_of("min_samples")),
    Field(
        "status",
        "text",
        "What its newest evaluation said.",
        among=("unknown", "holds", "fails", "inconclusive", "stale"),
        read=_status,
    ),
    Field("discriminates", "boolean", "False: it says nothing, though it may hold.", read=_of("discriminates")),
    Field("weak", "text", "Why it says nothing; null: it does.", null=True, read=_of("weak")),
    Field("order", "text", "Whether it began no later than the trouble.", among=_OUTCOMES, read=_gate("order")),
    Field("dose", "text", "Whether it is true only where the trouble is.", among=_OUTCOMES, read=_gate("dose")),
    Field("last_value", "number", "Of the newest evaluation.", null=True, read=_last("value")),
    Field("samples", "integer", "Behind it.", null=True, read=_last("samples")),
    Field("last_at", "time", "When it was asked last.", null=True, read=_last("at")),
    Field(
        "as_at",
        "time",
        "The mitigation at which the stretch ends that `status`, `last_value` and `samples` are of; null: it ends at `last_at`.",
        null=True,
        read=_last("as_at"),
    ),
)
HYPOTHESIS = (
    Field("name", "text", "H1.", read=_of("name")),
    Field("statement", "text", "The cause that may be the one.", read=_of("statement")),
    Field("mechanism", "text", "How it leads to what is seen.", null=True, read=_of("mechanism")),
    Field(
        "state",
        "text",
        "What the evidence allows to be said.",
        among=tuple(str(s) for s in HypothesisState),
        read=_of("state"),
    ),
    Field("reason", "text", "Of its latest change of state.", null=True, read=_of("reason")),
    Field("prior", "text", "low, med or high.", read=_of("prior")),
    Field("explains", "texts", "Symptoms; empty: all of the incident.", read=_of("explains")),
    Field("rivals", "texts", "Hypotheses that explain the same.", read=_of("rivals")),
    Field("parent", "text", "The hypothesis that it refines.", null=True, read=_of("parent")),
    Field("superseded_by", "text", "The refinement that took its place.", null=True, read=_of("superseded_by")),
    Field("author", "text", "Who wrote it down.", read=lambda at: at.of.event.author),
    Field("created_at", "time", "When.", read=lambda at: at.of.event.occurred_at),
    Field("changed_at", "time", "When its state changed last.", read=_of("changed_at")),
    Field("evidence", "texts", "Names of evidence bound to it.", read=_of("evidence")),
    Field("interventions", "texts", "Of these, what confirmed it.", read=_of("interventions")),
    Field(
        "predictions",
        "list",
        "In order.",
        shape=PREDICTION,
        read=lambda at: [_At(p, at.now) for p in at.of.predictions],
    ),
)
ACTION = (
    Field("name", "text", "A1."),
    Field("text", "text", "What is to be done."),
    Field("type", "text", "prevent, detect, mitigate or process."),
    Field("owner", "text", "Who does it.", null=True, read=lambda a: a.owner or None),
    Field("due", "text", "Until when.", null=True, read=lambda a: a.due or None),
    Field("done_when", "text", "How one sees that it is done.", null=True, read=lambda a: a.done_when or None),
    Field("status", "text", "open, done or declined."),
)
OVERRIDE = (
    Field("rule", "text", "The gate that was passed: SG5."),
    Field("says", "text", "What it had said."),
    Field("reason", "text", "Why it was passed."),
    Field("author", "text", "By whom.", read=lambda o: o.event.author),
    Field("at", "time", "When.", read=lambda o: o.event.recorded_at),
)
CYCLE = (
    Field("started_at", "time", "When it was taken up."),
    Field("mitigated_at", "time", "When the harm was stopped.", null=True),
    Field("resolved_at", "time", "When it was over.", null=True),
)
HANDOFF = (
    Field("role", "text", "Which role."),
    Field("from", "text", "Who gives it.", read=lambda h: h.giver),
    Field("to", "text", "Who is to take it.", read=lambda h: h.taker),
    Field("proposed_at", "time", "When it was offered."),
)
NEXT_TEST = (
    Field("hypothesis", "text", "H1.", read=lambda t: t[0].name),
    Field("prediction", "text", "P2.", read=lambda t: t[1].name),
    Field("text", "text", "The question.", read=lambda t: t[1].text),
)
BANNER = (Field("rule", "text", "SG11."), Field("says", "text", "What has been waited for too long."))
PROBLEM = (
    Field("file", "text", "Of the journal."),
    Field("line", "integer", "From 1."),
    Field("says", "text", "Why it is no entry."),
)
RECOVERY = (
    Field(
        "verdict",
        "text",
        "The newest.",
        null=True,
        read=lambda c: c.recovery.data.get("verdict") if c.recovery else None,
    ),
    Field(
        "at", "time", "When it was judged.", null=True, read=lambda c: c.recovery.occurred_at if c.recovery else None
    ),
    Field(
        "reason", "text", "In words.", null=True, read=lambda c: c.recovery.data.get("reason") if c.recovery else None
    ),
    Field("contract", "free", "What recovered means; see `incident schema recovery-contract`.", null=True),
)
METRIC_FIELDS = (
    *(
        Field(name, "number", f"Seconds from {earlier} to {later}.", null=True, read=lambda m, name=name: m[name])  # type: ignore[misc]
        for name, later, earlier in METRICS
    ),
    Field("reopened", "integer", "How often it was taken up again.", read=lambda m: m["reopened"]),
    Field("overrides", "integer", "Gates that were passed.", read=lambda m: m["overrides"]),
)
SUMMARY = (
    Field("id", "text", "What commands take."),
    Field("title", "text", "In words."),
    Field("severity", "text", "How bad it is.", null=True, among=SEVERITIES),
    Field(
        "state",
        "text",
        "How far people have come; it says nothing about telemetry.",
        among=tuple(str(s) for s in CaseState),
    ),
    Field("services", "texts", "What it is about."),
    Field("opened_at", "time", "When the record begins.", null=True, read=lambda c: c.opened_at or None),
    Field(
        "updated_at",
        "time",
        "Its newest entry.",
        null=True,
        read=lambda c: max((e.recorded_at for e in c.events), default=None),
    ),
    Field("authors", "texts", "Everybody who wrote in it."),
    Field("entries", "integer", "How many.", read=lambda c: len(c.events)),
)


def _metrics(case: Case) -> dict[str, Any]:
    return {**durations(case), "reopened": case.reopened, "overrides": len(case.overrides)}


def _case(read: Callable[[Case], Any]) -> Callable[[_At], Any]:
    return lambda at: read(at.of)


CASE = (
    Field("schema_version", "integer", "Raised with the major version.", read=lambda _: SCHEMA_VERSION),
    *(Field(f.name, f.kind, f.says, f.null, f.among, f.shape, _case(f.read) if f.read else _of(f.name)) for f in SUMMARY),
    Field("summary", "text", "One or two sentences.", null=True, read=_of("summary")),
    Field("impact", "free", "users_pct, journeys, regions, data_risk, workaround, statement, lingering; what is known of it.", read=_of("impact")),
    Field("detection_source", "text", "alert, user, support or other.", read=_of("detection")),
    *(
        Field(name, "time", f"{name.removesuffix('_at').replace('_', ' ').capitalize()}; null: not known.", null=True, read=lambda at, name=name: at.of.times.get(name))  # type: ignore[misc]
        for name in MOMENTS
    ),
    Field("metrics", "object", "Durations, by when things happened.", shape=METRIC_FIELDS, read=_case(_metrics)),
    Field("roles", "free", "Persons by their roles.", read=_of("roles")),
    Field("handoffs", "list", "Offered and not accepted yet.", shape=HANDOFF, read=_of("handoffs")),
    Field("cycles", "list", "Runs from investigating to resolved.", shape=CYCLE, read=_of("cycles")),
    Field("hypotheses", "list", "In order.", shape=HYPOTHESIS, read=lambda at: [_At(h, at.now) for h in at.of.hypotheses]),
    Field("next_test", "object", "The cheapest next test.", null=True, shape=NEXT_TEST, read=lambda at: next_test(at.of, at.now)),
    Field("evidence", "list", "In order.", shape=EVIDENCE, read=_of("evidence")),
    Field("recovery", "object", "Whether it is over.", shape=RECOVERY, read=_case(lambda c: c)),
    *(
        Field(name, "list", says, shape=EVENT, read=_of(name))
        for name, says in (("mitigations", "What stopped the harm."), ("repros", "Reproductions."), ("fixes", "Branches and proofs."), ("updates", "Messages."))
    ),
    Field("actions", "list", "Follow-ups.", shape=ACTION, read=_of("follow_ups")),
    Field("overrides", "list", "Gates that were passed, and why.", shape=OVERRIDE, read=_of("overrides")),
    Field("review", "text", "Status of the post-mortem.", null=True, read=_of("review")),
    Field("merged_into", "text", "The other case.", null=True, read=_of("merged_into")),
    Field("banners", "list", "Warnings.", shape=BANNER, read=lambda at: banners(at.of, at.now)),
    Field("timeline", "list", "By when things happened.", shape=EVENT, read=_case(lambda c: c.timeline())),
    Field("problems", "list", "Lines of the journals that are no entries.", shape=PROBLEM, read=_of("problems")),
)  # fmt: skip
"""The document of `incident case show --json`."""


def case_json(case: Case, now: Instant) -> Json:
    """The whole case."""
    return write(_At(case, now), CASE)


def case_schema() -> Json:
    """The JSON Schema of `incident case show --json`."""
    return schema("incident case show --json", CASE, ADDRESS)


def summary_json(case: Case) -> Json:
    """One case of a list."""
    return write(case, SUMMARY)


def event_json(event: Event) -> Json:
    """One entry."""
    return write(event, EVENT)


def hypothesis_json(one: Hypothesis, now: Instant) -> Json:
    """One hypothesis with its predictions."""
    return write(_At(one, now), HYPOTHESIS)
