"""`incident schema`: the JSON Schema of a document that this program writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from console.cli.options import forms, write_json

SCHEMAS = ("diagnose", "patterns", "repro", "recovery", "recovery-contract", "case")


@click.command("schema")
@click.argument("document", type=click.Choice(SCHEMAS))
@forms
def command(document: str, as_json: bool, plain: bool) -> int:
    """Print the JSON Schema of DOCUMENT, as a validator takes it; with --plain its fields, one a line."""
    from console.report.case_json import case_schema
    from console.report.diagnosis_json import diagnosis_schema
    from console.report.patterns_json import patterns_schema
    from console.report.recovery_json import contract_schema, recovery_schema
    from console.report.repro_json import repro_schema

    schema = {
        "diagnose": diagnosis_schema,
        "patterns": patterns_schema,
        "repro": repro_schema,
        "recovery": recovery_schema,
        "recovery-contract": contract_schema,
        "case": case_schema,
    }[document]()
    if plain and not as_json:
        for line in _fields(schema, ""):
            click.echo(line)
    else:
        write_json(schema)
    return 0


def _fields(schema: dict[str, Any], path: str) -> Iterator[str]:
    """`suspects[].rank: integer.` for every field, outer ones first."""
    for name, inner in schema.get("$defs", {}).items():
        yield from _fields(inner, f"{path}{name}: ")
    for name, inner in schema.get("properties", {}).items():
        yield f"{path}{name}: {_kind(inner)}."
        yield from _fields(inner, f"{path}{name}.")
        yield from _fields(inner.get("items", {}), f"{path}{name}[].")


def _kind(schema: dict[str, Any]) -> str:
    given = schema.get("type", [])
    types = " or ".join([given] if isinstance(given, str) else given)
    values = schema.get("enum", [schema["const"]] if "const" in schema else [])
    told = ", ".join("null" if value is None else str(value) for value in values)
    return f"{types}, one of {told}" if types and told else types or f"one of {told}"
