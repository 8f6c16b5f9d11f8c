"""A reproduction: the guard's decision and the exact request; the tries and what they showed."""

from __future__ import annotations

from console.domain.text import SafeText
from console.guard.policy import Verdict
from console.repro.view import RequestView, TriesView, TryView
from widgets.body import Body, Look, Row, note
from widgets.details import facts, title
from widgets.ink import Line, pad, right, width_of, wrap
from widgets.numbers import number_text

_VERDICTS = {
    Verdict.ALLOW: ("✓ may be sent", "ok"),
    Verdict.CONFIRM: ("▲ may be sent once confirmed", "warn"),
    Verdict.REFUSE: ("✖ is not sent", "bad"),
}
SMALLEST = "the request, without what it does not need; a fix is proved with the whole one"
STOPPED = "an earlier one was stopped, {}: i goes on from there, n begins afresh"
NOTHING_SENT = "nothing was sent yet: s sends it, i leaves out what it does not need, A compares two environments"
_TIERS = {"production": "bad", "staging": "warn", "local": "ok"}


def request(view: RequestView | None, problem: SafeText, width: int, height: int, look: Look) -> Body:
    """The decision first, since it decides everything; then what would be sent, byte for byte, and what was left out."""
    if view is None:
        return note(problem or SafeText("reading the request"), width)
    word, style = _VERDICTS[view.verdict]
    others = [name for name in view.environments if name != view.environment]
    rows = facts(
        [
            ("to", f"{view.environment} · {view.tier} · {view.origin}", _TIERS.get(view.tier, "text")),
            ("decision", word, style),
            ("because", f"{view.rule}: {view.reason}" if view.rule else view.reason, "text"),
            ("problem", problem, "bad"),
            ("type", view.phrase, "strong"),
            ("observed", view.observed, "text"),
            ("budget", _budget(view), "muted"),
            ("pace", view.pace, "warn"),
            ("search", STOPPED.format(view.search) if view.search else "", "warn"),
            ("others", f"{', '.join(others)} (v goes there)" if others else "", "muted"),
        ],
        width,
    )
    rows.append(title(SMALLEST if view.smallest else "the request, byte for byte"))
    rows += [_wrapped(line, "strong" if not place else "text", width) for place, line in enumerate(view.head)]
    if view.body:
        rows.append(Row.plain(Line()))
        rows += [_wrapped(line, "text", width) for line in view.body]
    if view.notes:
        rows.append(title("what was done to what was observed"))
        rows += [_wrapped(line, "muted", width) for line in view.notes]
    return Body((), tuple(rows))


def _budget(view: RequestView) -> str:
    if view.verdict is Verdict.REFUSE:
        return ""
    return f"{view.tries} tries a run, {view.left} requests left for this incident there"


def _wrapped(text: SafeText, style: str, width: int) -> Row:
    return Row(tuple(Line.of((part, style)) for part in wrap(text, width, 8)), text, "", text)


def tries(view: TriesView, width: int, height: int, look: Look) -> Body:
    """What is under way, the result in sentences, then every try; Enter on one gives its spans and log lines."""
    head = []
    if view.under_way:
        head.append(Row.plain(Line.of((view.under_way, "warn"), (" · Esc ends it", "muted")).cut(width)))
    for place, said in enumerate(view.said):
        style = ("bad" if view.bad else "strong") if not place else "text"
        head.append(Row(tuple(Line.of((part, style)) for part in wrap(said, width, 6)), None, "", said))
    if not view.tries:
        if head:
            return Body(tuple(head))
        return note(SafeText(NOTHING_SENT), width)
    sides = max((width_of(one.side) for one in view.tries), default=0)
    names = Line.of(
        (pad("try", 5), "label"), (f"{pad('at', sides)} " if sides else "", "label"), (right("took", 8), "label")
    )
    names += Line.of(("  answer", "label"))
    hint = Line.of(("⏎ its spans and log lines", "muted"))
    head.append(Row.plain((names.beside(hint, width) if names.width + hint.width < width else names).cut(width)))
    return Body(tuple(head), tuple(_try(one, sides, width) for one in reversed(view.tries)))


def _try(one: TryView, sides: int, width: int) -> Row:
    sign, style = ("✖", "bad") if one.failing else ("·", "text")
    line = Line.of(
        (pad(str(one.number), 3), "text"),
        (f"{sign} ", style),
        (f"{pad(one.side, sides)} " if sides else "", "accent"),
        (right(number_text(one.elapsed_s, "s"), 8), "text"),
        ("  " + one.answer, style),
        ("  " + one.error if one.error else "", "text"),
    )
    trace = f"trace {one.trace_id}"
    if line.width + len(trace) + 2 <= width:
        line = line.beside(Line.of((trace, "muted")), width)
    return Row((line.cut(width),), one, f"try:{one.number}:{one.trace_id}", one.trace_id)
