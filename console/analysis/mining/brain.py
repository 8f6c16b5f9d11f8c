"""Shapes to templates: Brain, weighted by how many lines each shape has.

Written from the published algorithm: S. Yu, P. He, N. Chen, Y. Wu, "Brain: Log Parsing with Bidirectional Parallel Tree",
IEEE Transactions on Services Computing 16 (2023). Its idea: the words that a statement always writes occur equally often,
so the frequency that most words of a line share is that of its statement; words that are more frequent are common to
several statements, and positions with many less frequent words hold values. Here it counts a shape once for each of its
lines, sorts the shapes first, so that the order of lines has no influence, and adds three general rules:

- A word that the lines of a group begin with is part of the statement up to four times as many as elsewhere: people
  write "started job" far more often than "job started", and names seldom come first. So are words that all say what
  was done (`started`, `stopping`).
- Templates that differ only in how often a list repeats, or in the unit behind a value, are one.
- A word that ends in a number of two and more digits is the name of an instance.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from console.analysis.mining.mask import BLANK, gaps, tokens
from console.domain.values import dataclass

Tokens: TypeAlias = tuple[str, ...]
MOST_WORDS = 4
"""Different words at one position of a group from which on they are values [P, Brain's child threshold]."""
MOST_FIRST_WORDS = 4 * MOST_WORDS
"""The same where the message begins, and for what was done [D]."""
DIGIT_SHARE = 0.3
"""A word of which at least this share is digits is a value [P, as in Drain's descendants]."""
LEAST_WORDS = 2
"""Words that two templates need in common to be taken for one statement in spite of different lengths [D]."""
MOST_REPEATED = 3
"""Tokens of the longest part of a list that is seen to repeat [D]."""

_WORD = re.compile(r"[A-Za-z][A-Za-z-]*:?")
_DONE = re.compile(r"[A-Z]?[a-z]+(?:ed|ing)[.,:;]?")
_INSTANCE = re.compile(r"\W*[A-Za-z_.-]*[A-Za-z]\d{2,}\W*")
_UNIT = re.compile(
    r"\(?(?:bytes?|[KMGTP]i?B|ns|us|ms|msecs?|s|secs?|seconds?|mins?|minutes?|hours?|days?|%)[),.;:]*", re.ASCII
)


@dataclass(frozen=True, slots=True)
class _Member:
    """A shape in its group."""

    shape: str
    words: Tokens
    counts: tuple[int, ...]
    """For each word, the lines that have it at its position."""


def cluster(shapes: Mapping[str, int]) -> dict[str, str]:
    """The template of every shape.

    Args:
        shapes: Shapes with their lines, of one service and level.

    Returns:
        By shape, its template as a person reads it: what varies as `<*>`. Shapes of one statement have the same.
    """
    split = {shape: tokens(shape) for shape in sorted(shapes)}
    frequency: Counter[tuple[int, str]] = Counter()
    for shape, words in split.items():
        lines = shapes[shape]
        for place in enumerate(words):
            frequency[place] += lines
    groups: defaultdict[tuple[object, ...], list[_Member]] = defaultdict(list)
    for shape, words in split.items():
        counts = tuple([frequency[place] for place in enumerate(words)])
        root = _root(counts)
        key = (len(words), root, *(place for place, n in zip(enumerate(words), counts, strict=True) if n == root))
        groups[key].append(_Member(shape, words, counts))
    statements: defaultdict[Tokens, list[tuple[_Member, Tokens]]] = defaultdict(list)
    for members in groups.values():
        for member, template in _templates(members, shapes):
            kept = _telling(template)
            statements[tuple([template[place] for place in kept])].append((member, template))
    found: dict[str, str] = {}
    for alike in statements.values():
        text = _shown(alike, shapes)
        found.update((member.shape, text) for member, _ in alike)
    return found


def _root(counts: Sequence[int]) -> int:
    """The frequency that most words share; of several, the one that comes first."""
    if not counts:
        return 0
    shared = Counter(counts)
    most = max(shared.values())
    return next(n for n in counts if shared[n] == most)


def _templates(members: list[_Member], shapes: Mapping[str, int]) -> Iterable[tuple[_Member, Tokens]]:
    """The members of a group, each with its words and blanks."""
    root = _root(members[0].counts)
    common = _varying_frequency(members, root, shapes)
    columns = [set(column) for column in zip(*(member.words for member in members), strict=True)]
    values = [_are_values(place, column) for place, column in enumerate(columns)]
    leading = bool(columns) and len(columns[0]) > 1 and not values[0]
    for member in members:
        words = list(member.words)
        for place, (word, count) in enumerate(zip(member.words, member.counts, strict=True)):
            off_root = count != root
            varies = values[place] or (count == common and not (place == 0 and leading))
            if is_value(word) or (off_root and varies):
                words[place] = BLANK
        yield member, tuple(words)


def _varying_frequency(members: list[_Member], root: int, shapes: Mapping[str, int]) -> int:
    """The highest frequency above the root's whose words are not on all lines of the group; 0: there is none."""
    lines: Counter[tuple[int, tuple[tuple[int, str], ...]]] = Counter()
    total = 0
    for member in members:
        total += shapes[member.shape]
        above: defaultdict[int, list[tuple[int, str]]] = defaultdict(list)
        for place, count in zip(enumerate(member.words), member.counts, strict=True):
            if count > root:
                above[count].append(place)
        for count, places in above.items():
            lines[count, tuple(places)] += shapes[member.shape]
    return max((count for (count, _), n in lines.items() if n != total), default=0)


def _are_values(place: int, column: set[str]) -> bool:
    """Whether the different words at a position of a group are values."""
    if len(column) < MOST_WORDS:
        return False
    if len(column) >= MOST_FIRST_WORDS:
        return True
    if place == 0 and all(_WORD.fullmatch(word) or is_value(word) for word in column):
        return False
    return not all(map(_DONE.fullmatch, column))


def is_value(word: str) -> bool:
    """Whether a word is a value, whatever stands around it."""
    if BLANK in word:
        return True
    digits = sum(map(str.isdigit, word))
    return bool(digits) and (digits >= DIGIT_SHARE * len(word) or _INSTANCE.fullmatch(word) is not None)


def _telling(template: Tokens) -> list[int]:
    """The places that tell the statement of a template, however often a list in it repeats and whatever units it names."""
    places: list[int] = []
    for place, word in enumerate(template):
        after_value = bool(places) and template[places[-1]] == BLANK
        if not (after_value and (word == BLANK or _UNIT.fullmatch(word))):
            places.append(place)
    for length in range(2, MOST_REPEATED + 1):
        places = _once(template, places, length)
    letters = sum(any(map(str.isalpha, template[place])) for place in places)
    return places if letters >= LEAST_WORDS else list(range(len(template)))


def _once(template: Tokens, places: list[int], length: int) -> list[int]:
    """The places without every repetition of `length` words that hold a blank."""
    words = [template[place] for place in places]
    kept: list[int] = []
    number = 0
    while number < len(places):
        part = words[number : number + length]
        before = [template[place] for place in kept[-length:]]
        if BLANK in part and before == part:
            number += length
        else:
            kept.append(places[number])
            number += 1
    return kept


def _shown(alike: list[tuple[_Member, Tokens]], shapes: Mapping[str, int]) -> str:
    """The template of one statement as text; everything in it but the blanks stands in each of its messages.

    Where all templates are the same, what the values of a position share is put back; else only what tells the statement
    is shown, as the usual one of the templates has it.
    """
    lines: Counter[Tokens] = Counter()
    for member, template in alike:
        lines[template] += shapes[member.shape]
    usual = min(lines, key=lambda template: (-lines[template], template))
    members = [member for member, template in alike if template == usual]
    spaces = gaps(members[0].shape)
    parts: list[str] = []
    for place in range(len(usual)) if len(lines) == 1 else _telling(usual):
        word = usual[place]
        if word == BLANK and len(lines) == 1:
            word = _with_ends([member.words[place] for member in members])
        parts += [spaces[place], word]
    return "".join(parts).strip()


def _with_ends(values: Sequence[str]) -> str:
    """A blank between the beginning and the end that all values of a position share: `(uid=<*>)`."""
    first, last = min(values), max(values)
    if first == last and BLANK in first:
        return first
    start = 0
    while start < min(len(first), len(last)) and first[start] == last[start]:
        start += 1
    head = _to_a_mark(first[:start].split("<", 1)[0])
    rest = [value[len(head) :] for value in values]
    backwards = [value[::-1] for value in rest]
    first, last = min(backwards), max(backwards)
    end = 0
    while end < min(len(first), len(last)) and first[end] == last[end]:
        end += 1
    tail = _to_a_mark(first[:end].split(">", 1)[0])[::-1]
    return f"{head}{BLANK}{tail}"


def _to_a_mark(text: str) -> str:
    """As much of a text as ends in a mark, so that values which happen to begin alike are not cut in the middle."""
    while text and text[-1].isalnum():
        text = text[:-1]
    return text
