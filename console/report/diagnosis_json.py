"""A diagnosis as the JSON document that scripts read, and the JSON Schema of it."""

from __future__ import annotations

from typing import Any

from console.domain.changes import CHANGE_KINDS
from console.domain.diagnosis import SIGNALS, SUSPECT_KINDS, Diagnosis, Standing, State
from console.domain.reading import SourceState
from console.domain.topology import Health
from console.report.shape import Field, Json, schema, write

SCHEMA_VERSION = 1
UNITS = ("ratio", "s", "1/s", "bytes", "count")
PATTERN_STATUSES = ("new", "surged", "gone", "steady")
SCHEMA_ADDRESS = "urn:incident-console:schema:diagnose:1"

_STANDINGS = (Standing.LEADING, Standing.POSSIBLE, Standing.UNLIKELY)

BASELINE = (
    Field("start", "time", "First instant of the stretch compared with.", read=lambda b: b.window.start),
    Field("end", "time", "First instant after it.", read=lambda b: b.window.end),
    Field("why", "text", "Why this stretch."),
)
SYMPTOM = (
    Field("service", "text", "The service or dependency that shows it."),
    Field("operation", "text", "Endpoint or method; null: the service as a whole.", null=True),
    Field("signal", "text", "What left its baseline.", among=SIGNALS),
    Field("baseline", "number", "The normal value.", null=True),
    Field("observed", "number", "The value in the window, from the onset on.", null=True),
    Field("unit", "text", "Unit of both values.", among=UNITS),
    Field(
        "samples", "integer", "Requests, points or lines behind `observed`; null: the source does not tell.", null=True
    ),
    Field("onset", "time", "When it left its baseline.", null=True),
    Field("end", "time", "When it was back; null while it lasts.", null=True),
    Field("share_of_bad", "number", "Its share of all excess failures or of all added seconds.", null=True),
)
SERIES = (
    Field("service", "text", "Whose series."),
    Field("operation", "text", "Endpoint or method; empty: the service as a whole."),
    Field("metric", "text", "Name of the metric."),
)
EVIDENCE = (
    Field("claim", "text", "One checkable statement."),
    Field("kind", "text", "Read directly, or concluded.", among=("fact", "inference")),
    Field("supports", "boolean", "False: it speaks against the suspect."),
    Field("source", "text", "Name of the source in the configuration."),
    Field("query", "text", "What to paste into that source, or the command to repeat.", null=True),
    Field("window", "window", "The stretch it was read from.", null=True),
    Field("samples", "integer", "How many requests, points or lines it rests on.", null=True),
    Field("series", "object", "The series that shows it; null: it was read otherwise.", null=True, shape=SERIES),
)
SUSPECT = (
    Field("rank", "integer", "1 is the first."),
    Field("kind", "text", "What kind of cause.", among=SUSPECT_KINDS),
    Field("subject", "text", "The change's id, or the name of the service or dependency."),
    Field("service", "text", "The service or dependency it points at.", null=True),
    Field("operation", "text", "Endpoint or method.", null=True),
    Field("score", "number", "Mirrors the order; no probability.", null=True),
    Field("standing", "text", "How it stands after every rule.", among=_STANDINGS),
    Field("summary", "text", "Why, in words that a person can check."),
    Field("evidence", "list", "For and against.", shape=EVIDENCE),
    Field("next_check", "text", "The cheapest observation that would refute it.", null=True),
)
COMPARED = (
    Field("service", "text", "What was changed."),
    Field("operation", "text", "Endpoint or method; null: the service as a whole.", null=True),
    Field("metric", "text", "What is compared: `error_rate`, `latency_p99`, `request_rate`, ..."),
    Field("unit", "text", "Unit of both values.", among=UNITS),
    Field("before", "number", "Its value before the change.", null=True),
    Field("after", "number", "Its value after it.", null=True),
    Field("samples_before", "integer", "Requests behind it; null: nobody counts them.", null=True),
    Field("samples_after", "integer", "The same after it.", null=True),
    Field("before_window", "window", "The stretch before it."),
    Field("after_window", "window", "The stretch after it: until now, or until it was taken back."),
)
CHANGE = (
    Field("id", "text", "Name of the change; for a deploy from git, its tag."),
    Field("kind", "text", "What kind of change.", among=CHANGE_KINDS),
    Field("service", "text", "What was changed.", null=True),
    Field("at", "time", "When it took effect."),
    Field("version", "text", "The version it brought.", null=True),
    Field("commit", "text", "The commit it brought.", null=True),
    Field("standing", "text", "How it stands after every rule.", among=tuple(Standing)),
    Field("reason", "text", "The rule that decided."),
    Field("source", "text", "Who told it.", null=True, read=lambda c: c.source or None),
    Field(
        "observed",
        "text",
        "What showed it in metrics or logs; null: a source of changes told it.",
        null=True,
        read=lambda c: c.observed or None,
    ),
    Field("compared", "list", "What it touched, before and after it.", shape=COMPARED),
)
RUNNING = (
    Field("service", "text", "The service."),
    Field("version", "text", "The version that runs.", null=True),
    Field("commit", "text", "The commit that runs.", null=True),
    Field("source", "text", "Who said so."),
    Field("agrees", "boolean", "Whether the newest deploy says the same.", null=True),
)
DEPENDENCY = (
    Field("name", "text", "Service or dependency that others need."),
    Field("kind", "text", "service, or the kind in the configuration."),
    Field("state", "text", "How it does.", among=tuple(Health), read=lambda d: d.health),
    Field("error_rate", "number", "Share of calls that failed.", null=True),
    Field("latency_p95", "number", "Seconds.", null=True, read=lambda d: d.latency_p95_s),
    Field("evidence", "text", "What the state rests on: own outbound calls | probe | own metrics | none."),
    Field("checked_at", "time", "When that was observed.", null=True),
)
CALL = (
    Field("caller", "text", "Who calls."),
    Field("callee", "text", "Who is called."),
    Field("told_by", "text", "How the call is known.", among=("configuration", "spans", "logs")),
    Field(
        "error_rate", "number", "Share of these calls that failed since the onset, by the caller's records.", null=True
    ),
    Field("baseline_error_rate", "number", "The same before.", null=True),
    Field("latency_avg", "number", "Mean seconds since the onset.", null=True, read=lambda c: c.latency_avg_s),
    Field("samples", "integer", "Calls since the onset; null: not recorded.", null=True),
)
EXCESS = (
    Field("service", "text", "Service or dependency."),
    Field("currency", "text", "What was added.", among=("failures", "seconds")),
    Field("share", "number", "What it added itself, of everything that was added where the trouble shows."),
    Field("baseline", "number", "Its error rate or seconds before.", null=True),
    Field("observed", "number", "The same since.", null=True),
)
PATTERN = (
    Field("id", "text", "Stable name of the template."),
    Field("template", "text", "The message with its variable parts as <*>."),
    Field("service", "text", "Who wrote it.", null=True, read=lambda p: p.service or None),
    Field("level", "text", "Severity.", null=True, read=lambda p: p.level.word),
    Field("status", "text", "Compared with the baseline.", among=PATTERN_STATUSES),
    Field("count", "integer", "Lines in the window."),
    Field("baseline_count", "integer", "Lines in the baseline; null: no baseline.", null=True),
    Field("ratio", "number", "Share now over share before; null: none before.", null=True),
    Field("first_seen", "time", "First line.", null=True),
    Field("last_seen", "time", "Last line.", null=True),
    Field("example", "text", "One line.", null=True),
)
EXHAUSTION = (
    Field("service", "text", "Whose resource."),
    Field("metric", "text", "Which resource."),
    Field("limit", "number", "Its limit.", null=True),
    Field("earliest", "time", "When it runs out at the soonest, if this continues.", null=True),
    Field("latest", "time", "At the latest; null: perhaps never.", null=True),
)
SOURCE = (
    Field("name", "text", "Name in the configuration."),
    Field("kind", "text", "Its kind."),
    Field("state", "text", "How far its answer can be trusted.", among=tuple(SourceState)),
    Field("detail", "text", "In words.", null=True, read=lambda s: s.detail or None),
    Field("records", "integer", "Records, points or spans read.", null=True),
    Field("queries", "integer", "Questions asked.", null=True, read=lambda s: s.cost.queries),
    Field("bytes", "integer", "Bytes read.", null=True, read=lambda s: s.cost.bytes),
)
DIAGNOSIS = (
    Field("schema_version", "integer", "Version of this document.", read=lambda d: SCHEMA_VERSION),
    Field("generated_at", "time", "When it was written."),
    Field("at", "time", "The knowledge time: nothing stamped later had any influence."),
    Field("state", "text", "The verdict.", among=tuple(State)),
    Field("summary", "text", "One or two plain sentences."),
    Field("onset", "time", "When it began.", null=True),
    Field(
        "onset_between", "window", "The stretch within which it began; null: no onset, or stamped itself.", null=True
    ),
    Field("window", "window", "What was looked at."),
    Field("baseline", "list", "What it was compared with.", shape=BASELINE),
    Field("symptoms", "list", "What left its baseline, worst first.", shape=SYMPTOM),
    Field("suspects", "list", "What may be at fault, first suspect first; never padded.", shape=SUSPECT),
    Field("changes", "list", "Every change in reach, with its standing.", shape=CHANGE),
    Field(
        "change_explains",
        "boolean",
        "False: every change was examined and none can explain it; null: not known.",
        null=True,
    ),
    Field("running", "list", "Which version runs where.", shape=RUNNING),
    Field("dependencies", "list", "What services need, and how it does.", shape=DEPENDENCY),
    Field("calls", "list", "Who calls whom, and how those calls went.", shape=CALL),
    Field("excess", "list", "What each added itself to what went wrong.", shape=EXCESS),
    Field("patterns", "list", "Log patterns that are special to the window.", shape=PATTERN),
    Field("pattern_baseline", "window", "What the patterns are compared with; null: with nothing.", null=True),
    Field("patterns_sampled", "boolean", "True: counts of patterns are taken from a sample of the lines."),
    Field("exhaustion", "list", "Resources that run out if this continues.", shape=EXHAUSTION),
    Field("sources", "list", "Who was asked, and what came of it.", shape=SOURCE),
)


def diagnosis_json(diagnosis: Diagnosis) -> Json:
    """The document of `incident diagnose --json`."""
    return write(diagnosis, DIAGNOSIS)


def diagnosis_schema() -> dict[str, Any]:
    """The JSON Schema of that document, as `incident schema diagnose` prints it."""
    return schema("incident diagnose --json", DIAGNOSIS, SCHEMA_ADDRESS)
