"""What programs write into a record: evidence, snapshots, reproductions, fixes and recovery verdicts as drafts. Pure.

A command that has a result calls the function of its kind and hands the draft to `Book.write`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from console.case.events import Draft, Event
from console.domain.diagnosis import Diagnosis, Evidence, JudgedChange
from console.domain.instant import Instant, Window, rfc3339
from console.domain.logs import LogRecord

EXCERPT = 4_000
"""Characters of an excerpt that are kept."""
MOST_POINTS = 400


def digest_of(kept: Mapping[str, Any]) -> str:
    """SHA-256 over what evidence keeps, so that a later change of the record shows.

    Over the redacted text: a digest of the text itself would let short secrets be found by trying.
    """
    parts = {name: kept.get(name) for name in ("kind", "source", "query", "window", "excerpt", "points")}
    return hashlib.sha256(
        json.dumps(parts, sort_keys=True, ensure_ascii=False).encode("utf-8", "backslashreplace")
    ).hexdigest()


def evidence(
    claim: str,
    *,
    kind: str,
    source: str = "",
    query: str = "",
    window: Window | None = None,
    excerpt: str = "",
    completeness: str = "COMPLETE",
    points: Sequence[tuple[Instant, float | None]] = (),
    unit: str = "",
    supports: bool = True,
    fact: bool = True,
    samples: int | None = None,
    occurred_at: Instant | None = None,
    by: str = "human",
) -> Draft:
    """Something that was seen. `Book.write` gives it its name and digest."""
    data: dict[str, Any] = {
        "kind": kind,
        "source": source,
        "query": query,
        "window": window_json(window),
        "excerpt": excerpt[:EXCERPT] + (f"…[+{len(excerpt) - EXCERPT} chars]" if len(excerpt) > EXCERPT else ""),
        "completeness": completeness,
        "points": [[round(at, 3), value] for at, value in thinned(points)],
        "unit": unit,
        "supports": supports,
        "fact": fact,
        "samples": samples,
    }
    return Draft("evidence", claim, data, occurred_at=occurred_at, source=by)


def thinned(points: Sequence[tuple[Instant, float | None]]) -> list[tuple[Instant, float | None]]:
    """At most `MOST_POINTS` of them, in even steps; of each step the highest, so that a peak stays."""
    if len(points) <= MOST_POINTS:
        return list(points)
    step = -(-len(points) // MOST_POINTS)
    groups = [points[n : n + step] for n in range(0, len(points), step)]
    return [max(group, key=lambda pair: float("-inf") if pair[1] is None else pair[1]) for group in groups]


def window_json(window: Window | None) -> dict[str, str] | None:
    """A window as its two times."""
    return None if window is None else {"start": rfc3339(window.start), "end": rfc3339(window.end)}


def of_record(record: LogRecord, command: str = "", window: Window | None = None) -> Draft:
    """A log line: its text and fields, where it stands, and what finds it again."""
    where = f"{record.file}:{record.offset}" if record.file and record.offset >= 0 else record.file
    lines = [record.message, *record.extra, *(f"{name}={value}" for name, value in record.fields)]
    around = window or (Window(record.at - 1, record.at + 1) if record.at is not None else None)
    when = f"at {rfc3339(record.at)} " if record.at is not None else ""
    said = f"{record.service or record.source or 'a log'} {when}said: {record.message[:200]}"
    query = command or (
        f"incident logs --since {rfc3339(around.start)} --until {rfc3339(around.end)}" if around else ""
    )
    source = f"{record.source} {where}".strip()
    return evidence(
        said,
        kind="log",
        source=source,
        query=query,
        window=around,
        excerpt="\n".join(lines),
        samples=1,
        occurred_at=record.at,
    )


def of_evidence(one: Evidence, command: str = "") -> Draft:
    """A claim of the diagnosis, taken over as evidence."""
    return evidence(
        one.claim, kind="diagnosis", source=one.source, query=command or one.query or "", window=one.window,
        supports=one.supports, fact=one.kind == "fact", samples=one.samples, excerpt=one.claim, by="console",
    )  # fmt: skip


def of_entry(event: Event, case_id: str) -> Draft:
    """An entry of the timeline, kept as evidence of what it says happened."""
    first, _, rest = event.text.partition("\n")
    draft = evidence(
        first,
        kind="note",
        source=f"entry {event.id} by {event.author}",
        query=f"incident case show {case_id} --timeline",
        window=Window(event.occurred_at, event.occurred_at),
        excerpt=event.text if rest else "",
        fact=event.certainty == "confirmed",
        occurred_at=event.occurred_at,
    )
    return replace(draft, data={**draft.data, "entry": event.id}, evidence=event.evidence)


def snapshot(diagnosis: Mapping[str, Any], at: Instant) -> Draft:
    """The whole diagnosis of a moment, as `incident diagnose --json` prints it."""
    return Draft(
        "snapshot",
        f"diagnosis: {diagnosis.get('state')}: {diagnosis.get('summary')}",
        {"diagnosis": dict(diagnosis)},
        at,
        "console",
    )


DEPLOYS = ("deploy", "rollback")
CANARIES = {"recovered": "it may go on", "not_recovered": "stop it", "no_data": "nothing is told"}
"""Verdicts on a canary in words."""


def deploys(changes: Iterable[JudgedChange], since: Instant) -> list[Draft]:
    """Deploys that were seen since a moment."""
    return [deploy(one) for one in changes if one.kind in DEPLOYS and one.at >= since]


def deploy(one: JudgedChange) -> Draft:
    """A deploy that was seen."""
    data = {"id": one.id, "kind": one.kind, "service": one.service, "version": one.version, "commit": one.commit}
    text = f"{one.kind} {one.id}{f' of {one.service}' if one.service else ''}"
    return Draft("deploy", text, data, one.at, "deploy")


def contract(document: Mapping[str, Any], *, occurred_at: Instant | None = None) -> Draft:
    """What "recovered" means for this case: signals, levels, hold time, comparison window."""
    named = [str(one.get("name")) for one in document.get("signals", ()) if isinstance(one, Mapping)]
    return Draft(
        "contract", f"recovery contract: {', '.join(named) or 'no signals'}", dict(document), occurred_at, "console"
    )


def recovery(document: Mapping[str, Any], *, occurred_at: Instant | None = None) -> Draft:
    """A verdict, as `incident recovery check --json` prints it; `verdict` is recovered, not_recovered, inconclusive or no_data."""
    reason = str(document.get("reason") or "")
    return Draft(
        "recovery",
        f"recovery: {document.get('verdict')}{f': {reason}' if reason else ''}",
        dict(document),
        occurred_at,
        "console",
    )


def canary(document: Mapping[str, Any], names: tuple[str, str], *, occurred_at: Instant | None = None) -> Draft:
    """A step of the fix: the verdict on a canary beside its control, as `incident recovery canary --json` prints it.

    It is no recovery verdict: that a part of the instances does as well as the rest does not say that the incident is over.
    """
    said = CANARIES.get(str(document.get("verdict")), "not known yet")
    reason = str(document.get("reason") or "")
    data = {**document, "canary": names[0], "control": names[1]}
    return Draft(
        "fix",
        f"canary {names[0]} beside {names[1]}: {said}{f': {reason}' if reason else ''}",
        data,
        occurred_at,
        "console",
    )


def repro(document: Mapping[str, Any], request: str = "", *, occurred_at: Instant | None = None) -> Draft:
    """The result of a reproduction, as `incident repro run --json` prints it."""
    did = "reproduced" if document.get("reproduced") else "not reproduced"
    counted = f"{document.get('failures')} of {document.get('tries')} tries failed"
    return Draft(
        "repro",
        f"{did}: {counted}{f' ({request})' if request else ''}",
        {**document, "request": request},
        occurred_at,
        "console",
    )


def minimised(document: Mapping[str, Any], request: str = "", *, occurred_at: Instant | None = None) -> Draft:
    """What was left out of a request that fails, as `incident repro minimise --json` tells it beside the request."""
    seen = repro({**document, "reproduced": document.get("signature") is not None}, request, occurred_at=occurred_at)
    if not seen.data["reproduced"]:
        return seen
    kept = ", ".join(document.get("kept") or ()) or "nothing but the address"
    told = f"minimised, {document.get('ended')}: it needs {kept}; {len(document.get('removed') or ())} parts left out"
    return replace(seen, text=f"{told}{f' ({request})' if request else ''}")


def compared(document: Mapping[str, Any], request: str = "", *, occurred_at: Instant | None = None) -> Draft:
    """How two environments answered the same request, as `incident repro compare --json` prints it."""
    sides: Sequence[Mapping[str, Any]] = document.get("sides") or ()
    seen = repro({**document, "reproduced": any(one["failures"] for one in sides)}, request, occurred_at=occurred_at)
    told = f"compared {' with '.join(str(one['environment']) for one in sides)}: {document.get('reason')}"
    return replace(seen, text=f"{told}{f' ({request})' if request else ''}")


def fix(document: Mapping[str, Any], text: str, *, occurred_at: Instant | None = None) -> Draft:
    """A step of the fix: the branch, or its verification with `outcome` worked, failed or reverted."""
    return Draft("fix", text, dict(document), occurred_at, "git")


OUTCOMES = {"FIXED": "worked", "STILL FAILING": "failed"}


def verified(document: Mapping[str, Any], what: str = "the fix") -> Draft:
    """Whether the reproduction passes with the fix, as `incident repro verify --json` and `fix verify --json` print it."""
    state = str(document.get("state"))
    reason = f": {document['reason']}" if document.get("reason") else ""
    return fix({**document, "outcome": OUTCOMES.get(state, "inconclusive")}, f"{what}: {state}{reason}")


def impact_of(diagnosis: Diagnosis) -> dict[str, Any]:
    """What the numbers say about the impact, to start an impact statement from."""
    worst = max(
        (s for s in diagnosis.symptoms if s.share_of_bad is not None), key=lambda s: s.share_of_bad or 0, default=None
    )
    found: dict[str, Any] = {}
    if diagnosis.onset is not None:
        found["impact_started_at"] = rfc3339(diagnosis.onset)
    if worst is not None:
        found["measured"] = (
            f"{worst.service} {worst.operation or ''}: {worst.signal} {worst.observed} against {worst.baseline} {worst.unit}".replace(
                "  ", " "
            )
        )
    return found
