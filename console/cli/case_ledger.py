"""The ledger of a case: hypotheses, what they predict, and the checklists that begin them."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import click

from console.case.book import Book, Unfit
from console.case.checklists import CHECKLISTS, lines
from console.case.hypotheses import rivals_unsplit
from console.case.model import HypothesisState, Outcome
from console.cli.case_session import book_of, moment, opened, words_of, writing
from console.cli.options import write_json
from console.cli.outcome import Exit, say
from console.config.load import load
from console.guard.sanitise import safe


@click.command("hypothesis")
@click.argument("case")
@click.argument("words", nargs=-1, metavar="[STATEMENT | H1]")
@click.option("--because", default="", metavar="TEXT", help="The mechanism.")
@click.option(
    "--predict",
    multiple=True,
    metavar="TEXT",
    help="What is seen if it holds: `max(error_rate, checkout) > 5% over 10m`, `count(QUERY) > 20 over 10m`, "
    "`onset(count(QUERY)) <= onset(error_rate, checkout)`, or `manual: …`.",
)
@click.option("--refutes", default="", metavar="TEXT", help="The observation that would refute it.")
@click.option("--may-hold", is_flag=True, help="The prediction supports, and does not refute where it fails.")
@click.option("--min-samples", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--every", metavar="SPAN", help="Ask the prediction again so often.  [default: 1m]")
@click.option("--prior", type=click.Choice(("low", "med", "high")), default="med", show_default=True)
@click.option("--cost", type=click.FloatRange(min=0.1), default=5.0, metavar="MINUTES", help="Work of its next test.")
@click.option(
    "--explains", multiple=True, metavar="NAME", help="A symptom that it explains; default: all (repeatable)."
)
@click.option("--rival", multiple=True, metavar="H2")
@click.option("--parent", metavar="H1", help="The hypothesis that it refines.")
@click.option("--evidence", multiple=True, metavar="E1")
@click.option(
    "--check",
    is_flag=True,
    help="Ask its predictions now; after a mitigation as at it, and whether they still hold now.",
)
@click.option("--result", multiple=True, metavar="P1=holds|fails|inconclusive", help="What a person saw.")
@click.option("--state", "to", type=click.Choice(tuple(str(s) for s in HypothesisState)), help="Change its state.")
@click.option("--by", default="", metavar="H2", help="Of --state superseded: by which; default: its newest refinement.")
@click.option("--reason", default="", metavar="TEXT")
@click.option("--at", metavar="TIME", help="Of --check: as it could be known then.")
@writing
def hypothesis(
    case: str,
    words: tuple[str, ...],
    config_path: Path | None,
    author: str | None,
    as_json: bool,
    plain: bool,
    **given: Any,
) -> int:
    """Write down a hypothesis and what would refute it, ask its predictions, or change its state. Without words: all of them.

    \b
    Exit code: 0 done · 1 --check: a must-hold fails · 3 --check: inconclusive · 5 the rules of the ledger say no.
    """
    from console.report.case_json import hypothesis_json
    from console.report.case_text import hypothesis_lines

    loaded = load(config_path)
    book = book_of(loaded, case, author)
    code: int = Exit.DONE
    known = book.read().hypothesis(words[0]) if len(words) == 1 else None
    if words and known is None and words[0][:1] in "Hh" and words[0][1:].isdigit() and len(words) == 1:
        raise Unfit(f"there is no hypothesis {words[0]}")
    names = [known.name] if known is not None else []
    if words and known is None:
        names = [_written(book, words_of(words), given)]
    for name in names:
        code = _changed(book, name, loaded, known is not None, given)
    found, now = book.read(), time.time()
    shown = [one for one in found.hypotheses if not names or one.name in names]
    if as_json:
        write_json({"case": book.id, "hypotheses": [hypothesis_json(one, now) for one in shown]})
    else:
        for one in shown:
            for line in hypothesis_lines(one, now):
                click.echo(safe(line))
    same = rivals_unsplit(found)
    if same is not None:
        say(f"{same[0].name} and {same[1].name} predict the same: add an observation that tells them apart")
    return code


def _written(book: Book, statement: str, given: dict[str, Any]) -> str:
    data = {
        "mechanism": given["because"], "prior": given["prior"], "cost": given["cost"], "explains": list(given["explains"]),
        "rivals": [name.upper() for name in given["rival"]], "parent": given["parent"],
    }  # fmt: skip
    return str(book.hypothesis(statement, data, [name.upper() for name in given["evidence"]]).data["name"])


def _changed(book: Book, name: str, loaded: Any, existing: bool, given: dict[str, Any]) -> int:
    from console.domain.instant import parse_span

    data = {
        "refutes": given["refutes"], "must_hold": not given["may_hold"], "min_samples": given["min_samples"],
        "every_s": parse_span(given["every"]) if given["every"] else None,
    }  # fmt: skip
    for text in given["predict"]:
        book.predict(name, text, data)
    if existing and not given["to"] and (given["evidence"] or given["rival"]):
        book.support(name, [e.upper() for e in given["evidence"]], [r.upper() for r in given["rival"]])
    for told_ in given["result"]:
        prediction, _, outcome = told_.partition("=")
        if outcome not in ("holds", "fails", "inconclusive"):
            raise click.UsageError(f"--result {told_}: write P1=holds, P1=fails or P1=inconclusive")
        book.saw(name, prediction, Outcome(outcome), given["reason"])
    code: int = Exit.DONE
    if given["check"]:
        from console.cli.case_questions import check

        code = asyncio.run(check(book, name, loaded, moment("--at", given["at"], loaded)))
    if given["to"]:
        book.turn(name, HypothesisState(given["to"]), given["reason"], given["evidence"], given["by"])
    return code


@click.command("checklist")
@click.argument("name", type=click.Choice(tuple(CHECKLISTS)), required=False)
@click.option("--case", metavar="CASE", help="Also draft its hypotheses in this case; none is opened.")
@writing
def checklist(
    name: str | None, case: str | None, config_path: Path | None, author: str | None, as_json: bool, plain: bool
) -> int:
    """Where to look, what would be seen, what stops the harm and what misleads. Without NAME: which there are."""
    shown = [CHECKLISTS[name]] if name else list(CHECKLISTS.values())
    drafted: list[str] = []
    if case is not None:
        if name is None:
            raise click.UsageError("say which checklist: --case drafts the hypotheses of one")
        book = opened(config_path, case, author)
        drafted = [
            str(book.hypothesis(statement, {"mechanism": f"then {seen}"}).data["name"])
            for statement, seen in CHECKLISTS[name].predict
        ]
    if as_json:
        write_json(
            {
                "checklists": [
                    {
                        "id": one.id,
                        "title": one.title,
                        "look": list(one.look),
                        "predict": [list(p) for p in one.predict],
                        "mitigate": list(one.mitigate),
                        "trap": one.trap,
                    }
                    for one in shown
                ],
                "drafted": drafted,
            }
        )
    else:
        for one in shown:
            for line in lines(one) if name else [f"{one.id}: {one.title}"]:
                click.echo(line)
    if drafted:
        say(
            f"drafted {', '.join(drafted)}: each opens with a prediction: `incident case hypothesis {case} {drafted[0]} --predict …`"
        )
    return Exit.DONE
