"""The Textual application: wiring of session, screens, keys, signals and the one repaint tick."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, ClassVar
from zoneinfo import ZoneInfo

from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.events import Event, Key, Paste
from textual.timer import Timer
from textual.widget import AwaitMount
from textual.widgets import Input
from textual.worker import Worker, WorkerState

from console.actions import Action, by_key, key_text, meant, with_keymap
from console.config.load import ConfigError, Loaded
from console.domain.instant import Instant
from console.guard.sanitise import safe
from console.keyboard import Keyboard, Together
from console.leaving import HUNG_UP, terminal_is_gone
from console.live.process import CollectorFailed, ProcessLink
from console.live.repeat import Repeat
from console.live.session import Link, Session
from console.screens.base import ConsoleScreen
from console.screens.later import load_rest
from console.screens.overview import OverviewScreen
from console.terminal import TerminalCare, install_ascii, set_mouse, terminal_is_behind
from console.typeahead import TypeAhead
from widgets.canvas import Canvas
from widgets.pane import Pane
from widgets.theme import PALETTES

if TYPE_CHECKING:
    from console.live.desk import Desk
    from console.live.fixing import Fixing
    from console.live.reproducing import Reproducing

TICK_S = 0.5
"""What arrives is painted at most this often; keys are answered at once."""
ROUND_S = 2.0
"""Everything that does not come with a state or a key is looked after this often."""
RETRY_ROUNDS = 2
"""What could not be saved is tried again every so many rounds."""
NOTICE_S = 4.0
"""How long a sentence stands in the footer in place of the keys."""
QUIT_WITHIN_S = 2.0
"""How long the second q or ctrl+c counts as "twice"."""
MOST_CLIPBOARD_BYTES = 74_994
"""What terminals take in one OSC 52 write; more is refused in words."""
HELD_DOWN = (
    *("up", "down", "page_up", "page_down", "next_pane", "previous_pane", "next_error", "previous_error"),
    *("next_match", "previous_match", "next_marker", "previous_marker", "earlier", "later", "wider", "narrower"),
)
"""Actions whose keys are held down on purpose."""


class IncidentConsole(TerminalCare[int]):
    """The console on one configuration.

    Args:
        loaded: The configuration.
        link: The way to the collector.
        desk: The way to the case; None: there is no place for one.
    """

    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = False
    TITLE = "Incident Console"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "act('quit_now')", show=False, priority=True, id="quit_now")
    ]

    def __init__(
        self,
        loaded: Loaded,
        link: Link,
        theme: str | None = None,
        clock: Callable[[], Instant] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        desk: Desk | None = None,
    ) -> None:
        super().__init__(driver_class=Keyboard)
        self.loaded = loaded
        self.actions: tuple[Action, ...] = with_keymap(loaded.config.keys)
        self._bound = by_key(self.actions)
        self._typed = TypeAhead(key for action in self.actions if action.id in HELD_DOWN for key in action.keys)
        self.session = Session(
            loaded.config, link, self._mark_dirty, clock, monotonic, Repeat.of(loaded), self._reproducing
        )
        self.session.wished = self._carry_out
        self.session.desk = desk
        self.session.fixing = self._fixing
        self._theme_name = theme or loaded.config.console.theme
        self._dirty = True
        self._painting: Timer | None = None
        """Paused while nothing arrives."""
        self._rounds = 0
        self._quit_asked = float("-inf")
        self._notice_timer: Timer | None = None
        self._notice_ends = float("-inf")
        self._unsaved_told = False
        self._rechecking = False
        self._complete = False
        """Whether everything was loaded that the first frame did without."""
        self._has_mouse = loaded.config.console.mouse
        self.failure = ""
        """Why the console had to close, for the normal screen."""

    def _reproducing(self) -> Reproducing:
        from console.live.reproducing import Reproducing  # nothing of it is needed before somebody reproduces

        return Reproducing(self.loaded, watched=lambda: self.session.latest)

    def _fixing(self) -> Fixing:
        from console.live.fixing import Fixing  # nothing of it is needed before somebody mends something

        return Fixing(self.loaded)

    # Life.

    def on_load(self) -> None:
        """Heed signals before the terminal is taken: one that comes while the screen is made must give it back as well."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGHUP, signal.SIGTERM):
            loop.add_signal_handler(number, partial(self.exit, return_code=128 + number))

    def on_mount(self) -> None:
        """Show the overview at once; sources answer behind it."""
        for palette in PALETTES.values():
            self.register_theme(palette.textual)
        self.theme = PALETTES[self._theme_name].textual.name
        Canvas.ascii_only = self.loaded.config.console.ascii
        if Canvas.ascii_only:
            install_ascii(self)
        quitting = next(action for action in self.actions if action.id == "quit_now")
        self.set_keymap({quitting.id: ",".join(quitting.keys)})  # it works over dialogs as well
        shown = self.push_screen(OverviewScreen(self.session, self.actions))
        self._painting = self.set_interval(TICK_S, self.tick, name="repaint")
        self.set_interval(ROUND_S, self.look_after, name="look after")
        self.app_resume_signal.subscribe(self, lambda _: self._mark_dirty())
        self.run_worker(
            self.session.run(),
            name="session",
            group="session",
            description="feeds, log tail and diagnosis",
            exit_on_error=False,
        )
        self.run_worker(self._get_complete(shown), name="loading", group="loading", exit_on_error=False)

    async def _get_complete(self, shown: AwaitMount) -> None:
        """After the first frame, load what it did without, and then take up the case that was left."""
        painted = asyncio.Event()
        await shown
        self.screen.call_after_refresh(painted.set)
        await painted.wait()
        try:
            await load_rest()
        finally:
            self._complete = True
            if not self.is_headless:
                gc.freeze()  # what is there now stays: looking for garbage need not go through it each time
                gc.enable()
        self.run_worker(self._resume(), name="resume", group="resume", exit_on_error=False)

    def _record(self) -> None:
        """Keep what is seen in the case, every few seconds and beside the keys."""
        desk, state = self.session.desk, self.session.latest
        if desk is not None and not self.session.replaying and desk.wants(state.now) and state.diagnosis is not None:
            self.run_worker(desk.keep(state), name="seen", group="seen", exit_on_error=False)

    def _recheck(self) -> None:
        """Ask the predictions of the case whose time has come, whatever is on the screen."""
        desk, state = self.session.desk, self.session.latest
        if desk is None or desk.case is None or self.session.replaying:
            return
        from console.screens.predicting import due  # not for the first frame

        if desk.case.active and due(desk.case, state.now) and not self._rechecking:
            self._rechecking = True
            self.run_worker(self._asked(desk), name="predictions", group="predictions", exit_on_error=False)

    async def _asked(self, desk: Desk) -> None:
        from console.case.journal import NotSaved  # not for the first frame
        from console.screens.predicting import ask_predictions

        try:
            await ask_predictions(self.session, desk, only_due=True)
        except NotSaved as error:
            self.notice(f"not saved: {error}")
        finally:
            self._rechecking = False

    def _warn_unsaved(self) -> None:
        """Say for as long as it is so that something is not in the case, on every screen, and try again to write it."""
        desk, screen = self.session.desk, self.console_screen()
        if desk is None or (desk.unsaved and not desk.view.why_unsaved):  # what is being written has not failed
            return
        if desk.unsaved:
            if self._rounds % RETRY_ROUNDS == 0:
                self.run_worker(desk.refresh(), name="retry", group="retry", exclusive=True, exit_on_error=False)
            if screen is not None and asyncio.get_running_loop().time() > self._notice_ends:
                counted = f"{desk.unsaved} entr{'y is' if desk.unsaved == 1 else 'ies are'}"
                screen.footer.say(safe(f"NOT SAVED: {counted} not in the case: {desk.view.why_unsaved}", 300), "bad")
                self._unsaved_told = True
        elif self._unsaved_told:
            self._unsaved_told = False
            self.notice("saved: everything that was written is in the case")

    async def _resume(self) -> None:
        """Take up the case that was left when the last console ended, however it ended."""
        from console.screens.recording import resumed  # not for the first frame

        desk = self.session.desk
        told = await resumed(desk) if desk is not None else ""
        if told:
            self.notice(told, lasting=True)

    async def on_unmount(self) -> None:
        """End the collector while the event loop still runs."""
        await self.session.close()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Work that ended in an error is a bug; the screen says so instead of looking alive."""
        if event.state is not WorkerState.ERROR:
            return
        error = event.worker.error
        if isinstance(error, CollectorFailed):
            self.failure = str(error)
            self.exit(2, return_code=2)
        elif event.worker.name == "session":
            self.notice(f"collection stopped: {error}; restart the console", lasting=True)
        elif event.worker.name == "loading":
            self.notice(f"the console is incomplete, some keys will fail: {error}; install it again", lasting=True)
        else:
            self.notice(f"{event.worker.name}: {type(error).__name__}: {error}")

    # Painting.

    def _mark_dirty(self) -> None:
        self._dirty = True
        if self._painting is not None:
            self._painting.resume()

    def tick(self) -> None:
        """Show the newest state, unless the terminal does not keep up; rest until there is another one."""
        if not self._dirty:
            if self._painting is not None:
                self._painting.pause()
        elif not terminal_is_behind(self):
            self._dirty = False
            self.show_now()
            self._announce()

    def look_after(self) -> None:
        """Leave a terminal that is gone; keep and ask again what it is time for; let the silence of the collector grow."""
        if not self.is_headless and terminal_is_gone():
            self.exit(return_code=HUNG_UP)
            return
        if self.session.silent and not self.session.frozen:
            self._mark_dirty()
        if self._complete:  # what these need is loaded
            self._rounds += 1
            self._record()
            self._recheck()
            self._warn_unsaved()

    def _announce(self) -> None:
        """Say once that the verdict changed; behind a dialog that hides the footer it waits."""
        changed = self.session.take_verdict() if self.console_screen() is not None else None
        if changed is not None:
            keys = next((action.keys for action in self.actions if action.id == "news"), ())
            self.notice(f"{changed.text} ({key_text(keys[0])} tells more)" if keys else changed.text)

    def show_now(self) -> None:
        """Show the newest state on the console screen that can be seen."""
        screen = self.console_screen()
        if screen is not None and screen.is_mounted:
            screen.show(self.session.state())

    def console_screen(self) -> ConsoleScreen | None:
        """The topmost screen of ours that is not hidden: a one-line dialog leaves the screen below it in view."""
        for screen in reversed(self.screen_stack):
            if isinstance(screen, ConsoleScreen):
                return screen
            if not getattr(screen, "leaves_in_view", False):
                return None
        return None

    def notice(self, text: str, *, lasting: bool = False) -> None:
        """Tell something in the footer of the current screen, for a moment or until the next notice."""
        screen = self.console_screen()
        if self._notice_timer is not None:
            self._notice_timer.stop()
        if screen is not None:
            screen.footer.say(safe(text, 300))
            self._notice_timer = None if lasting else self.set_timer(NOTICE_S, screen.footer.say, name="notice")
            self._notice_ends = asyncio.get_running_loop().time() + NOTICE_S
            self._notice_first()

    def _notice_first(self) -> None:
        """Show a notice ahead of what else is to be painted, unless a dialog hides it."""
        if isinstance(self.screen, ConsoleScreen) and self.screen.footer.says_something:
            self.paint_ahead(self.screen.footer)

    def pop_screen(self) -> AwaitComplete:
        """Leave the screen in front; what was told meanwhile is shown at once."""
        left = super().pop_screen()
        self._notice_first()
        return left

    # Keys.

    async def on_event(self, event: Event) -> None:
        """Outside an input, text that is pasted or typed ahead presses no keys; on a screen of ours a key is its action.

        Actions are carried out here, one after the other in the order in which their keys were pressed.
        """
        if isinstance(event, (Key, Paste)) and not event.is_forwarded:
            if self._ignored(event):
                return
            if isinstance(event, Key) and (action := self._meant(event.key)) is not None:
                await self.action_act(action.id)
                return
        await super().on_event(event)

    def _meant(self, key: str) -> Action | None:
        """What a key does on the screen that is in front; None: that is a dialog, or nothing."""
        screen = self.screen if self.screen_stack else None
        return meant(self._bound.get(key, ()), screen.pane_name()) if isinstance(screen, ConsoleScreen) else None

    def _ignored(self, event: Key | Paste) -> bool:
        if self.in_input():
            self._typed.forget()
            return False
        if isinstance(event, Paste):
            self.notice(f"pasted text does nothing here ({len(event.text):,} characters ignored); / filters")
            return True
        if self._typed.swallows(event.key, event.time, printable=event.is_printable):
            self.notice("typed too fast for keys: ignored, as a paste would be; / filters, : finds actions")
            return True
        return False

    def in_input(self) -> bool:
        """Whether what is typed goes into an input."""
        return bool(self.screen_stack) and isinstance(self.focused, Input)

    def on_together(self, message: Together) -> None:
        """Keys that came in one piece are about to follow."""
        if not self.in_input():
            self._typed.together(message.keys, message.time)

    # Actions.

    async def action_act(self, name: str) -> None:
        """Run the action `name` of the table: the screen's own handling first, then the app's."""
        screen = self.console_screen()
        if name == "quit_now":
            self.confirm_quit("^c")
            return
        if self.session.replaying and (reason := self._not_in_replay(name)):
            self.notice(reason)
            return
        handler = getattr(screen, f"do_{name}", None) or getattr(self, f"do_{name}", None)
        if handler is None:
            self.notice(self.why_not(name))
            return
        result = handler()
        if isinstance(result, Awaitable):
            await result
        self.show_now()

    def _not_in_replay(self, name: str) -> str | None:
        from console.screens.selection import IN_REPLAY  # not for the first frame

        return IN_REPLAY.get(name)

    def _carry_out(self) -> None:
        """Tell the collector what was asked for, without waiting for it."""
        self.run_worker(self.session.carry_out(), name="wishes", group="wishes", exit_on_error=False)

    def why_not(self, name: str) -> str:
        """Why an action does nothing on this screen, and how to get where it does."""
        screen = self.console_screen()
        if screen is not None and (reason := screen.refusals().get(name)):
            return reason
        action = next((a for a in self.actions if a.id == name), None)
        where = f" works in the {action.pane} pane" if action is not None and action.pane else " does nothing here"
        return f"{action.label if action else name}{where}"

    def confirm_quit(self, key: str) -> None:
        """Quit at the second time within two seconds."""
        now = asyncio.get_running_loop().time()
        if now - self._quit_asked < QUIT_WITHIN_S:
            self.exit(0)
        else:
            self._quit_asked = now
            self.notice(f"{key} again quits")

    def on_console_screen_open(self, message: ConsoleScreen.Open) -> None:
        """Go to where the selected thing is shown."""
        self.open_item(message.item)

    def on_pane_selected(self, message: Pane.Selected) -> None:
        """A double click opens as Enter does."""
        self.open_item(message.value)

    def open_item(self, item: object) -> None:
        """Push the screen that shows `item`."""
        from console.screens.navigate import screen_for  # not for the first frame

        here = self.console_screen()
        made = screen_for(item, self.session, here.crumbs if here is not None else (), self.actions)
        if made is None:
            self.notice("there is nothing more to show of this")
        else:
            self.push_screen(made, callback=None)
            self.call_after_refresh(self.show_now)

    def on_console_screen_notice(self, message: ConsoleScreen.Notice) -> None:
        """Tell it."""
        self.notice(message.text)

    def on_console_screen_quit(self, message: ConsoleScreen.Quit) -> None:
        """q on the overview."""
        self.confirm_quit("q")

    def do_help(self) -> AwaitMount:
        """Keys of this pane, then global."""
        from console.screens.dialogs import HelpScreen  # not for the first frame

        screen = self.console_screen()
        if screen is None:
            return self.push_screen(HelpScreen(self.actions, "", {}), self._run_chosen)
        about = screen.current().about
        return self.push_screen(
            HelpScreen(self.actions, screen.pane_name(), screen.refusals(), about), self._run_chosen
        )

    def do_actions(self) -> AwaitMount | None:
        """What can be done with the selection."""
        from console.screens.menu import ActionsScreen  # not for the first frame
        from console.screens.selection import of_selection

        screen = self.console_screen()
        if screen is None:
            return None
        refused = screen.refusals()
        listed = of_selection(self.actions, screen.pane_name(), screen.here(), refused)
        return self.push_screen(ActionsScreen(listed, refused, screen.selection_text()), self._run_chosen)

    def do_palette(self) -> AwaitMount:
        """Every action by name. What is typed next is typed into it, however fast it comes."""
        from console.screens.dialogs import PaletteScreen  # not for the first frame

        screen = self.console_screen()
        refused = screen.refusals() if screen is not None else {}
        return self.push_screen(PaletteScreen(self.actions, refused), self._run_chosen)

    async def _run_chosen(self, name: str | None) -> None:
        if name is not None:
            await self.action_act(name)

    def do_freeze(self) -> None:
        """Freeze the screen, or thaw it."""
        self.session.set_frozen(not self.session.frozen)

    def do_refresh(self) -> None:
        """Ask every source again."""
        self.session.refresh()
        self.notice("asking every source again")

    def do_redraw(self) -> None:
        """Paint everything."""
        self.forget_terminal()

    def do_dump(self) -> None:
        """The pane as plain text on the normal screen, for the terminal's own selection; Enter comes back."""
        screen = self.console_screen()
        if screen is None:
            return
        with self.suspend():
            sys.stdout.write("\n".join(safe(row) for row in screen.current().plain_text().splitlines()))
            sys.stdout.write("\n\n(Enter goes back to the console) ")
            sys.stdout.flush()
            sys.stdin.readline()
        self.forget_terminal()

    def do_suspend(self) -> None:
        """To the background, as the shell's job control does it."""
        self.action_suspend_process()

    def do_theme(self) -> None:
        """The next theme."""
        names = list(PALETTES)
        self._theme_name = names[(names.index(self._theme_name) + 1) % len(names)]
        self.theme = PALETTES[self._theme_name].textual.name
        self.notice(f"theme: {self._theme_name}")

    def do_mouse(self) -> None:
        """Take the mouse, or hand it over to the terminal."""
        wanted = not self._has_mouse
        self._has_mouse = set_mouse(self, wanted)
        if self._has_mouse:
            self.notice("the console has the mouse: a click selects, a double click opens")
        else:
            self.notice("this terminal gives no mouse" if wanted else "the terminal has the mouse: it selects text")

    def do_copy(self) -> None:
        """Copy the value under the cursor."""
        screen = self.console_screen()
        self._copy(screen.current().value_under_cursor() if screen is not None else None)

    def do_copy_command(self) -> None:
        """Copy what gives the value under the cursor."""
        screen = self.console_screen()
        command = screen.current().command_under_cursor() if screen is not None else None
        if screen is None or not command:
            self.notice("no command gives this")
            return
        self._copy(self.session.repeat.whole(command, screen.service_meant()))

    def _copy(self, text: str | None) -> None:
        if not text:
            self.notice("nothing to copy here")
            return
        from console.guard.redact import redact  # not for the first frame

        clean = redact(safe(text, MOST_CLIPBOARD_BYTES))
        self._to_clipboard(clean, clean[:60])

    def _to_clipboard(self, text: str, named: str) -> None:
        if len(text.encode()) > MOST_CLIPBOARD_BYTES:
            self.notice(
                f"too long for the clipboard: {len(text):,} characters, terminals take {MOST_CLIPBOARD_BYTES:,} bytes"
            )
            return
        self.copy_to_clipboard(text)
        self.notice(f"copied {len(text):,} characters (if the terminal allows OSC 52): {named}")

    def on_console_screen_copy(self, message: ConsoleScreen.Copy) -> None:
        """Copy a text of several lines, unless a terminal that it is pasted into would obey a part of it."""
        if any(safe(line, MOST_CLIPBOARD_BYTES) != line for line in message.text.split("\n")):
            self.notice(
                f"{message.named}: it holds characters that terminals obey: name a file, which they do not read"
            )
            return
        self._to_clipboard(message.text, message.named)


def desk_of(loaded: Loaded) -> Desk | None:
    """The way to the cases of a configuration; None where there is no place for them."""
    from console.case.journal import AUTHOR  # not for the first frame
    from console.case.store import cases_folder
    from console.config.effective import state_folder
    from console.live.desk import Desk
    from console.reproduce import user

    try:
        folder = cases_folder(state_folder(loaded))
    except ConfigError:
        return None
    return Desk(folder, os.environ.get(AUTHOR) or user(), ZoneInfo(loaded.config.console.timezone))


def run_console(loaded: Loaded, theme: str | None = None) -> int:
    """Open the console and stay until it is closed.

    Returns:
        0, or 129 after SIGHUP and 143 after SIGTERM.

    Raises:
        ConfigError: A source cannot be opened as configured.
    """
    if loaded.path is None:
        raise ConfigError("the console needs a configuration file: `incident config init` writes one")
    app = IncidentConsole(loaded, ProcessLink(loaded.path), theme)
    app.session.opening = partial(desk_of, loaded)
    app.run(mouse=loaded.config.console.mouse)
    desk = app.session.desk_so_far
    for text in desk.left_behind() if desk is not None else ():
        sys.stdout.write(f"NOT SAVED: {safe(text, 2000)}\n")
    if app.failure:
        raise ConfigError(app.failure)
    if terminal_is_gone():
        return app.return_code if app.return_code == 128 + signal.SIGTERM else HUNG_UP
    if app.crash is not None:
        raise app.crash
    return app.return_code or 0
