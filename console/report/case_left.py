"""Of the report of a case: what could not be seen, what is left to do, and what all of it rests on."""

from __future__ import annotations

from collections.abc import Iterable

from console.case.brief import first_line
from console.case.model import Outcome
from console.domain.instant import rfc3339
from console.report.case_facts import Facts, missing, objects, parts, utc
from console.report.document import Block, Index, Item, Paragraph, Points, Sentence, Table


def unseen(facts: Facts) -> Iterable[Block]:
    """What could not be told."""
    found: list[Sentence] = []
    for snapshot in facts.snapshots:
        for source in objects(snapshot.data["diagnosis"], "sources"):
            if source.get("state") != "ok":
                detail = f": {source['detail']}" if source.get("detail") else ""
                found.append(
                    Sentence(
                        f"{source.get('name')} was {str(source.get('state')).replace('_', ' ')} at {utc(snapshot.occurred_at)}{detail}",
                        (snapshot.id,),
                    )
                )
    for one in facts.case.evidence:
        if one.completeness != "COMPLETE":
            found.append(Sentence(f"{one.name} is {one.completeness.lower()}: {one.claim}", (one.name,)))
    for hypothesis in facts.case.hypotheses:
        for p in hypothesis.predictions:
            if p.last is not None and p.outcome is Outcome.INCONCLUSIVE:
                found.append(Sentence(f"{hypothesis.name}.{p.name} could not be told: {p.text}", (p.last.event_id,)))
    found += [Sentence(f"{p.file} line {p.line}: {p.says}.", kind="missing") for p in facts.case.problems]
    if not facts.snapshots:
        found.append(missing("a snapshot: which sources answered is not known."))
    yield Points(
        tuple(found)
        or (Sentence("Every source that was consulted answered in full.", tuple(s.id for s in facts.snapshots)),)
    )


def review(facts: Facts) -> Iterable[Block]:
    """The post-mortem."""
    case = facts.case
    reviews = [e for e in case.events if e.kind == "review"]
    status = [e for e in reviews if e.data.get("status")][-1:]
    owner = [e for e in reviews if e.data.get("owner")][-1:]
    yield Paragraph(
        (
            Sentence(f"Post-mortem: {case.review}.", tuple(e.id for e in status))
            if status
            else missing("a status of the post-mortem."),
            Sentence(f"Owner: {owner[0].data['owner']}.", (owner[0].id,))
            if owner
            else missing("who owns the post-mortem."),
        )
    )
    names = {
        "went_well": "went well", "went_badly": "went badly", "lucky": "luck", "response": "the response itself", "recurrence": "whether it happened before",
    }  # fmt: skip
    for part, words in names.items():
        told = [Sentence(f"{words.capitalize()}: {e.text}", (e.id,), "words") for e in parts(case, part)]
        yield Points(tuple(told) or (missing(f"{words}."),))


def actions(facts: Facts) -> Iterable[Block]:
    """What is left to do."""
    rows = tuple(
        (
            (
                one.name,
                one.type,
                one.text,
                one.owner or "no owner",
                one.due or "no day",
                one.done_when or "-",
                one.status,
            ),
            Sentence(f"{one.name} {one.text}", (one.event.id,)),
        )
        for one in facts.case.follow_ups
    )
    if not rows:
        yield Paragraph((missing("follow-ups."),))
        return
    yield Table(("", "Type", "Action", "Owner", "Due", "Done when", "Status"), rows)


def messages(facts: Facts) -> Iterable[Block]:
    """What was told to whom."""
    told = tuple(
        Sentence(
            f"{utc(e.occurred_at)} {e.data.get('template')} to {e.data.get('audience')} ({'sent' if e.data.get('sent_at') else 'draft'}): {e.text}",
            (e.id,),
        )
        for e in facts.case.updates
    )
    yield Points(told or (missing("the external text: no message was written down."),))


def overrides(facts: Facts) -> Iterable[Block]:
    """Gates that were passed, and why."""
    told = tuple(
        Sentence(
            f"{o.rule} at {utc(o.event.recorded_at)} by {o.event.author}: {o.reason} (it had said: {o.says})",
            (o.event.id,),
        )
        for o in facts.case.overrides
    )
    yield Points(told or (Sentence("No gate was passed by an override.", tuple(e.id for e in facts.case.events[-1:])),))


def evidence(facts: Facts) -> Iterable[Block]:
    """The index of the evidence."""
    yield Index(tuple(
        Item(
            one.name,
            f"{one.name} ({'fact' if one.fact else 'inference'}{'' if one.supports else ', against'}): {one.claim}",
            (
                ("Kind", one.kind), ("Source", one.source), ("Query", one.query),
                ("Stretch", f"{rfc3339(one.window.start)} to {rfc3339(one.window.end)}" if one.window is not None else ""),
                ("Samples", str(one.samples) if one.samples is not None else ""), ("Completeness", one.completeness),
                ("Captured", f"{utc(one.event.recorded_at)} by {one.event.author}"), ("SHA-256", one.digest), ("Entry", one.event.id),
            ),
            one.excerpt if one.excerpt != one.claim else "",
        )
        for one in facts.case.evidence
    ))  # fmt: skip


def entries(facts: Facts) -> Iterable[Block]:
    """Every entry of the record."""
    yield Index(tuple(
        Item(
            e.id,
            f"#{n} {utc(e.occurred_at)} {e.kind} by {e.author}: {first_line(e.text, 200)}",
            (
                ("Id", e.id), ("Written", utc(e.recorded_at) if e.late else ""), ("Corrects", e.supersedes or ""),
                ("Corrected", "yes" if e.id in facts.case.corrected else ""),
            ),
            e.text if "\n" in e.text or len(e.text) > 200 else "",
            f"#{n}",
        )
        for n, e in enumerate(facts.case.events, 1)
    ))  # fmt: skip
