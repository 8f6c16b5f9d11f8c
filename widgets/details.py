"""What stands behind one thing of the overview: the painters of the drill-downs, for `TextView`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from console.domain.changes import Commit, DeployDetail, FileChange, Running
from console.domain.diagnosis import Evidence, JudgedChange, Suspect
from console.domain.instant import clock_text, rfc3339, span_text
from console.domain.logs import FieldValue, LogRecord, Pattern
from console.domain.text import SafeText
from console.state import BeforeAfter, BeforeAfterRow, OperationRow, UpstreamRow
from widgets.body import Body, Look, Row
from widgets.ink import Line, cut, cut_middle, pad, right, width_of, wrap
from widgets.numbers import UNKNOWN, age_text, number_text
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
            Line.of((pad(name if not place else "", names - 1) + " ", "label"), (part, style)).cut(width)
            for place, part in enumerate(parts)
        ]
        rows.append(Row(tuple(lines), (name, value), f"fact:{name}", value))
    return rows


def title(text: str) -> Row:
    """A heading with a blank line above."""
    return Row.plain(Line(), Line.of((text, "title")))


def change(
    detail: DeployDetail | None,
    judged: JudgedChange,
    width: int,
    height: int,
    look: Look,
    compared: Sequence[BeforeAfter] = (),
    running: Sequence[Running] = (),
    without: str = "",
) -> Body:
    """A change: when, how it stands and why, and who runs it; its service before and after, its commits and the diffstat; then
    the operations before and after.

    Args:
        detail: The commits; None: there are none, or they are not read yet.
        running: The versions of its service that run now.
        without: Why there is no `detail`.
    """
    sign = standing_sign(judged.standing)
    ago = f" ({span_text(look.now - judged.at)} ago)" if look.now else ""
    rows = facts(
        [
            ("change", judged.id, "strong"),
            ("kind", judged.kind, "text"),
            ("service", judged.service or "", "accent"),
            ("version", judged.version or "", "text"),
            ("commit", judged.commit or "", "text"),
            ("at", f"{rfc3339(judged.at)}{ago}", "text"),
            ("standing", sign.text, sign.style),
            ("because", judged.reason, "text"),
            ("says", judged.summary, "muted"),
            ("observed", f"by {judged.observed}; no source of changes told it" if judged.observed else "", "warn"),
            *[
                (f"runs {place + 1 if len(running) > 1 else ''}".rstrip(), *_runs(one))
                for place, one in enumerate(running)
            ],
            *([] if detail is None else _told(detail)),
        ],
        width,
    )
    for one in compared[:1]:
        rows += _compared(one, width, look)
    rows += _commits(detail, width, look, without)
    for one in compared[1:]:
        rows += _compared(one, width, look)
    return Body((), tuple(rows))


def _told(detail: DeployDetail) -> list[tuple[str, str, str]]:
    return [
        ("time note", detail.change.time_note, "warn"),
        ("before it", detail.previous.id if detail.previous else "", "text"),
        ("note", detail.note, "warn"),
    ]


def _commits(detail: DeployDetail | None, width: int, look: Look, without: str) -> list[Row]:
    """The commits and the diffstat, or why there are none."""
    if detail is None:
        text = without or "no commits known for this change"
        return [Row.plain(Line(), Line.of((text, "muted")).cut(width))]
    rows = [title(f"{len(detail.commits)} commit{'s' if len(detail.commits) != 1 else ''}")]
    rows += [_commit(commit, width, look) for commit in detail.commits]
    if detail.files:
        rows.append(title(f"{len(detail.files)} file{'s' if len(detail.files) != 1 else ''} changed"))
        rows += [_file(file, detail.files, width) for file in detail.files]
    return rows


def _runs(one: Running) -> tuple[str, str]:
    """What of the service runs now, and whether that is what was deployed last."""
    version = one.version or (one.commit or "")[:10] or "version unknown"
    times = f" ×{one.instances}" if one.instances > 1 else ""
    agrees = {True: ", the newest deploy agrees", False: ", the newest deploy says another", None: ""}[one.agrees]
    return f"{version}{times} by {one.source}{agrees}", "bad" if one.agrees is False else "text"


def _compared(one: BeforeAfter, width: int, look: Look) -> list[Row]:
    """A table: each signal before and after, how many times as much, and the requests behind both."""
    sides = [f"{span_text(side.seconds)}" for side in (one.before, one.after)]
    what = f"{one.service} · {one.operation}" if one.operation else one.service
    rows = [title(cut(f"{what}: {sides[0]} before, {sides[1]} after", width))]
    rows.append(
        Row.plain(
            Line.of((f"{'':<9}{'before':>9}{'after':>9}{'':>9}{'n before':>11}{'n after':>10}", "label")).cut(width)
        )
    )
    for row in one.rows:
        few = [n is not None and n < row.needed for n in (row.n_before, row.n_after)]
        numbers = [right(number_text(value, row.unit), 9) for value in (row.before, row.after)]
        counts = [
            right(UNKNOWN if n is None else f"{n:,}", size) for n, size in ((row.n_before, 11), (row.n_after, 10))
        ]
        line = Line.of(
            (pad(row.signal, 9), "label"),
            *((text, "muted" if is_few else "text") for text, is_few in zip(numbers, few, strict=True)),
            (right(_times(row), 9), "strong"),
            *((text, "warn" if is_few else "muted") for text, is_few in zip(counts, few, strict=True)),
            (f"  needs {row.needed}" if any(few) else "", "warn"),
        )
        key = f"compared:{one.service}:{one.operation}:{row.signal}"
        copy = f"{what} {row.signal}: {numbers[0].strip()} before, {numbers[1].strip()} after"
        rows.append(Row((line.cut(width),), row, key, copy))
    return rows


def _times(row: BeforeAfterRow) -> str:
    """After over before; empty where that says nothing."""
    if not row.before or row.after is None:
        return "new" if row.before == 0 and row.after else ""
    ratio = row.after / row.before
    return f"× {ratio:.2g}" if ratio < 10 else f"× {ratio:.0f}"


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
                f"{age_text(row.age_s)} ago" if row.age_s is not None else "never",
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


Ways: TypeAlias = Callable[[Evidence], tuple[str, str]]
"""Gives the query of evidence, and the command that repeats it in a shell; each may be empty."""


def suspect(
    one: Suspect, width: int, height: int, look: Look, ways: Ways, further: Sequence[tuple[str, object]] = ()
) -> Body:
    """A suspect: its sentence, then everything for and against it with kind, samples, source and stretch.

    Args:
        further: What else there is to look at: a name, and what it opens.
    """
    sign = standing_sign(one.standing)
    lead = Line.of((sign.text, sign.style), "  ", (one.kind.replace("_", " "), "label"), "  ")
    names = [one.subject] + [part for part in (one.service, one.operation) if part and part != one.subject]
    head = [(lead + Line.of((" · ".join(names), "strong"))).cut(width)]
    head += [Line.of((part, "strong")) for part in wrap(one.summary, width, 4)]
    rows = [Row.plain(*head)]
    for heading, supports in (("for it", True), ("against it", False)):
        told = [evidence for evidence in one.evidence if evidence.supports is supports]
        rows.append(title(_count(len(told), heading)))
        rows += _evidence_rows(told, width, look, ways)
    if further:
        rows.append(title("look further"))
        rows += [
            Row((Line.of(("→ ", "accent"), name).cut(width),), value, f"further:{name}", name)
            for name, value in further
        ]
    foot: tuple[Row, ...] = ()
    if one.next_check:
        parts = wrap(f"cheapest check that could clear it: {one.next_check}", width, 3)
        foot = (Row.plain(*(Line.of((part, "accent")) for part in parts)),)
    return Body((), tuple(rows), foot)


def _count(number: int, side: str) -> str:
    if not number:
        return f"nothing speaks {side}"
    return f"{number} claim{'s' if number > 1 else ''} speak{'s' if number == 1 else ''} {side}"


def _evidence_rows(told: Sequence[Evidence], width: int, look: Look, ways: Ways) -> list[Row]:
    """Their keys leave out numbers and times, so that the cursor stays on a claim while its figures move on."""
    rows: list[Row] = []
    seen: dict[str, int] = {}
    for one in told:
        key = f"evidence:{one.supports}:{one.kind}:{one.source}:{_FIGURES.sub('#', one.claim)}"
        seen[key] = seen.get(key, 0) + 1
        rows.append(_evidence(one, f"{key}:{seen[key]}", width, look, ways))
    return rows


_FIGURES = re.compile(r"[\d.,:]*\d[\d.,:]*")


def _evidence(one: Evidence, key: str, width: int, look: Look, ways: Ways) -> Row:
    sign, style = ("+", "ok") if one.supports else ("−", "bad")
    lines = [
        Line.of((sign if not n else " ", style), " ", part)
        for n, part in enumerate(wrap(one.claim, max(1, width - 2), 4))
    ]
    about = [f"n {one.samples:,}" if one.samples is not None else "", one.source]
    if one.window is not None:
        start, end = (clock_text(at, look.zone, now=look.now) for at in (one.window.start, one.window.end))
        about.append(f"{start} to {end}")
    kind = (f"{one.kind:<9} ", "ok" if one.kind == "fact" else "warn")
    meta = Line.of("  ", kind, (" · ".join(part for part in about if part), "muted"))
    query, command = ways(one)
    if one.query is None:
        lines.append(Line.of("  ", ("computed from several series: no one query repeats it", "muted")))
    if query and meta.width + 2 + width_of(query) <= width:
        lines.append(meta + Line.of("  ", (query, "accent")))
    else:
        lines += [meta, *([Line.of("  ", (cut(query, max(1, width - 2)), "accent"))] if query else [])]
    return Row(tuple(line.cut(width) for line in lines), one, key, query or one.claim, command)


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
