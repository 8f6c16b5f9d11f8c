"""The border of a pane: number, title, filter, facts, state word and age."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo

from console.domain.instant import clock_text
from console.domain.values import dataclass
from console.state import Status, Word
from widgets.glyphs import FOCUS_FRAME, FRAME, Border
from widgets.ink import Line
from widgets.numbers import age_text

_STYLES = {
    Word.LIVE: "ok",
    Word.PARTIAL: "warn",
    Word.STALE: "warn",
    Word.THROTTLED: "warn",
    Word.DOWN: "bad",
    Word.NO_DATA: "unknown",
    Word.FROZEN: "marker",
    Word.LOADING: "muted",
    Word.PAST: "marker",
}

LEAST_REASON = 20
"""Cells below which a reason is not begun at the bottom."""


def status_text(status: Status, zone: tzinfo = UTC) -> str:
    """`LIVE 3s`, `STALE 45s`, `PARTIAL 2/3 4s`, `THROTTLED retry 20s`, `DOWN since 14:02`, `NO DATA`, `FROZEN 14:02:10`."""
    age = age_text(status.age_s)
    if status.word is Word.DOWN and status.since is not None:
        return f"DOWN since {clock_text(status.since, zone, seconds=False)}"
    if status.word in (Word.FROZEN, Word.PAST) and status.since is not None:
        return f"{status.word} {clock_text(status.since, zone)}"
    if status.word in (Word.PARTIAL, Word.THROTTLED) and status.detail:
        return " ".join(part for part in (status.word, status.detail, age) if part)
    return f"{status.word} {age}".strip()


def status_line(status: Status, zone: tzinfo, cells: int) -> Line:
    """The same in its colour; where it is too long, without the detail, else the bare word, never half an age."""
    for text in (status_text(status, zone), f"{status.word} {age_text(status.age_s)}".strip(), str(status.word)):
        line = Line.of((text, _STYLES[status.word]))
        if line.width <= cells:
            return line
    return Line.of((str(status.word), _STYLES[status.word])).cut(cells)


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame of a size; too small for a border, it shows only what is inside."""

    width: int
    height: int
    number: int = 0
    title: str = ""
    filter_text: str = ""
    facts: str = ""
    """Parted by ` · `, the most important first."""
    status: Status | None = None
    focused: bool = False
    zone: tzinfo = UTC

    @property
    def bordered(self) -> bool:
        """Whether there is room for a border."""
        return self.width >= 12 and self.height >= 3

    @property
    def inner_width(self) -> int:
        """Cells inside, one blank on either side for the cursor's mark and for air."""
        return self.width - 4 if self.bordered else self.width

    @property
    def inner_height(self) -> int:
        """Lines inside."""
        return self.height - 2 if self.bordered else self.height

    def around(self, marked: Sequence[bool], lines: Sequence[Line], hidden: str = "") -> list[Line]:
        """The whole pane: the border and the lines within.

        Of the marked ones, which belong to the row under the cursor, the first is lit and the others carry a bar at their
        left, so that what they say keeps its colours.
        """
        if not self.bordered:
            return [line.fit(self.width) for line in lines[: self.height]]
        side, style = self._border.side, self._style
        edge = Line(((side, style),), 1)
        blank = Line(((" ", "text"),), 1)
        top = self._top()
        painted = [top]
        for place in range(self.inner_height):
            line = lines[place] if place < len(lines) else Line()
            on = place < len(marked) and marked[place]
            if on and (place == 0 or not marked[place - 1]):
                lit = line.fit(self.inner_width).restyled("cursor")
                body = Line.of(("▸", "cursor")) + lit + Line.of((" ", "cursor"))
            else:
                body = (Line.of(("▏", "accent")) if on else blank) + line.fit(self.inner_width) + blank
            painted.append(edge + body + edge)
        painted.append(self._bottom(hidden, self._untold(top)))
        return painted

    @property
    def _border(self) -> Border:
        return FOCUS_FRAME if self.focused else FRAME

    @property
    def _style(self) -> str:
        return "border.focus" if self.focused else "border"

    def _top(self) -> Line:
        rule, left, right = self._border.rule, self._border.top_left, self._border.top_right
        room = self.width - 2
        state = self._state(room // 2 if self.title else room)
        name = self._name(room - state.width - 1)
        filling = Line.of((rule * max(0, room - name.width - state.width), self._style))
        return Line.of((left, self._style)) + name + filling + state + Line.of((right, self._style))

    def _name(self, room: int) -> Line:
        title = f"{self.number} {self.title}" if self.number else self.title
        line = Line.of(" ", (title, "title"), " ").cut(room)
        if self.filter_text and line.width + 6 <= room:
            line = (line + Line.of(" ", (self.filter_text, "accent"), " ")).cut(room - 1) if room > 8 else line
        return line if line.width > 2 else Line()

    def _state(self, room: int) -> Line:
        if self.status is None:
            state = Line()
        else:
            state = status_line(self.status, self.zone, max(4, room - 2))
        dot = (" · ", "muted") if state.width else ("", "muted")
        parts = self.facts.split(" · ") if self.facts else []
        while parts:  # the last ones give way first
            told = Line.of((" · ".join(parts), "label"), dot)
            if state.width + told.width + 2 <= room:
                state = told + state
                break
            parts.pop()
        return Line.of(" ") + state + Line.of(" ") if state.width and state.width + 2 <= self.width - 2 else Line()

    def _untold(self, top: Line) -> Line:
        """Why what is shown is not whole, where the top had no room for it."""
        if self.status is None or self.status.word not in (Word.PARTIAL, Word.THROTTLED):
            return Line()
        detail = self.status.detail
        return Line.of((detail, _STYLES[self.status.word])) if detail and detail not in top.text else Line()

    def _bottom(self, hidden: str, untold: Line) -> Line:
        rule, left, right = self._border.rule, self._border.bottom_left, self._border.bottom_right
        room = self.width - 2
        text = Line.of(" ", (hidden, "label"), " ") if hidden else Line()
        if text.width > room - 2:
            text = Line()
        end = Line.of((rule, self._style)) if text.width else Line()
        least = room - text.width - end.width - 2
        begin = Line()
        if untold.width and least >= LEAST_REASON:
            begin = Line.of((rule, self._style), " ") + untold.cut(least - 2) + Line.of(" ")
        filling = Line.of((rule * (room - begin.width - text.width - end.width), self._style))
        return Line.of((left, self._style)) + begin + filling + text + end + Line.of((right, self._style))
