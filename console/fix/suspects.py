"""Which commits between two deploys to look at first, and why. Pure.

Points: a failing line that the commit wrote, the file and the function that a failing frame names, files of kinds that change
how the rest runs; the order inside a trace weighs, and what a diff could do at run time orders commits that are otherwise alike.
At least 46 % of bugs were blamed on commits from years before (TSE 2016), so this is an order to look in and never a verdict.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from console.analysis.diffs import COSMETIC, SHARED_FILE, Effect, effect_of_commit, file_weight
from console.domain.changes import Commit, CommitDiff
from console.domain.values import dataclass
from console.fix.finding import Reason, SuspectCommit
from console.fix.frames import Placed
from console.guard.sanitise import safe

BLAMED = 5.0
SAME_FILE = 3.0
SAME_SYMBOL = 2.0
RISKY_KIND = 1.0
DAMPED = 0.3
"""For whitespace, merges and reverts [D]."""
LEAST_EFFECT = 0.5
"""A diff that could do less than this at run time earns nothing."""

_KINDS = (
    (
        "a dependency",
        r"(^|/)(go\.(mod|sum)|package(-lock)?\.json|yarn\.lock|pnpm-lock\.yaml|poetry\.lock|Pipfile(\.lock)?|requirements[^/]*\.txt"
        r"|constraints[^/]*\.txt|Cargo\.(toml|lock)|Gemfile(\.lock)?|pom\.xml|build\.gradle(\.kts)?|uv\.lock|composer\.(json|lock)|[^/]*\.csproj)$",
    ),
    ("a migration", r"(^|/)(migrations?|migrate|alembic|flyway|liquibase|changelogs?)/|(^|/)V\d[\w.]*__[^/]*\.sql$|\.sql$"),
    ("a flag", r"(^|/|[._-])(feature[._-]?)?(flags?|toggles?|experiments?)([._-][^/]*)?(\.[a-z]+|/)|(^|/)features?\.(ya?ml|json|toml)$"),
    (
        "configuration",
        r"\.(ya?ml|toml|ini|cfg|conf|properties|env|tf|tfvars|hcl)$|(^|/)\.env[^/]*$|(^|/)(config|settings)(/|([._-][^/]*)?\.[a-z]+$)|(^|/)Dockerfile[^/]*$",
    ),
)  # fmt: skip
_KIND_PATTERNS = tuple((name, re.compile(pattern, re.IGNORECASE)) for name, pattern in _KINDS)
_NOT_RUN = re.compile(r"(^|/)(docs?|tests?|__tests__|spec|\.github|\.gitlab|\.circleci)/|(^|/)pyproject\.toml$|\.md$")
_REVERT = re.compile(r"revert\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class History:
    """What is known of the commits of a range."""

    blamed: Mapping[tuple[str, int], str]
    """File and line of the deployed commit to the commit of the range that wrote it."""
    hunks: Mapping[str, Mapping[str, tuple[tuple[int, int], ...]]]
    """Commit to file to the lines it wrote, first and last."""
    texts: Mapping[str, tuple[str, ...]]
    """Files as they were deployed."""
    quiet: frozenset[str] = frozenset()
    merges: frozenset[str] = frozenset()
    diffs: tuple[CommitDiff, ...] = ()


def scored(
    commits: Sequence[Commit],
    frames: Sequence[Placed],
    history: History,
    service: str | None,
    services: Iterable[str] = (),
) -> tuple[SuspectCommit, ...]:
    """The commits in the order to look at, those without any reason last.

    Args:
        commits: Newest first, with their files.
        frames: Of the failing trace, innermost first; empty where none is known.
        service: Whose deploy it is; files of the others weigh less in what a diff could do.
    """
    known = tuple(services)
    effects = {d.commit: effect_of_commit(d, service, known) for d in history.diffs}
    spans = {
        (p.path, p.frame.line): extent(history.texts.get(p.path, ()), p.frame.line, p.frame.function)
        for p in frames
        if p.path
    }
    found = []
    for commit in commits:
        reasons = [r for r in _by_frames(commit, frames, history, spans) if r is not None]
        in_trace = bool(reasons)
        kinds, path = _kinds(commit, service, known)
        if kinds:
            weight = file_weight(path, service, known)
            points = RISKY_KIND if weight >= SHARED_FILE else RISKY_KIND * weight
            reasons.append(Reason(points, safe(f"touches {' and '.join(kinds)}: {path}", 300)))
        effect = effects.get(commit.id)
        if effect is not None and effect.risk >= LEAST_EFFECT:
            reasons.append(
                Reason(
                    round(effect.risk, 2), safe(f"{effect.what} ({effect.path})" if effect.path else effect.what, 300)
                )
            )
        found.append((commit, reasons, _damper(commit, history, None if in_trace else effect)))
    return _ranked(found)


def _ranked(found: Iterable[tuple[Commit, list[Reason], str]]) -> tuple[SuspectCommit, ...]:
    rows = []
    for commit, reasons, damper in found:
        score = sum(r.points for r in reasons)
        if damper and score:
            reasons = [*reasons, Reason(-round(score * (1 - DAMPED), 2), safe(damper))]
            score *= DAMPED
        rows.append((round(score, 2), commit, tuple(sorted(reasons, key=lambda r: -r.points))))
    scores = [score for score, _, _ in rows]
    rows.sort(key=lambda row: -row[0])  # stable: the newer of equals first
    return tuple(
        SuspectCommit(commit, score, reasons, 1 + sum(s > score for s in scores), scores.count(score) > 1)
        for score, commit, reasons in rows
    )


def _by_frames(
    commit: Commit, frames: Sequence[Placed], history: History, spans: Mapping[tuple[str, int], tuple[int, int] | None]
) -> Iterable[Reason | None]:
    """Of each sort the best frame: a trace that passes through one file ten times says so once."""
    touched = {file.path for file in commit.files}
    wrote = history.hunks.get(commit.id, {})
    blamed: list[tuple[float, Placed]] = []
    in_file: list[tuple[float, Placed]] = []
    in_symbol: list[tuple[float, Placed]] = []
    for one in frames:
        if not one.path:
            continue
        if history.blamed.get((one.path, one.frame.line)) == commit.id:
            blamed.append((one.weight, one))
        if safe(one.path, 1000) in touched or one.path in wrote:
            in_file.append((one.weight, one))
        span = spans.get((one.path, one.frame.line))
        if span is not None and any(low <= span[1] and span[0] <= high for low, high in wrote.get(one.path, ())):
            in_symbol.append((one.weight, one))
    yield _best(BLAMED, blamed, lambda one: f"wrote the failing line {one.path}:{one.frame.line}")
    yield _best(SAME_FILE, in_file, lambda one: f"touches {one.path}, {_named(one)}")
    yield _best(SAME_SYMBOL, in_symbol, lambda one: f"touches {one.frame.function}, where it fails")


def _best(points: float, found: list[tuple[float, Placed]], text: Callable[[Placed], str]) -> Reason | None:
    if not found:
        return None
    weight, one = max(found, key=lambda item: item[0])
    return Reason(round(points * weight, 2), safe(text(one), 300))


def _named(one: Placed) -> str:
    return "where it fails" if one.place == 0 else f"frame {one.place + 1} of the trace"


def _kinds(commit: Commit, service: str | None, services: Sequence[str]) -> tuple[list[str], str]:
    """The kinds of its files that change how the rest runs, and the one of them that is most this service's."""
    paths = [file.path for file in commit.files if not _NOT_RUN.search(file.path)]
    told = [path for path in paths if any(pattern.search(path) for _, pattern in _KIND_PATTERNS)]
    kinds = [name for name, pattern in _KIND_PATTERNS if any(pattern.search(path) for path in told)]
    return kinds, max(told, key=lambda path: file_weight(path, service, services), default="")


def _damper(commit: Commit, history: History, effect: Effect | None) -> str:
    """Why a commit counts for less; empty where it does not."""
    if commit.id in history.quiet:
        return "changes blanks only"
    if commit.id in history.merges:
        return "is a merge"
    if _REVERT.match(commit.subject):
        return "is a revert"
    if effect is not None and effect.risk <= COSMETIC:
        return "changes nothing that runs: comments, tests, documents, or lines that only moved"
    return ""


_DEFINES = re.compile(r"\b(def|func|function|fn|fun|class|interface|struct|impl|sub|proc|void|public|private|protected|static|async|export|const|let|var)\b|[({]\s*$|=>|=")  # fmt: skip


def extent(lines: Sequence[str], line: int, function: str) -> tuple[int, int] | None:
    """First and last line of the function around a line, by indentation; None where it cannot be told.

    In code that is formatted at all, a function ends before the next line that is indented no deeper than its first.
    """
    if not function or function.startswith("<") or not 1 <= line <= len(lines):
        return None
    word = re.compile(rf"(?<![\w$]){re.escape(function)}(?![\w$])")
    for number in range(line, 0, -1):
        text = lines[number - 1]
        if word.search(text) and _DEFINES.search(text) and (number < line or _is_definition(text, function)):
            last = _end(lines, number)
            return (number, last) if last >= line else None
    return None


def _is_definition(text: str, function: str) -> bool:
    return re.search(rf"\b(def|func|function|fn|fun)\b.*{re.escape(function)}", text) is not None


def _end(lines: Sequence[str], first: int) -> int:
    depth = _indent(lines[first - 1])
    for number in range(first + 1, len(lines) + 1):
        text = lines[number - 1]
        if text.strip() and _indent(text) <= depth and not text.strip().startswith((")", "{", "->")):
            return number if text.strip().startswith("}") else number - 1
    return len(lines)


def _indent(text: str) -> int:
    expanded = text.expandtabs(4)
    return len(expanded) - len(expanded.lstrip())
