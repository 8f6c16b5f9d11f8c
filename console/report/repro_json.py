"""What `incident repro` prints as JSON, and its schema, from one description."""

from __future__ import annotations

import base64
from typing import Any

from console.domain.values import dataclass
from console.guard.policy import Decision
from console.report.shape import Field, Json, schema, write
from console.repro.document import decision_json
from console.repro.minimise import Minimised
from console.repro.run import Compared, Ran, Verified
from console.repro.signature import error_of

ADDRESS = "https://incident-console.example/schema/repro.json"

_DECISION = (
    Field("verdict", "text", "What may happen.", among=("allow", "confirm", "refuse")),
    Field("rule", "text", "The rule that decided, G1 to G20; empty where none spoke against it."),
    Field("reason", "text", "Why, in words."),
)
_REQUEST = (
    Field("method", "text", "The method, in the case in which it is sent."),
    Field("url", "text", "The address; one character for each byte on the wire."),
    Field("headers", "pairs", "Names and values in their order; one character for each byte on the wire."),
    Field("body_base64", "text", "The body; null: none at all.", null=True),
)
_OBSERVED = (
    Field("status", "integer", "The status that the evidence tells.", null=True),
    Field("latency", "number", "Seconds that it took, as the evidence tells.", null=True),
    Field("trace_id", "text", "The trace of the observed request; never sent again.", null=True),
)
IMPORT = (
    Field("request", "object", "The request as it would be sent, without credential and marks.", shape=_REQUEST),
    Field("decision", "object", "What the guard decides.", shape=_DECISION),
    Field("notes", "texts", "What was left out or should be known."),
    Field("environment", "text", "The environment that it is meant for."),
    Field("observed", "object", "What the evidence says came of it.", shape=_OBSERVED),
    Field("original", "text", "Digest of the headers as imported: tells later whether they were changed."),
    Field("cacheable", "boolean", "Whether a shared cache may keep its answers."),
    Field("insecure", "boolean", "Whether the evidence did not verify certificates."),
    Field("proxy", "boolean", "Whether the evidence went through a proxy."),
    Field("raw", "boolean", "Host and headers are as written; such a request is never sent."),
    Field(
        "whole",
        "object",
        "The request before parts were left out that the failure does not need; a fix is verified with it. null: `request` is whole.",
        null=True,
        shape=_REQUEST,
    ),
    Field(
        "ran",
        "object",
        "How often the whole request failed in so many tries; null: it was not run before this was written.",
        null=True,
        shape=(
            Field("failures", "integer", "Tries that failed."),
            Field("tries", "integer", "Tries that brought an answer."),
        ),
    ),
)
_TRY = (
    Field("status", "integer", "The status; null: no whole answer came.", null=True),
    Field(
        "ms",
        "number",
        "Milliseconds from the request to the end of the answer.",
        read=lambda o: round(o.elapsed_s * 1000, 3),
    ),
    Field("error", "text", "Error type or code of the answer; empty where it names none.", read=error_of),
    Field("bytes", "integer", "Bytes of the answer that were read."),
    Field("cut", "boolean", "The answer was longer than what is read."),
    Field("problem", "text", "Why no whole answer came; empty where one did."),
    Field("location", "text", "Where a redirect leads; it is not followed."),
    Field("trace_id", "text", "The trace id sent with this try."),
)
RUN = (
    Field("reproduced", "boolean", "Whether it failed at least once."),
    Field("failures", "integer", "Tries that failed with the signature."),
    Field("tries", "integer", "Tries that brought an answer."),
    Field("interval", "numbers", "95 % interval of the failure rate (Clopper-Pearson)."),
    Field("signature", "text", "What makes the failure the same failure; null: it did not fail.", null=True),
    Field("requests_sent", "integer", "Requests that left."),
    Field("budget_left", "integer", "Requests that this incident may still send there."),
    Field("different", "integer", "Tries that failed in another way."),
    Field("unresolved", "integer", "Tries without an answer; they count for nothing."),
    Field("stopped", "text", "Why fewer tries were made than asked for; null: none was left out.", null=True),
    Field("summary", "text", "The result in a sentence."),
    Field("outcomes", "list", "Every try.", shape=_TRY),
)
MINIMISE = (
    Field(
        "ended",
        "text",
        "How it ended.",
        among=("1-minimal", "groups only", "budget ended", "environment changed", "not reproduced"),
    ),
    Field("reason", "text", "Why, in words."),
    Field("removed", "texts", "Parts that the failure does not need."),
    Field("kept", "texts", "Parts that are left."),
    Field("failures", "integer", "Failures of the whole request before."),
    Field("tries", "integer", "Tries of the whole request before."),
    Field("interval", "numbers", "95 % interval of its failure rate."),
    Field("signature", "text", "The failure that was looked for; null: it did not fail.", null=True),
    Field(
        "confirmed",
        "boolean",
        "Whether the minimal request failed when repeated at the end; null: not repeated.",
        null=True,
    ),
    Field("requests_before", "integer", "Requests of earlier runs of the same search, which this one went on from."),
    Field("requests_sent", "integer", "Requests that left."),
    Field("budget_left", "integer", "Requests that this incident may still send there."),
)
VERIFY = (
    Field("state", "text", "The verdict.", among=("FIXED", "STILL FAILING", "INCONCLUSIVE")),
    Field("needed", "integer", "Clean passes needed for 95 %; null: it never failed before.", null=True),
    Field("passes", "integer", "Clean passes seen."),
    Field("failures", "integer", "Failures seen."),
    Field("reason", "text", "Why, in words."),
    Field("requests_sent", "integer", "Requests that left."),
    Field("budget_left", "integer", "Requests that this incident may still send there."),
    Field("outcomes", "list", "Every try.", shape=_TRY),
)
_SIDE = (
    Field("environment", "text", "Its name."),
    Field("failures", "integer", "Tries that failed."),
    Field("tries", "integer", "Tries that brought an answer."),
    Field("outcomes", "list", "Every try.", shape=_TRY),
)
COMPARE = (
    Field("evidence", "boolean", "Whether the difference is more than chance (p < .05, five answers of each side)."),
    Field("p", "number", "Two-sided Fisher test of the failure rates; null: a side brought no answers.", null=True),
    Field("sides", "list", "The two environments.", shape=_SIDE),
    Field("fields", "texts", "What differs between the sides and agrees within each."),
    Field("reason", "text", "The result in a sentence."),
    Field("requests_sent", "integer", "Requests that left, to both sides."),
)
DRY_RUN = (
    Field("bytes_base64", "text", "The exact bytes; the credential's value is replaced by its name."),
    Field("decision", "object", "What the guard decides.", shape=_DECISION),
    Field("requests_sent", "integer", "Always 0."),
)
DOCUMENTS = {
    "import": IMPORT,
    "run": RUN,
    "minimise": MINIMISE,
    "verify": VERIFY,
    "compare": COMPARE,
    "dry_run": DRY_RUN,
}


@dataclass(frozen=True, slots=True)
class _Values:
    """Attributes for `write`, from a mapping."""

    held: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        return self.held[name]


def repro_schema() -> Json:
    """The JSON Schema of every document of `incident repro`: each is one of `$defs`."""
    defs = {name: schema(f"incident repro {name}", shape, ADDRESS) for name, shape in DOCUMENTS.items()}
    whole = schema("incident repro", (), ADDRESS)
    inner = {name: {k: v for k, v in one.items() if not k.startswith("$")} for name, one in defs.items()}
    return {
        **{k: v for k, v in whole.items() if k.startswith("$")},
        "title": "What incident repro prints",
        "anyOf": [{"$ref": f"#/$defs/{name}"} for name in inner],
        "$defs": inner,
    }


def dry_run_json(data: bytes, decision: Decision) -> Json:
    """What would be sent."""
    return {"bytes_base64": base64.b64encode(data).decode(), "decision": decision_json(decision), "requests_sent": 0}


def run_json(result: Ran, sent: int, left: int) -> Json:
    """The result of `run`."""
    return write(
        _Values(
            {
                "reproduced": result.reproduced,
                "failures": result.failures,
                "tries": result.tries,
                "interval": result.interval,
                "signature": str(result.signature) if result.signature else None,
                "requests_sent": sent,
                "budget_left": left,
                "different": result.different,
                "unresolved": result.unresolved,
                "stopped": (f"{result.rule}: " if result.rule else "") + result.stopped or None,
                "summary": result.sentence,
                "outcomes": result.outcomes,
            }
        ),
        RUN,
    )


def minimise_json(result: Minimised, sent: int, left: int) -> Json:
    """The result of `minimise`; stands beside the keys of the minimal request's own document."""
    return write(
        _Values(
            {
                "ended": result.ended,
                "reason": result.reason,
                "removed": result.removed,
                "kept": result.kept,
                "failures": result.baseline.failures,
                "tries": result.baseline.tries,
                "interval": result.baseline.interval,
                "signature": str(result.signature) if result.signature else None,
                "confirmed": result.confirmed,
                "requests_before": result.before,
                "requests_sent": sent,
                "budget_left": left,
            }
        ),
        MINIMISE,
    )


def verify_json(result: Verified, sent: int, left: int) -> Json:
    """The result of `verify`."""
    held = {name: getattr(result, name) for name in ("state", "needed", "passes", "failures", "reason", "outcomes")}
    return write(_Values({**held, "requests_sent": sent, "budget_left": left}), VERIFY)


def compare_json(result: Compared, names: tuple[str, str], sent: int) -> Json:
    """The result of `compare`."""
    sides = [
        _Values({"environment": name, "failures": one.failures, "tries": one.tries, "outcomes": one.outcomes})
        for name, one in zip(names, (result.first, result.second), strict=True)
    ]
    held = {
        "evidence": result.evidence,
        "p": result.p,
        "sides": sides,
        "fields": result.fields,
        "reason": result.reason,
    }
    return write(_Values({**held, "requests_sent": sent}), COMPARE)
