"""Messages about an incident: templates with their required fields, and what a draft is told before a person sends it. Pure.

The console drafts; people approve and send. Nothing leaves the machine from here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from console.case.model import Case, CaseState
from console.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Template:
    """One kind of message."""

    id: str
    audience: str
    """public | internal | executive | support | provider"""
    required: tuple[str, ...]
    optional: tuple[str, ...]
    wording: str


TEMPLATES: dict[str, Template] = {
    one.id: one
    for one in (
        Template(
            "initial", "public", ("product", "symptom", "started_at", "next_at"), (),
            "Since {started_at} UTC some customers may see {symptom} in {product}. We are looking into it and will write again by {next_at} UTC.",
        ),
        Template(
            "scope", "public", ("affected", "not_affected", "regions", "share"), ("workaround",),
            "Affected: {affected} in {regions}, about {share} of requests. Working normally: {not_affected}. {workaround}",
        ),
        Template(
            "update", "public", ("changed_since_last", "current_impact", "doing_now", "next_at"), (),
            "New since our last message: {changed_since_last}. Right now: {current_impact}. We are {doing_now}. Next message by {next_at} UTC.",
        ),
        Template(
            "monitoring", "public", ("change_applied_at", "signal", "watch_until"), (),
            "A change at {change_applied_at} UTC has brought {signal} back towards normal. We will keep watching until {watch_until} UTC.",
        ),
        Template(
            "resolved", "public", ("ended_at", "duration", "data_effect", "customer_action", "review_planned"), (),
            "This ended at {ended_at} UTC after {duration}. Effect on your data: {data_effect}. What you need to do: {customer_action}.",
        ),
        Template(
            "long_running", "public", ("reason", "expected_horizon", "new_cadence"), (),
            "This is taking longer because {reason}. We expect {expected_horizon} and will write every {new_cadence}.",
        ),
        Template(
            "third_party", "public", ("provider", "our_impact", "our_mitigation", "provider_link"), (),
            "A supplier, {provider}, has a fault which shows here as {our_impact}. Meanwhile we {our_mitigation}. Their notice: {provider_link}",
        ),
        Template(
            "provider", "provider", ("provider", "symptom", "started_at"), ("requests", "asked"),
            "To {provider}: since {started_at} UTC {symptom}. Request ids of ours that failed: {requests}. "
            "Do you see this on your side, and when do you expect it to be over? {asked}",
        ),
        Template(
            "retraction", "public", ("what_was_posted",), (),
            "Our notice about {what_was_posted} was a false alarm; customers were not affected.",
        ),
        Template(
            "stakeholder", "internal", ("impact", "actions", "needed", "next_at"), (),
            "Severity: {severity}\nIC: {ic}\nImpact: {impact}\nState: {state}\nActions in flight: {actions}\nRisk or decision needed: {needed}\nNext message: {next_at} UTC",
        ),
        Template("executive", "executive", ("now", "effect", "next"), (), "Now: {now}\nEffect: {effect}\nNext: {next}"),
        Template(
            "support", "support", ("symptom", "say", "dont_say", "workaround", "link"), (),
            "Symptom: {symptom}\nSay: {say}\nDon't say: {dont_say}\nWorkaround: {workaround}\nLink: {link}",
        ),
    )
}  # fmt: skip
CAUSE_WORDS = re.compile(r"\b(because|caused by|due to|root cause|the cause)\b", re.IGNORECASE)
INTERNAL_HOST = re.compile(
    r"\b(?:[a-z0-9-]+\.)+(?:internal|local|svc|lan|corp)\b|\b(?:10|192\.168|172\.(?:1[6-9]|2\d|3[01]))(?:\.\d{1,3}){2,3}\b",
    re.IGNORECASE,
)
OTHER_ZONE = re.compile(r"\b\d{1,2}:\d{2}(?::\d{2})?\s*(?!UTC\b)(?:[A-Z]{3,4}\b|am\b|pm\b)", re.IGNORECASE)
STALE_AFTER_S = 7200.0
"""After so long an update that says nothing new is told so."""


class BadFields(ValueError):
    """A message lacks fields; the text names them."""


def body_of(template: Template, fields: Mapping[str, str], case: Case) -> str:
    """The message.

    Raises:
        BadFields: A required field is missing, or one is none of the template's.
    """
    allowed = {*template.required, *template.optional}
    unknown = sorted(set(fields) - allowed)
    missing = [name for name in template.required if not fields.get(name, "").strip()]
    if unknown:
        raise BadFields(f"{template.id} has no field {', '.join(unknown)}; it has {', '.join(sorted(allowed))}")
    if missing:
        raise BadFields(f"{template.id} lacks {', '.join(missing)}: --field {missing[0]}=TEXT")
    known = {"severity": case.severity or "none yet", "ic": case.roles.get("ic", "nobody"), "state": str(case.state)}
    values = {**dict.fromkeys(template.optional, ""), **known, **fields}
    return re.sub(r"\{(\w+)\}", lambda m: values[m[1]], template.wording).strip()


def lints(body: str, template: Template, case: Case, now: float, people: Sequence[str]) -> list[str]:
    """What a person should look at before sending; suggestions, none of them stops anything."""
    found = []
    open_state = case.active
    outward = template.audience in ("public", "support", "provider")
    if outward and case.state in (CaseState.TRIAGE, CaseState.INVESTIGATING) and CAUSE_WORDS.search(body):
        found.append("it names a cause, and none is identified yet")
    if outward and "outage" in body.lower() and not (case.impact.get("users_pct") or 0) >= 100:
        found.append('"outage" says that everything is down; say what does not work')
    if outward:
        found += [f"it names the internal host {host}" for host in dict.fromkeys(INTERNAL_HOST.findall(body))]
        named = [name for name in people if re.search(rf"\b{re.escape(name)}\b", body)]
        found += [f"it names a person: {name}" for name in named]
    found += [f"{text.strip()}: times are told in UTC" for text in OTHER_ZONE.findall(body)]
    if open_state and template.id in ("initial", "update", "stakeholder") and "UTC" not in body:
        found.append("it does not say when the next message comes")
    began = case.times.get("declared_at")
    sent = [u.text for u in case.updates if u.data.get("sent_at")]
    if began is not None and now - began > STALE_AFTER_S and sent and sent[-1].strip() == body.strip():
        found.append("it says nothing that the last message did not say")
    return found


PERSON_CAUSE = re.compile(r"\b(human error|should have|failed to|careless(?:ly|ness)?)\b", re.IGNORECASE)
VAGUE = re.compile(r"^\s*(investigate|improve|make sure|ensure|look into|consider)\b", re.IGNORECASE)


def blame(text: str, people: Sequence[str]) -> list[str]:
    """What a text of the review says about people where it should ask what and how; suggestions."""
    found = [
        f'"{word}" asks who, not what and how' for word in dict.fromkeys(m[0] for m in PERSON_CAUSE.finditer(text))
    ]
    return found + [f"it names {name}" for name in people if re.search(rf"\b{re.escape(name)}\b", text)]


def vague(text: str) -> str:
    """Why an action item is not actionable, specific and bounded; empty where it is."""
    match = VAGUE.match(text)
    return f'"{match[1].lower()}" cannot be finished: say what is there when it is done' if match else ""
