"""What a pane's painter returns: rows that can be selected, some fixed, some that scroll."""

from __future__ import annotations

from datetime import UTC, tzinfo

from console.domain.instant import Instant
from console.domain.text import SafeText
from console.domain.values import dataclass
from console.state import Status, Word
from widgets.ink import Line, wrap


@dataclass(frozen=True, slots=True)
class Look:
    """What a painter must know besides its view: the moment and the zone in which times are written."""

    now: Instant = 0.0
    zone: tzinfo = UTC


@dataclass(frozen=True, slots=True)
class Row:
    """One thing on one or more lines."""

    lines: tuple[Line, ...]
    value: object = None
    """What Enter opens; None: the cursor passes over it."""
    key: str = ""
    """Which thing it is, so that the cursor stays on it when others come and go."""
    copy: str = ""
    """What `y` copies; empty: the text of its lines."""
    command: str = ""
    """What `Y` copies: the query or command that gives the same; empty: there is none."""
    heads: bool = False
    """Names the columns of the rows below it; scrolled away, it stands in place of the head's last line."""

    @classmethod
    def plain(cls, *lines: Line) -> Row:
        """Lines that cannot be selected: headings, axes, notes."""
        return cls(tuple(lines))

    @property
    def text(self) -> str:
        """What `y` copies."""
        return self.copy or "\n".join(line.text.rstrip() for line in self.lines)


@dataclass(frozen=True, slots=True)
class Body:
    """The inside of a pane, top to bottom."""

    head: tuple[Row, ...] = ()
    """Stays at the top."""
    rows: tuple[Row, ...] = ()
    """Scrolls when there is more than fits."""
    foot: tuple[Row, ...] = ()
    """Stays at the bottom; the first to go where there is no room."""

    @property
    def all_rows(self) -> tuple[Row, ...]:
        """Every row in reading order."""
        return self.head + self.rows + self.foot


def absence(status: Status, reason: SafeText | str, otherwise: str) -> str:
    """Why a pane is empty, in a sentence: not asked yet, failed, or truly nothing. These are three different things."""
    if status.word is Word.LOADING:
        return status.detail or "reading the sources"
    if status.word in (Word.DOWN, Word.THROTTLED) and status.detail:
        return status.detail
    return reason or status.detail or otherwise


def note(text: SafeText | str, width: int, most: int = 6) -> Body:
    """A body that only says something: why there is nothing and how to get it."""
    return Body(rows=(Row.plain(*(Line.of((part, "muted")) for part in wrap(text, width, most))),))
