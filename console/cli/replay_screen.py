"""The console on what was recorded: the same screens over a collector that only remembers."""

from __future__ import annotations

import time
from zoneinfo import ZoneInfo

from console.app import IncidentConsole
from console.case.book import Book
from console.config.load import Loaded
from console.domain.instant import Instant
from console.live.replay import STEP_S, ReplayDesk, ReplayLink
from console.live.seen import frames
from console.live.timeview import TimeView


def replay_app(loaded: Loaded, book: Book, at: Instant | None) -> IncidentConsole:
    """The console on a case, at a moment or at the end of what is known of it."""
    found = [frame for frame in frames(book.folder) if at is None or frame.at <= at]
    written = max((event.recorded_at for event in book.read(at).events), default=time.time())
    end = at if at is not None else max([written, *(frame.at for frame in found)])
    link = ReplayLink(found, end, book.read)
    zone = ZoneInfo(loaded.config.console.timezone)
    app = IncidentConsole(loaded, link, clock=lambda: end, desk=ReplayDesk(book.folder.parent, book.id, link, zone))
    app.session.replaying = True
    app.session.reproducing = app.session.fixing = None  # nothing is sent and nothing changed from here
    app.session.scope.view = TimeView(STEP_S)
    return app


def replay_console(loaded: Loaded, book: Book, at: Instant | None) -> int:
    """Open it and stay until it is closed; returns the exit code."""
    app = replay_app(loaded, book, at)
    app.run(mouse=loaded.config.console.mouse)
    if app.crash is not None:
        raise app.crash
    return app.return_code or 0
