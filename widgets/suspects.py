"""The suspects pane: who may be at fault, what speaks for and against, and what to check next."""

from __future__ import annotations

from collections.abc import Iterator

from console.domain.diagnosis import Evidence, Standing, Suspect
from console.state import SuspectsView
from widgets.body import Body, Look, Row, absence, note
from widgets.ink import ELLIPSIS, Line, clean, cut_middle, pad, tail, width_of, wrap
from widgets.numbers import short_count
from widgets.pane import ViewPane
from widgets.words import standing_sign

DETAIL = ((1, 0), (1, 1), (2, 1), (2, 2), (3, 3), (4, 6))
"""Lines of summary and of evidence for a suspect, from little to all there is."""
PLACES = ("service", "dependency", "third_party", "shared_dependency")
"""Kinds of suspect whose name says what they are."""
END_LEAST = 6
"""Cells of the end of a name below which it tells nothing apart."""
GROUPS = (Standing.LEADING, Standing.POSSIBLE, Standing.UNLIKELY, Standing.IMPOSSIBLE)
WEAK = (Standing.UNLIKELY, Standing.IMPOSSIBLE)


def paint(view: SuspectsView, width: int, height: int, look: Look) -> Body:
    """Suspects in order of rank, as detailed as there is room, with the next check of the first at the bottom."""
    if not view.suspects:
        return note(absence(view.status, view.empty_reason, "nobody is suspected"), width, max(1, height))
    foot = _next_check(view.suspects, width, height)
    room = height - sum(len(row.lines) for row in foot)
    rows = [_suspect(suspect, width, 0, 0) for suspect in view.suspects]
    for place, detail in _wishes(view.suspects):
        richer = _suspect(view.suspects[place], width, *detail)
        if sum(len(row.lines) for row in rows) - len(rows[place].lines) + len(richer.lines) <= room:
            rows[place] = richer
    return Body((), tuple(rows), foot)


def _wishes(suspects: tuple[Suspect, ...]) -> Iterator[tuple[int, tuple[int, int]]]:
    """Suspects by their place and the detail they are told in, the most wanted first: a few lines for those who lead, then for
    those who may be at fault, one for the unlikely, and then all there is in the same order."""
    groups = [[place for place, s in enumerate(suspects) if s.standing is standing] for standing in GROUPS]
    for details in (DETAIL[:4], DETAIL[4:]):
        for group in groups:
            for detail in details:
                yield from ((place, detail) for place in group)


def _next_check(suspects: tuple[Suspect, ...], width: int, height: int) -> tuple[Row, ...]:
    step = next((s.next_check for s in suspects if s.next_check), None)
    if step is None or height < 4:
        return ()
    texts = wrap(f"next: {step}", width, 2 if height < 14 else 3)
    return (Row.plain(*(Line.of((text, "accent")) for text in texts)),)


def _suspect(suspect: Suspect, width: int, summary_lines: int, evidence_lines: int) -> Row:
    sign = standing_sign(suspect.standing)
    weak = suspect.standing in WEAK
    lead = f"{suspect.rank} {pad(sign.word, 10)} "
    name = _name(suspect, max(4, width - len(lead)))
    first = Line.of((lead, sign.style), (name, "muted" if weak else "strong"))
    lines = [first.cut(width)]
    indent = "   " if width >= 24 else " "
    room = max(1, width - len(indent))
    if weak:
        summary_lines, evidence_lines = min(1, summary_lines), min(1, evidence_lines)
    lines += [
        Line.of(indent, (text, "muted" if weak else "text")) for text in wrap(suspect.summary, room, summary_lines)
    ]
    for evidence in _told(suspect, evidence_lines):
        lines.append(_evidence(evidence, indent, room))
    key = f"suspect:{suspect.kind} {suspect.service} {suspect.subject}"
    return Row(
        tuple(lines), suspect, key, f"{suspect.subject} ({suspect.standing}): {suspect.summary}", _query(suspect)
    )


def _name(suspect: Suspect, room: int) -> str:
    """A place by its name; a change by its kind, then whose it is and the end of its name where there is no room for all."""
    if suspect.kind in PLACES:
        return cut_middle(suspect.subject, room)
    whole = suspect.subject if suspect.subject.startswith(suspect.kind) else f"{suspect.kind} {suspect.subject}"
    short = f"{suspect.kind} {suspect.service or ''} "
    before, _, rest = suspect.subject.partition(suspect.service or "\0")
    left = room - width_of(short) - width_of(ELLIPSIS)
    if width_of(whole) <= room or not suspect.service or width_of(short) > room:
        return cut_middle(whole, room)
    if left < END_LEAST:
        return short.rstrip()
    end = clean(rest.lstrip("/-_.@ ") or before.rstrip("/-_.@ ") or suspect.subject)
    return short + (end if width_of(end) <= left else ELLIPSIS + tail(end, left))


def _told(suspect: Suspect, most: int) -> list[Evidence]:
    """What supports first, but never without the strongest objection: one that is not told is one not weighed."""
    for_it = [e for e in suspect.evidence if e.supports]
    against = [e for e in suspect.evidence if not e.supports]
    if most == 1:
        return (against or for_it)[:1]
    return [*for_it[: max(1, most - min(len(against), max(1, most // 3)))], *against][:most]


def _evidence(evidence: Evidence, indent: str, room: int) -> Line:
    sign = "+" if evidence.supports else "−"
    count = f" (n {short_count(evidence.samples)})" if evidence.samples and room > 40 else ""
    return Line.of(indent, (sign, "ok" if evidence.supports else "bad"), " ", (evidence.claim + count, "muted")).cut(
        room + len(indent)
    )


def _query(suspect: Suspect) -> str:
    return next((e.query for e in suspect.evidence if e.query), "")


class SuspectsPane(ViewPane[SuspectsView]):
    """Pane 2. Enter gives a `Suspect`."""

    number = 2
    title = "Suspects"
    about = "Who may be at fault, the likeliest first; + speaks for it, − against it. Enter shows all of the evidence, and how to repeat it."
    view = SuspectsView()

    def paint_view(self, view: SuspectsView, width: int, height: int) -> Body:
        """The rows."""
        return paint(view, width, height, self.look)
