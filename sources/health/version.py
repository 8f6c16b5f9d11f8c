"""Which version a service runs, asked from the service itself."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import msgspec

from console.domain.changes import Running
from console.domain.instant import Instant
from console.guard.sanitise import safe
from sources.answers import Answer, checked, snippet
from sources.base import SourceGarbage
from sources.http import Site

DEADLINE_S = 3.0
SAMPLES = 3
"""Questions at first, and whenever an answer is new: behind a load balancer each may be answered by another instance."""
MOST_TEXT = 200
_Build: TypeAlias = "tuple[str | None, str | None]"
MOST_BYTES = 1 << 20
"""A longer answer is no version, and is not searched for one."""

VERSION_KEYS = ("version", "app_version", "service_version", "release", "tag", "build_version")
COMMIT_KEYS = (
    "commit",
    "revision",
    "git_commit",
    "commit_sha",
    "commitId",
    "sha",
    "git_sha",
    "vcs_revision",
    "git_hash",
)
INNER = ("build", "git", "app", "service", "info", "data")
_TEXT = re.compile(r"^\s*(?:version[:= ]\s*)?(v?\d[\w.+-]*)(?:\s*[\s(@,]\s*([0-9a-f]{7,40})\b)?", re.IGNORECASE)
_COMMIT = re.compile(r"^\s*([0-9a-f]{7,40})\s*$")


class VersionAddress:
    """The `version_url` of one service.

    Args:
        service: Whose it is.
        site: The address.
    """

    kind = "version"

    def __init__(self, service: str, site: Site) -> None:
        self.name = service
        self._site = site
        self._settled: _Build | None = None

    async def close(self) -> None:
        """The door closes the connections."""

    async def running(self, now: Instant) -> tuple[Running, ...]:
        """The versions that were answered, the most frequent first; more than one where instances differ.

        Raises:
            SourceError: It does not answer, or not with a version.
        """
        answers = [await self._ask()]
        if answers[0] != self._settled:
            answers += [await self._ask() for _ in range(SAMPLES - 1)]
        counted = Counter(answers)
        self._settled = answers[0] if len(counted) == 1 else None
        where = urlsplit(self._site.base).path or "/"
        return tuple(
            Running(
                self.name,
                version,
                commit,
                safe(where if len(counted) == 1 else f"{where} ({times} of {len(answers)} answers)", MOST_TEXT),
                None,
                now,
            )
            for (version, commit), times in counted.most_common()
        )

    async def _ask(self) -> _Build:
        # A connection of its own, since a kept one leads to the same instance again.
        return version_in(checked(await self._site.ask(deadline_s=DEADLINE_S, headers={"Connection": "close"})))


def version_in(answer: Answer) -> tuple[str | None, str | None]:
    """Version and commit in an answer: JSON, or text such as `v1.4.2 (3f9c2aa)`.

    Raises:
        SourceGarbage: There is neither.
    """
    if answer.is_html:
        raise SourceGarbage(f"{answer.url}: no version: {snippet(answer)}")
    if len(answer.body) > MOST_BYTES:
        raise SourceGarbage(f"{answer.url}: no version: the answer has {len(answer.body)} bytes")
    try:
        document = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        document = None
    found = _in_json(document) if isinstance(document, dict) else _in_text(answer.body[: 4 * MOST_TEXT])
    if found == (None, None):
        raise SourceGarbage(f"{answer.url}: no version in {safe(answer.body[:60].decode('utf-8', 'replace'))!r}")
    return found


def _in_json(document: Mapping[str, Any]) -> tuple[str | None, str | None]:
    places = [document, *(document[k] for k in INNER if isinstance(document.get(k), dict))]
    version = next((v for place in places if (v := _first(place, VERSION_KEYS)) is not None), None)
    commit = next((c for place in places if (c := _first(place, COMMIT_KEYS)) is not None), None)
    return version, commit


def _first(place: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    for key in keys:
        value = place.get(key)
        if isinstance(value, dict):  # Spring Actuator: {"git": {"commit": {"id": "…"}}}
            value = value.get("id")
        if isinstance(value, (str, int, float)) and not isinstance(value, bool) and str(value).strip():
            return safe(str(value).strip(), MOST_TEXT)
    return None


def _in_text(body: bytes) -> tuple[str | None, str | None]:
    text = body.decode("utf-8", "replace").strip().splitlines()
    first = text[0] if text else ""
    if (commit := _COMMIT.match(first)) and not first.strip().isdigit():
        return None, commit.group(1)
    if match := _TEXT.match(first):
        return safe(match.group(1), MOST_TEXT), match.group(2)
    return None, None
