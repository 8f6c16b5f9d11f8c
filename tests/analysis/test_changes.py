"""Each rule that clears a change, beside the change that it must leave alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from console.analysis.changes import NAMED, Judged, in_reach, judge_changes
from console.analysis.diffs import ADDED, COSMETIC, LOST_CHECK, MOVED, UNKNOWN, Effect
from console.analysis.graph import build_graph
from console.analysis.matter import Case, Growth
from console.analysis.onset import Onset
from console.analysis.place import Place
from console.analysis.routine import routine_key, routines_of
from console.analysis.undone import undos_of
from console.domain.changes import Change, Running
from console.domain.diagnosis import Standing
from console.domain.logs import Level, Pattern
from console.domain.series import Series, SeriesKey, SeriesSet
from console.domain.text import SafeText
from console.domain.topology import Dependency, Service, Topology

NOW = 1_790_000_000.0
ONSET = NOW - 600.0
GRAPH = build_graph(
    Topology(
        (Service("web", ("shop",)), Service("shop", ("store",)), Service("mail", ("relay",))),
        (Dependency("store", ""),),
    ),
    None,
    (),
    (),
)


def deploy(service: str = "shop", before_s: float = 60.0, **more: Any) -> Change:
    """A release so long before the onset."""
    base = Change(f"deploy/{service}/1", "deploy", ONSET - before_s, service, "v1", "abcdef0", source="git")
    return replace(base, **more)


def case(**more: Any) -> Case:
    """`shop` fails by itself, and `web` with it."""
    base = Case(
        at=NOW,
        onset=Onset(ONSET, ONSET - 15.0, ONSET + 30.0),
        places=(Place("shop", 1.0, True, ONSET, rank_value=1.0),),
        graph=GRAPH,
        affected=frozenset(("web", "shop")),
        moved_at={"web": Onset.exactly(ONSET), "shop": Onset.exactly(ONSET)},
        words=frozenset(),
        observed=frozenset(("web", "shop", "mail")),
    )
    return replace(base, **more)


def judged(change: Change, *others: Change, **more: Any) -> Judged:
    """The judgement of the first one."""
    changes = (change, *others)
    more.setdefault("undos", undos_of(changes, changes))
    return next(j for j in judge_changes(changes, changes, case(**more)) if j.change.id == change.id)


def test_right_place_and_time_is_possible() -> None:
    found = judged(deploy())
    assert (found.standing, found.rule) == (Standing.POSSIBLE, "possible")
    assert any("where the trouble begins" in s for s in found.support)


@pytest.mark.parametrize(
    ("change", "others", "more", "standing", "rule"),
    [
        (deploy(before_s=-200), (), {}, Standing.IMPOSSIBLE, "after-onset"),
        (
            deploy(),
            (),
            {"running": (Running("shop", "v0", None, "/version", False, NOW),)},
            Standing.IMPOSSIBLE,
            "not-running",
        ),
        (
            deploy(before_s=800),
            (replace(deploy(before_s=300), id="rollback/shop/2", kind="rollback", version="v0"),),
            {},
            Standing.IMPOSSIBLE,
            "ended-before",
        ),
        (deploy("mail"), (), {}, Standing.UNLIKELY, "unreachable"),
        (deploy(before_s=3000), (), {}, Standing.UNLIKELY, "late"),
        (deploy(), (), {"moved_at": {"shop": Onset.exactly(ONSET - 400)}}, Standing.UNLIKELY, "effect-precedes"),
        (deploy("web"), (), {}, Standing.POSSIBLE, "possible"),
        (
            deploy("web"),
            (),
            {"places": (Place("shop", 1.0, True, ONSET, rank_value=1.0), Place("web", 0.02, True, ONSET))},
            Standing.UNLIKELY,
            "excess-elsewhere",
        ),
    ],
)
def test_rules(change: Change, others: tuple[Change, ...], more: dict[str, Any], standing: Standing, rule: str) -> None:
    found = judged(change, *others, **more)
    assert (found.standing, found.rule) == (standing, rule)
    assert found.reason.startswith(f"{rule}: ")


@pytest.mark.parametrize(
    ("change", "others", "more"),
    [
        (deploy(before_s=-60), (), {}),  # inside the width of a bin
        (deploy(), (), {"running": (Running("shop", "v1", None, "/version", True, NOW),)}),
        (deploy(), (), {"running": (Running("shop", None, None, "/version", None, None),)}),
        (deploy(), (replace(deploy(before_s=-300), id="rollback/shop/2", kind="rollback", version="v0"),), {}),
        (deploy("store"), (), {}),  # below what fails
        (deploy(before_s=800), (), {}),
        (deploy(), (), {"moved_at": {"shop": Onset.exactly(ONSET)}}),
    ],
)
def test_what_no_rule_may_clear(change: Change, others: tuple[Change, ...], more: dict[str, Any]) -> None:
    assert judged(change, *others, **more).standing is Standing.POSSIBLE


def test_a_routine_is_unlikely_and_its_first_run_is_not() -> None:
    def job(k: int, before_s: float) -> Change:
        return Change(f"nightly/{k}", "cron", ONSET - before_s, "shop", source="changes")

    now, earlier = job(0, 30), tuple(job(k, 3600.0 * k) for k in range(1, 8))

    def routine(*followed: bool, few: bool = False) -> Judged:
        """The standing of the one that is now, where errors rose after those of the earlier ones."""
        history = (*earlier[:3], now) if few else (*earlier, now)
        times = [ONSET - 8 * 3600.0 + 60.0 * k for k in range(8 * 60)]
        bad = [c.at for c, rose in zip(earlier, followed, strict=False) if rose]
        requests = [(t, 1000.0) for t in times]
        failed = [(t, 90.0 if any(0 < t - at <= 600 for at in bad) else 1.0) for t in times]
        told = [("request_count", requests), ("error_count", failed)] if followed else []
        series = SeriesSet.of([Series.of(SeriesKey("shop", "", metric), points) for metric, points in told])
        routines = routines_of((now,), history, ONSET - 15.0, series, {})
        return next(j for j in judge_changes((now,), history, case(routines=routines)) if j.change is now)

    assert (routine().rule, routine().reason) == (
        "routine",
        "routine: done 7 times before; what followed then is not at hand",
    )
    calm, once, often = routine(*[False] * 7), routine(True, *[False] * 6), routine(*[True] * 5, False, False)
    assert calm.reason == "routine: done 7 times before; of the 7 that could be looked at none was followed by trouble"
    assert once.reason.endswith("of the 7 that could be looked at 1 was followed by trouble")
    assert often.standing is Standing.LEADING
    assert "of the 7 that could be looked at 5 were followed by trouble" in often.reason
    assert routine(few=True).standing is Standing.LEADING


def test_runs_of_a_job_are_the_same_however_they_are_numbered() -> None:
    def key(name: str, said: str = "", kind: str = "cron") -> tuple[str, str | None, str]:
        return routine_key(Change(name, kind, ONSET, "shop", summary=SafeText(said)))

    assert key("nightly/7") == key("nightly/8") != key("hourly/8")
    assert key("cron-1128T063647-shop") == key("cron-1128T062147-shop")
    assert key("cron-0a1b2c3d4e", "refresh: 400 rows") == key("cron-9f8e7d6c5b", "refresh: 312 rows")
    assert key("cron-0a1b2c3d4e", "refresh: 400 rows") != key("cron-9f8e7d6c5b", "export: 400 rows")
    assert key("flag/a1", kind="flag") != key("flag/a2", kind="flag")


def test_settings_that_act_late_are_not_late() -> None:
    effect = Effect(0.9, "changes `ttl: 60` to `ttl: 3600`", path="shop/cache.yaml", words=frozenset(("ttl",)))
    change = deploy(before_s=3000)
    assert judged(change, effects={change.id: effect}).rule != "late"


def test_a_leak_leads_to_the_change_as_which_it_began_however_long_ago() -> None:
    grows = {"shop": Growth("memory_bytes", Onset(ONSET - 8000.0, ONSET - 8150.0, ONSET - 7850.0), "agent", "q")}
    guilty, before, after = (
        replace(deploy(before_s=seconds), id=f"deploy/shop/{seconds}") for seconds in (8060, 9500, 7600)
    )
    found = {j.change.id: j for j in judge_changes((guilty, before, after), (guilty, before, after), case(grows=grows))}
    assert found[guilty.id].standing is Standing.LEADING
    assert found[guilty.id].growth == grows["shop"]
    assert {found[before.id].rule, found[after.id].rule} == {"late"}
    elsewhere = judged(replace(guilty, service="web"), grows=grows)
    assert (elsewhere.rule, elsewhere.growth) == ("late", None)
    assert judged(guilty, grows=grows, affected=frozenset(), places=()).standing is Standing.LEADING


def test_content_decides_between_two_at_the_same_minute() -> None:
    bad, harmless = deploy(), replace(deploy(), id="deploy/shop/2", at=ONSET - 20)
    effects = {
        bad.id: Effect(LOST_CHECK, "no longer has `if item is None:`", path="shop/cart.py"),
        harmless.id: Effect(MOVED, "moves lines", path="shop/cart.py"),
    }
    found = judge_changes((bad, harmless), (bad, harmless), case(effects=effects))
    assert found[0].change.id == bad.id
    assert [j.standing for j in found] == [Standing.LEADING, Standing.POSSIBLE]


def test_a_change_of_what_nothing_measures_counts_as_one_of_its_caller() -> None:
    """What an unmeasured store adds stands in its caller's figures; one that is measured speaks for itself."""
    job = Change("nightly/1", "cron", ONSET - 20, "store", source="changes")
    unseen, seen = judged(job), judged(job, observed=frozenset(("web", "shop", "store")))
    assert unseen.score >= NAMED > seen.score
    assert "which tells nothing of itself" in unseen.reason
    elsewhere = judged(replace(job, service="relay"))
    assert elsewhere.score < NAMED


def test_two_alike_and_neither_leads() -> None:
    first, second = deploy(), replace(deploy(), id="deploy/shop/2", at=ONSET - 50)
    effect = Effect(LOST_CHECK, "no longer has `if item is None:`", path="shop/cart.py")
    found = judge_changes((first, second), (first, second), case(effects={first.id: effect, second.id: effect}))
    assert all(j.standing is Standing.POSSIBLE for j in found)


def test_stack_traces_that_lead_into_the_diff_count() -> None:
    change = deploy(before_s=150.0)
    effect = Effect(0.3, "adds lines", path="shop/cart.py", files=frozenset(("shop/cart.py",)))
    plain = judged(change, effects={change.id: effect})
    told = judged(change, effects={change.id: effect}, frames={"shop": Counter({"/app/shop/cart.py": 9})})
    elsewhere = judged(change, effects={change.id: effect}, frames={"shop": Counter({"/app/shop/views.py": 9})})
    assert plain.standing is elsewhere.standing is Standing.POSSIBLE
    assert told.standing is Standing.LEADING


def test_a_deploy_of_the_very_place_and_minute_leads_where_it_changes_what_runs() -> None:
    added = Effect(ADDED, "only adds lines", path="shop/cart.py")
    quiet = Effect(COSMETIC, "moves or reformats lines", path="shop/cart.py")

    def standing(change: Change, effect: Effect) -> Standing:
        return judged(change, effects={change.id: effect}).standing

    assert standing(deploy(), added) is Standing.LEADING
    assert standing(deploy(), quiet) is Standing.POSSIBLE
    assert standing(deploy(before_s=200.0), added) is Standing.POSSIBLE
    unread = Effect(UNKNOWN, "is not known line by line")
    surged = judged(deploy(), effects={deploy().id: added}, surged=True)
    assert surged.standing is Standing.POSSIBLE, "demand multiplied at the same minute"
    assert standing(deploy(), unread) is judged(deploy()).standing is Standing.POSSIBLE, "nobody knows what it changed"


def test_who_asks_a_callee_more_often_is_not_cleared_by_what_the_callee_then_suffers() -> None:
    """A retry storm: the caller fails nobody itself, the callee does, under calls that the caller's own requests do not explain."""
    change = Change("config/web/1", "config", ONSET - 10, "web", source="changes")
    places = tuple(Place(name, share, True, ONSET, rank_value=share) for name, share in (("shop", 1.0), ("web", 0.01)))
    cleared = judged(change, places=places)
    blamed = judged(change, places=places, asks_more={("web", "shop"): 3.1})
    assert cleared.rule == "excess-elsewhere"
    assert blamed.standing is Standing.LEADING
    assert "asks shop 3.1 x as often" in blamed.reason


def test_a_new_error_that_tells_of_a_callee_is_no_evidence_against_a_deploy_of_its_caller() -> None:
    change = deploy(before_s=120.0)

    def found(text: str, **more: Any) -> Judged:
        said = SafeText(text)
        line = Pattern("p", said, "shop", Level.ERROR, "new", 90, 0, None, ONSET, NOW, said)
        return judged(change, patterns=(line,), **more)

    assert found("cannot read field price of null").standing is Standing.LEADING
    assert found("call to store timed out").standing is Standing.POSSIBLE
    calm = frozenset(("web", "shop", "mail", "store"))
    assert found("call to store timed out", observed=calm).standing is Standing.LEADING, "the callee is as ever"


def test_what_only_suffers_is_not_where_the_trouble_begins() -> None:
    """The second of the places counts as a beginning where it is not far behind the first."""
    change = deploy()

    def match(weight: float) -> str:
        first = Place("store", 1.0, True, ONSET, rank_value=1.0)
        second = Place("shop", weight, True, ONSET, rank_value=weight)
        return judged(change, places=(first, second)).reason

    assert "where the trouble begins" in match(0.5)
    assert "where the trouble begins" not in match(0.1)


def test_a_change_of_nobody_in_particular_never_leads_by_time_alone() -> None:
    change = Change("net/1", "infrastructure", ONSET - 10, None, source="changes")
    assert judged(change).standing is Standing.POSSIBLE


def test_reach_grows_until_something_is_in_it() -> None:
    old, future = deploy(before_s=5 * 3600), replace(deploy(), id="late", at=NOW + 60)
    assert [c.id for c in in_reach((old, future), ONSET, NOW)] == [old.id]
    assert in_reach((replace(old, at=ONSET - 30 * 86400),), ONSET, NOW) == ()
