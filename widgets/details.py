"""What stands behind one thing of the overview: the painters of the drill-downs, for `TextView`."""

from __future__ import annotations

from dataclasses import replace

from console.domain.changes import Commit, DeployDetail, FileChange
from console.domain.diagnosis import Evidence, JudgedChange, Suspect
from console.domain.instant import clock_text, rfc3339, span_text
from console.domain.logs import FieldValue, LogRecord, Pattern
from console.domain.text import SafeText
from console.state import OperationRow, UpstreamRow
from widgets.body import Body, Look, Row
from widgets.ink import Line, cut_middle, pad, right, width_of, wrap
from widgets.numbers import UNKNOWN, number_text
from widgets.patterns import sentence
from widgets.words import health_sign, level_style, pattern_style, standing_sign

NAMES = 14
"""Cells of the names before their values."""


def name_width(pairs: list[tuple[str, str, str]], width: int) -> int:
    """Cells for the names of `facts`."""
    longest = max((width_of(name) for name, value, _ in pairs if value), default=0)
    return min(NAMES if width < 60 else 20, longest + 2)


def facts(pairs: list[tuple[str, str, str]], width: int, most: int = 12, names: int = 0) -> list[Row]:
    """Names and values, each a row that can be copied; long values on several lines.

    Args:
        pairs: Name, value, style of the value. An empty value is left out.
        most: Lines for one value.
        names: Cells for the names; 0: what these need.
    """
    names = names or name_width(pairs, width)
    rows = []
    for name, value, style in pairs:
        if not value:
            continue
        parts = wrap(value, max(1, width - names), most)
        lines = [
            Line.of((pad(name if not place else "", names), "label"), (part, style)).cut(width)
            for place, part in enumerate(parts)
        ]
        rows.append(Row(tuple(lines), (name, value), f"fact:{name}", value))
    return rows


def title(text: str) -> Row:
    """A heading with a blank line above."""
    return Row.plain(Line(), Line.of((text, "title")))


def deploy(detail: DeployDetail | None, judged: JudgedChange | None, width: int, height: int, look: Look) -> Body:
    """A change: when, how it stands and why; its commits and the diffstat. `detail` None: not read yet."""
    rows: list[Row] = []
    if judged is not None:
        sign = standing_sign(judged.standing)
        rows += facts(
            [
                ("change", judged.id, "strong"),
                ("kind", judged.kind, "text"),
                ("service", judged.service or "", "accent"),
                ("version", judged.version or "", "text"),
                ("commit", judged.commit or "", "text"),
                (
                    "at",
                    f"{rfc3339(judged.at)} ({span_text(look.now - judged.at)} ago)" if look.now else rfc3339(judged.at),
                    "text",
                ),
                ("standing", sign.text, sign.style),
                ("because", judged.reason, "text"),
                ("says", judged.summary, "muted"),
            ],
            width,
        )
    if detail is None:
        return Body((), (*rows, Row.plain(Line(), Line.of(("no commits known for this change", "muted")).cut(width))))
    rows += facts(
        [
            ("time note", detail.change.time_note, "warn"),
            ("before it", detail.previous.id if detail.previous else "", "text"),
            ("note", detail.note, "warn"),
        ],
        width,
    )
    rows.append(title(f"{len(detail.commits)} commit{'s' if len(detail.commits) != 1 else ''}"))
    rows += [_commit(commit, width, look) for commit in detail.commits]
    if detail.files:
        rows.append(title(f"{len(detail.files)} file{'s' if len(detail.files) != 1 else ''} changed"))
        rows += [_file(file, detail.files, width) for file in detail.files]
    return Body((), tuple(rows))


def _commit(commit: Commit, width: int, look: Look) -> Row:
    lead = Line.of(
        (commit.id[:10], "accent"), " ", (clock_text(commit.at, look.zone, now=look.now, seconds=False), "label"), " "
    )
    line = (lead + Line.of(commit.subject)).cut(width)
    author = Line.of((commit.author, "label"))
    if lead.width + width_of(commit.subject) + author.width + 2 <= width:
        line = line.beside(author, width)
    return Row((line,), commit, f"commit:{commit.id}", f"{commit.id} {commit.subject}", f"git show {commit.id}")


def _file(file: FileChange, files: tuple[FileChange, ...], width: int) -> Row:
    most = max(1, max((f.added or 0) + (f.removed or 0) for f in files))
    if file.added is None or file.removed is None:
        stat = Line.of(("binary", "muted"))
    else:
        bar = min(20, max(0, width // 5))
        plus = round(file.added / most * bar) or (1 if file.added else 0)
        minus = round(file.removed / most * bar) or (1 if file.removed else 0)
        stat = Line.of(
            (right(f"+{file.added}", 6), "ok"),
            " ",
            (right(f"−{file.removed}", 6), "bad"),
            " ",
            ("+" * plus, "ok"),
            ("−" * minus, "bad"),
        )
        stat = stat.fit(15 + bar + 1)
    room = max(4, width - stat.width - 1)
    return Row(
        ((Line.of(cut_middle(file.path, room)).fit(room) + Line.of(" ") + stat).cut(width),),
        file,
        f"file:{file.path}",
        file.path,
    )


def upstream(row: UpstreamRow, width: int, height: int, look: Look) -> Body:
    """A dependency: what is known and by what, then its probes, newest first."""
    state = row.state
    sign = health_sign(state.health)
    rows = facts(
        [
            ("name", state.name, "strong"),
            ("kind", state.kind, "text"),
            ("state", sign.text, sign.style),
            ("by", state.evidence, "text"),
            ("fails", number_text(state.error_rate, "ratio") if state.error_rate is not None else "", "text"),
            ("p95", number_text(state.latency_p95_s, "s") if state.latency_p95_s is not None else "", "text"),
            (
                "seen",
                f"{span_text(row.age_s)} ago" if row.age_s is not None else "never",
                "text" if row.age_s is not None else "warn",
            ),
            ("detail", state.detail, "muted"),
        ],
        width,
    )
    rows.append(title(f"{len(row.probes)} probe{'s' if len(row.probes) != 1 else ''}, newest first"))
    if not row.probes:
        rows.append(Row.plain(Line.of(('no probe: add probe = "…" to its [[dependency]]', "muted")).cut(width)))
    for place, probe in enumerate(reversed(row.probes)):
        one = health_sign(probe.health)
        latency = number_text(probe.latency_s, "s") if probe.latency_s is not None else UNKNOWN
        line = Line.of(
            (clock_text(probe.at, look.zone, now=look.now), "label"),
            " ",
            (pad(one.text, 9), one.style),
            " ",
            right(latency, 6),
            "  ",
            probe.detail,
            "  ",
            (probe.target, "muted"),
        )
        rows.append(Row((line.cut(width),), probe, f"probe:{probe.at}:{place}", f"{probe.target}: {probe.detail}"))
        if probe.certificate_ends is not None and look.now:
            left = probe.certificate_ends - look.now
            text = (
                f"certificate ends in {span_text(left)}" if left > 0 else f"certificate expired {span_text(left)} ago"
            )
            rows.append(Row.plain(Line.of("         ", (text, "bad" if left < 86400 * 3 else "muted")).cut(width)))
    return Body((), tuple(rows))


def record(one: LogRecord, width: int, height: int, look: Look) -> Body:
    """A log record: every field it said, its further lines, and where in which file it stands.

    The value of a row is its `FieldValue`, where a query can ask for it.
    """
    asked = {
        "level": FieldValue("level", SafeText(one.level.word)),
        "service": FieldValue("service", SafeText(one.service)),
        "operation": FieldValue("operation", SafeText(one.operation)),
        "status": FieldValue("status", SafeText(str(one.status))),
        "trace": FieldValue("trace_id", SafeText(one.trace_id)),
        "message": FieldValue("message", one.message),
        "source": FieldValue("source", SafeText(one.source)),
        "file": FieldValue("file", SafeText(one.file)),
    }
    own = [
        (
            "at",
            f"{rfc3339(one.at)}  {clock_text(one.at, look.zone, now=look.now)}"
            if one.at is not None
            else "no time in the record",
            "text",
        ),
        ("level", one.level.name, level_style(one.level)),
        ("service", one.service, "accent"),
        ("operation", one.operation, "text"),
        ("status", str(one.status) if one.status is not None else "", "bad" if one.failed else "text"),
        ("latency", number_text(one.latency_s, "s") if one.latency_s is not None else "", "text"),
        ("trace", one.trace_id, "text"),
        ("message", one.message, "strong"),
    ]
    where = [
        ("source", one.source, "muted"),
        ("file", f"{one.file} at byte {one.offset:,}" if one.file and one.offset >= 0 else one.file, "muted"),
    ]
    said = [(name, str(value), "text") for name, value in one.fields]
    names = name_width([*own, *said, *where], width)
    rows = [replace(row, value=asked.get(_name(row), row.value)) for row in facts(own, width, names=names)]
    for place, row in enumerate(facts(said, width, names=names)):  # a record may say one name twice
        field = FieldValue(_name(row), SafeText(row.copy))
        rows.append(replace(row, value=field, key=f"field:{place}:{field.name}"))
    rows += [replace(row, value=asked.get(_name(row), row.value)) for row in facts(where, width, names=names)]
    if one.extra:
        rows.append(title(f"{len(one.extra)} further line{'s' if len(one.extra) != 1 else ''}"))
        rows += [Row((Line.of(text).cut(width),), text, f"extra:{place}", text) for place, text in enumerate(one.extra)]
    return Body((), tuple(rows))


def _name(row: Row) -> str:
    return row.key.removeprefix("fact:")


def pattern(one: Pattern, width: int, height: int, look: Look, baseline_s: float | None = None) -> Body:
    """A message pattern: how often now and before, first and last, and one example in full."""
    times = [
        (name, clock_text(at, look.zone, now=look.now) if at is not None else "", "text")
        for name, at in (("first", one.first_seen), ("last", one.last_seen))
    ]
    return Body(
        (),
        tuple(
            facts(
                [
                    ("pattern", one.template, "strong"),
                    ("status", one.status.upper(), pattern_style(one.status)),
                    ("compared", sentence(one, baseline_s), "text"),
                    ("service", one.service, "accent"),
                    ("level", one.level.name, level_style(one.level)),
                    *times,
                    ("example", one.example, "text"),
                ],
                width,
            )
        ),
    )


def suspect(one: Suspect, width: int, height: int, look: Look) -> Body:
    """A suspect: its sentence, then everything for and against it with source, kind and number of samples."""
    sign = standing_sign(one.standing)
    rows = facts(
        [
            ("suspect", one.subject, "strong"),
            ("kind", one.kind.replace("_", " "), "text"),
            ("service", one.service or "", "accent"),
            ("operation", one.operation or "", "text"),
            ("standing", sign.text, sign.style),
            ("because", one.summary, "text"),
            ("next check", one.next_check or "", "accent"),
        ],
        width,
    )
    for heading, supports in (("speaks for it", True), ("speaks against it", False)):
        told = [evidence for evidence in one.evidence if evidence.supports is supports]
        rows.append(title(heading if told else f"nothing {heading}"))
        rows += [_evidence(evidence, place, width, look) for place, evidence in enumerate(told)]
    return Body((), tuple(rows))


def _evidence(one: Evidence, place: int, width: int, look: Look) -> Row:
    sign, style = ("+", "ok") if one.supports else ("−", "bad")
    lines = [
        Line.of((sign if not n else " ", style), " ", part)
        for n, part in enumerate(wrap(one.claim, max(1, width - 2), 4))
    ]
    about = [one.kind, one.source]
    if one.samples is not None:
        about.append(f"n {one.samples:,}")
    if one.window is not None:
        about.append(
            f"{clock_text(one.window.start, look.zone, now=look.now)} to {clock_text(one.window.end, look.zone, now=look.now)}"
        )
    lines.append(Line.of("  ", (" · ".join(part for part in about if part), "muted")))
    if one.query:
        lines.append(Line.of("  ", (one.query, "accent")))
    return Row(
        tuple(line.cut(width) for line in lines), one, f"evidence:{one.supports}:{place}", one.claim, one.query or ""
    )


def operation(one: OperationRow, width: int, height: int, look: Look) -> Body:
    """An operation in numbers, each beside its normal value."""
    failed = UNKNOWN if one.failed is None else f"{one.failed:,}"
    total = UNKNOWN if one.total is None else f"{one.total:,}"
    return Body(
        (),
        tuple(
            facts(
                [
                    ("operation", one.operation, "strong"),
                    ("service", one.service, "accent"),
                    (
                        "errors",
                        f"{number_text(one.error_rate, 'ratio')} (was {number_text(one.error_baseline, 'ratio')})",
                        "bad" if one.share_of_bad else "text",
                    ),
                    ("failed / n", f"{failed} / {total}", "text"),
                    ("p99", f"{number_text(one.p99_s, 's')} (was {number_text(one.p99_baseline_s, 's')})", "text"),
                    (
                        "share",
                        f"{number_text(one.share_of_bad, 'ratio')} of all failures"
                        if one.share_of_bad is not None
                        else "",
                        "text",
                    ),
                ],
                width,
            )
        ),
    )
