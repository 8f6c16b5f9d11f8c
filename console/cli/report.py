"""`incident report`: the root-cause and follow-up report of a case."""

from __future__ import annotations

import time
from pathlib import Path

import click

from console.cli.case_session import moment, opened, told
from console.cli.options import config_option, forms
from console.cli.outcome import Exit, say
from console.config.load import load

FORMATS = ("markdown", "html", "json")
SUFFIXES = {".html": "html", ".htm": "html", ".json": "json", ".md": "markdown", ".markdown": "markdown"}


@click.command("report")
@click.argument("case")
@click.option("--format", "form", type=click.Choice(FORMATS), help="Default: by the ending of --output, else markdown.")
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), metavar="FILE", help="Write there instead of to standard output."
)
@click.option("--at", metavar="TIME", help="As the record could be read then.")
@config_option
@forms
@told
def command(
    case: str,
    form: str | None,
    output: Path | None,
    at: str | None,
    config_path: Path | None,
    as_json: bool,
    plain: bool,
) -> int:
    """Write the report of CASE: root cause, impact, timeline, reproduction, fix, recovery, hypotheses, follow-ups.

    Every statement of fact links to its evidence; what should be there and is not is printed as missing. The HTML file needs
    nothing from anywhere.
    """
    from console.report.case_report import report_of

    if plain and form in ("html", "json"):
        raise click.UsageError("--plain is text: it goes with --format markdown")
    chosen = (
        "json"
        if as_json
        else form or (SUFFIXES.get(output.suffix.lower()) if output is not None else None) or "markdown"
    )
    book = opened(config_path, case, None)
    knowledge = moment("--at", at, load(config_path))
    found = book.read(knowledge)
    report = report_of(found, knowledge if knowledge is not None else time.time())
    if chosen == "json":
        import json

        from console.report.case_report_json import report_json

        text = json.dumps(report_json(report, found), ensure_ascii=False, allow_nan=False, indent=2) + "\n"
    elif chosen == "html":
        from console.report.case_html import html_of

        text = html_of(report)
    else:
        from console.report.case_markdown import markdown_of

        text = markdown_of(report)
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, "utf-8")
        say(f"{output}: {chosen}")
    missing = report.missing()
    if missing:
        say(f"{len(missing)} part{'s are' if len(missing) > 1 else ' is'} missing, as the report says")
    for hint in report.lints:
        say(f"look at this: {hint}")
    return Exit.DONE
