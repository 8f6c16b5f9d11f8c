"""The line of keys, out of the actions table; and the place where the console answers a key that did nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from console.actions import Action, key_text
from widgets.canvas import Canvas
from widgets.ink import Line


def paint(
    actions: Sequence[Action],
    disabled: Mapping[str, str],
    width: int,
    pane: str = "",
    said: Line | None = None,
    panes: int = 5,
) -> Line:
    """As many keys as fit, in the table's order; what cannot be used is greyed, never hidden.

    Args:
        panes: How many can be gone to by their numbers.
    """
    if said is not None:
        return (Line.of(" ") + said).fit(width)
    shown = sorted((a for a in actions if a.footer and a.keys and a.pane in ("", pane)), key=lambda a: a.footer)
    line = Line()
    end = Line.of((f"1–{panes}", "key"), " panes ") if panes > 1 else Line()
    for action in shown:
        usable = action.id not in disabled
        piece = Line.of(
            " ",
            (key_text(action.keys[0]), "key" if usable else "muted"),
            " ",
            (action.label, "text" if usable else "muted"),
            " ",
        )
        if line.width + piece.width + end.width > width:
            break
        line = line + piece
    return line.beside(end, width) if end.width and line.width + end.width <= width else line.fit(width)


class Footer(Canvas):
    """The bottom line. `say` puts a sentence in place of the keys until `say` is called without one."""

    DEFAULT_CSS = "Footer { dock: bottom; height: 1; width: 100%; }"

    def __init__(self, actions: Sequence[Action], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._actions = tuple(actions)
        self._disabled: Mapping[str, str] = {}
        self._pane = ""
        self._panes = 5
        self._said: Line | None = None

    def show_keys(self, disabled: Mapping[str, str] | None = None, pane: str = "", panes: int = 5) -> None:
        """Show the keys of a pane, with those of `disabled` (id to reason) greyed."""
        wanted = (disabled or {}, pane, panes)
        if wanted != (self._disabled, self._pane, self._panes) or not self.lines:
            self._disabled, self._pane, self._panes = wanted
            self.repaint()

    def say(self, text: str = "", style: str = "accent") -> None:
        """Show a sentence: why a key did nothing, what was copied. Empty: the keys again."""
        self._said = Line.of((text, style)) if text else None
        self.repaint()

    @property
    def says_something(self) -> bool:
        """Whether a sentence stands in place of the keys."""
        return self._said is not None

    def repaint(self) -> None:
        """Paint what it knows now."""
        if self.size.width > 0:
            self.show([paint(self._actions, self._disabled, self.size.width, self._pane, self._said, self._panes)])

    def on_resize(self) -> None:
        """Another width holds other keys."""
        self.repaint()
