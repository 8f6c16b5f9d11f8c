"""The two lines that are always there: what is wrong and since when; who is suspected, and how fresh and dear this is."""

from __future__ import annotations

from collections.abc import Sequence

from console.domain.diagnosis import State
from console.domain.instant import clock_text, span_text
from console.state import HeaderView, News, Word
from widgets.body import Look
from widgets.canvas import Canvas
from widgets.frame import status_line
from widgets.ink import Line, joined
from widgets.news import newest
from widgets.numbers import number_text
from widgets.words import WATCHING, state_sign

NEWS_LEAST = 24
"""Cells below which news says nothing."""
LATE = (State.INCIDENT, State.DEGRADING, State.RECOVERING)


def paint(view: HeaderView, width: int, look: Look, breadcrumb: str = "", news: Sequence[News] = ()) -> list[Line]:
    """Two lines of exactly `width`. What is on the right gives way before the headline does, the age last of all.

    What changed in the last minute stands behind the verdict; where there is no room for both, it has two
    fifths of the line at most: who is suspected matters more than that it is new.
    """
    return [_first(view, width, look), _second(view, width, breadcrumb, newest(news, view.now))]


def _first(view: HeaderView, width: int, look: Look) -> Line:
    sign = WATCHING if view.watching else state_sign(view.state)
    since = _since(view, look)
    status = status_line(view.status, look.zone, max(8, width // 3))
    if view.status.word is Word.FROZEN:
        status = status.restyled("banner")
    clock = Line.of((clock_text(view.now, look.zone, seconds=False), "text")) if view.now else Line()
    window = Line.of((view.window_text, "text"))
    rights = [joined([p for p in parts if p.width]) for parts in ((window, status, clock), (status, clock), (status,))]
    lefts = [
        _left(sign.text, sign.style, view.headline, *since_text)
        for since_text in ((since[0],), (since[1],), (since[2],))
    ]
    short = _left(sign.glyph, sign.style, view.headline, since[2])
    for left, right_ in (
        (lefts[0], rights[0]),
        (lefts[1], rights[0]),
        (lefts[1], rights[1]),
        (lefts[2], rights[1]),
        (_left(sign.glyph, sign.style, view.headline, since[1]), rights[1]),
        (_left(sign.glyph, sign.style, view.headline, since[1]), rights[2]),
        (short, rights[1]),
        (short, rights[2]),
    ):
        if left.width + right_.width + 3 <= width:
            return left.beside(right_ + Line.of(" "), width)
    bare = _left(sign.glyph, sign.style, view.headline, "")
    return _squeezed(bare, since[2], rights[2], width)


def _squeezed(left: Line, since: str, right_: Line, width: int) -> Line:
    """The headline is cut, the onset stands behind it, the age stays whole."""
    end = Line.of((since, "text"), "  " if since else "") + right_ + Line.of(" ")
    if end.width > width // 2:
        end = right_ + Line.of(" ")
    return left.beside(end, width)


def _left(state: str, style: str, headline: str, since: str) -> Line:
    return Line.of(
        " ",
        (state, style),
        "  " if len(state) > 1 else " ",
        (headline, "strong"),
        ("   " + since if since else "", "text"),
    )


def _since(view: HeaderView, look: Look) -> tuple[str, str, str]:
    """Longest to shortest; empty where nothing is wrong or the onset is not known."""
    if view.since is None or not (view.watching or view.state in LATE):
        return "", "", ""
    lasted = span_text(max(0.0, view.now - view.since)) if view.now else ""
    day = clock_text(view.since, look.zone, now=view.now or None, seconds=True)
    minute = clock_text(view.since, look.zone, now=view.now or None, seconds=False)
    error = f" ± {span_text(view.since_error_s)}" if view.since_error_s else ""
    return f"since {day}{error} · {lasted}", f"since {minute} · {lasted}", f"since {minute}"


def _second(view: HeaderView, width: int, breadcrumb: str, news: str) -> Line:
    cost = [
        Line.of(
            (f"{c.origin} {c.used_per_min}/{c.allowed_per_min} q/min {number_text(c.total.bytes, 'bytes')}", "label")
        )
        for c in view.cost
    ]
    used = sum(c.used_per_min for c in view.cost)
    allowed = sum(c.allowed_per_min for c in view.cost)
    read = sum(c.total.bytes for c in view.cost)
    total = Line.of((f"cost {used}/{allowed} q/min {number_text(read, 'bytes')}", "label")) if view.cost else Line()
    mode = Line.of((view.mode, "accent")) if view.mode else Line()
    left = Line.of(" ", (breadcrumb, "accent"), "  " if breadcrumb else "", (view.verdict, "text"))
    rights = [
        joined([p for p in (*cost, mode) if p.width], "  ") if len(cost) < 3 else Line(),
        joined([p for p in (total, mode) if p.width], "  "),
        mode,
    ]
    fresh = Line.of(("new: ", "accent"), (news, "strong")) if news else Line()
    for right_ in rights[
        : 2 if view.cost and width >= 60 else 3
    ]:  # what this costs stands there whatever the verdict is
        right_ = joined([p for p in (fresh, right_) if p.width], "  ")
        if right_.width and left.width + right_.width + 2 <= width:
            return left.beside(right_ + Line.of(" "), width)
    end = rights[1] if width >= 60 else rights[2]
    if news and (room := (width - end.width - 4) * 2 // 5) >= NEWS_LEAST:
        end = joined([p for p in (fresh.cut(room), end) if p.width], "  ")
    return left.beside(end + Line.of(" "), width)


class Header(Canvas):
    """The top two lines of every screen."""

    DEFAULT_CSS = "Header { dock: top; height: 2; width: 100%; }"
    view = HeaderView()
    look = Look()
    breadcrumb = ""
    news: Sequence[News] = ()

    def show_view(self, view: HeaderView, look: Look, breadcrumb: str = "", news: Sequence[News] = ()) -> None:
        """Show this; `breadcrumb` says where one is below the overview, `news` what changed."""
        self.view, self.look, self.breadcrumb, self.news = view, look, breadcrumb, news
        self.repaint()

    def repaint(self) -> None:
        """Paint what it knows now."""
        if self.size.width > 0:
            self.show(paint(self.view, self.size.width, self.look, self.breadcrumb, self.news))

    def on_resize(self) -> None:
        """Another width is another choice of what is shown."""
        self.repaint()
