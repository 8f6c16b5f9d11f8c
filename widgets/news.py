"""What each new verdict said otherwise than the one before, newest first: first what changed in the last minute."""

from __future__ import annotations

from collections.abc import Sequence

from console.domain.instant import clock_text
from console.state import News
from widgets.body import Body, Look, Row
from widgets.ink import Line, wrap

RECENT_S = 60.0


def last_minute(news: Sequence[News], look: Look) -> str:
    """One line: how much changed in the last minute, the newest of it in words."""
    fresh = newest(news, look.now)
    return f"in the last minute: {fresh}" if fresh else "nothing changed in the last minute"


def newest(news: Sequence[News], now: float) -> str:
    """The newest change of the last minute, of the verdict before others, and how many more; empty where there is none."""
    recent = [one for one in news if now - one.at <= RECENT_S]
    if not recent:
        return ""
    first = next((one for one in recent if one.verdict), recent[0])
    more = f" · {len(recent) - 1} more" if len(recent) > 1 else ""
    return f"{first.text}{more}"


def paint(news: Sequence[News], width: int, height: int, look: Look) -> Body:
    """One row for each, the verdict's own changes strong."""
    head = Row.plain(*(Line.of((text, "title")) for text in wrap(last_minute(news, look), width, 2)))
    rows = []
    for one in news:
        time = clock_text(one.at, look.zone, now=look.now)
        parts = wrap(one.text, max(1, width - len(time) - 1), 3)
        lines = [
            Line.of((time if not n else " " * len(time), "label"), " ", (part, "strong" if one.verdict else "text"))
            for n, part in enumerate(parts)
        ]
        rows.append(Row(tuple(line.cut(width) for line in lines), one, f"news:{one.at}:{one.text}", one.text))
    return Body((head,), tuple(rows))
