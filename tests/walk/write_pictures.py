"""Writes docs/walk.md, the screens of both walks as text: `python -m tests.walk.write_pictures`, which takes six minutes."""

from __future__ import annotations

import ast
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.walk import bad_deploy, third_party_slow, walking
from tests.walk.walking import Walk, demo

PAGE = Path(__file__).parents[2] / "docs" / "walk.md"
HEAD = """\
# Two incidents, from the first sight to the end

Screens of the practice system as a terminal of 120 columns and 40 rows shows them, in the order in which a person comes to them.
`tests/walk` walks these ways in a real terminal, and `python -m tests.walk.write_pictures` takes these pictures.
"""
WALKS: tuple[tuple[str, str, str, Callable[[Walk], None]], ...] = (
    ("A bad release", "bad-deploy", "deploy", bad_deploy.walk_bad_deploy),
    ("A provider that answers in seconds", "third-party-slow", "cardpay", third_party_slow.walk_third_party_slow),
)


def titles() -> set[str]:
    """The titles of all pictures, as the code of the walks has them."""
    found = []
    for module in (bad_deploy, third_party_slow, walking):
        tree = ast.parse(Path(module.__file__ or "").read_text("utf-8"))
        found += [call.args[0] for call in ast.walk(tree) if isinstance(call, ast.Call) and _looks(call)]
    return {str(one.value) for one in found if isinstance(one, ast.Constant)}


def _looks(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == "look" and len(call.args) == 1


def told(name: str, shots: list[tuple[str, str]]) -> Iterator[str]:
    """One walk as Markdown."""
    yield f"\n## {name}\n"
    for number, (title, screen) in enumerate(shots, 1):
        lines = "\n".join(line.rstrip() for line in screen.splitlines())
        yield f"\n{number}. {title}\n\n```text\n{lines}\n```\n"


def main() -> None:
    """Walk, and write what was seen."""
    parts = [HEAD]
    for name, scenario, suspect, walk_it in WALKS:
        with tempfile.TemporaryDirectory(prefix="w") as folder, demo(scenario, Path(folder), suspect) as walk:
            walk_it(walk)
            parts += told(name, walk.shots)
            walk.leave()
    PAGE.write_text("".join(parts), "utf-8")


if __name__ == "__main__":
    main()
