"""Of the report of a case: what was done about it, and how it was shown to be over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from console.analysis.contract import TRAFFIC_HIGH, TRAFFIC_LOW
from console.analysis.words import number as amount
from console.case.fold import text_of
from console.case.mitigated import mitigated
from console.case.model import HypothesisState
from console.domain.recovery import TermKind
from console.report.case_facts import Facts, missing, number, objects, utc
from console.report.document import Block, Paragraph, Points, Sentence, Table
from console.report.recovery_json import BadContract, contract_of
from console.report.recovery_text import promise

H = HypothesisState
MOST_FILES = 20
"""Files of a fix that are named."""


def reproduction(facts: Facts) -> Iterable[Block]:
    """How often it was made to fail on purpose."""
    told = []
    for event in facts.case.repros:
        text = f"At {utc(event.occurred_at)}: {event.text}{_bounds(event.data.get('interval'))}."
        told.append(Sentence(text, (event.id,)))
    yield Points(tuple(told) or (missing("a reproduction: the failure was not made to happen again on purpose."),))


def fix(facts: Facts) -> Iterable[Block]:
    """What stopped the harm, and what mends it."""
    temporary = [
        Sentence(
            f"At {utc(e.occurred_at)}, {text_of(e.data.get('kind')) or 'other'}: {e.text}{_behind('; result: ', e.data.get('result'))}.",
            (*facts.known(e.evidence), e.id),
        )
        for e in facts.case.mitigations
    ]
    yield Paragraph((Sentence("Temporary: what stopped the harm.", kind="words"),))
    yield Points(tuple(temporary) or (missing("a mitigation."),))
    permanent = [
        Sentence(
            f"At {utc(e.occurred_at)}: {e.text}{_behind(', ', e.data.get('outcome'))}{_behind('; it changes ', changed(e.data))}.",
            (*facts.known(e.evidence), e.id),
        )
        for e in facts.case.fixes
    ]
    yield Paragraph((Sentence("Permanent: the fix.", kind="words"),))
    yield Points(tuple(permanent) or (missing("a description of the fix."),))


def recovery(facts: Facts) -> Iterable[Block]:
    """Whether it was shown to be over."""
    event = facts.case.recovery
    passed = [o for o in facts.case.overrides if o.rule == "SG5"]
    if event is None:
        yield Paragraph((missing("a recovery verdict: nothing shows that it is over."),))
    else:
        verdict = str(event.data.get("verdict"))
        reason = f": {str(event.data['reason']).removesuffix('.')}" if event.data.get("reason") else ""
        yield Paragraph((Sentence(f"Judged {verdict} at {utc(event.occurred_at)}{reason}.", (event.id,)),))
        rows = tuple(
            (
                (
                    str(s.get("name")),
                    level(s, "baseline"),
                    level(s, "observed"),
                    _margin(s),
                    str(s.get("verdict")),
                    f"{s.get('samples') or 0}{_behind(', needed ', s.get('needed'))}",
                ),
                Sentence(f"{s.get('name')}: {s.get('verdict')}", (event.id,)),
            )
            for s in objects(event.data, "signals")
        )
        if rows:
            yield Table(("Signal", "Baseline", "Observed", "Margin", "Verdict", "Samples"), rows)
    yield Points(
        tuple(
            Sentence(f"Resolved without a recovered verdict, by {o.event.author}: {o.reason}", (o.event.id,))
            for o in passed
        )
    )


def verification(facts: Facts) -> Iterable[Block]:
    """How one sees that it stays so."""
    found: list[Sentence] = []
    contract = facts.case.contract
    if contract is not None:
        refs = facts.newest("contract")
        hold = f", held for {contract['hold_s']:g} s" if isinstance(contract.get("hold_s"), (int, float)) else ""
        found += [
            Sentence(f"{said}{hold}: `incident recovery check --case {facts.case.id}`.", refs)
            for said in _promises(contract)
        ]
        if not found:
            found.append(
                Sentence(f"The recovery contract holds: `incident recovery check --case {facts.case.id}`.", refs)
            )
    found += _predictions(facts)
    if any(e.data.get("reproduced") for e in facts.case.repros):
        found.append(
            Sentence(
                "The reproduction passes as often in a row as its failure rate asks for: `incident repro verify`.",
                (facts.case.repros[-1].id,),
            )
        )
    yield Points(
        tuple(found)
        or (missing("a verification plan: no recovery contract, no prediction and no reproduction is recorded."),)
    )


def _promises(contract: Mapping[str, Any]) -> list[str]:
    """What each signal of a contract must show; of a document that is no contract of ours, what it says."""
    try:
        return [promise(term) for term in contract_of(contract).terms]
    except BadContract:
        return [
            f"{one.get('name')} stays at its normal level ({level(one, 'level')})"
            for one in objects(contract, "signals")
        ]


def level(signal: Mapping[str, Any], name: str) -> str:
    """A value of a signal with its unit, as it stands in a table."""
    value = signal.get(name)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return amount(value, text_of(signal.get("unit")))
    return number(value)


def _margin(signal: Mapping[str, Any]) -> str:
    """How much worse it may be; traffic may be neither much less nor much more."""
    baseline = signal.get("baseline")
    if signal.get("kind") == TermKind.TRAFFIC and isinstance(baseline, (int, float)) and baseline:
        low, high = (amount(share * baseline, "1/s") for share in (TRAFFIC_LOW, TRAFFIC_HIGH))
        return f"{low} to {high}"
    return f"+ {level(signal, 'margin')}" if signal.get("margin") is not None else "-"


def changed(data: Mapping[str, Any]) -> str:
    """The files that a fix changes, with lines added and taken away; empty where the entry does not tell."""
    files = objects(data, "files")
    told = [f"{f.get('path')}{_lines(f)}" for f in files[:MOST_FILES]]
    more = len(files) - len(told)
    return f"{', '.join(told)}{f' and {more} more' if more else ''}"


def _lines(file: Mapping[str, Any]) -> str:
    """Lines added and taken away; a binary file has none."""
    counts = [file.get(name) for name in ("added", "removed")]
    return f" (+{counts[0]} −{counts[1]})" if None not in counts else ""


def _predictions(facts: Facts) -> Iterable[Sentence]:
    """What the cause predicted must be gone; the ledger is judged by what was true until the mitigation."""
    done = mitigated(facts.case)
    ends = f"as at the mitigation ({utc(done.moments[0])}), and then now" if done.moments else "now"
    for one in facts.case.hypotheses:
        if one.state in (H.CONFIRMED, H.SUPPORTED):
            for p in one.predictions:
                ask = f"`incident case hypothesis {facts.case.id} {one.name} --check` asks it {ends}"
                yield Sentence(f"{one.name}.{p.name} ({p.text}) no longer holds: {ask}.", (one.event.id,))


def hypotheses(facts: Facts) -> Iterable[Block]:
    """Every hypothesis, the refuted ones too."""
    rows = []
    for one in facts.case.hypotheses:
        because = f", {one.mechanism}" if one.mechanism else ""
        tested = "; ".join(f"{p.text}: {p.outcome}" for p in one.predictions) or "nothing predicted"
        why = one.reason or "-"
        refs = (
            *facts.known(dict.fromkeys((*one.evidence, *one.interventions))),
            one.event.id,
            *(p.last.event_id for p in one.predictions if p.last is not None),
        )
        rows.append(
            (
                (one.name, one.standing, f"{one.statement}{because}", tested, why),
                Sentence(f"{one.name} {one.standing}: {one.statement}", refs),
            )
        )
    if not rows:
        yield Paragraph((missing("hypotheses: none was written down."),))
        return
    yield Table(("", "State", "Statement", "Predictions", "Why"), tuple(rows))


def _bounds(value: Any) -> str:
    """The interval of a failure rate in words."""
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(one, (int, float)) for one in value):
        return ""
    return f", so between {value[0]:.0%} and {value[1]:.0%} of tries fail at 95 % confidence"


def _behind(words: str, value: Any) -> str:
    """A value behind its words, where there is one."""
    return f"{words}{value}" if value else ""
