"""The generated part of the README."""

from __future__ import annotations

from console.actions import ACTIONS, key_text

BEGIN = "<!-- keys: written by `python -m tests.contract.write_docs`, checked by the tests -->"
END = "<!-- /keys -->"


def key_list() -> str:
    """The key list as a Markdown table, from the actions table."""
    rows = ["| key | action | where | what it does |", "| --- | --- | --- | --- |"]
    for action in ACTIONS:
        keys = " ".join(f"`{key_text(key).replace('|', '&#124;')}`" for key in action.keys) or "palette"
        rows.append(f"| {keys} | `{action.id}` | {action.pane or 'everywhere'} | {action.tooltip} |")
    return "\n".join(rows)


def with_keys(text: str) -> str:
    """The text with the key list between its markers."""
    head, rest = text.split(BEGIN, 1)
    tail = rest.split(END, 1)[1]
    return f"{head}{BEGIN}\n{key_list()}\n{END}{tail}"
