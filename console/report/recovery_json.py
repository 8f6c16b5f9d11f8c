"""A recovery contract and the answer of a check as JSON documents, their schemas, and the way back from the file of a contract."""

from __future__ import annotations

import json
import math
from typing import Any

from console.domain.instant import BadTime, Instant, Window, parse_time
from console.domain.recovery import HOLD_MOST_S, Cause, Contract, Recovery, Term, TermKind, Verdict
from console.domain.text import SafeText
from console.guard.sanitise import safe
from console.report.diagnosis_json import BASELINE, SOURCE
from console.report.shape import Field, Json, schema, write

SCHEMA_VERSION = 1
CHECK_ADDRESS = "urn:incident-console:schema:recovery:1"
CONTRACT_ADDRESS = "urn:incident-console:schema:recovery-contract:1"


class BadContract(ValueError):
    """A file is no contract; the text says what is wrong with it."""


TERM = (
    Field("name", "text", "Unique; what a person reads."),
    Field("kind", "text", "How it is judged.", among=tuple(TermKind)),
    Field("service", "text", "Whose signal; empty: of the whole system."),
    Field("operation", "text", "Endpoint or method; null: the service as a whole.", null=True),
    Field("signal", "text", "Name of the metric."),
    Field("unit", "text", "Unit of its values."),
    Field("critical", "boolean", "True: it must be shown to be back. False: it must not be shown to be worse."),
    Field("relative", "number", "The margin as a share of what is expected."),
    Field("absolute", "number", "The margin is at least this, in its own unit."),
    Field("baseline", "number", "Its level before the incident.", null=True),
    Field("failing", "number", "Its level during the incident.", null=True),
    Field("failures", "number", "Failed requests that the baseline was counted from."),
    Field("requests", "number", "Requests that the baseline was counted from."),
    Field("blocks", "numbers", "Means of the stretches before the incident, oldest first, harm upwards."),
    Field("step_s", "number", "Seconds that each value stood for; 0: not known."),
    Field("budget", "number", "Share of requests that may fail, of an error budget; 0: it is none."),
)
CAUSE = (
    Field("kind", "text", "What kind of suspect."),
    Field("subject", "text", "The change's id, or the name of the service or dependency."),
    Field("service", "text", "The service it points at.", null=True),
    Field("version", "text", "The version it brought.", null=True),
    Field("commit", "text", "The commit it brought.", null=True),
)
CONTRACT = (
    Field("schema_version", "integer", "Version of this document.", read=lambda c: SCHEMA_VERSION),
    Field("written_at", "time", "The knowledge time it was written at.", read=lambda c: c.at),
    Field("onset", "time", "When the incident began."),
    Field("summary", "text", "The diagnosis in words."),
    Field("baseline", "window", "The stretch before the onset that the levels come from."),
    Field("hold_s", "number", "Seconds for which everything must hold, in three evaluations."),
    Field("signals", "list", "What must be back.", shape=TERM, read=lambda c: c.terms),
    Field("cause", "object", "The leading suspect; null: none leads.", null=True, shape=CAUSE),
    Field("own_errors", "texts", "Templates of the error lines that the incident brought."),
    Field("known_errors", "texts", "Templates of all other error lines that had been seen."),
)
SIGNAL = (
    Field("name", "text", "As in the contract.", read=lambda s: s.term.name),
    Field("baseline", "number", "What is expected now.", null=True),
    Field("observed", "number", "What is seen since the fix.", null=True),
    Field("margin", "number", "How much worse than the baseline it may be.", null=True),
    Field("verdict", "text", "Of this signal.", among=tuple(Verdict)),
    Field("samples", "integer", "Requests or values behind `observed`.", null=True),
    Field("needed", "integer", "Of the same, how many a verdict takes; null: not known.", null=True),
    Field("kind", "text", "How it is judged.", among=tuple(TermKind), read=lambda s: s.term.kind),
    Field("service", "text", "Whose signal; empty: of the whole system.", read=lambda s: s.term.service),
    Field("operation", "text", "Endpoint; null: the service as a whole.", null=True, read=lambda s: s.term.operation),
    Field("unit", "text", "Unit of all values.", read=lambda s: s.term.unit),
    Field("critical", "boolean", "Whether it must be shown to be back.", read=lambda s: s.term.critical),
    Field("low", "number", "The true difference is at least this, with 95 % confidence.", null=True),
    Field("high", "number", "The true difference is at most this, with 95 % confidence.", null=True),
    Field("wait_s", "number", "Seconds until there are `needed`, at the present rate.", null=True),
    Field("note", "text", "What is missing, or what was seen.", null=True, read=lambda s: s.note or None),
    Field("seasonal", "boolean", "Whether the same hours of earlier weeks tell what is expected."),
)
EVALUATION = (
    Field("at", "time", "When."),
    Field("window", "window", "What was judged; null: the stretch after the fix had not begun.", null=True),
    Field("verdict", "text", "Of all signals together.", among=tuple(Verdict)),
)
FIX = (
    Field("at", "time", "From when on it is judged."),
    Field("what", "text", "In words."),
    Field("change", "text", "The change's id.", null=True),
    Field("version", "text", "The version it brought.", null=True),
    Field("commit", "text", "The commit it brought.", null=True),
)
RECOVERY = (
    Field("schema_version", "integer", "Version of this document.", read=lambda r: SCHEMA_VERSION),
    Field("at", "time", "The knowledge time: nothing stamped later had any influence."),
    Field("verdict", "text", "Only `recovered` lets an incident be called resolved.", among=tuple(Verdict)),
    Field("reason", "text", "Why, and what is missing."),
    Field("signals", "list", "Every signal of the contract, what decides first.", shape=SIGNAL),
    Field("passes", "integer", "Evaluations in a row, up to now, in which everything held."),
    Field("passes_needed", "integer", "How many it takes."),
    Field(
        "wait_s", "number", "Seconds until there can be a verdict; null: there is one, or it is not known.", null=True
    ),
    Field("window", "window", "The stretch after the fix that was judged.", null=True),
    Field("baseline", "list", "What it was compared with.", shape=BASELINE),
    Field("fix", "object", "What is taken for the fix; null: no change is known.", null=True, shape=FIX),
    Field("evaluations", "list", "Oldest first.", shape=EVALUATION),
    Field("contract_at", "time", "When the contract was written; null: there is none.", null=True),
    Field(
        "written",
        "boolean",
        "False: nobody wrote a contract, and it was made from what was known just before the fix.",
    ),
    Field("sources", "list", "Who was asked, and what came of it.", shape=SOURCE),
)


def recovery_json(recovery: Recovery) -> Json:
    """The document of `incident recovery check --json`."""
    return write(recovery, RECOVERY)


def recovery_schema() -> Json:
    """The JSON Schema of the same."""
    return schema("incident recovery check --json", RECOVERY, CHECK_ADDRESS)


def contract_json(contract: Contract) -> Json:
    """The document of a contract, as `incident recovery contract` writes it."""
    return write(contract, CONTRACT)


def contract_schema() -> Json:
    """The JSON Schema of the same."""
    return schema("incident recovery contract --json", CONTRACT, CONTRACT_ADDRESS)


def read_contract(text: bytes) -> Contract:
    """A contract from its document; one that was edited by hand is welcome, one that cannot be understood is not.

    Raises:
        BadContract: It is none.
    """
    try:
        document = json.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise BadContract("it is no JSON: give what `incident recovery contract` wrote") from None
    return contract_of(document)


def contract_of(document: Any) -> Contract:
    """A contract from the JSON object.

    Raises:
        BadContract: A field is missing or of another kind; the message names it.
    """
    if not isinstance(document, dict):
        raise BadContract("a contract is a JSON object")
    if document.get("schema_version") != SCHEMA_VERSION:
        raise BadContract(
            f"schema_version is {document.get('schema_version')!r}, and this program reads {SCHEMA_VERSION}"
        )
    baseline = _get(document, "baseline", dict)
    hold = _number(document, "hold_s")
    if not 0 < hold <= HOLD_MOST_S:
        raise BadContract(f"hold_s is {hold:g}: it is longer than nothing and at most a day")
    terms = tuple(_term(one) for one in _get(document, "signals", list))
    if len({term.name for term in terms}) < len(terms):
        raise BadContract("two signals have one name")
    if not any(term.critical for term in terms):
        raise BadContract("no signal is critical, so that nothing would have to be back")
    start, end = _time(baseline, "start"), _time(baseline, "end")
    if start > end:
        raise BadContract("baseline ends before it starts")
    return Contract(
        _time(document, "written_at"),
        _time(document, "onset"),
        safe(str(document.get("summary") or ""), 1000),
        Window(start, end),
        hold,
        terms,
        _cause(document.get("cause")),
        _texts(document, "own_errors"),
        _texts(document, "known_errors"),
    )


def _term(value: Any) -> Term:
    if not isinstance(value, dict):
        raise BadContract("a signal is a JSON object")
    kind = value.get("kind")
    if kind not in tuple(TermKind):
        raise BadContract(f"kind {kind!r} is none of {', '.join(TermKind)}")
    operation = value.get("operation")
    return Term(
        safe(_get(value, "name", str), 300),
        TermKind(kind),
        _get(value, "service", str),
        operation if isinstance(operation, str) else None,
        _get(value, "signal", str),
        str(value.get("unit") or ""),
        value.get("critical") is True,
        _number(value, "relative", 0.0),
        _number(value, "absolute", 0.0),
        _maybe(value, "baseline"),
        _maybe(value, "failing"),
        _number(value, "failures", 0.0),
        _number(value, "requests", 0.0),
        tuple(_finite(one, "blocks") for one in value.get("blocks") or ()),
        _number(value, "step_s", 0.0),
        _budget(value, kind),
    )


def _budget(value: Json, kind: str) -> float:
    budget = _number(value, "budget", 0.0)
    if kind == TermKind.BURN and not 0 < budget < 1:
        raise BadContract("budget of an error budget is above 0 and below 1")
    return budget


def _cause(value: Any) -> Cause | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise BadContract("cause is a JSON object or null")
    named = {name: value.get(name) for name in ("service", "version", "commit")}
    wrong = [name for name, one in named.items() if one is not None and not isinstance(one, str)]
    if wrong:
        raise BadContract(f"{wrong[0]} of the cause is no text")
    return Cause(
        _get(value, "kind", str), _get(value, "subject", str), named["service"], named["version"], named["commit"]
    )


def _get(owner: Json, name: str, kind: type) -> Any:
    value = owner.get(name)
    if not isinstance(value, kind):
        raise BadContract(f"{name} is missing or of the wrong kind")
    return value


def _number(owner: Json, name: str, default: float | None = None) -> float:
    value = owner.get(name, default)
    return _finite(value, name)


def _maybe(owner: Json, name: str) -> float | None:
    value = owner.get(name)
    return None if value is None else _finite(value, name)


def _finite(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise BadContract(f"{name} is no number")
    return float(value)


def _time(owner: Json, name: str) -> Instant:
    try:
        return parse_time(_get(owner, name, str), 0.0)
    except BadTime as error:
        raise BadContract(f"{name}: {error}") from None


def _texts(owner: Json, name: str) -> tuple[SafeText, ...]:
    value = owner.get(name) or ()
    if not isinstance(value, (list, tuple)) or not all(isinstance(one, str) for one in value):
        raise BadContract(f"{name} is a list of texts")
    return tuple(safe(one, 1000) for one in value)
