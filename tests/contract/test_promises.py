"""Promises that a look at the source can hold: one door each, every worker named, nothing phones home."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]


def modules() -> Iterator[tuple[str, ast.Module]]:
    for package in ("console", "widgets", "sources"):
        for path in sorted((ROOT / package).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text("utf-8"))


def test_nothing_is_addressed_that_the_user_did_not_configure() -> None:
    """No telemetry and no update check: no module holds an address of its own."""
    own = re.compile(r"https?://(?!127\.0\.0\.1|localhost|\[|\{|%|…|example|<)[a-z0-9.-]+\.[a-z]{2,}")
    for path, tree in modules():
        if path.startswith("console/demo/") or path == "console/report/shape.py":  # names the dialect of JSON Schema
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" not in node.value:
                found = own.search(node.value)
                assert found is None or ".example" in found[0] or "example." in found[0], (path, found)


def test_every_worker_is_named_and_grouped_and_cannot_end_the_app() -> None:
    for path, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "run_worker":
                given = {keyword.arg for keyword in node.keywords}
                assert {"name", "group", "exit_on_error"} <= given, (path, node.lineno)


def test_no_raw_text_is_handed_to_a_widget_that_parses_markup() -> None:
    for path, tree in modules():
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("Static", "Label", "OptionList")
            ):
                markup = [k.value for k in node.keywords if k.arg == "markup"]
                assert markup and isinstance(markup[0], ast.Constant) and markup[0].value is False, (path, node.lineno)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "notify":
                raise AssertionError(f"{path}:{node.lineno}: toasts parse markup; use the footer")
