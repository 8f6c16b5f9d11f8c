"""Lists of actions over the screen: Enter or an action's own key carries it out. Help is one, the menu of the selection another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Key

from console.actions import Action
from console.screens.dialog import Dialog
from widgets.body import Body, Look
from widgets.help import paint_actions
from widgets.pane import Pane
from widgets.text_view import TextView


class ActionList(Dialog):
    """A list whose rows stand for actions. Ends with the id of the chosen one. Subclasses say how it is painted."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,backspace", "dismiss(None)", show=False),
        Binding("enter", "choose", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("up,k", "move(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
    ]
    box = "help"
    """Id of its area, for the style sheet."""

    def __init__(self, title: str, refused: Mapping[str, str]) -> None:
        super().__init__()
        self._title_shown, self.refused = title, refused
        self._view = TextView()

    def compose(self) -> ComposeResult:
        """One list, scrollable on small screens."""
        with Vertical(id=self.box):
            yield self._view

    def on_mount(self) -> None:
        """Fill it."""
        self._view.show_content(self._title_shown, self.painted, Look())
        self._view.focus()

    def painted(self, width: int, height: int, look: Look) -> Body:
        """The rows; the value of each is its action."""
        raise NotImplementedError

    def action_move(self, rows: int) -> None:
        """Move the cursor."""
        self._view.move(rows)

    def action_page(self, pages: int) -> None:
        """Move by pages."""
        self._view.page(pages)

    def action_choose(self) -> None:
        """Carry out what the cursor is on."""
        chosen = self._view.selected()
        self.choose(chosen if isinstance(chosen, Action) else None)

    def choose(self, action: Action | None) -> None:
        """End with this action."""
        self.dismiss(action.id if action is not None else None)

    def on_pane_selected(self, message: Pane.Selected) -> None:
        """A double click chooses."""
        message.stop()
        self.action_choose()


class ActionsScreen(ActionList):
    """What can be done with the selection. What cannot be done now says why, and stays when it is chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("x", "dismiss(None)", show=False)]
    box = "menu"
    WIDTH_SHARE, MOST_WIDTH = 0.9, 110

    def __init__(self, actions: Sequence[Action], refused: Mapping[str, str], what: str) -> None:
        super().__init__(f"Actions · {what}" if what else "Actions", refused)
        self._actions = tuple(actions)

    def compose(self) -> ComposeResult:
        """As high as the list is."""
        width = min(self.MOST_WIDTH, int(self.app.size.width * self.WIDTH_SHARE))
        lines = sum(len(row.lines) for row in self.painted(max(1, width - 4), 0, Look()).rows)
        with Vertical(id=self.box) as box:
            box.styles.width, box.styles.height = width, lines + 2
            yield self._view

    def painted(self, width: int, height: int, look: Look) -> Body:
        return paint_actions(self._actions, self.refused, width)

    def choose(self, action: Action | None) -> None:
        """What cannot be done now is not chosen."""
        if action is None or action.id not in self.refused:
            super().choose(action)

    def on_key(self, event: Key) -> None:
        """The action's own key chooses it too."""
        for action in self._actions:
            if event.key in action.keys and event.key != "enter":
                event.stop()
                self.choose(action)
                return
