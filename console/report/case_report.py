"""The report of a case: what happened, why, what was done, how it was shown to be over. Pure.

Every statement of fact names the evidence or the entry that it was read from. A part that should be there and is not is
printed as missing, never left out.
"""

from __future__ import annotations

from collections.abc import Iterable

from console.case.comms import blame, vague
from console.case.model import Case
from console.domain.instant import Instant
from console.report import case_done, case_happened, case_left
from console.report.case_facts import Facts, parts
from console.report.document import Block, Report, Section


def report_of(case: Case, now: Instant) -> Report:
    """The report as far as the record goes."""
    return Report(case.id, case.title, now, _sections(Facts(case)), tuple(lints(case)))


def _sections(facts: Facts) -> tuple[Section, ...]:
    """All of them, in reading order."""
    found: tuple[tuple[str, str, Iterable[Block]], ...] = (
        ("summary", "Summary", case_happened.summary(facts)),
        ("root-cause", "Root cause", case_happened.root_cause(facts)),
        ("impact", "Impact", case_happened.impact(facts)),
        ("detection", "Detection", case_happened.detection(facts)),
        ("timeline", "Timeline", case_happened.timeline(facts)),
        ("trigger", "Trigger and contributing factors", case_happened.trigger(facts)),
        ("reproduction", "Reproduction", case_done.reproduction(facts)),
        ("fix", "Resolution", case_done.fix(facts)),
        ("recovery", "Recovery", case_done.recovery(facts)),
        ("verification", "Verification plan", case_done.verification(facts)),
        ("hypotheses", "Hypotheses considered", case_done.hypotheses(facts)),
        ("unseen", "What could not be seen", case_left.unseen(facts)),
        ("review", "Review", case_left.review(facts)),
        ("actions", "Follow-ups", case_left.actions(facts)),
        ("messages", "Messages", case_left.messages(facts)),
        ("overrides", "Gates that were passed", case_left.overrides(facts)),
        ("evidence", "Evidence", case_left.evidence(facts)),
        ("entries", "Entries of the record", case_left.entries(facts)),
    )
    return tuple(Section(name, title, tuple(blocks)) for name, title, blocks in found)


def lints(case: Case) -> list[str]:
    """What a reviewer should look at: blame, vague actions, kinds of action that are missing."""
    people = sorted({*case.roles.values(), *case.authors})
    found: list[str] = []
    for event in case.events:
        if event.kind == "review" and event.data.get("part"):
            found += [f"{event.data['part']}: {hint}" for hint in blame(event.text, people)]
    factors = parts(case, "factor")
    if len(factors) == 1:
        found.append("there is one contributing factor: there are nearly always several")
    found += [f"{one.name}: {hint}" for one in case.follow_ups if (hint := vague(one.text))]
    if case.severity in ("P0", "P1"):
        types = {one.type for one in case.follow_ups}
        if not types & {"prevent", "mitigate"}:
            found.append(f"a {case.severity} needs an action that prevents or mitigates")
        if "detect" not in types:
            found.append(f"a {case.severity} needs an action that detects")
    return found
