"""What a diff could do at run time: moved code, comments and tests do little; a changed limit, a lost check or a new call do a lot.

A reading of changed lines by their shape, in any language. It orders changes that are otherwise alike and says why; it never
convicts one, and it never makes an impossible change possible.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from console.analysis.signals import words_of
from console.domain.changes import Change, ChangeDiff, CommitDiff, FileDiff
from console.domain.values import dataclass

NOTHING = 0.0
COSMETIC = 0.1
MOVED = 0.2
ADDED = 0.3
UNKNOWN = 0.35
ALTERED = 0.5
NEW_CALL = 0.7
LOST_CALL = 0.8
LOST_CHECK = 0.85
SETTING = 0.9
"""How much a kind of change can do at run time, 0 to 1; an order by reasoning, not a probability [D]."""


@dataclass(frozen=True, slots=True)
class Effect:
    """The strongest thing that a diff does."""

    risk: float
    what: str
    """In words that fit behind "it": `changes 5*time.Second to 300*time.Millisecond`."""
    commit: str = ""
    path: str = ""
    words: frozenset[str] = frozenset()
    """Words of the changed lines and paths, to compare with the words of the symptom."""
    files: frozenset[str] = frozenset()
    """Paths of the changed files that could be this service's."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_QUIET_PATH = re.compile(
    r"(^|/)(docs?|tests?|testdata|spec|specs|__tests__|fixtures|examples?|\.github|\.circleci|\.gitlab)/"
    r"|(^|/)(README|CHANGELOG|CODEOWNERS|LICENSE|CONTRIBUTING|AUTHORS)[^/]*$"
    r"|\.(md|rst|txt|adoc|css|scss|less|svg|png|jpe?g|gif|ico|woff2?|snap|golden)$"
    r"|[._-](test|spec)s?\.[a-z]+$|(^|/)test_[^/]+$|_test\.[a-z]+$|\.golangci|\.editorconfig|\.pre-commit|\.eslintrc|\.prettierrc",
    re.IGNORECASE,
)
_LOCK_PATH = re.compile(
    r"(^|/)(go\.(mod|sum)|package(-lock)?\.json|yarn\.lock|pnpm-lock\.yaml|poetry\.lock|Pipfile\.lock|requirements[^/]*\.txt|Cargo\.(toml|lock)|Gemfile(\.lock)?|pom\.xml|uv\.lock)$"
)
_SETTING_PATH = re.compile(
    r"\.(ya?ml|toml|ini|cfg|conf|properties|env|tf|tfvars|hcl|json|xml)$|(^|/)(config|settings|deploy|helm|charts|k8s|manifests)/",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"^\s*(//|#(?!\s*(if|define|include|else|endif|pragma))|/\*|\*(?!\w)|--(?!\w)|<!--|;)")
_VALUE = re.compile(
    r"""("[^"]*"|'[^']*'|(?<![A-Za-z_])[-+]?\d[\w.%*]*|\b(?:true|false|null|none|nil|on|off|yes|no|debug|info|warn|warning|error|trace|enabled|disabled)\b"""
    r"""|\b(?:time\.)?(?:nano|micro|milli)?seconds?\b|\b(?:time\.)?(?:minutes?|hours?|days?)\b|==|!=|<=|>=|(?<![-=<>])[<>](?![<>=])|&&|\|\||\band\b|\bor\b|\bnot\b)""",
    re.IGNORECASE,
)
_ASSIGNED = re.compile(r"^\s*-?\s*[\w.\"'\-/]+\s*[:=]\s*(.+?),?\s*$")
_CHECK = re.compile(
    r"[=!]==?\s*(nil|null|None|undefined)\b|\bis\s+(not\s+)?None\b|\b(nil|null|None|undefined)\s*[=!]="
    r"|\?\.|\?\?|\.(isPresent|isEmpty|is_some|is_none|unwrap_or|get_or|orElse)\b"
    r"|^\s*\}?\s*(else\s+)?(el)?if\b|^\s*(unless|guard|assert|require|case|catch|except|try|defer|finally|synchronized)\b"
    r"|\b(lock|unlock|acquire|release|close|cancel|rollback|validate|verify|sanitize|escape|limit|throttle|retry|backoff|timeout)\w*\s*\(",
    re.IGNORECASE,
)
_PASSES_ERROR = re.compile(r"\berr(or)?\b|\bexcept\b|\bcatch\b", re.IGNORECASE)
_LOOP = re.compile(r"\bfor\b|\bwhile\b|\bforeach\b|\.(?:map|forEach|flatMap|each)\b|\bloop\b")
_CALL = re.compile(r"([A-Za-z_][\w.:>-]*?)\s*(?:\[[^\]]*\])?\(")
_IO_WORDS = _words(
    "query select insert update delete fetch get load request http grpc rpc call send post put dial connect find lookup read write open exec execute scan list download upload publish"
)
_LOUD_WORDS = _words(
    "log logger logging print printf println console debug info metrics metric counter histogram gauge inc observe trace span"
)
_KEYWORDS = _words(
    "if for while switch return func function def catch match elif and or not in print sizeof typeof new await async range len append make string int error"
)
_SQL_HEAVY = re.compile(
    r"\b(alter\s+table|drop\s+(table|column|index)|lock\s+table|truncate|not\s+null|rename\s+(to|column)|create\s+(unique\s+)?index(?!\s+concurrently))\b",
    re.IGNORECASE,
)
_SQL_LIGHT = re.compile(r"\bcreate\s+(unique\s+)?index\s+concurrently\b", re.IGNORECASE)


_LEVELS = ("trace", "debug", "info", "notice", "warn", "warning", "error", "fatal")
"""From the most to the fewest lines."""
_LEVEL_WORDS = _words("log logs logger logging loglevel level verbosity")
OTHERS_FILE = 0.25
"""Weight of a file that by its path belongs to another service [D]."""
SHARED_FILE = 0.9
"""Weight of a file that belongs to no service in particular [D]."""
EARLIER_COMMIT = 0.95
"""Weight of a commit that came along with the deployed one [D]."""
_AFFIXES = ("service", "svc", "server", "app", "api")


def effect_of(diff: ChangeDiff, change: Change | None = None, services: Iterable[str] = ()) -> Effect:
    """The strongest effect of all commits of a change; the newest of equals.

    Args:
        diff: Its commits, newest last.
        change: Which service it changed and which commit it names.
        services: Every known service: a repository of several services brings commits that are none of this one's.
    """
    if not diff.commits:
        return Effect(
            NOTHING if diff.complete else UNKNOWN, "changes nothing" if diff.complete else "is not known line by line"
        )
    best = Effect(NOTHING, "changes nothing that runs")
    deployed = change.commit if change is not None else None
    owner = change.service if change is not None else None
    files: set[str] = set()
    for commit in diff.commits:
        weight = 1.0 if deployed is None or commit.commit == deployed else EARLIER_COMMIT
        one = effect_of_commit(commit, owner, services, weight)
        files |= one.files
        if one.risk >= best.risk:
            best = one
    return replace(best, files=frozenset(files))


def effect_of_commit(
    commit: CommitDiff, owner: str | None = None, services: Iterable[str] = (), weight: float = 1.0
) -> Effect:
    """The strongest effect of one commit. Lines that were only moved between its files do not count."""
    live = [file for file in commit.files if not _QUIET_PATH.search(file.path)]
    if not live:
        return Effect(NOTHING, "touches documentation, tests or styles only", commit.commit)
    moved = _moved(live)
    best = Effect(NOTHING, "changes nothing that runs", commit.commit)
    words: set[str] = set()
    files: set[str] = set()
    for file in live:
        risk, what = _effect_of_file(file, moved)
        share = weight * file_weight(file.path, owner, services)
        if risk * share >= best.risk:
            best = Effect(risk * share, what, commit.commit, file.path)
        if share >= SHARED_FILE * EARLIER_COMMIT:
            files.add(file.path)
            for text in (file.path, *file.removed, *file.added):
                words |= words_of(text)
    known = frozenset(w for w in words if len(w) > 2) - _KEYWORDS
    return Effect(best.risk, best.what, commit.commit, best.path, known, frozenset(files))


def file_weight(path: str, owner: str | None, services: Iterable[str]) -> float:
    """1 where the path names the service that was changed, little where it names another one, nearly 1 where it names none."""
    if owner is None:
        return 1.0
    parts = {_stem(part.rsplit(".", 1)[0]) for part in path.split("/")} - {""}
    if _stem(owner) in parts:
        return 1.0
    named = any(_stem(other) in parts for other in services if other != owner)
    return OTHERS_FILE if named else SHARED_FILE


def _stem(name: str) -> str:
    """A service's name without what all services have in common: `checkout-service` and `checkoutservice` give `checkout`."""
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    for affix in _AFFIXES:
        if plain.endswith(affix) and len(plain) > len(affix) + 1:
            return plain[: -len(affix)]
    return plain


def _code(lines: Iterable[str]) -> list[str]:
    return [line.strip() for line in lines if line.strip() and not _COMMENT.match(line)]


def _squeezed(line: str) -> str:
    return re.sub(r"\s+", "", line)


def _moved(files: list[FileDiff]) -> Counter[str]:
    """Lines, without their spacing, that were removed in one place and added in another."""
    removed = Counter(_squeezed(line) for file in files for line in _code(file.removed))
    added = Counter(_squeezed(line) for file in files for line in _code(file.added))
    return removed & added


def _without(lines: list[str], moved: Counter[str]) -> list[str]:
    left = moved.copy()
    kept = []
    for line in lines:
        key = _squeezed(line)
        if left[key] > 0:
            left[key] -= 1
        else:
            kept.append(line)
    return kept


def _effect_of_file(file: FileDiff, moved: Counter[str]) -> tuple[float, str]:
    removed, added = _without(_code(file.removed), moved), _without(_code(file.added), moved)
    if not removed and not added:
        return COSMETIC if file.removed or file.added else NOTHING, "moves or reformats lines"
    if _LOCK_PATH.search(file.path):
        return ADDED, "changes versions of dependencies"
    if any(_SQL_HEAVY.search(line) for line in added):
        return SETTING, "changes tables in a way that locks or rewrites them"
    if added and not removed and _SQL_LIGHT.search(" ".join(added)):
        return MOVED, "adds an index without locking"
    if _quieter(removed, added):
        return MOVED, "logs less"
    if setting := _setting(removed, added, bool(_SETTING_PATH.search(file.path))):
        return SETTING, setting
    calls_gone, calls_new = _calls(removed) - _calls(added), _calls(added) - _calls(removed)
    checks_gone = [line for line in removed if _CHECK.search(line) and not _PASSES_ERROR.search(line)]
    checks_new = [line for line in added if _CHECK.search(line) and not _PASSES_ERROR.search(line)]
    if len(checks_gone) > len(checks_new):
        return LOST_CHECK, f"no longer has `{_shown(checks_gone[0])}`"
    if calls_gone and not calls_new and len(removed) > len(added):
        quiet = all(words_of(call) & _LOUD_WORDS for call in calls_gone)
        return (
            (MOVED, "logs or measures less") if quiet else (LOST_CALL, f"no longer calls `{_shown(min(calls_gone))}`")
        )
    remote_new = {call for call in calls_new if _reaches_out(call)}
    remote_gone = {call for call in calls_gone if _reaches_out(call)}
    if len(remote_new) > len(remote_gone):
        return NEW_CALL, f"adds the call `{_shown(max(remote_new, key=len))}`"
    if _loops(added) > _loops(removed) and (removed or calls_new):
        return NEW_CALL, f"repeats in a loop: `{_shown(next(line for line in added if _LOOP.search(line)))}`"
    if calls_new and all(words_of(call) & _LOUD_WORDS for call in calls_new | calls_gone):
        return MOVED, "changes what is logged or measured"
    if removed and added and _same_work(removed, added):
        return MOVED, "rearranges code with the same words"
    if not removed:
        return ADDED, "only adds lines"
    return ALTERED, f"alters `{_shown(removed[0])}`"


def _setting(removed: list[str], added: list[str], is_setting_file: bool) -> str:
    """A line that kept its shape while a number, unit, level, flag or comparison in it changed: `from -> to`."""
    shapes: dict[str, list[str]] = {}
    for line in removed:
        shapes.setdefault(_shape(line), []).append(line)
    for line in added:
        before = shapes.get(_shape(line))
        if not before:
            continue
        old = before.pop(0)
        olds, news = _VALUE.findall(old), _VALUE.findall(line)
        changed = [(a, b) for a, b in zip(olds, news, strict=False) if a != b]
        texts_only = all(a[:1] in "\"'" for a, _ in changed)
        if changed and (not texts_only or is_setting_file):
            return f"changes `{_shown(old)}` to `{_shown(line)}`"
    if is_setting_file:
        keys = {
            m.group(0).split(":")[0].split("=")[0].strip(): m.group(1)
            for line in removed
            if (m := _ASSIGNED.match(line))
        }
        for line in added:
            if match := _ASSIGNED.match(line):
                key = match.group(0).split(":")[0].split("=")[0].strip()
                if key in keys and _squeezed(keys[key]) != _squeezed(match.group(1)):
                    return f"changes `{_shown(key)}` from {_shown(keys[key])} to {_shown(match.group(1))}"
    return ""


def _quieter(removed: list[str], added: list[str]) -> bool:
    """Whether all that changes is the level from which lines are logged, to one of fewer lines: more of them can fill a disk."""
    if not removed or len(removed) != len(added):
        return False
    for old, new in zip(removed, added, strict=True):
        before, after = _level(old), _level(new)
        if before is None or after is None or before >= after or not words_of(old) & _LEVEL_WORDS:
            return False
        if _shape(old) != _shape(new):
            return False
    return True


def _level(line: str) -> int | None:
    """The place of the only logging level that a line names; None: it names none, or several."""
    named = [word for word in re.findall(r"[a-z]+", line.lower()) if word in _LEVELS]
    return _LEVELS.index(named[0]) if len(named) == 1 else None


def _shape(line: str) -> str:
    """A line with every value as a blank and every name but the called ones kept loosely, so that renames still fit."""
    return re.sub(r"\b[a-z]\w*(?=\s*(,|:=|=[^=]|\)))", "n", _squeezed(_VALUE.sub("\0", line)))


def _calls(lines: list[str]) -> set[str]:
    return {name for line in lines for name in _CALL.findall(line) if name.split(".")[-1] not in _KEYWORDS}


def _loops(lines: list[str]) -> int:
    return sum(len(_LOOP.findall(line)) for line in lines)


def _reaches_out(call: str) -> bool:
    """Whether a call, by its name and its receiver, asks something outside the process."""
    receiver, _, name = call.replace("::", ".").replace("->", ".").rpartition(".")
    return bool(receiver) and bool(words_of(name) & _IO_WORDS) and not words_of(call) & _LOUD_WORDS


def _same_work(removed: list[str], added: list[str]) -> bool:
    """Whether most words of the removed lines are found again among the added ones, or the other way round."""
    old = {w for line in removed for w in words_of(line)} - _KEYWORDS
    new = {w for line in added for w in words_of(line)} - _KEYWORDS
    return bool(old) and len(old & new) >= 0.5 * min(len(old), len(new))


def _shown(text: str) -> str:
    text = text.strip()
    return text if len(text) <= 70 else text[:69] + "…"
