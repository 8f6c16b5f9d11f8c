"""Lines of text with meaning: what painters return.

A painter says what a piece of text *is* (`bad`, `muted`, `title`), never how it looks; `widgets.theme` turns that into
colours in one place. Widths are terminal cells, so that CJK and emoji do not break a column. Text is never markup, and a
character that a terminal would obey becomes a visible replacement here as well, should one ever get past `SafeText`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field

from rich.cells import cell_len, split_text

from console.domain.values import dataclass
from console.guard.sanitise import UNSAFE

ELLIPSIS = "…"
REPLACEMENT = "\ufffd"

STYLES = (
    "text",
    "muted",
    "strong",
    "bad",
    "warn",
    "ok",
    "unknown",
    "accent",
    "marker",
    "new",
    "title",
    "label",
    "border",
    "border.focus",
    "cursor",
    "graph",
    "graph.bad",
    "key",
    "band",
    "banner",
    "match",
)
"""Every style name a painter may use; each theme gives each a look."""


def clean(text: str) -> str:
    """The text with every character that a terminal would obey replaced by one visible cell."""
    if text.isascii() and text.isprintable():
        return text
    return UNSAFE.sub(REPLACEMENT, text)


def width_of(text: str) -> int:
    """Cells that the text takes in a terminal."""
    return len(text) if text.isascii() else cell_len(text)


def head(text: str, cells: int) -> str:
    """The longest beginning that fits; a wide character that would be cut in half is left out."""
    if cells <= 0:
        return ""
    if width_of(text) <= cells:
        return text
    if text.isascii():
        return text[:cells]
    left, _ = split_text(text, cells)
    while cell_len(left) > cells or (left and left[-1] == " " and not text.startswith(left)):
        left = left[:-1]
    return left


def tail(text: str, cells: int) -> str:
    """The longest end that fits."""
    total = width_of(text)
    if cells <= 0:
        return ""
    if total <= cells:
        return text
    if text.isascii():
        return text[-cells:]
    _, right = split_text(text, total - cells)
    while cell_len(right) > cells or (right and right[0] == " " and not text.endswith(right)):
        right = right[1:]
    return right


def cut(text: str, cells: int, mark: str = ELLIPSIS) -> str:
    """The text in at most `cells` cells, with an ellipsis at the end where something is missing."""
    text = clean(text)  # what stands for a character that a terminal obeys may be wider than that
    if width_of(text) <= cells:
        return text
    if cells <= width_of(mark):
        return head(mark, cells)
    return head(text, cells - width_of(mark)) + mark


def cut_middle(text: str, cells: int, mark: str = ELLIPSIS) -> str:
    """The same with the ellipsis in the middle: for paths and names whose end tells them apart."""
    text = clean(text)
    if width_of(text) <= cells:
        return text
    room = cells - width_of(mark)
    if room < 2:
        return cut(text, cells, mark)
    return head(text, room - room // 2) + mark + tail(text, room // 2)


def pad(text: str, cells: int) -> str:
    """Cut or filled with spaces on the right to exactly `cells`."""
    short = cut(text, cells)
    return short + " " * max(0, cells - width_of(short))


def right(text: str, cells: int) -> str:
    """Right-aligned to `cells`. A number is never cut: where it does not fit, `#` says so."""
    width = width_of(text)
    return " " * (cells - width) + text if width <= cells else "#" * max(0, cells)


def wrap(text: str, cells: int, most: int) -> list[str]:
    """The text on at most `most` lines of `cells`, broken at spaces where there are any; the last line is cut with `…`."""
    if cells <= 0 or most <= 0:
        return []
    lines: list[str] = []
    rest = clean(text)
    while rest and len(lines) < most - 1 and width_of(rest) > cells:
        piece = head(rest, cells)
        if not piece:
            break
        space = -1 if rest[len(piece) : len(piece) + 1] == " " else piece.rfind(" ")
        if space > width_of(piece) // 3:
            piece = piece[:space]
        lines.append(piece)
        rest = rest[len(piece) :].lstrip(" ")
    if rest:
        lines.append(cut(rest, cells))
    return lines


@dataclass(frozen=True, slots=True)
class Line:
    """One immutable line: pieces of text, each with the name of its meaning."""

    spans: tuple[tuple[str, str], ...] = ()
    width: int = field(default=-1, compare=False)
    """Cells it takes; worked out when not given."""

    def __post_init__(self) -> None:
        if self.width < 0:
            object.__setattr__(self, "width", sum(width_of(text) for text, _ in self.spans))

    @classmethod
    def of(cls, *pieces: tuple[str, str] | str) -> Line:
        """A line from pieces; a bare string is plain `text`. Empty pieces vanish, what a terminal obeys is replaced."""
        spans: list[tuple[str, str]] = []
        width = 0
        for piece in pieces:
            text, style = (piece, "text") if isinstance(piece, str) else piece
            if not text:
                continue
            if text.isascii() and text.isprintable():
                width += len(text)
            else:
                text = clean(text)
                width += width_of(text)
            spans.append((text, style))
        return cls(tuple(spans), width)

    @property
    def text(self) -> str:
        """Its characters without meaning: for copying, plain output and tests."""
        return "".join(text for text, _ in self.spans)

    def __add__(self, other: Line) -> Line:
        return Line(self.spans + other.spans, self.width + other.width)

    def cut(self, cells: int, mark: str = ELLIPSIS) -> Line:
        """At most `cells` wide, with an ellipsis where something is missing."""
        if self.width <= cells:
            return self
        room = cells - width_of(mark)
        if room < 0:
            return Line()
        kept: list[tuple[str, str]] = []
        last = "text"
        for text, style in self.spans:
            last = style
            width = width_of(text)
            if width > room:
                piece = head(text, room)
                if piece:
                    kept.append((piece, style))
                break
            kept.append((text, style))
            room -= width
        return Line((*kept, (mark, last)))

    def fit(self, cells: int, style: str = "text") -> Line:
        """Exactly `cells` wide: cut, or filled with spaces."""
        short = self.cut(cells)
        missing = cells - short.width
        return Line((*short.spans, (" " * missing, style)), cells) if missing > 0 else short

    def beside(self, other: Line, cells: int) -> Line:
        """`other` at the right edge of `cells`, this line cut to what is left of it, one cell between."""
        if other.width >= cells:
            return other.fit(cells)
        return self.fit(cells - other.width - 1) + Line.of(" ") + other

    def restyled(self, style: str) -> Line:
        """All of it in one style: a selected row."""
        return Line(((self.text, style),), self.width) if self.spans else self


EMPTY = Line()


def joined(pieces: Iterable[Line], gap: str = " ") -> Line:
    """Lines side by side."""
    spans: list[tuple[str, str]] = []
    for number, piece in enumerate(pieces):
        if number and gap:
            spans.append((gap, "text"))
        spans.extend(piece.spans)
    return Line(tuple(spans))
