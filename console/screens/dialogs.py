"""Dialogs: a line to type, the palette, and help."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Key
from textual.timer import Timer
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from console.actions import Action, key_text
from console.palette import search
from console.screens.dialog import Dialog
from console.screens.menu import ActionList
from widgets.body import Body, Look
from widgets.help import paint as paint_help

QUICK_S = 0.05
"""So long a dialog stays for what it began: nobody sees that, and what came of it need not wait for the paint of its end."""
TYPING_PAUSE_S = 0.15
"""A filter is tried once the typing pauses this long."""


class LineInput(Input):
    """An input that carries out its keys in the order in which they were typed.

    Textual types characters at once, and lets keys such as backspace and ctrl+u pass through the application first, so that
    they act on what is typed after them.
    """

    ACTS: ClassVar[dict[str, str]] = {
        key: binding.action
        for binding in Input.BINDINGS
        if isinstance(binding, Binding)
        for key in binding.key.split(",")
    }

    async def on_key(self, event: Key) -> None:
        """Act on it now."""
        action = self.ACTS.get(event.key)
        if action is not None:
            event.stop()
            event.prevent_default()
            await self.app.run_action(action, self)


class LineDialog(Dialog):
    """One line to type, at the bottom; the screen above stays in view. Ends with the text, or None when cancelled.

    Args:
        prompt: In front of the line.
        text: What it starts with.
        hint: What can be typed.
        attempt: Called when the typing pauses; returns what is wrong, or None.
        past: Lines that were typed before, newest last; up and down recall them.
        begin: Begins what is to be done with the text that was entered, and says when it is done. The dialog goes then, and what
            came of it is shown at once; what takes longer than `QUICK_S` goes on without it.
    """

    leaves_in_view = True
    """The screen below it is still read, and told."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", show=False),
        Binding("up", "recall(-1)", show=False),
        Binding("down", "recall(1)", show=False),
    ]

    def __init__(
        self,
        prompt: str,
        text: str,
        hint: str,
        attempt: Callable[[str], str | None],
        past: Sequence[str] = (),
        begin: Callable[[str], asyncio.Event | None] | None = None,
    ) -> None:
        super().__init__()
        self._begin = begin
        self._prompt, self._text, self._hint, self._told = prompt, text, hint, hint
        self._attempt = attempt
        self._lines = [*(line for line in past if line != text.strip()), text]
        self._place = len(self._lines) - 1
        self._pause: Timer | None = None

    def compose(self) -> ComposeResult:
        """Message line above the typed line."""
        with Vertical(id="line-dialog"):
            yield Static(Text(self._hint), id="line-message", markup=False)
            with Horizontal(id="line-row"):
                yield Static(Text(self._prompt), id="line-prompt", markup=False)
                yield LineInput(self._text, id="line-input", select_on_focus=False)

    def on_mount(self) -> None:
        """Ready to type at the end of the old text."""
        line = self.query_one(Input)
        self.set_focus(line)
        line.cursor_position = len(line.value)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Try it once the typing pauses."""
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(TYPING_PAUSE_S, lambda: self._try_at_rest(event.value))

    def _try_at_rest(self, text: str) -> None:
        """Unless the dialog ended before the pause did: what was cancelled is not tried any more."""
        if not self.ended:
            self._try(text)

    def action_recall(self, step: int) -> None:
        """Take up an older line, or a newer one."""
        place = self._place + step
        if 0 <= place < len(self._lines):
            line = self.query_one(Input)
            self._lines[self._place] = line.value
            self._place, line.value = place, self._lines[place]
            line.cursor_position = len(line.value)

    def _try(self, text: str) -> bool:
        problem = self._attempt(text) if text.strip() else None
        told = problem or self._hint
        if told != self._told:  # a dialog is laid out anew only where it says something else
            self._told = told
            message = self.query_one("#line-message", Static)
            message.update(Text(told))
            message.set_class(problem is not None, "problem")
        return problem is None

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        """Done, unless it is wrong: then it says why, and nothing typed is lost."""
        if self._pause is not None:
            self._pause.stop()
        if event.value.strip():
            if not self._try(event.value):
                return
            await self._carry_out(event.value)
        self.dismiss(event.value)

    async def _carry_out(self, text: str) -> None:
        """Begin what is to be done, once, and wait for it if it is quick."""
        begin, self._begin = self._begin, None
        done = begin(text) if begin is not None and not self.ended else None
        if done is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(QUICK_S):
                    await done.wait()


class PaletteScreen(Dialog):
    """Every action by name. Ends with the id of the chosen one.

    Args:
        refused: Why actions cannot be used now, by their ids.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", show=False),
        Binding("up", "step(-1)", show=False, priority=True),
        Binding("down", "step(1)", show=False, priority=True),
    ]

    def __init__(self, actions: Sequence[Action], refused: Mapping[str, str]) -> None:
        super().__init__()
        self._actions, self._refused = actions, refused

    def compose(self) -> ComposeResult:
        """A line to type and the actions that match."""
        with Vertical(id="palette"):
            yield LineInput(placeholder="type a part of an action's name", id="palette-input")
            yield OptionList(id="palette-list", markup=False)

    def on_mount(self) -> None:
        """All actions until something is typed."""
        self._fill("")
        self.set_focus(self.query_one(Input))

    def on_input_changed(self, event: Input.Changed) -> None:
        """The actions that match."""
        self._fill(event.value)

    def _fill(self, query: str) -> None:
        listed = self.query_one(OptionList)
        listed.clear_options()
        listed.add_options(
            Option(_line(action, self._refused.get(action.id, "")), id=action.id)
            for action in search(query, self._actions)
        )
        if listed.option_count:
            listed.highlighted = 0

    def action_step(self, step: int) -> None:
        """Move in the list while typing goes on."""
        listed = self.query_one(OptionList)
        listed.action_cursor_down() if step > 0 else listed.action_cursor_up()

    def on_input_submitted(self) -> None:
        """Choose the highlighted one."""
        listed = self.query_one(OptionList)
        if listed.highlighted is not None and listed.option_count:
            self.dismiss(listed.get_option_at_index(listed.highlighted).id)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Chosen with the mouse."""
        self.dismiss(event.option.id)


def _line(action: Action, reason: str) -> Text:
    keys = " ".join(key_text(key) for key in action.keys) or "–"
    if reason:
        return Text(f"{keys:<9.9} {action.label:<12} Not now: {reason}", style="dim")
    return Text.assemble(f"{keys:<9.9} ", (f"{action.label:<12} ", "bold"), action.tooltip)


class HelpScreen(ActionList):
    """The keys of this pane first, then those that work everywhere. Enter runs the action under the cursor.

    Args:
        refused: Why actions cannot be used now, by their ids.
        about: What the pane shows.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1", "dismiss(None)", show=False),
        Binding("space", "page(1)", show=False),
    ]

    def __init__(self, actions: Sequence[Action], pane: str, refused: Mapping[str, str], about: str = "") -> None:
        super().__init__("Help · Enter runs, Esc closes, [keys] in the configuration changes them", refused)
        self._actions, self._pane, self._about = actions, pane, about

    def painted(self, width: int, height: int, look: Look) -> Body:
        return paint_help(self._actions, self.refused, self._pane, self._about, width, height, look)
