"""Regular expressions of users, matched in time that grows with the text and never with the expression's cleverness.

Python's own engine tries alternatives one after the other and can take years over a line that an attacker, or bad luck,
wrote. Here an expression is translated into a finite automaton whose states are made when they are first needed, so that
every character is looked at once. Expressions with at most one open repetition, where Python's engine is quick and
cannot run away, use that engine. What no finite automaton can do (back references, look-around) is refused with a sentence.

The syntax is Python's, and so is its parser: `re._parser` and `re._compiler` are private, and used here only, for the tree
that the one makes and the other takes.
"""

from __future__ import annotations

import importlib
import re
import warnings
from collections.abc import Callable, Iterable
from typing import Any

from console.guard.sanitise import safe

LONGEST_TEXT = 16_384
"""Characters of one line in which an expression is looked for."""
_MOST_STEPS = 4000
"""Size of an automaton's program; `(a{50}){50}` is 2,500."""
_MOST_REQUIRED = 32
"""Alternatives that are looked for; of more, nothing is known to be required."""
_MOST_REPEATED = 200
"""Repetitions of one part up to which their number is kept; ripgrep's programs are bounded."""
_MOST_LINEAR = 500
"""Size of a program that other linear engines are given: they make automata of it before they begin, in a fraction of a second."""
_MOST_STATES = 4000
"""Remembered states; above, they are forgotten and made again."""

_BRACES = (ord("{"), ord("}"))

_parser: Any = importlib.import_module("re._parser")
_c: Any = importlib.import_module("re._constants")
_compiler: Any = importlib.import_module("re._compiler")

Search = Callable[[str], bool]


class BadPattern(ValueError):
    """An expression that is malformed or cannot be matched in bounded time; `position` is where, from 0."""

    def __init__(self, sentence: str, position: int = 0) -> None:
        super().__init__(sentence)
        self.position = position


def check(pattern: str) -> None:
    """Make sure that `searcher` will take the pattern.

    Raises:
        BadPattern: It will not, and why.
    """
    _program(pattern)


def searcher(pattern: str) -> Search:
    """Whether the pattern matches somewhere in a text (its first 16,384 characters).

    Raises:
        BadPattern: Malformed, too large, or with something that no finite automaton can do.
    """
    tree = _tree(pattern)
    program = _compiled(tree)
    if _open_repeats(tree) <= 1:
        quick = re.compile(pattern).search
        return lambda text: quick(text[:LONGEST_TEXT]) is not None
    return Automaton(program).search


def required_texts(pattern: str) -> tuple[str, ...]:
    """Texts, lower case, of which every match of a valid pattern holds at least one, whatever its case; empty: none is known."""
    return _required(_tree(pattern))


def anywhere(pattern: str) -> Search | None:
    """A search that finds every match of a valid pattern wherever the text stands in a longer one, and maybe more: beginnings,
    ends and word boundaries count as nothing. None where such a search could take long.
    """
    tree = _tree(pattern)
    if _open_repeats(tree) > 1:
        return None
    _without_places(tree)
    search = _compiler.compile(tree).search
    return lambda text: search(text) is not None


def of_bytes(pattern: str, *, linear: bool = False) -> bytes | None:
    """An expression of bytes that matches wherever a valid pattern matches in an ASCII text, whatever the case of its letters, and
    maybe elsewhere. Python reads it as ripgrep and hyperscan do.

    None where a match may be empty, or is none of single characters and their repetitions; and where it can hold a blank or a brace,
    unless the pattern stands as written in the name of an operation.

    Args:
        pattern: Valid.
        linear: Only for engines that are quick whatever the expression; else it is one that Python is quick with.
    """
    tree = _tree(pattern)
    if tree.getwidth()[0] == 0 or (len(_compiled(tree)) > _MOST_LINEAR if linear else _open_repeats(tree) > 1):
        return None
    return _bytes_of(tree, tree.state.flags, "" if linear and stands_as_written(pattern) else " {}")


def _bytes_of(tree: Iterable[Any], flags: int, without: str) -> bytes | None:
    parts: list[bytes] = []
    for operation, value in tree:
        if operation is _c.AT:
            continue
        part = _bytes_of_one(operation, value, flags, without)
        if part is None:
            return None
        parts.append(part)
    return b"".join(parts)


def _bytes_of_one(operation: Any, value: Any, flags: int, without: str) -> bytes | None:
    if operation in _SINGLE:
        return _class_of(operation, value, flags, without)
    if operation in (_c.MAX_REPEAT, _c.MIN_REPEAT):
        least, most, inner = value
        repeated = _bytes_of(inner, flags, without)
        if repeated is None or least > _MOST_REPEATED:
            return None
        end = b"" if most is _c.MAXREPEAT or most > _MOST_REPEATED else b"%d" % most
        return b"(?:%s){%d,%s}" % (repeated, least, end)
    if operation is _c.SUBPATTERN:
        _, added, removed, inner = value
        grouped = _bytes_of(inner, (flags | added) & ~removed, without)
        return None if grouped is None else b"(?:%s)" % grouped
    if operation is _c.BRANCH:
        sides = [_bytes_of(side, flags, without) for side in value[1]]
        known = [side for side in sides if side is not None]
        return b"(?:%s)" % b"|".join(known) if len(known) == len(sides) else None
    return None


def _class_of(operation: Any, value: Any, flags: int, without: str) -> bytes | None:
    test = _test(operation, value, flags)
    taken = {c for c in map(chr, range(128)) if c != "\n" and (test(c) or test(c.swapcase()))}
    if not taken.isdisjoint(without):
        return None
    return b"[%s]" % b"".join(b"\\x%02x" % ord(c) for c in sorted(taken)) if taken else None


def stands_as_written(pattern: str) -> bool:
    """Whether a match of a valid pattern in the name of an operation is surely one in its route as that was written.

    A name is a method in upper case, a blank and the route, with `{id}` for identifiers. So a match that has a small letter
    before anything that can be a blank begins in the route, and stands there as it is if it cannot hold a brace.
    """
    tree = _tree(pattern)
    if tree.state.flags & re.IGNORECASE or not all(_never_a_brace(operation, value) for operation, value in tree):
        return False
    for operation, value in tree:
        if operation is not _c.LITERAL or chr(value).isspace():
            return False
        if 97 <= value <= 122:
            return True
    return False


def _never_a_brace(operation: Any, value: Any) -> bool:
    match operation:
        case _c.LITERAL:
            return value not in _BRACES
        case _c.IN:
            return all(_never_a_brace(*item) for item in value)
        case _c.RANGE:
            return not any(value[0] <= brace <= value[1] for brace in _BRACES)
        case _c.CATEGORY:
            return "NOT" not in str(value)
        case _c.AT:
            return True
        case _c.SUBPATTERN:
            return not value[1] and not value[2] and all(_never_a_brace(*one) for one in value[3])
        case _c.MAX_REPEAT | _c.MIN_REPEAT:
            return all(_never_a_brace(*one) for one in value[2])
        case _c.BRANCH:
            return all(_never_a_brace(*one) for branch in value[1] for one in branch)
        case _:
            return False


def _without_places(tree: Any) -> None:
    """Leave out of a tree, and of the trees in it, what takes no character."""
    tree.data = [(operation, value) for operation, value in tree.data if operation is not _c.AT]
    for operation, value in tree.data:
        if operation is _c.SUBPATTERN:
            _without_places(value[3])
        elif operation in (_c.MAX_REPEAT, _c.MIN_REPEAT):
            _without_places(value[2])
        elif operation is _c.BRANCH:
            for branch in value[1]:
                _without_places(branch)


def _required(tree: Iterable[Any]) -> tuple[str, ...]:
    """Of what the parts of a sequence require, the most telling: that whose shortest text is the longest."""
    best: tuple[str, ...] = ()
    run = ""
    for operation, value in [*tree, (None, None)]:
        # Only ASCII keeps its length and identity when its case is changed.
        if operation is _c.LITERAL and value < 128:
            run += chr(value).lower()
            continue
        for known in ((run,) if run else (), _required_by(operation, value)):
            if known and _telling(known) > _telling(best):
                best = known
        run = ""
    return best


def _required_by(operation: Any, value: Any) -> tuple[str, ...]:
    if operation is _c.SUBPATTERN:
        return _required(value[3])
    if operation in (_c.MAX_REPEAT, _c.MIN_REPEAT):
        return _required(value[2]) if value[0] > 0 else ()
    if operation is _c.BRANCH:
        sides = [_required(branch) for branch in value[1]]
        together = tuple(dict.fromkeys(text for side in sides for text in side))
        return together if all(sides) and len(together) <= _MOST_REQUIRED else ()
    return ()


def _telling(texts: tuple[str, ...]) -> int:
    return min((len(text) for text in texts), default=0)


def _tree(pattern: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _parser.parse(pattern)
    except re.error as error:
        raise BadPattern(f"not a regular expression: {safe(error.msg, 120)}", error.pos or 0) from None
    except (RecursionError, OverflowError):
        raise BadPattern("this regular expression is nested too deeply") from None


def _program(pattern: str) -> list[_Step]:
    return _compiled(_tree(pattern))


def _compiled(tree: Any) -> list[_Step]:
    compiler = _Compiler()
    compiler.sequence(tree, tree.state.flags)
    compiler.add(("match",))
    return compiler.steps


def _open_repeats(tree: Iterable[Any]) -> int:
    """How many repetitions without an end the tree has; one that holds anything but a single character counts as many."""
    total = 0
    for operation, value in tree:
        if operation in (_c.MAX_REPEAT, _c.MIN_REPEAT):
            _, most, inner = value
            single = len(inner) == 1 and inner[0][0] in _SINGLE
            if most is _c.MAXREPEAT:
                total += 1 if single else 99
            else:
                # `(a?){30}` doubles with every repetition just as an open one does.
                total += 0 if single and most <= 64 else max(1, _open_repeats(inner)) * most
        elif operation is _c.SUBPATTERN:
            total += _open_repeats(value[-1])
        elif operation is _c.BRANCH:
            total += sum(_open_repeats(branch) for branch in value[1])
    return total


_SINGLE = (_c.LITERAL, _c.NOT_LITERAL, _c.ANY, _c.IN)
_Step = tuple[Any, ...]
"""("char", test) | ("split", a, b) | ("jump", a) | ("at", condition) | ("match",)"""


class _Compiler:
    """Translates a tree into steps, as Thompson described it (Communications of the ACM 11(6), 1968)."""

    def __init__(self) -> None:
        self.steps: list[_Step] = []

    def add(self, step: _Step) -> int:
        if len(self.steps) >= _MOST_STEPS:
            raise BadPattern("this regular expression is too large: its repetitions multiply")
        self.steps.append(step)
        return len(self.steps) - 1

    def sequence(self, tree: Iterable[Any], flags: int) -> None:
        for operation, value in tree:
            self.one(operation, value, flags)

    def one(self, operation: Any, value: Any, flags: int) -> None:
        if operation in _SINGLE:
            self.add(("char", _test(operation, value, flags)))
        elif operation in (_c.MAX_REPEAT, _c.MIN_REPEAT):
            least, most, inner = value
            self.repeat(least, most, inner, flags)
        elif operation is _c.SUBPATTERN:
            _, added, removed, inner = value
            self.sequence(inner, (flags | added) & ~removed)
        elif operation is _c.BRANCH:
            self.branch(value[1], flags)
        elif operation is _c.AT:
            self.add(("at", _condition(value, flags)))
        else:
            raise BadPattern(_REFUSED.get(str(operation), "this construct cannot be matched in bounded time"))

    def repeat(self, least: int, most: Any, inner: Any, flags: int) -> None:
        for _ in range(least):
            before = len(self.steps)
            self.sequence(inner, flags)
            if len(self.steps) == before:
                return  # repeats nothing
        if most is _c.MAXREPEAT:
            split = self.add(("split", 0, 0))
            self.sequence(inner, flags)
            self.add(("jump", split))
            self.steps[split] = ("split", split + 1, len(self.steps))
            return
        splits = []
        for _ in range(min(most - least, _MOST_STEPS)):
            splits.append(self.add(("split", 0, 0)))
            self.sequence(inner, flags)
        for split in splits:
            self.steps[split] = ("split", split + 1, len(self.steps))

    def branch(self, branches: Iterable[Any], flags: int) -> None:
        listed = list(branches)
        jumps = []
        for number, branch in enumerate(listed):
            split = self.add(("split", 0, 0)) if number < len(listed) - 1 else -1
            self.sequence(branch, flags)
            if split >= 0:
                jumps.append(self.add(("jump", 0)))
                self.steps[split] = ("split", split + 1, len(self.steps))
        for jump in jumps:
            self.steps[jump] = ("jump", len(self.steps))


_REFUSED = {
    "GROUPREF": "a back reference cannot be matched in bounded time; leave it out",
    "GROUPREF_EXISTS": "a conditional group cannot be matched in bounded time; leave it out",
    "ASSERT": "look-ahead and look-behind cannot be matched in bounded time; combine two terms instead: /a/ /b/",
    "ASSERT_NOT": "negative look-around cannot be matched in bounded time; combine two terms instead: /a/ -/b/",
    "ATOMIC_GROUP": "atomic groups are not needed here, since nothing backtracks: write (?:…)",
    "POSSESSIVE_REPEAT": "possessive repeats are not needed here, since nothing backtracks: write a plain one",
}

_Test = Callable[[str], bool]
_CATEGORIES: dict[str, _Test] = {
    "CATEGORY_DIGIT": str.isdecimal,
    "CATEGORY_SPACE": str.isspace,
    "CATEGORY_WORD": lambda c: c.isalnum() or c == "_",
}


def _test(operation: Any, value: Any, flags: int) -> _Test:
    """Whether a character is one that a single-character node takes."""
    if operation is _c.ANY:
        return (lambda c: True) if flags & re.DOTALL else (lambda c: c != "\n")
    items = [(operation, value)] if operation is not _c.IN else list(value)
    negated = False
    tests: list[_Test] = []
    for kind, item in items:
        if kind is _c.NEGATE:
            negated = True
        elif kind is _c.NOT_LITERAL:
            negated = True
            tests.append(_range_test(item, item))
        elif kind is _c.LITERAL:
            tests.append(_range_test(item, item))
        elif kind is _c.RANGE:
            tests.append(_range_test(*item))
        else:
            tests.append(_category(str(item), ascii_only=bool(flags & re.ASCII)))
    if flags & re.IGNORECASE:
        return lambda c: any(t(x) for x in {c, c.lower(), c.upper()} if len(x) == 1 for t in tests) is not negated
    if len(tests) == 1 and not negated:
        return tests[0]
    return lambda c: any(t(c) for t in tests) is not negated


def _range_test(low: int, high: int) -> _Test:
    return lambda c: low <= ord(c) <= high


def _category(name: str, *, ascii_only: bool) -> _Test:
    positive = name.replace("NOT_", "")
    test = _CATEGORIES[positive]
    wanted = positive == name
    return lambda c: (test(c) and not (ascii_only and not c.isascii())) is wanted


_Condition = Callable[[str, str], bool]
"""From the character before and the one after (empty at an end of the text)."""


def _is_word(c: str) -> bool:
    return c.isalnum() or c == "_"


def _condition(where: Any, flags: int) -> _Condition:
    many = bool(flags & re.MULTILINE)
    name = str(where)
    if name == "AT_BEGINNING":
        return (lambda before, _: before in ("", "\n")) if many else (lambda before, _: before == "")
    if name == "AT_END":
        return (lambda _, after: after in ("", "\n")) if many else (lambda _, after: after == "")
    if name == "AT_BEGINNING_STRING":
        return lambda before, _: before == ""
    if name == "AT_END_STRING":
        return lambda _, after: after == ""
    if name == "AT_BOUNDARY":
        return lambda before, after: _is_word(before) is not _is_word(after)
    return lambda before, after: _is_word(before) is _is_word(after)


class _State:
    """Places in the program that are reached, and the kind of character before them."""

    __slots__ = ("after", "before", "ends", "places")

    def __init__(self, places: frozenset[int], before: str) -> None:
        self.places = places
        self.before = before
        self.after: dict[str, _State | None] = {}
        """By the next character; None: the expression has matched."""
        self.ends: bool | None = None


class Automaton:
    """Searches with a program, making deterministic states as they are needed."""

    def __init__(self, program: list[_Step]) -> None:
        self._program = program
        self._states: dict[tuple[frozenset[int], str], _State] = {}
        self._remembered = 0
        self._start = self._state(frozenset(), "")

    def search(self, text: str) -> bool:
        """Whether the expression matches somewhere in the text's first 16,384 characters."""
        state = self._start
        for character in text[:LONGEST_TEXT]:
            try:
                following = state.after[character]
            except KeyError:
                following = self._step(state, character)
            if following is None:
                return True
            state = following
        if state.ends is None:
            state.ends = self._reach(state, "")[1]
        return state.ends

    def _step(self, state: _State, character: str) -> _State | None:
        places, matched = self._reach(state, character)
        following: _State | None = None
        if not matched:
            taken = frozenset(p + 1 for p in places if self._program[p][1](character))
            # Of the character before, conditions only ask whether it is a word's, and whether it ends a line.
            following = self._state(taken, "\n" if character == "\n" else "a" if _is_word(character) else " ")
        self._remembered += 1
        if self._remembered > _MOST_STATES:
            self._remembered = 0
            self._states.clear()
            self._start = self._state(frozenset(), "")
            state.after.clear()
        state.after[character] = following
        return following

    def _state(self, places: frozenset[int], before: str) -> _State:
        key = (places, before)
        found = self._states.get(key)
        if found is None:
            found = self._states[key] = _State(places, before)
        return found

    def _reach(self, state: _State, after: str) -> tuple[list[int], bool]:
        """The character steps that are reached without taking a character, and whether the end is among them."""
        waiting = [0, *state.places]
        seen: set[int] = set()
        characters: list[int] = []
        while waiting:
            place = waiting.pop()
            if place in seen:
                continue
            seen.add(place)
            step = self._program[place]
            match step[0]:
                case "char":
                    characters.append(place)
                case "split":
                    waiting += step[1:]
                case "jump":
                    waiting.append(step[1])
                case "at":
                    if step[1](state.before, after):
                        waiting.append(place + 1)
                case _:
                    return characters, True
        return characters, False
