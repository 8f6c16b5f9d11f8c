"""Which change took back which: a build that ran before, a flag or setting at its former value, lines that are as they were.

What is taken back is told by what changes say of themselves: builds, values and diffs. Nothing is guessed from time alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from console.analysis.running import DEPLOYS
from console.domain.changes import LEAST_COMMIT, Change, ChangeDiff, same_build
from console.domain.values import dataclass

ChangeKey: TypeAlias = "tuple[str, str | None]"
"""Id and service: one release may be a change of several services."""

ROLLED_BACK = frozenset(("config", "flag", "scale", "migration"))
"""Kinds that a rollback may be about where no deploy is known."""
_DIGITS = re.compile(r"\d+")
ON, OFF = 100.0, 0.0
"""A switch as the percentage of those who get what it switches."""
_SWITCHES = dict.fromkeys(("on", "true", "enabled", "enable", "yes"), ON) | dict.fromkeys(
    ("off", "false", "disabled", "disable", "no"), OFF
)
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?\s?%?")
_NAME = r"(?P<name>[\w./-]*\w)(?:\s*[:=]\s*|\s+)"
_VALUE = r"[^\s,;:()]+(?:\s%)?"
_PLAIN_VALUE = rf"(?:{'|'.join(_SWITCHES)}|\d[\w.]*(?:\s?%)?)"
_TURNS = (
    re.compile(rf"{_NAME}from\s+(?P<before>{_VALUE})\s+to\s+(?P<after>{_VALUE})", re.IGNORECASE),
    re.compile(
        rf"{_NAME}(?:from\s+)?(?P<before>[^\s,;:()>-]+(?:\s%)?)\s*(?:->|=>|→)\s*(?P<after>{_VALUE})", re.IGNORECASE
    ),
    re.compile(rf"{_NAME}(?P<before>{_PLAIN_VALUE})\s+to\s+(?P<after>{_PLAIN_VALUE})(?!\w)", re.IGNORECASE),
)
_SWITCHED = (
    re.compile(
        r"\b(?:(?P<on>enabled?|(?:turn|switch)(?:ed)?\s+on)|(?:disabled?|(?:turn|switch)(?:ed)?\s+off))\s+"
        r"(?:the\s+)?(?:feature\s+)?(?:flag\s+)?(?P<name>[\w./-]*\w)",
        re.IGNORECASE,
    ),
    re.compile(
        rf"{_NAME}(?:is\s+|was\s+)?(?:now\s+|set\s+to\s+|turned\s+|switched\s+|back\s+)?"
        r"(?:(?P<on>on|true|enabled)|(?:off|false|disabled))\b",
        re.IGNORECASE,
    ),
)
_SET = re.compile(rf"{_NAME}(?:set\s+)?to\s+(?P<after>{_PLAIN_VALUE})(?!\w)", re.IGNORECASE)
_NO_NAMES = frozenset(
    [
        "a",
        "all",
        "and",
        "at",
        "by",
        "feature",
        "flag",
        "for",
        "from",
        "in",
        "is",
        "it",
        "now",
        "of",
        "on",
        "switch",
        "switched",
        "the",
        "this",
        "to",
        "turn",
        "turned",
        "was",
        "with",
    ]
)
_SWITCH = re.compile(rf"\b(?:{'|'.join(_SWITCHES)})\b", re.IGNORECASE)
_TAKES_BACK = re.compile(
    r"\b(?:revert\w*|roll(?:ed|s|ing)?[ -]?back|undo(?:es|ne)?|undid|back(?:ed)?[ -]?out)\b", re.IGNORECASE
)
_REVERTED = re.compile(r'^Revert "(?P<subject>.+?)"?$')
_SIGNIFICANT = re.compile(r"\w.*\w.*\w.*\w")
_AGAIN = re.compile(r"#\d+$")


@dataclass(frozen=True, slots=True)
class Undo:
    """One change took back another."""

    change: Change
    """What was taken back."""
    by: Change
    how: str
    """In words that fit behind "it": `brings back v41`."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a change made of a flag or setting."""

    name: str
    before: float | str | None
    """A number, a switch as 0 or 100, or a text; None where only the new value is told."""
    after: float | str


def key_of(change: Change) -> ChangeKey:
    """What tells a change from all others."""
    return change.id, change.service


def undos_of(
    reach: Iterable[Change], history: Iterable[Change] = (), diffs: Iterable[ChangeDiff] = ()
) -> dict[ChangeKey, Undo]:
    """Every change in reach that a later one took back, with the first that did.

    Args:
        reach: The changes that are judged.
        history: All that are known, which tells what ran before.
        diffs: What they changed line by line, as far as that is known.
    """
    ordered = sorted(reach, key=_order)
    known = _Known({diff.change_id: diff for diff in diffs if diff.complete}, _streams((*history, *ordered)))
    turned: dict[str, list[tuple[Change, Turn]]] = {}
    found: dict[ChangeKey, Undo] = {}

    def left(pool: Iterable[Change], by: Change) -> list[Change]:
        """Those before it, of its subject, that nobody took back yet."""
        return [c for c in pool if c.at < by.at and _one_subject(c, by) and key_of(c) not in found]

    for place, by in enumerate(ordered):
        turn = turn_of(by)
        told = _values_back(by, turn, turned.get(turn.name, ()), left) if turn is not None else []
        if by.id in known.lines or by.version or by.commit or by.kind == "rollback" or says_back(by):
            told += _taken_back(by, left(ordered[:place], by), known)
        for change, how in told:
            found.setdefault(key_of(change), Undo(change, by, how))
        if turn is not None:
            turned.setdefault(turn.name, []).append((by, turn))
    return found


@dataclass(frozen=True, slots=True)
class _Known:
    """What tells what was taken back."""

    lines: dict[str, ChangeDiff]
    streams: dict[tuple[str | None, str], list[Change]]
    """All changes of a kind and service, oldest first."""


def _order(change: Change) -> tuple[float, str]:
    return change.at, change.id


def _streams(changes: Iterable[Change]) -> dict[tuple[str | None, str], list[Change]]:
    found: dict[tuple[str | None, str], dict[ChangeKey, Change]] = {}
    for change in sorted(changes, key=_order):
        found.setdefault(_stream(change), {}).setdefault(key_of(change), change)
    return {stream: list(told.values()) for stream, told in found.items()}


def _one_subject(one: Change, other: Change) -> bool:
    return one.service == other.service or one.service is None or other.service is None


def _taken_back(by: Change, earlier: Sequence[Change], known: _Known) -> list[tuple[Change, str]]:
    """What a change took back of those before it, surest first: by builds, by name, by lines."""
    found = _builds_back(by, earlier, known.streams.get(_stream(by), []))
    if says_back(by):
        found += [(change, "says that it takes it back") for change in earlier if _names(by, change)]
    lines = known.lines.get(by.id)
    if lines is not None:
        reversed_by = (c for c in earlier if c.id in known.lines and _reverses(lines, known.lines[c.id]))
        found += [(change, "restores the lines that it changed") for change in reversed_by]
    return found


def _values_back(
    by: Change,
    turn: Turn,
    turned: Iterable[tuple[Change, Turn]],
    left: Callable[[Iterable[Change], Change], list[Change]],
) -> list[tuple[Change, str]]:
    """Earlier turns of the same flag or setting that are undone by one."""
    known = {key_of(change): (change, told) for change, told in turned}
    candidates = [known[key_of(change)] for change in left((change for change, _ in known.values()), by)]
    return [(change, f"turns {turn.name} back") for change, told in candidates if _is_back(by, turn, change, told)]


def _stream(change: Change) -> tuple[str | None, str]:
    return change.service, "deploys" if change.kind in DEPLOYS else change.kind


def _builds_back(by: Change, earlier: Sequence[Change], stream: Sequence[Change]) -> list[tuple[Change, str]]:
    """All that came after an earlier change which brought the same build; of a rollback to a build that is not known, the
    newest deploy."""
    before = [c for c in stream if c.at < by.at]
    left = [c for c in earlier if _stream(c) == _stream(by)]
    if by.service is None:
        return []
    if not left:  # what is rolled back where nothing was deployed is what else was changed last
        other = [c for c in earlier if c.service == by.service and c.kind in ROLLED_BACK]
        return [(other[-1], "rolls it back")] if by.kind == "rollback" and other and not before else []
    same = next((place for place in reversed(range(len(before))) if _same(before[place], by)), len(before) - 1)
    since = {key_of(c) for c in before[same + 1 :]}
    name = by.version or (by.commit or "")[:10]
    if since:
        return [(c, f"brings back {name}") for c in left if key_of(c) in since]
    if by.kind == "rollback":
        return [(left[-1], "rolls it back")]
    return [(left[-1], f"goes back to {name}")] if _older(by, left[-1]) else []


def _older(by: Change, change: Change) -> bool:
    """Whether a deploy brings a version that by its number comes before the one that it replaces."""
    numbers = [[int(part) for part in _DIGITS.findall(c.version or "")] for c in (by, change)]
    alike = _DIGITS.sub("0", by.version or "") == _DIGITS.sub("0", change.version or "")
    return alike and bool(numbers[0]) and numbers[0] < numbers[1]


def _same(one: Change, other: Change) -> bool:
    return bool(same_build(one.version, one.commit, other.version, other.commit))


def turn_of(change: Change) -> Turn | None:
    """What a flag, a setting or a scale was turned to, by what the change says of itself."""
    if change.kind in DEPLOYS or change.kind == "migration":
        return None
    text = str(change.summary)
    for form in (*_TURNS, *_SWITCHED, _SET):
        if (match := form.search(text)) is None:
            continue
        told = match.groupdict()
        name = told["name"].lower()
        if name in _NO_NAMES:
            name = _named(change)
        before = _value(told["before"]) if told.get("before") else None
        after = _value(told["after"]) if told.get("after") else ON if told.get("on") else OFF
        return Turn(name, before, after)
    words = {_SWITCHES[word.lower()] for word in _SWITCH.findall(text)}
    return Turn(_named(change), None, words.pop()) if len(words) == 1 else None


def _named(change: Change) -> str:
    """The name in the id of a change that tells no other; a file numbers the ids that come again."""
    return _AGAIN.sub("", change.id).lower()


def _value(text: str) -> float | str:
    plain = text.strip().strip("\"'`").lower()
    if plain in _SWITCHES:
        return _SWITCHES[plain]
    return float(plain.rstrip("% ")) if _NUMBER.fullmatch(plain) else plain


def _is_back(by: Change, turn: Turn, change: Change, known: Turn) -> bool:
    """Whether a later turn set a flag or setting to what it was before a change, or beyond."""
    if known.after == turn.after or by.kind not in (change.kind, "config"):
        return False
    if known.before is None:
        return {known.after, turn.after} == {ON, OFF} or (turn.after == OFF and isinstance(known.after, float))
    if isinstance(known.before, float) and isinstance(known.after, float) and isinstance(turn.after, float):
        return known.before != known.after and (known.after - known.before) * (turn.after - known.before) <= 0
    return known.before == turn.after


def says_back(change: Change) -> bool:
    """Whether a change says that it takes something back."""
    return bool(_TAKES_BACK.search(f"{change.id} {change.summary}"))


def _names(by: Change, change: Change) -> bool:
    """Whether a change says that it takes back another one, by its id or commit, or by its version within one service."""
    said = f"{by.id} {by.summary}"
    ids = [re.escape(_AGAIN.sub("", change.id))] if by.id != change.id else []
    if change.commit and len(change.commit) >= LEAST_COMMIT:
        ids.append(rf"{change.commit[:LEAST_COMMIT]}[0-9a-f]*")
    if change.version and change.service is not None and change.service == by.service:
        ids.append(re.escape(change.version))
    return any(re.search(rf"(?<![\w.-]){one}(?!\w)", said) for one in ids if len(one) > 1)


def _reverses(by: ChangeDiff, change: ChangeDiff) -> bool:
    """Whether a diff holds another one the other way round, or is made of a commit that reverts one of its commits."""
    subjects = {str(commit.subject) for commit in change.commits}
    reverted = {m["subject"] for commit in by.commits if (m := _REVERTED.match(str(commit.subject)))}
    if subjects & reverted:
        return True
    old, new = _net(change), _net(by)
    telling = any(_SIGNIFICANT.search(line.partition("\0")[2]) for line in old)
    return telling and all(new[line] <= -count if count > 0 else new[line] >= -count for line, count in old.items())


def _net(diff: ChangeDiff) -> Counter[str]:
    """How often each line is there more than before; without what was only moved."""
    net: Counter[str] = Counter()
    for commit in diff.commits:
        for file in commit.files:
            net.update(f"{file.path}\0{' '.join(line.split())}" for line in file.added)
            net.subtract(f"{file.path}\0{' '.join(line.split())}" for line in file.removed)
    return Counter({line: count for line, count in net.items() if count and line.partition("\0")[2]})
