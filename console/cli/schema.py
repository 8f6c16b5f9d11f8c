"""`incident schema`: the JSON Schema of a document that this program writes."""

from __future__ import annotations

import json

import click

SCHEMAS = ("diagnose",)


@click.command("schema")
@click.argument("document", type=click.Choice(SCHEMAS))
def command(document: str) -> int:
    """Print the JSON Schema of DOCUMENT, as a validator takes it."""
    from console.report.diagnosis_json import diagnosis_schema

    click.echo(json.dumps({"diagnose": diagnosis_schema}[document](), indent=2))
    return 0
