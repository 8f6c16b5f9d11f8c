"""A provider at fault: why nothing of ours mends it, what stops the harm meanwhile, and the ticket to copy."""

from __future__ import annotations

from console.fix.provider import ProviderView
from widgets.body import Body, Look, Row, note
from widgets.details import facts
from widgets.ink import Line, wrap

LONGEST = 30
"""Lines of a ticket."""


def paint(view: ProviderView | None, width: int, height: int, look: Look) -> Body:
    """The answer first, then its grounds, then what to do."""
    if view is None:
        return note("reading what is known of it", width)
    rows = facts([("answer", view.answer, "strong"), ("changes", view.changes, "text")], width)
    if view.claims or view.against:
        rows.append(_heading("what the evidence says", width))
        rows += [_text(f"+ {claim}", "text", width) for claim in view.claims]
        rows += [_text(f"− {claim}", "warn", width) for claim in view.against]
    rows.append(_heading("what stops the harm meanwhile; a writes down what was done: mitigation: …", width))
    rows += [_text(f"  {one}", "text", width) for one in view.mitigations]
    rows.append(_heading("the ticket, to copy; X keeps it in the case, and people send it", width))
    rows.append(_text(view.ticket, "strong", width))
    return Body((), tuple(rows))


def _heading(text: str, width: int) -> Row:
    return Row.plain(Line(), *(Line.of((part, "title")) for part in wrap(text, width, 4)))


def _text(text: str, style: str, width: int) -> Row:
    lines = tuple(Line.of((part, style)) for part in wrap(text, width, LONGEST))
    return Row(lines, text, text, text)
