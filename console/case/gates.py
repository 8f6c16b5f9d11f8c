"""Gates: what stops a change of the case's state, and what only warns. Pure.

A soft gate says no once; repeated with a reason of `LEAST_REASON` characters it lets pass, and that is written down. A hard gate
has no override. No gate makes a mitigation wait for a diagnosis.
"""

from __future__ import annotations

from console.case.events import Event
from console.case.hypotheses import LEAST_REASON, LIVING
from console.case.journal import person_of
from console.case.model import ACTIVE, Case, CaseState, HypothesisState
from console.domain.instant import Instant
from console.domain.values import dataclass

S = CaseState
WAYS: dict[CaseState, tuple[CaseState, ...]] = {
    S.TRIAGE: (S.INVESTIGATING, S.CANCELLED),
    S.INVESTIGATING: (S.IDENTIFIED, S.MITIGATING),
    S.IDENTIFIED: (S.MITIGATING,),
    S.MITIGATING: (S.MONITORING,),
    S.MONITORING: (S.RESOLVED, S.INVESTIGATING),
    S.RESOLVED: (S.REVIEW, S.CLOSED, S.INVESTIGATING),
    S.REVIEW: (S.CLOSED,),
}
"""From where one goes where; any active state may be merged into another case."""
IC_WITHIN_S = 120.0
INTERNAL_S = {"P0": 900.0, "P1": 1800.0, "P2": 14_400.0}
"""Internal updates at least this often, by severity."""
ONE_HYPOTHESIS_S = 900.0
NARROWING_S = 1800.0
MOST_FAILURES = 3
"""Failed attempts at a fix after which a fresh view is asked for."""
REVIEWED = ("P0", "P1")
"""Severities whose post-mortem is required."""
DECLARED = ACTIVE - {S.TRIAGE}
"""An incident is one from its declaration on."""
DEPLOYED_WITHIN_S = 600.0
"""A mitigation that was written down so close to a deploy is about it, whatever its words."""
LEAST_NAME = 3
"""Characters of a version that can be looked for in a sentence."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Something that says no."""

    rule: str
    hard: bool
    says: str


@dataclass(frozen=True, slots=True)
class Wish:
    """A change of state that somebody asks for."""

    to: CaseState
    reason: str = ""
    into: str | None = None
    text: str = ""
    """What is said with it."""


def gates(case: Case, wish: Wish, now: Instant) -> list[Gate]:
    """Everything that stands against a change of state, hard ones first."""
    found = [*_ways(case, wish), *_hard(case, wish), *_soft(case, wish)]
    return sorted(found, key=lambda gate: not gate.hard)


def _ways(case: Case, wish: Wish) -> list[Gate]:
    if wish.to is S.MERGED:
        if case.state not in ACTIVE:
            return [Gate("HG3", True, f"a case that is {case.state} cannot be merged")]
        return [] if wish.into else [Gate("HG3", True, "name the case that it is merged into: --into ID")]
    ways = WAYS.get(case.state, ())
    if wish.to in ways:
        return []
    if wish.to is case.state:
        return [Gate("HG3", True, f"the case is {case.state} already")]
    onward = ", ".join(ways) if ways else "nowhere"
    return [Gate("HG3", True, f"from {case.state} one goes to {onward}, not to {wish.to}")]


def _hard(case: Case, wish: Wish) -> list[Gate]:
    found: list[Gate] = []
    match wish.to:
        case S.INVESTIGATING if case.state is S.TRIAGE:
            missing = [what for what, known in (("a title", case.title), ("a severity", case.severity)) if not known]
            if missing:
                found.append(
                    Gate(
                        "HG3",
                        True,
                        f"to declare it needs {' and '.join(missing)}: `incident case severity {case.id} P2`",
                    )
                )
        case S.INVESTIGATING if not wish.reason.strip():
            found.append(Gate("HG3", True, "say why it is taken up again: --reason"))
        case S.CANCELLED if not wish.reason.strip():
            found.append(Gate("HG3", True, "say why: false alarm, duplicate, expected: --reason"))
        case S.MONITORING if not case.mitigations:
            found.append(
                Gate(
                    "HG3",
                    True,
                    f"the mitigation is not recorded: `incident case mitigation {case.id} WHAT --kind rollback --at TIME`",
                )
            )
        case S.CLOSED:
            found += closing(case, wish.reason)
    return found


def closing(case: Case, reason: str) -> list[Gate]:
    """What a case must have before it is closed."""
    if case.severity not in REVIEWED:
        skipped = case.state is not S.REVIEW and not reason.strip()
        return [Gate("HG3", True, "closed without a review: say why, with --reason")] if skipped else []
    missing = []
    if case.review not in ("Reviewed", "Closed"):
        missing.append(f"the post-mortem is not Reviewed (`incident case review {case.id} --status Reviewed`)")
    if not case.follow_ups:
        missing.append(
            f"no action item is recorded (`incident case action {case.id} TEXT --owner NAME --due DAY --type prevent`)"
        )
    loose = [one.name for one in case.follow_ups if one.status == "open" and not (one.owner and one.due)]
    if loose:
        missing.append(f"{', '.join(loose)} has no owner or no day")
    if not any(u.data.get("template") == "resolved" and u.data.get("sent_at") for u in case.updates):
        missing.append(f"the final message is not sent (`incident case update {case.id} resolved … --sent`)")
    return [
        Gate("HG3", True, f"a {case.severity} is closed only when {says}") for says in ("; ".join(missing),) if missing
    ]


def _soft(case: Case, wish: Wish) -> list[Gate]:
    found: list[Gate] = []
    match wish.to:
        case S.INVESTIGATING if case.state is S.TRIAGE:
            if case.severity in REVIEWED and not case.roles.get("ic"):
                found.append(
                    Gate(
                        "SG-IC",
                        False,
                        f"a {case.severity} has no incident commander: `incident case role {case.id} ic NAME`",
                    )
                )
            if case.severity in REVIEWED and not case.impact.get("statement"):
                found.append(
                    Gate("SG-IMPACT", False, "there is no impact statement: `incident case impact … --statement TEXT`")
                )
        case S.IDENTIFIED:
            known = {HypothesisState.SUPPORTED, HypothesisState.CONFIRMED}
            if not any(one.state in known for one in case.hypotheses) and "suspected cause" not in wish.text.lower():
                found.append(
                    Gate(
                        "SG-CAUSE",
                        False,
                        'no hypothesis is supported or confirmed: say "suspected cause" in --text, or why',
                    )
                )
        case S.MITIGATING if not case.snapshots:
            found.append(
                Gate(
                    "SG4",
                    False,
                    f"no evidence snapshot is taken: `incident case snapshot {case.id}` takes one, as does n on the case's screen",
                )
            )
        case S.RESOLVED:
            found += [*not_recovered(case), *not_fixed(case)]
            if not case.impact.get("lingering"):
                says = f"does anything stay behind in the data? `incident case impact {case.id} --lingering TEXT`"
                found.append(Gate("SG-LINGERING", False, says))
            if case.severity in REVIEWED and not any(u.data.get("template") == "resolved" for u in case.updates):
                says = f"the final message is not drafted: `incident case update {case.id} resolved …`"
                found.append(Gate("SG-MESSAGE", False, says))
    return found


def not_fixed(case: Case) -> list[Gate]:
    """SG6: a fix was verified, and the original reproduction does not pass with it."""
    outcomes = [str(fix.data.get("outcome")) for fix in case.fixes if fix.data.get("outcome")]
    reproduced = any(one.data.get("reproduced") for one in case.repros)
    if not reproduced or not outcomes or outcomes[-1] == "worked":
        return []
    return [
        Gate("SG6", False, f"the original reproduction does not pass with the fix: the newest attempt {outcomes[-1]}")
    ]


def fix_gates(case: Case) -> list[Gate]:
    """What stands against another attempt at a fix: SG1 without a reproduction and a confirmed cause, SG2 from the fourth on."""
    found: list[Gate] = []
    confirmed = any(one.state is HypothesisState.CONFIRMED for one in case.hypotheses)
    if not confirmed or not any(one.data.get("reproduced") for one in case.repros):
        found.append(Gate("SG1", False, "no reproduction was seen failing, or no hypothesis is confirmed"))
    failures = [fix for fix in case.fixes if fix.data.get("outcome") in ("failed", "reverted")]
    if len(failures) >= MOST_FAILURES:
        third = failures[MOST_FAILURES - 1].recorded_at
        if not any(
            e.kind in ("note", "decision") and "fresh view" in e.text.lower() and e.recorded_at > third
            for e in case.events
        ):
            says = (
                f'{len(failures)} attempts failed: stop and question the design; write a note with "fresh view" first'
            )
            found.append(Gate("SG2", False, says))
    return found


def deploy_gates(case: Case, incident: str, what: str) -> list[Gate]:
    """SG12: what is about to be deployed is not the mitigation of an incident that goes on.

    Args:
        incident: What it was made for; a case's id, or another name.
        what: Names it.
    """
    if case.state not in DECLARED or incident == case.id:
        return []
    says = f"the incident {case.id} goes on, and {what} is not its mitigation: two changes at once cannot be told apart"
    return [Gate("SG12", False, says)]


def foreign_deploys(case: Case) -> list[Event]:
    """Deploys since the incident was declared that nothing in the record makes its mitigation, in the order of time."""
    since = case.times.get("declared_at")
    if since is None or case.state not in DECLARED:
        return []
    seen = [one for one in case.events if one.kind == "deploy" and one.occurred_at >= since]
    return sorted((one for one in seen if not _mitigates(case, one)), key=lambda one: one.occurred_at)


def _mitigates(case: Case, deploy: Event) -> bool:
    commit = str(deploy.data.get("commit") or "")
    if commit and any(commit == one.data.get("commit") and one.data.get("outcome") == "worked" for one in case.fixes):
        return True
    names = [str(deploy.data.get("id") or ""), str(deploy.data.get("version") or ""), commit[:7]]
    named = [name.lower() for name in names if len(name) >= LEAST_NAME]
    return any(
        abs(one.occurred_at - deploy.occurred_at) <= DEPLOYED_WITHIN_S or any(n in one.text.lower() for n in named)
        for one in case.mitigations
    )


def change_warnings(case: Case, kind: str, by: str) -> list[Gate]:
    """What is told when a production change is written down: it has been made, so nothing stops it."""
    found: list[Gate] = []
    if any(not one.data.get("result") for one in case.mitigations):
        found.append(Gate("SG3", False, "an earlier change is not evaluated yet: two at once cannot be told apart"))
    if kind in ("rollback", "restart") and not case.snapshots:
        found.append(
            Gate(
                "SG4",
                False,
                f"no evidence snapshot was taken before it: `incident case snapshot {case.id}`, or n on the case's screen",
            )
        )
    if case.severity in REVIEWED and by and person_of(by) == case.roles.get("ic"):
        found.append(Gate("SG10", False, "the incident commander does not carry out changes"))
    return found


def not_recovered(case: Case) -> list[Gate]:
    """SG5 where the newest verdict is anything but `recovered`."""
    if case.recovered:
        return []
    verdict = case.recovery.data.get("verdict", "unknown") if case.recovery is not None else None
    said = f"the newest recovery verdict is {verdict}" if verdict else "no recovery verdict is recorded"
    return [
        Gate("SG5", False, f"{said}: only `recovered` resolves a case (`incident recovery check --case {case.id}`)")
    ]


def passable(case: Case, gate: Gate, reason: str) -> bool:
    """Whether a soft gate lets pass: it has said no before, and now a reason is given."""
    return not gate.hard and any(rule == gate.rule for rule, _ in case.blocks) and len(reason.strip()) >= LEAST_REASON


def how_to_pass(gate: Gate) -> str:
    """What a person does against a gate."""
    if gate.hard:
        return f"{gate.rule}: {gate.says}"
    return f"{gate.rule}: {gate.says}; repeat with --reason of {LEAST_REASON} characters or more to pass, which is recorded"


def banners(case: Case, now: Instant) -> list[Gate]:
    """Warnings with no action to stop: what has been waited for too long."""
    if not case.active:
        return []
    found: list[Gate] = []
    declared = case.times.get("declared_at")
    if case.state is S.INVESTIGATING and declared is not None:
        living = [one for one in case.hypotheses if one.state in (*LIVING, HypothesisState.DRAFT)]
        if now - declared > ONE_HYPOTHESIS_S and len(living) < 2:
            found.append(Gate("SG7", False, f"{len(living) or 'no'} hypothesis after 15 min: write down a rival"))
        if now - narrowed_at(case, declared) > NARROWING_S:
            found.append(Gate("SG9", False, "30 min without new evidence: cut the scope, or ask for fresh eyes"))
    due = case.severity and INTERNAL_S.get(case.severity)
    if due and declared is not None and case.state is not S.TRIAGE:
        last = max((u.occurred_at for u in case.updates if u.data.get("sent_at")), default=declared)
        if now - last > due:
            found.append(
                Gate("SG11", False, f"an update is overdue: a {case.severity} is told about every {due / 60:.0f} min")
            )
    if case.severity in REVIEWED and declared is not None and not case.roles.get("ic") and now - declared > IC_WITHIN_S:
        found.append(Gate("SG-IC", False, "nobody is incident commander"))
    if case.severity in REVIEWED and case.roles.get("ic") and case.roles.get("ic") == case.roles.get("ops_lead"):
        found.append(Gate("SG10", False, f"{case.roles['ic']} is incident commander and operations lead"))
    foreign = foreign_deploys(case)
    if foreign:
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        says = f"{foreign[-1].text}{more}: not known as its mitigation; write that down where it is, stop it where it is not"
        found.append(Gate("SG12", False, says))
    return found


def narrowed_at(case: Case, since: Instant) -> Instant:
    """When the search last became smaller: evidence, a prediction's flip, a hypothesis refuted or confirmed."""
    kinds = {"evidence", "result", "hypothesis", "snapshot"}
    return max((e.occurred_at for e in case.events if e.kind in kinds), default=since)
