"""A widget that shows lines and repaints only the cells that changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from rich.segment import Segment
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from widgets.cells import cells_of, changed_spans
from widgets.glyphs import to_ascii
from widgets.ink import Line, width_of
from widgets.theme import NO_COLOR, Palette, palette_for

_Spans: TypeAlias = tuple[tuple[str, str], ...]


def _differing(old: _Spans, new: _Spans) -> tuple[int, _Spans, _Spans]:
    """Both without the spans they share at either end, and how many cells were left out on the left."""
    most = min(len(old), len(new))
    start = 0
    while start < most and old[start] == new[start]:
        start += 1
    end = 0
    while end < most - start and old[-1 - end] == new[-1 - end]:
        end += 1
    left = sum(width_of(text) for text, _ in new[:start])
    return left, old[start : len(old) - end], new[start : len(new) - end]


class Canvas(Widget):
    """Lines on the whole area of the widget: no border, no padding, no markup.

    `show` compares with what is shown and marks only the changed stretches of cells as dirty.
    """

    DEFAULT_CSS = "Canvas { background: $background; }"
    ascii_only = False
    """Set on the class once at the start: translate every line for terminals without UTF-8."""

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes, markup=False)
        self._lines: list[Line] = []
        self._strips: dict[int, Strip] = {}
        self._blank_so_far = True

    @property
    def palette(self) -> Palette:
        """The colours of the current theme; under `NO_COLOR` the one that marks with weight and reversal."""
        return NO_COLOR if self.app.no_color else palette_for(self.app.theme)

    @property
    def lines(self) -> tuple[Line, ...]:
        """What is shown, line by line."""
        return tuple(self._lines)

    def repaint(self) -> None:
        """Paint what is known now; subclasses say how."""

    def show(self, lines: Sequence[Line]) -> list[Region]:
        """Show these lines in place of the old ones.

        Lines are fitted to the width; those beyond the height are kept and not painted.

        Returns:
            The regions that changed, in cells of this widget; nothing when nothing did.
        """
        width = self.size.width
        fitted = [self._prepared(line, width) for line in lines]
        regions = self._differences(fitted)
        self._lines = fitted
        for region in regions:
            self._strips.pop(region.y, None)
        if regions and not self._blank_so_far:
            self.refresh(*regions)
        return regions

    def _prepared(self, line: Line, width: int) -> Line:
        if self.ascii_only and not line.text.isascii():
            line = Line(tuple((to_ascii(text), style) for text, style in line.spans))
        return line.fit(width) if width else line

    def _differences(self, lines: list[Line]) -> list[Region]:
        regions: list[Region] = []
        blank = Line().fit(self.size.width)
        for y in range(min(self.size.height, max(len(lines), len(self._lines)))):
            new = lines[y] if y < len(lines) else blank
            old = self._lines[y] if y < len(self._lines) else blank
            if new == old:
                continue
            if old.width != new.width:
                regions.append(Region(0, y, new.width, 1))
                continue
            left, was, now = _differing(old.spans, new.spans)
            spans = changed_spans(cells_of(was), cells_of(now))
            regions.extend(Region(left + begin, y, end - begin, 1) for begin, end in spans)
        return regions

    def render_line(self, y: int) -> Strip:
        """One line as Textual wants it; every segment has a style, since `NO_COLOR` crashes on one without."""
        if self._blank_so_far:
            self._paint_first()
        width = self.size.width
        strip = self._strips.get(y)
        if strip is None or strip.cell_length != width:
            line = self._lines[y].fit(width) if y < len(self._lines) else Line().fit(width)
            style = self.palette.style
            strip = Strip([Segment(text, style(name)) for text, name in line.spans], width)
            self._strips[y] = strip
        return strip

    def _paint_first(self) -> None:
        """Paint when Textual asks for the first line: it tells the size only after it has shown a blank widget."""
        if not self._lines:
            self.repaint()
        self._blank_so_far = False

    def notify_style_update(self) -> None:
        """After a change of theme: every line gets its new colours."""
        self._strips.clear()
        super().notify_style_update()
