"""What reproductions have sent, shared by every console on this machine through one file and its lock.

It counts per incident and per host, keeps the pauses that servers asked for or breakers set, and outlives restarts.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from console.domain.instant import Instant
from console.domain.values import dataclass
from console.guard.limits import Limits
from console.guard.private import private_folder

DAY = 86_400.0
KILL_SWITCH = "STOP"
"""A file of this name beside the ledger ends all sending on this machine."""


class LedgerFailed(Exception):
    """The ledger cannot be read or written, so nothing may be sent."""


@dataclass(frozen=True, slots=True)
class Grant:
    """The answer to a wish to send one request."""

    wait_s: float
    """0: go; positive: later, or never if `reason` is set."""
    reason: str | None
    """Why it may not be sent at all, in words."""
    left: int
    """Requests that this incident may still send here."""


class Ledger:
    """The file of counts.

    Args:
        folder: Kept with mode 0700; made when needed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def take(self, now: Instant, incident: str, host: str, limits: Limits) -> Grant:
        """Count one request, if it may be sent now.

        Args:
            now: Wall clock: counts are shared between processes and outlive them.

        Raises:
            LedgerFailed: It cannot be kept.
        """
        with self._opened() as data:
            stop = self._stop(data, now, host)
            left = self._left(data, now, incident, host, limits)
            if stop is not None:
                return Grant(0.0, stop, left)
            if left <= 0:
                return Grant(0.0, f"the budget of this incident at {host} is used up", 0)
            sent = [at for at in data["hosts"].setdefault(host, {}).get("sent", []) if now - DAY < at <= now + 60]
            gap = 1.0 / limits.per_second
            wait = max(0.0, max(sent) + gap - now) if sent else 0.0
            if wait > 0:
                return Grant(wait, None, left)
            data["hosts"][host]["sent"] = [*sent, now]
            counts = data["incidents"].setdefault(incident, {})
            counts[host] = counts.get(host, 0) + 1
            return Grant(0.0, None, left - 1)

    def left(self, now: Instant, incident: str, host: str, limits: Limits) -> int:
        """Requests that may still be sent.

        Raises:
            LedgerFailed: It cannot be kept.
        """
        with self._opened() as data:
            return self._left(data, now, incident, host, limits)

    def stopped(self, now: Instant, host: str) -> str | None:
        """Why nothing may be sent to a host now, in words.

        Raises:
            LedgerFailed: It cannot be kept.
        """
        with self._opened() as data:
            return self._stop(data, now, host)

    def pause(self, now: Instant, host: str, seconds: float, reason: str) -> None:
        """Nothing goes to a host for a while, from no console; a shorter pause never shortens a longer one."""
        with self._opened() as data:
            entry = data["hosts"].setdefault(host, {})
            if now + seconds > entry.get("until", 0.0):
                entry["until"], entry["why"] = now + seconds, reason

    def extend(self, incident: str) -> None:
        """A person confirmed that this incident needs the larger budget."""
        with self._opened() as data:
            if incident not in data["extended"]:
                data["extended"].append(incident)

    @contextmanager
    def slot(self, host: str, limits: Limits) -> Iterator[bool]:
        """One of the places for concurrent requests to a host; False where all are taken."""
        name = "".join(c if c.isalnum() or c in ".-" else "_" for c in host)
        held: int | None = None
        try:
            self._folder()
            for k in range(limits.concurrent):
                place = os.open(
                    self.folder / f"slot-{name}-{k}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
                )
                try:
                    fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    os.close(place)
                    continue
                held = place
                break
        except OSError as error:
            raise LedgerFailed(f"{self.folder}: {error.strerror}") from None
        try:
            yield held is not None
        finally:
            if held is not None:
                os.close(held)

    def _folder(self) -> None:
        private_folder(self.folder)

    def _left(self, data: dict[str, Any], now: Instant, incident: str, host: str, limits: Limits) -> int:
        most = limits.after_confirmation if incident in data["extended"] else limits.per_incident
        used: int = data["incidents"].get(incident, {}).get(host, 0)
        today = sum(1 for at in data["hosts"].get(host, {}).get("sent", []) if now - DAY < at <= now + 60)
        return max(0, min(most - used, limits.after_confirmation - today))

    def _stop(self, data: dict[str, Any], now: Instant, host: str) -> str | None:
        if (self.folder / KILL_SWITCH).exists():
            return f"the kill switch is on: {self.folder / KILL_SWITCH} exists"
        entry = data["hosts"].get(host, {})
        if now < entry.get("until", 0.0):
            return f"{entry.get('why', 'a breaker tripped')}; sending may go on in {entry['until'] - now:.0f} s"
        return None

    @contextmanager
    def _opened(self) -> Iterator[dict[str, Any]]:
        """The counts under the lock; written back, whole and synced, when the block ends well."""
        try:
            self._folder()
            lock = os.open(self.folder / "ledger.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise LedgerFailed(f"{self.folder}: the budget cannot be kept: {error.strerror}") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            before = self._read()
            text = json.dumps(before)
            yield before
            after = json.dumps(before)
            if after != text:
                self._write(after)
        except OSError as error:
            raise LedgerFailed(f"{self.folder}: the budget cannot be kept: {error.strerror}") from None
        finally:
            os.close(lock)

    def _read(self) -> dict[str, Any]:
        try:
            data = json.loads((self.folder / "ledger.json").read_text("utf-8"))
            hosts, incidents, extended = data["hosts"], data["incidents"], data["extended"]
        except FileNotFoundError:
            hosts, incidents, extended = {}, {}, []
        except (ValueError, KeyError, TypeError):
            raise LedgerFailed(f"{self.folder / 'ledger.json'} cannot be read; look at it, then move it away") from None
        return {"hosts": hosts, "incidents": incidents, "extended": extended}

    def _write(self, text: str) -> None:
        fresh = self.folder / "ledger.json.new"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            os.write(descriptor, text.encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        fresh.replace(self.folder / "ledger.json")
