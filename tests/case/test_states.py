"""The states of a case and its gates, one test for each row of their tables."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.case import entries
from console.case.book import Blocked, Book, Unfit
from console.case.events import Draft
from console.case.gates import Wish, banners, change_warnings, fix_gates, foreign_deploys
from console.case.model import CaseState
from console.case.severity import suggested
from console.domain.diagnosis import JudgedChange, Standing
from console.domain.instant import rfc3339
from console.domain.text import SafeText
from console.report.case_json import case_json, durations
from tests.case.conftest import Clock, MakeBook, recovered, seen

S = CaseState
WHY = "the customer accepts the risk"
ORDER = (S.INVESTIGATING, S.IDENTIFIED, S.MITIGATING, S.MONITORING, S.RESOLVED)


def blocked(book: Book, to: CaseState, **wish: str) -> list[str]:
    """The rules that say no."""
    with pytest.raises(Blocked) as told:
        book.move(Wish(to, **wish))
    return [gate.rule for gate in told.value.gates]


def bring(book: Book, to: CaseState) -> None:
    """Walk to a state as an engineer who does everything right."""
    if not book.read().snapshots:
        book.write(entries.snapshot({"state": "incident", "summary": "x"}, 0.0))
    for state in ORDER[: ORDER.index(to) + 1]:
        if state is S.MONITORING:
            book.mitigation("rolled back", {"kind": "rollback", "result": "errors fall"}, None)
        if state is S.RESOLVED:
            recovered(book)
            book.write(Draft("impact", "x", {"lingering": "nothing stays behind"}))
        book.move(Wish(state, text="suspected cause: the deploy"))


def test_declaring_needs_a_title_and_a_severity(make: MakeBook) -> None:
    book = make()
    assert blocked(book, S.INVESTIGATING) == ["HG3"]
    assert blocked(book, S.INVESTIGATING, reason="a reason changes nothing here") == ["HG3"]
    book.severity("P2", "")
    book.move(Wish(S.INVESTIGATING))
    assert book.read().times["declared_at"]


def test_declaring_a_p1_asks_once_for_commander_and_impact(make: MakeBook) -> None:
    book = make(severity="P1")
    assert blocked(book, S.INVESTIGATING) == ["SG-IC", "SG-IMPACT"]
    book.move(Wish(S.INVESTIGATING, WHY))
    assert [one.rule for one in book.read().overrides] == ["SG-IC", "SG-IMPACT"]


def test_a_false_alarm_is_cancelled_with_a_reason(book: Book) -> None:
    assert blocked(book, S.CANCELLED) == ["HG3"]
    book.move(Wish(S.CANCELLED, "false alarm"))
    assert book.read().state is S.CANCELLED


def test_identified_needs_a_supported_hypothesis_or_the_words_suspected_cause(book: Book) -> None:
    bring(book, S.INVESTIGATING)
    assert blocked(book, S.IDENTIFIED) == ["SG-CAUSE"]
    book.move(Wish(S.IDENTIFIED, text="Suspected cause: the pool"))
    assert not book.read().overrides


def test_mitigating_never_needs_a_known_cause(book: Book) -> None:
    bring(book, S.INVESTIGATING)
    book.move(Wish(S.MITIGATING))
    assert not book.read().hypotheses and book.read().state is S.MITIGATING


def test_sg4_mitigating_before_a_snapshot_asks_once(book: Book) -> None:
    book.move(Wish(S.INVESTIGATING))
    assert blocked(book, S.MITIGATING) == ["SG4"]
    book.move(Wish(S.MITIGATING, WHY))


def test_monitoring_needs_the_mitigation_and_sets_its_time(book: Book) -> None:
    bring(book, S.MITIGATING)
    assert blocked(book, S.MONITORING, reason=WHY) == ["HG3"]
    book.mitigation("flag off", {"kind": "flag"}, None)
    book.move(Wish(S.MONITORING))
    assert book.read().times["mitigated_at"]


@pytest.mark.parametrize("verdict", [None, "not_recovered", "inconclusive", "no_data"])
def test_sg5_nothing_but_recovered_resolves_a_case(book: Book, verdict: str | None) -> None:
    bring(book, S.MONITORING)
    book.write(Draft("impact", "x", {"lingering": "nothing"}))
    if verdict is not None:
        recovered(book, verdict)
    assert blocked(book, S.RESOLVED) == ["SG5"]
    assert blocked(book, S.RESOLVED, reason="too short") == ["SG5"]
    book.move(Wish(S.RESOLVED, WHY))
    (override,) = book.read().overrides
    assert (override.rule, override.reason, override.event.author) == ("SG5", WHY, "alice")


def test_sg5_a_reason_at_the_first_try_is_not_enough(book: Book) -> None:
    bring(book, S.MONITORING)
    assert "SG5" in blocked(book, S.RESOLVED, reason=WHY)


def test_recovered_resolves_without_an_override(book: Book) -> None:
    bring(book, S.RESOLVED)
    assert not book.read().overrides


def test_resolving_asks_what_stays_behind_in_the_data(book: Book) -> None:
    bring(book, S.MONITORING)
    recovered(book)
    assert blocked(book, S.RESOLVED) == ["SG-LINGERING"]


def test_a_block_counts_only_in_its_own_state(book: Book) -> None:
    bring(book, S.MONITORING)
    assert "SG5" in blocked(book, S.RESOLVED)
    book.move(Wish(S.INVESTIGATING, "errors are back"))
    book.move(Wish(S.MITIGATING, WHY))
    book.move(Wish(S.MONITORING))
    assert "SG5" in blocked(book, S.RESOLVED, reason=WHY)


def test_reopening_needs_a_reason_counts_and_keeps_times_per_cycle(book: Book) -> None:
    bring(book, S.RESOLVED)
    assert blocked(book, S.INVESTIGATING) == ["HG3"]
    book.move(Wish(S.INVESTIGATING, "errors are back"))
    case = book.read()
    assert case.reopened == 1 and case.cycles[0].resolved_at and case.cycles[1].resolved_at is None
    assert "resolved_at" not in case.times and not case.recovered


@pytest.mark.parametrize("state", [S.TRIAGE, *ORDER[:4]])
def test_any_active_case_merges_into_another(book: Book, state: CaseState) -> None:
    if state is not S.TRIAGE:
        bring(book, state)
    assert blocked(book, S.MERGED) == ["HG3"]
    book.move(Wish(S.MERGED, into="inc-other"))
    assert (book.read().state, book.read().merged_into) == (S.MERGED, "inc-other")


@pytest.mark.parametrize(
    "start,to",
    [(S.TRIAGE, S.RESOLVED), (S.TRIAGE, S.MONITORING), (S.INVESTIGATING, S.RESOLVED), (S.RESOLVED, S.MONITORING)],
)
def test_ways_that_are_not_in_the_table_are_refused(book: Book, start: CaseState, to: CaseState) -> None:
    if start is not S.TRIAGE:
        bring(book, start)
    assert "HG3" in blocked(book, to, reason=WHY)


def test_a_p2_closes_without_a_review_when_a_reason_says_why(book: Book) -> None:
    bring(book, S.RESOLVED)
    assert blocked(book, S.CLOSED) == ["HG3"]
    book.move(Wish(S.CLOSED, "a known fault with a ticket"))
    assert book.read().state is S.CLOSED and book.read().times["closed_at"]


def test_a_p1_closes_only_with_its_review_actions_and_final_message(make: MakeBook) -> None:
    book = make(severity="P1")
    book.role("ic", "ann")
    book.write(Draft("impact", "x", {"statement": "a third of all orders fail", "lingering": "nothing"}))
    book.write(entries.snapshot({"state": "incident"}, 0.0))
    fields = {
        "ended_at": "14:30",
        "duration": "30 min",
        "data_effect": "none",
        "customer_action": "nothing",
        "review_planned": "yes",
    }
    book.message("resolved", fields, sent=False, next_due=None)
    bring(book, S.RESOLVED)
    book.move(Wish(S.REVIEW))
    with pytest.raises(Blocked, match=r"not Reviewed.*no action item.*not sent"):
        book.move(Wish(S.CLOSED, WHY))
    book.write(Draft("review", "post-mortem: Reviewed", {"status": "Reviewed"}))
    book.action_item("Add an alert on pool use", {"type": "detect", "owner": "ann"})
    with pytest.raises(Blocked, match="A1 has no owner or no day"):
        book.move(Wish(S.CLOSED))
    book.action_item("", {"name": "A1", "due": "2026-12-04"})
    book.message("resolved", fields, sent=True, next_due=None)
    book.move(Wish(S.CLOSED))
    assert book.read().state is S.CLOSED


def test_close_from_an_active_state_needs_recovered_or_an_override(book: Book) -> None:
    with pytest.raises(Blocked, match="SG5"):
        book.close(Wish(S.CLOSED))
    with pytest.raises(Blocked, match="SG5"):
        book.close(Wish(S.CLOSED, "short"))
    book.close(Wish(S.CLOSED, WHY))
    case = book.read()
    assert case.state is S.CLOSED and case.times["resolved_at"]
    assert [one.reason for one in case.overrides] == [WHY]


def test_close_of_a_recovered_case_needs_no_override(book: Book) -> None:
    recovered(book)
    book.close(Wish(S.CLOSED, "a known fault"))
    assert book.read().state is S.CLOSED and not book.read().overrides


def test_close_of_a_p0_has_no_override_of_the_review(make: MakeBook) -> None:
    book = make(severity="P0")
    recovered(book)
    for _ in range(2):
        with pytest.raises(Blocked, match="HG3"):
            book.close(Wish(S.CLOSED, WHY))


@pytest.mark.parametrize("verdict", ["inconclusive", "no_data", "not_recovered"])
def test_case_70_a_judge_that_cannot_tell_resolves_nothing(book: Book, verdict: str) -> None:
    bring(book, S.MONITORING)
    book.write(Draft("impact", "x", {"lingering": "nothing"}))
    recovered(book, verdict)
    assert blocked(book, S.RESOLVED) == ["SG5"]
    with pytest.raises(Blocked, match=f"SG5: the newest recovery verdict is {verdict}"):
        book.close(Wish(S.CLOSED))
    assert book.read().state is S.MONITORING


# Gates of other actions, and banners.


def test_sg1_a_fix_needs_a_repro_and_a_confirmed_cause(book: Book) -> None:
    assert [gate.rule for gate in fix_gates(book.read())] == ["SG1"]


def test_sg2_the_fourth_attempt_needs_a_fresh_view(book: Book) -> None:
    for n in range(3):
        assert "SG2" not in [gate.rule for gate in fix_gates(book.read())]
        book.write(entries.fix({"n": n, "outcome": "failed"}, f"attempt {n} failed"))
    assert "SG2" in [gate.rule for gate in fix_gates(book.read())]
    book.note("Fresh view by carol: the pool is not the cause")
    assert "SG2" not in [gate.rule for gate in fix_gates(book.read())]


def test_sg1_says_no_once_to_a_fix_and_lets_pass_with_a_reason(book: Book) -> None:
    with pytest.raises(Blocked, match="SG1"):
        book.attempt_fix(WHY)
    book.attempt_fix(WHY)
    assert [(one.rule, one.reason) for one in book.read().overrides] == [("SG1", WHY)]


@pytest.mark.parametrize(
    ("impact", "severity"),
    [
        ({}, None),
        ({"users_pct": 0.5}, "P3"),
        ({"users_pct": 5}, "P2"),
        ({"users_pct": 25}, "P1"),
        ({"users_pct": 50}, "P0"),
        ({"users_pct": 1, "data_risk": "orders may be lost"}, "P0"),
        ({"users_pct": 1, "data_risk": "none"}, "P3"),
        ({"journeys": "ordering"}, "P1"),
        ({"journeys": "ordering", "workaround": "by telephone"}, "P2"),
        ({"journeys": "ordering", "users_pct": 60}, "P0"),
    ],
)
def test_the_impact_suggests_a_severity_and_the_higher_of_two(impact: dict[str, object], severity: str | None) -> None:
    found = suggested(impact)
    assert (found.severity if found is not None else None) == severity


def test_a_suggestion_sets_nothing(book: Book) -> None:
    book.write(Draft("impact", "x", {"users_pct": 80}))
    assert book.read().severity == "P2"


def test_sg3_a_second_change_while_one_is_unevaluated_is_told(book: Book) -> None:
    book.mitigation("flag off", {"kind": "flag"}, None)
    assert "SG3" in [gate.rule for gate in change_warnings(book.read(), "scale", "bob")]


def test_sg4_a_restart_before_the_snapshot_is_told(book: Book) -> None:
    assert "SG4" in [gate.rule for gate in change_warnings(book.read(), "restart", "bob")]
    book.write(entries.snapshot({"state": "incident"}, 0.0))
    assert "SG4" not in [gate.rule for gate in change_warnings(book.read(), "restart", "bob")]


def test_sg6_fixed_needs_the_original_repro_to_pass(book: Book) -> None:
    book.write(entries.repro({"reproduced": True, "failures": 5, "tries": 5}))
    book.write(entries.fix({"outcome": "failed"}, "still failing"))
    bring(book, S.MONITORING)
    recovered(book)
    book.write(Draft("impact", "x", {"lingering": "nothing"}))
    assert blocked(book, S.RESOLVED) == ["SG6"]
    book.write(entries.fix({"outcome": "worked"}, "fixed"))
    book.move(Wish(S.RESOLVED))


def test_sg7_one_hypothesis_after_fifteen_minutes_is_a_banner(book: Book, clock: Clock) -> None:
    bring(book, S.INVESTIGATING)
    book.hypothesis("the pool", {})
    assert "SG7" not in [gate.rule for gate in banners(book.read(), clock.now + 600)]
    assert "SG7" in [gate.rule for gate in banners(book.read(), clock.now + 960)]
    book.hypothesis("the database", {})
    assert "SG7" not in [gate.rule for gate in banners(book.read(), clock.now + 960)]


def test_sg9_thirty_minutes_without_evidence_is_a_banner(book: Book, clock: Clock) -> None:
    bring(book, S.INVESTIGATING)
    assert "SG9" in [gate.rule for gate in banners(book.read(), clock.now + 1900)]
    clock.now += 1800
    seen(book)
    assert "SG9" not in [gate.rule for gate in banners(book.read(), clock.now + 100)]


def test_sg10_a_commander_who_carries_out_changes_is_told(make: MakeBook) -> None:
    book = make(severity="P1")
    book.role("ic", "ann")
    assert "SG10" in [gate.rule for gate in change_warnings(book.read(), "flag", "ann")]
    book.role("ops_lead", "ann")
    assert "SG10" in [gate.rule for gate in banners(book.read(), 0.0)]


def test_sg11_an_overdue_update_is_a_banner(make: MakeBook, clock: Clock) -> None:
    book = make(severity="P2")
    bring(book, S.INVESTIGATING)
    assert "SG11" not in [gate.rule for gate in banners(book.read(), clock.now + 14_000)]
    assert "SG11" in [gate.rule for gate in banners(book.read(), clock.now + 14_500)]


def deployed(name: str, at: float, version: str | None = None, commit: str | None = None) -> JudgedChange:
    """A deploy of checkout, as the diagnosis tells of it."""
    return JudgedChange(name, "deploy", "checkout", at, version, commit, Standing.POSSIBLE, SafeText(""))


def test_sg12_what_is_not_made_for_the_incident_is_not_handed_over_unasked(book: Book, make: MakeBook) -> None:
    other = make("Search is slow")
    book.attempt_deploy("day-2026-11-27", "fix/other", "")  # not declared yet: no incident
    bring(book, S.INVESTIGATING)
    book.attempt_deploy(book.id, "fix/checkout", "")  # its own mitigation never waits
    with pytest.raises(Blocked, match=f"SG12.*{book.id} goes on, and fix/other is not"):
        book.attempt_deploy(other.id, "fix/other", WHY)  # it says no once, whatever the reason
    book.attempt_deploy(other.id, "fix/other", WHY)
    assert [(one.rule, one.reason) for one in book.read().overrides] == [("SG12", WHY)]
    recovered(book)
    book.close(Wish(S.CLOSED, "a known fault"))
    book.attempt_deploy(other.id, "fix/other", "")


def test_sg12_a_deploy_that_is_seen_is_a_banner_until_the_record_makes_it_the_mitigation(
    book: Book, clock: Clock
) -> None:
    def rules() -> list[str]:
        return [gate.rule for gate in banners(book.read(), clock.now)]

    before = deployed("deploy/prod/v40", clock.now - 60)
    bring(book, S.INVESTIGATING)
    clock.now += 1200
    seen_now = deployed("deploy/prod/v41", clock.now, version="v41")
    flag = replace(seen_now, id="gift-cards", kind="flag")
    assert "SG12" not in rules()
    found = entries.deploys((before, seen_now, flag), book.read().times["declared_at"])
    assert [event.text for event in book.saw_deploys(found)] == ["deploy deploy/prod/v41 of checkout"]
    assert book.saw_deploys(found) == []
    (banner,) = [gate for gate in banners(book.read(), clock.now) if gate.rule == "SG12"]
    assert "deploy/prod/v41 of checkout" in banner.says and not banner.hard
    clock.now += 1200
    book.mitigation("two more pods", {"kind": "scale"}, None)
    assert "SG12" in rules()
    book.mitigation("v41 takes the cap away", {"kind": "other"}, None)
    assert "SG12" not in rules()


def test_sg12_the_deploy_of_a_fix_that_was_shown_to_work_is_the_mitigation(book: Book, clock: Clock) -> None:
    bring(book, S.INVESTIGATING)
    clock.now += 1200
    book.saw_deploys(entries.deploys([deployed("d", clock.now, commit="c" * 40)], 0.0))
    book.write(entries.verified({"state": "STILL FAILING", "commit": "c" * 40}))
    assert [one.data["id"] for one in foreign_deploys(book.read())] == ["d"]
    book.write(entries.verified({"state": "FIXED", "commit": "c" * 40}))
    assert foreign_deploys(book.read()) == []


# Severity, roles, handoff.


def test_a_change_of_severity_is_an_event_with_old_new_and_reason(book: Book) -> None:
    with pytest.raises(Unfit):
        book.severity("P1", "")
    event = book.severity("sev1", "more than a third of users")
    assert (event.data["from"], event.data["to"], event.data["reason"]) == ("P2", "P1", "more than a third of users")
    with pytest.raises(Unfit):
        book.severity("P9", "x")


def test_there_is_one_commander_and_command_changes_by_acceptance(book: Book, cases: object) -> None:
    book.role("ic", "ann")
    with pytest.raises(Unfit, match="ann is incident commander"):
        book.role("ic", "bob")
    _, brief = book.offer("ic", "bob")
    assert book.read().roles["ic"] == "ann" and book.read().handoffs
    with pytest.raises(Unfit):
        book.accept("ic", "carol")
    book.accept("ic", "bob")
    assert book.read().roles["ic"] == "bob" and not book.read().handoffs
    assert "Checkout fails" in brief


def test_the_brief_holds_what_the_next_person_needs(book: Book) -> None:
    book.write(Draft("impact", "x", {"statement": "a third of all orders fail"}))
    book.hypothesis("the pool is exhausted", {})
    book.predict("H1", "max(pool_in_use, checkout) >= 20 over 5m", {})
    book.mitigation("scaled to six", {"risk": "cost"}, None)
    _, brief = book.offer("ic", "bob")
    for part in (
        "a third of all orders",
        "H1 (open)",
        "Next check: H1.P1",
        "In flight: scaled to six (risk cost)",
        "Next message due",
    ):
        assert part in brief


# Times.


def test_durations_use_when_things_happened_and_a_missing_moment_is_null(make: MakeBook, clock: Clock) -> None:
    began = clock.now
    book = make(severity="P2", impact_started_at=rfc3339(began - 600))
    told = durations(book.read())
    assert told["ttd_s"] == pytest.approx(600, abs=5)
    assert told["ttm_s"] is None and told["ttr_resolve_s"] is None
    bring(book, S.RESOLVED)
    assert durations(book.read())["ttr_resolve_s"] == pytest.approx(
        book.read().times["resolved_at"] - began + 600, abs=1
    )


def test_at_shows_the_record_as_it_could_be_read_then(book: Book, clock: Clock) -> None:
    book.note("first")
    then = clock.now
    clock.now += 100
    book.note("written later about before", occurred_at=then - 50)
    texts = [event.text for event in book.read(then + 10).events]
    assert texts == ["Checkout fails", "first"]
    assert book.read().timeline()[0].text == "written later about before"


def test_a_correction_is_a_new_entry_that_hides_the_old_one(book: Book) -> None:
    wrong = book.note("rolled back at 14:20")
    book.write(Draft("note", "rolled back at 14:10", supersedes=wrong.id))
    case = book.read()
    assert "rolled back at 14:20" not in [event.text for event in case.timeline()]
    assert wrong in case.events


def test_the_json_of_a_case_is_complete_and_finite(book: Book, clock: Clock) -> None:
    import json

    bring(book, S.RESOLVED)
    seen(book, points=[(1.0, float("nan")), (2.0, 3.0)])
    told = json.loads(json.dumps(case_json(book.read(), clock.now), allow_nan=False))
    assert told["state"] == "resolved" and told["recovery"]["verdict"] == "recovered"
    assert {"id", "title", "severity", "roles", "hypotheses", "evidence", "timeline", "overrides", "cycles"} <= set(
        told
    )
