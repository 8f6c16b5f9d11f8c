"""The keyboard of Textual 8.2.8, read with more care; the second and last place that leans on its private names.

Textual's own reader ends the program at a byte that is no UTF-8, spins when the terminal is closed, and lets text that is
pasted press keys where it holds an escape character. This one tells besides which keys came in one piece.

Private names used: `LinuxDriver.run_input_thread`, `LinuxDriver._key_thread`, `LinuxDriver.exit_event`, and `XTermParser` of
`textual._xterm_parser`.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import threading
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator
from typing import Any

from textual import events
from textual._parser import ParseError
from textual._xterm_parser import BRACKETED_PASTE_END, BRACKETED_PASTE_START, XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from console.typeahead import MOST_KEYS

CHUNK = 4096
LOOK_EVERY_S = 0.1
"""Pause between two looks at what time alone tells, see `Reader.tick`."""
LOOKS = 10
"""So many of them follow what was typed; then nothing can be pending any more, and only the next key wakes the reader."""


class Together(Message, bubble=False):
    """Keys that were read in one piece; they follow this message."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        super().__init__()
        self.keys = keys


class _Ending(threading.Event):
    """Set when the reader is to end; it can be waited for together with the keyboard."""

    def __init__(self) -> None:
        super().__init__()
        self.fileno, self._write = os.pipe()
        os.set_blocking(self._write, False)

    def set(self) -> None:
        super().set()
        with contextlib.suppress(BlockingIOError):  # full: whoever waits wakes anyway
            os.write(self._write, b"x")

    def clear(self) -> None:
        super().clear()
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while selector.select(0):
                os.read(self.fileno, CHUNK)


class Keyboard(LinuxDriver):
    """Reads what is typed and pasted."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._ending = self.exit_event = _Ending()

    def start_application_mode(self) -> None:
        """Take the terminal; where it was taken already, give it back first.

        A SIGCONT that follows no stop of ours would start a second reader and writer, of which only the newer are ever joined.
        """
        if self._key_thread is not None and self._key_thread.is_alive():
            self.suspend_application_mode()
        super().start_application_mode()  # type: ignore[no-untyped-call]  # Textual leaves it without types

    def _sigtstp_application(self, *_: object) -> None:
        """Stop, from the loop."""
        self._from_the_loop(super()._sigtstp_application)

    def _sigcont_application(self, *_: object) -> None:
        """Go on, from the loop."""
        self._from_the_loop(super()._sigcont_application)

    def _from_the_loop(self, action: Callable[[], None]) -> None:
        """Carry out what a signal asks for when nothing else is under way.

        Python calls a handler between any two steps of the main thread, so also while that hands a line to the writer and holds the
        writer's lock. Both handlers write, and would wait for that lock for good; a terminal that is closed sends such a signal.
        """
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(action)

    def run_input_thread(self) -> None:
        """Read until the application ends."""
        reader = Reader(XTermParser(self._debug))
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            with selectors.SelectSelector() as either:
                either.register(self.fileno, selectors.EVENT_READ)
                either.register(self._ending.fileno, selectors.EVENT_READ)
                looks = 0
                while not self._ending.is_set():
                    either.select(LOOK_EVERY_S if looks else None)
                    looks = max(0, looks - 1)
                    if selector.select(0):
                        self._read(reader)
                        looks = LOOKS
                    self._deliver(reader.tick())
            if selector.select(0):
                self._read(reader)
        reader.close()

    def _read(self, reader: Reader) -> None:
        try:
            data = os.read(self.fileno, CHUNK)
        except OSError:  # the terminal was closed; the application notices it by itself
            data = b""
        if data:
            self._deliver(reader.feed(data))
        else:
            self.exit_event.wait(LOOK_EVERY_S)  # an end of file can be read again and again

    def _deliver(self, messages: list[Message]) -> None:
        keys = tuple(m.key for m in messages if isinstance(m, events.Key) and m.is_printable)
        if len(keys) > MOST_KEYS:
            self.send_message(Together(keys))
        for message in messages:
            self.process_message(message)


class Reader:
    """Bytes of the keyboard as messages.

    Args:
        parser: Textual's; it knows the keys.
    """

    def __init__(self, parser: XTermParser) -> None:
        self._parser = parser
        self._decode = getincrementaldecoder("utf-8")("replace").decode
        self._pasting = False
        self._tail = ""

    def feed(self, data: bytes) -> list[Message]:
        """What these bytes mean, together with those before."""
        return [
            message
            for part, pasted in self._parts(self._decode(data))
            for message in self._parser.feed(part)
            if not (pasted and isinstance(message, events.Key))
        ]

    def tick(self) -> list[Message]:
        """What time alone tells: a lone escape character is the escape key. Within a paste it is none."""
        return [m for m in self._parser.tick() if not (self._pasting and isinstance(m, events.Key))]

    def close(self) -> None:
        """The input ended."""
        try:
            list(self._parser.feed(""))
        except (EOFError, ParseError):
            pass

    def _parts(self, text: str) -> Iterator[tuple[str, bool]]:
        """The text in pieces, and of each whether it is pasted; a mark belongs to the paste that it begins or ends."""
        while text:
            mark = BRACKETED_PASTE_END if self._pasting else BRACKETED_PASTE_START
            seen = self._tail + text
            place = seen.find(mark)
            size = len(text) if place < 0 else place + len(mark) - len(self._tail)
            part, text = text[:size], text[size:]
            self._tail = "" if place >= 0 else seen[-len(mark) + 1 :]
            yield part, self._pasting
            if place >= 0:
                self._pasting = not self._pasting
