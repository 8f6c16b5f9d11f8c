"""What drill-downs show as lists: evidence, commits, probes, fields. Pure: values in, rows out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo

from console.domain.changes import DeployDetail, FileChange
from console.domain.diagnosis import Evidence, JudgedChange, Suspect
from console.domain.instant import Instant, clock_text, rfc3339, span_text
from console.domain.logs import LogRecord
from console.state import UpstreamRow
from widgets.body import Row
from widgets.ink import Line, wrap


def labelled(label: str, value: str, width: int, style: str = "text", *, command: str = "") -> Row:
    """`label  value`, the value wrapped under itself."""
    parts = wrap(value, max(10, width - 14), 6) or [""]
    lines = [Line.of((f"{label:<13} ", "label"), (parts[0], style))]
    lines += [Line.of((" " * 14, "label"), (part, style)) for part in parts[1:]]
    return Row(tuple(lines), value=value, key=f"{label}:{value}", copy=value, command=command)


def heading(text: str) -> Row:
    """A title between groups of rows."""
    return Row.plain(Line.of((text, "strong")))


def blank() -> Row:
    """An empty line."""
    return Row.plain(Line())


def paragraph(text: str, width: int, style: str = "text") -> Row:
    """Wrapped prose that cannot be selected."""
    return Row.plain(*(Line.of((part, style)) for part in wrap(text, width, 12)))


def suspect_rows(suspect: Suspect, width: int, zone: tzinfo, now: Instant) -> list[Row]:
    """The sentence, the evidence for and against, and what would refute it."""
    pro = [e for e in suspect.evidence if e.supports]
    con = [e for e in suspect.evidence if not e.supports]
    rows = [paragraph(suspect.summary, width, "strong"), blank()]
    for title, sign, items in (("Evidence for", "+", pro), ("Evidence against", "−", con)):
        rows.append(heading(f"{title} ({len(items)})" if items else f"{title}: none found"))
        rows += [evidence_row(item, sign, width, zone, now) for item in items]
        rows.append(blank())
    if suspect.next_check:
        rows += [heading("What would refute it, cheapest first"), paragraph(suspect.next_check, width, "accent")]
    return rows


def evidence_row(item: Evidence, sign: str, width: int, zone: tzinfo, now: Instant) -> Row:
    """The claim, then where it comes from: source, window, count, fact or inference."""
    claim = wrap(f"{sign} {item.claim}", width, 6)
    facts = [item.kind, f"source {item.source}"]
    if item.samples is not None:
        facts.append(f"n {item.samples:,}")
    if item.window is not None:
        facts.append(f"{clock_text(item.window.start, zone, now=now)}–{clock_text(item.window.end, zone, now=now)}")
    lines = [Line.of((part, "text")) for part in claim]
    lines.append(Line.of(("    " + " · ".join(facts), "muted")))
    return Row(tuple(lines), value=item, key=item.claim, copy=item.claim, command=item.query or "")


def change_rows(change: JudgedChange, width: int, zone: tzinfo, now: Instant) -> list[Row]:
    """What is known of the change itself."""
    rows = [
        labelled("standing", f"{change.standing.value}: {change.reason}", width, "strong"),
        labelled("kind", change.kind, width),
        labelled(
            "at",
            f"{clock_text(change.at, zone, now=now)} ({span_text(now - change.at)} ago, {rfc3339(change.at)})",
            width,
        ),
        labelled("service", change.service or "not said", width),
    ]
    for label, value in (
        ("version", change.version),
        ("commit", change.commit),
        ("summary", change.summary),
        ("id", change.id),
    ):
        if value:
            command = f"git show --stat {value}" if label == "commit" else ""
            rows.append(labelled(label, value, width, command=command))
    return rows


def deploy_rows(detail: DeployDetail, width: int, zone: tzinfo, now: Instant) -> list[Row]:
    """The commits since the deploy before, newest first, each with its files."""
    before = detail.previous.id if detail.previous else "no earlier deploy"
    rows = [heading(f"{len(detail.commits)} commit{'s' * (len(detail.commits) != 1)} since {before}")]
    if detail.note:
        rows.append(paragraph(detail.note, width, "warn"))
    for commit in detail.commits:
        text = f"{commit.id[:10]}  {clock_text(commit.at, zone, now=now, seconds=False)}  {commit.author}"
        lines = [Line.of((text, "accent"))] + [
            Line.of(("  " + part, "strong")) for part in wrap(commit.subject, width - 2, 2)
        ]
        lines += [file_line(change) for change in commit.files[:40]]
        rows.append(Row(tuple(lines), value=commit, key=commit.id, copy=commit.id, command=f"git show {commit.id}"))
    rows += [blank(), heading(f"{len(detail.files)} file{'s' * (len(detail.files) != 1)} changed in all")]
    rows += [Row((file_line(f),), value=f, key=f"file {f.path}", copy=f.path) for f in detail.files]
    return rows


def file_line(change: FileChange) -> Line:
    """`  12 +++  3 −−−  path`, as a diffstat."""
    if change.added is None or change.removed is None:
        return Line.of(("    binary        ", "muted"), (change.path, "text"))
    return Line.of((f"  {change.added:>5} + {change.removed:>5} −  ", "muted"), (change.path, "text"))


def upstream_rows(row: UpstreamRow, width: int, zone: tzinfo, now: Instant) -> list[Row]:
    """What is known of a dependency, and its probes, newest first."""
    state = row.state
    rows = [
        labelled("state", state.health.value, width, "strong"),
        labelled("kind", state.kind, width),
        labelled("judged by", state.evidence, width),
    ]
    if state.detail:
        rows.append(labelled("detail", state.detail, width))
    if state.error_rate is not None:
        rows.append(labelled("error rate", f"{state.error_rate * 100:.2g} %", width))
    if state.latency_p95_s is not None:
        rows.append(labelled("p95", f"{state.latency_p95_s * 1000:.0f} ms", width))
    age = f"{span_text(row.age_s)} ago" if row.age_s is not None else "never observed"
    rows += [
        labelled("observed", age, width),
        blank(),
        heading(f"Probes ({len(row.probes)})" if row.probes else "No probe configured"),
    ]
    for probe in reversed(row.probes):
        text = f"{clock_text(probe.at, zone, now=now)}  {probe.health.value:<9} {probe.detail}"
        rows.append(
            Row(
                (Line.of((text, "text")),),
                value=probe,
                key=str(probe.at),
                copy=text,
                command=f"incident health --service {probe.name}",
            )
        )
    return rows


def record_rows(record: LogRecord, width: int, zone: tzinfo, now: Instant) -> list[Row]:
    """Every field of a record, its further lines, and where it stands."""
    known: Iterable[tuple[str, str]] = (
        (
            "time",
            f"{clock_text(record.at, zone, now=now)} ({rfc3339(record.at)})"
            if record.at is not None
            else "none in the record",
        ),
        ("level", record.level.word),
        ("service", record.service or "not said"),
        ("operation", record.operation),
        ("status", str(record.status) if record.status is not None else ""),
        ("latency", f"{record.latency_s * 1000:.1f} ms" if record.latency_s is not None else ""),
        ("trace", record.trace_id),
        ("message", record.message),
    )
    rows = [labelled(label, value, width) for label, value in known if value]
    rows += [labelled(name[:13], value, width) for name, value in record.fields]
    where = f"{record.file} at byte {record.offset:,}" if record.offset >= 0 else record.source
    rows.append(labelled("from", f"{record.source}: {where}", width))
    if record.extra:
        rows += [blank(), heading(f"{len(record.extra)} further lines")]
        rows += [Row.plain(Line.of((line, "text"))) for line in record.extra]
    return rows
