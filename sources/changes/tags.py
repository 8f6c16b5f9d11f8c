"""Deploy tags as changes: one timeline per repository, for every service that deploys from it."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from console.domain.changes import Change, ChangeDiff, DeployDetail
from console.domain.instant import Instant, Window, span_text
from console.domain.reading import Cost, Reading, SourceReport, SourceState
from console.domain.text import SafeText
from console.domain.values import dataclass
from console.guard.sanitise import safe
from sources.base import SourceTimeout
from sources.changes.tag_names import services_in, time_in, version_in
from sources.plumbing.model import RepositoryInfo, Tag, TagList
from sources.plumbing.objects import OID
from sources.plumbing.reading import tag_matcher
from sources.repository import Repository

MOST_TAGS = 500
MOST_COMMITS = 500
AHEAD_S = 300.0
"""A date further ahead of this machine's clock than this is marked."""
DISAGREE_S = 600.0
"""A tag's name and its date that are further apart than this are marked."""
SKEW_S = 300.0
"""A commit that is younger than the deployed one by more than this is taken for no ancestor of it, unasked."""
DIFFS_KEPT = 64
"""Two commits never differ differently, so what was compared once is kept."""
FRESH_S = 5.0
"""A drill-down does not read the tags again that were read this recently."""
MOST_CHECKS = 100
"""Questions about ancestry in one refresh."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """The deploys of one repository at one state of its tags."""

    tags: TagList
    info: RepositoryInfo
    changes: tuple[Change, ...]
    """Oldest first."""


def when(tag: Tag, now: Instant) -> tuple[Instant, str] | None:
    """When a tag says that it was deployed, and why that may be wrong; None where it tells no time at all.

    The tagger's date; else the time in the name; else the commit's date, which is only the earliest possible one.
    """
    named = time_in(tag.name)
    if tag.tagged_at is not None:
        at, note = tag.tagged_at, ""
        if named is not None and abs(named - at) > DISAGREE_S:
            note = f"its name and its date are {span_text(abs(named - at))} apart"
    elif named is not None:
        at, note = named, "from the tag's name, read as UTC"
    elif tag.committed_at is not None:
        at, note = tag.committed_at, "commit date (deploy time unknown)"
    else:
        return None
    if at > now + AHEAD_S:
        note = "; ".join(filter(None, (note, "dated in the future")))
    return at, note


def owners(name: str, patterns: Mapping[str, tuple[str, ...]], known: Collection[str] = ()) -> tuple[str, ...]:
    """The services that a tag deploys, of those that deploy from its repository.

    Every service with a pattern that matches. But where the name speaks of a service, only that one: with the general
    pattern `deploy/*`, the tag `deploy/prod/payments/7` is no deploy of checkout, unless checkout's own pattern says so.

    Args:
        name: Of the tag.
        patterns: For each service of this repository, its patterns.
        known: Names of all configured services.
    """
    named = services_in(name, {*patterns, *known})
    found = []
    for service, globs in patterns.items():
        matching = [glob for glob in globs if _matcher(glob).match(name)]
        meant = any(named & services_in(glob, named) for glob in matching)
        if matching and (not named or service in named or meant):
            found.append(service)
    return tuple(found)


@lru_cache(maxsize=1024)
def _matcher(glob: str) -> re.Pattern[str]:
    return tag_matcher([glob])


def deploys(
    tags: Sequence[Tag],
    patterns: Mapping[str, tuple[str, ...]],
    source: str,
    now: Instant,
    known: Collection[str] = (),
) -> list[Change]:
    """One change per tag and service, oldest first, then by version; all of kind `deploy`."""
    found = [
        Change(
            id=tag.name,
            kind="deploy",
            at=moment[0],
            service=service,
            version=safe(version_in(tag.name, service)),
            commit=tag.commit,
            summary=tag.subject,
            source=source,
            time_note=_with_kind(tag, moment[1]),
        )
        for tag in tags
        if (moment := when(tag, now)) is not None
        for service in owners(tag.name, patterns, known)
    ]
    return sorted(found, key=_order)


def _order(change: Change) -> tuple[Instant, list[tuple[int, str]], list[tuple[int, str]], str]:
    """By time, then by version as people count: v9 before v10."""
    return change.at, _counted(change.version or ""), _counted(change.id), change.service or ""


def _counted(text: str) -> list[tuple[int, str]]:
    return [(int(part[:18]), "") if part.isdigit() else (-1, part) for part in re.findall(r"[0-9]+|[^0-9]+", text)]


def _with_kind(tag: Tag, note: str) -> str:
    return note if tag.commit is not None else "; ".join(filter(None, (note, f"a tag of no commit ({tag.kind.value})")))


def previous_of(change: Change, changes: Sequence[Change]) -> Change | None:
    """The deploy of the same service before this one."""
    earlier = [c for c in changes if c.service == change.service and c.commit is not None]
    before = [c for c in earlier if _order(c) < _order(change)]
    return before[-1] if before else None


class TagChanges:
    """The deploy tags of one repository as a source.

    Args:
        name: Of the source, as reports name it.
        repository: Where the tags are.
        patterns: For each service, the patterns of its deploy tags.
        known: Names of all configured services, those of other repositories too.
    """

    kind = "git"

    def __init__(
        self,
        name: str,
        repository: Repository,
        patterns: Mapping[str, tuple[str, ...]],
        known: Collection[str] = (),
        clock: Callable[[], Instant] = time.time,
    ) -> None:
        self.name = name
        self._repository = repository
        self._patterns = dict(patterns)
        self._known = tuple(known)
        self._clock = clock
        self._timeline: Timeline | None = None
        self._ancestry: dict[tuple[str, str], bool | None] = {}
        self._diffs: dict[tuple[str, str], ChangeDiff] = {}
        self._read_at = 0.0
        self._lock = asyncio.Lock()

    @property
    def repository(self) -> Repository:
        """Where the tags are."""
        return self._repository

    def deploys(self, service: str) -> bool:
        """Whether a service deploys from this repository."""
        return service in self._patterns

    async def close(self) -> None:
        """Nothing runs between two questions."""

    async def changes(self, window: Window) -> Reading[tuple[Change, ...]]:
        """Every deploy stamped inside the window, oldest first.

        Raises:
            SourceError: The repository cannot be read; the sentence says why and how to mend it.
        """
        before = self._repository.cost
        timeline = await self.timeline()
        spent = self._repository.cost
        inside = tuple(change for change in timeline.changes if change.at in window)
        detail, whole = self._detail(timeline, window)
        report = SourceReport(
            self.name,
            self.kind,
            SourceState.OK if whole else SourceState.PARTIAL,
            detail,
            len(inside),
            Cost(spent.queries - before.queries, spent.bytes - before.bytes),
            "deploys",
        )
        return Reading(inside, self._clock(), report)

    async def deployed(self, at: Instant) -> tuple[Change, ...]:
        """The newest deploy of each service until `at`, from what was read of the tags lately.

        Raises:
            SourceError: The repository cannot be read.
        """
        timeline = await self._recent()
        newest = {change.service: change for change in timeline.changes if change.at <= at}
        return tuple(newest.values())

    async def _recent(self) -> Timeline:
        if self._timeline is None or time.monotonic() - self._read_at > FRESH_S:
            return await self.timeline()
        return self._timeline

    async def timeline(self) -> Timeline:
        """All deploys that are known, whatever their time; judged anew only when a tag changed."""
        every = sorted({glob for globs in self._patterns.values() for glob in globs})
        async with self._lock:
            tags = await self._repository.tags(every, MOST_TAGS)
            known = self._timeline
            if known is None or known.tags is not tags:
                found = deploys(tags.tags, self._patterns, self.name, self._clock(), self._known)
                info = await self._repository.info()
                known = Timeline(tags, info, await self._with_rollbacks(tags, found))
                self._timeline = known
            self._read_at = time.monotonic()
            return known

    async def _with_rollbacks(self, tags: TagList, found: list[Change]) -> tuple[Change, ...]:
        """A deploy of an ancestor of what was deployed before is a rollback."""
        dates = {tag.commit: tag.committed_at for tag in tags.tags}
        newest: dict[str | None, str] = {}
        pairs: dict[int, tuple[str, str]] = {}
        for place, change in enumerate(found):
            before = newest.get(change.service)
            if change.commit is None:
                continue
            newest[change.service] = change.commit
            if before is None or before == change.commit:
                continue
            older, newer = dates.get(change.commit), dates.get(before)
            if older is None or newer is None or older <= newer + SKEW_S:
                pairs[place] = (change.commit, before)
        await self._ask_ancestry(list(dict.fromkeys(reversed(pairs.values()))))
        return tuple(
            replace(change, kind="rollback") if self._ancestry.get(pairs.get(place, ("", ""))) else change
            for place, change in enumerate(found)
        )

    async def _ask_ancestry(self, pairs: list[tuple[str, str]]) -> None:
        """Fill the memory of what is an ancestor of what, newest pairs first; it never changes once known."""
        unknown = [pair for pair in pairs if pair not in self._ancestry][:MOST_CHECKS]
        if not unknown:
            return
        try:
            answers = await self._repository.ancestry(unknown)
        except SourceTimeout:
            return  # they stay deploys: a long history must not cost the timeline
        self._ancestry.update(zip(unknown, answers, strict=True))

    def _detail(self, timeline: Timeline, window: Window) -> tuple[SafeText, bool]:
        """What the reader must know, and whether every deploy of the window is there."""
        changes, whole = timeline.changes, True
        parts: list[str] = []
        if timeline.info.head is None and not changes:
            parts.append("the repository has no commit yet")
        elif not changes:
            globs = ", ".join(sorted({glob for patterns in self._patterns.values() for glob in patterns}))
            parts.append(f"no tag matches {globs}; correct `deploy_tags` in [[service]]")
        if timeline.tags.more and (not changes or changes[0].at > window.start):
            parts.append(f"only the newest {MOST_TAGS} tags were read")
            whole = False
        lost = sum(change.commit is None for change in changes)
        if lost:
            parts.append(f"{lost} {'leads' if lost == 1 else 'lead'} to no commit that is here")
            whole = whole and not (timeline.info.shallow or timeline.info.partial)
        if timeline.info.shallow:
            parts.append("a shallow clone: rollbacks cannot be told from deploys")
        ahead = sum(change.at > self._clock() + AHEAD_S for change in changes)
        if ahead:
            parts.append(f"{ahead} dated in the future")
        return safe("; ".join(parts), 400), whole

    # Drill-down.

    async def detail(self, change_id: str, service: str | None = None) -> DeployDetail | None:
        """The commits that a deploy brought; None where it is no deploy of this repository.

        Args:
            change_id: The tag's name.
            service: Which one, where a tag deploys several.
        """
        pair = await self.pair(change_id, service)
        if pair is None:
            return None
        change, previous = pair
        if change.commit is None or previous is None or previous.commit is None:
            return DeployDetail(change, previous, note=_why_alone(change))
        found = await self._repository.commits_between(previous.commit, change.commit, MOST_COMMITS)
        stat = await self._repository.diffstat(previous.commit, change.commit) if found.commits else None
        notes = [found.note, f"only the newest {MOST_COMMITS} commits" if found.more else "", change.time_note]
        note = safe("; ".join(part for part in notes if part), 400)
        return DeployDetail(change, previous, found.commits, stat.files if stat else (), note)

    async def diff(self, change_id: str, service: str | None = None, commit: str | None = None) -> ChangeDiff | None:
        """The changed lines of a deploy, bounded; None where there is nothing to compare.

        Of the first deploy that is known, and of one that no tag but its `commit` tells of, those of the commit itself.
        """
        pair = await self.pair(change_id, service)
        deployed = pair[0].commit if pair is not None else commit
        if deployed is None:
            return None
        if pair is None or pair[1] is None or pair[1].commit is None:
            alone = await self._repository.diff_of(deployed) if OID.fullmatch(deployed) else None
            return ChangeDiff(change_id, alone.commits, alone.complete) if alone is not None and alone.commits else None
        between = (pair[1].commit, deployed)
        if between not in self._diffs:
            found = await self._repository.diffs_between(*between)
            while len(self._diffs) >= DIFFS_KEPT:
                del self._diffs[next(iter(self._diffs))]
            self._diffs[between] = ChangeDiff(change_id, found.commits, found.complete)
        return replace(self._diffs[between], change_id=change_id)

    async def pair(self, change_id: str, service: str | None = None) -> tuple[Change, Change | None] | None:
        """A deploy and the one before it; None where it is no deploy of this repository.

        Raises:
            SourceError: The repository cannot be read.
        """
        changes = (await self._recent()).changes
        for change in reversed(changes):
            if change.id == change_id and service in (None, change.service):
                return change, previous_of(change, changes)
        return None


def _why_alone(change: Change) -> str:
    if change.commit is None:
        return "this tag leads to no commit that is in the repository"
    return "the first deploy of this service that is known here: there is nothing to compare it with"
