"""Promises that a look at the source can hold: one door each, every worker named, nothing phones home."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_type_hints

from sources.http import HttpDoor, Site

ROOT = Path(__file__).parents[2]
RESERVED = re.compile(r"\.(example|invalid|test)\b|\bexample\.")
"""Names that lead nowhere: RFC 2606."""


def modules(*names: str) -> Iterator[tuple[str, ast.Module]]:
    """Every module that is ours, by its place; with names only those that hold one of them, since parsing takes long."""
    for package in ("console", "widgets", "sources"):
        for path in sorted((ROOT / package).rglob("*.py")):
            text = path.read_text("utf-8")
            if not names or any(name in text for name in names):
                yield str(path.relative_to(ROOT)), ast.parse(text)


def test_nothing_is_addressed_that_the_user_did_not_configure() -> None:
    """No telemetry and no update check: no module holds an address of its own."""
    own = re.compile(r"https?://(?!127\.0\.0\.1|localhost|\[|\{|%|…|example|<)[a-z0-9.-]+\.[a-z]{2,}")
    for path, tree in modules():
        if path.startswith("console/demo/") or path == "console/report/shape.py":  # names the dialect of JSON Schema
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" not in node.value:
                found = own.search(node.value)
                assert found is None or RESERVED.search(found[0]), (path, found)


def test_the_door_for_http_offers_reading_methods_only() -> None:
    """Nothing but `method` decides what is sent, and its type allows nothing that could change the other side."""
    for function in (Site.ask, HttpDoor._ask):
        assert set(get_args(get_type_hints(function)["method"])) == {"GET", "HEAD"}
    tree = ast.parse((ROOT / "sources" / "http" / "exchange.py").read_text("utf-8"))
    sent = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == "httpx.Request"]
    assert len(sent) == 1 and ast.unparse(sent[0].args[0]) == "method"
    assert not {"content", "data", "files", "json", "stream"} & {keyword.arg for keyword in sent[0].keywords}


def test_every_worker_is_named_and_grouped_and_cannot_end_the_app() -> None:
    for path, tree in modules("run_worker"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "run_worker":
                given = {keyword.arg for keyword in node.keywords}
                assert {"name", "group", "exit_on_error"} <= given, (path, node.lineno)


def test_no_raw_text_is_handed_to_a_widget_that_parses_markup() -> None:
    for path, tree in modules("Static", "Label", "OptionList", "notify"):
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
