"""Values that say where bad requests are: against chance, against time, against the kind of request, and against each other."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from console.analysis.concentration import Concentration, find_concentrations, mantel_haenszel, odds_of, runs
from console.analysis.fieldroles import Role
from console.analysis.population import Item, Population
from console.domain.text import SafeText

Chance = Callable[[dict[str, str], float], float]


def population(
    fields: Callable[[random.Random], dict[str, str]], chance: Chance, *, n: int = 3000, seed: int = 1, every: int = 1
) -> Population:
    """Requests over half an hour, and as many before in which one in three hundred fails.

    Args:
        fields: What a request says.
        chance: Of failing, by what it says and the seconds since the onset.
        every: Of the good ones and in the even sample, one in so many is at hand; of the bad ones all.
    """
    rng = random.Random(seed)
    items: dict[bool, list[Item]] = {True: [], False: []}
    for k in range(2 * n):
        during, at = k >= n, (k / n - 1) * 1800
        told = fields(rng)
        bad = rng.random() < (chance(told, at) if during else 1 / 300)
        even = k % every == 0
        if even or (bad and during):
            items[during].append(Item(at, bad, even, {name: SafeText(value) for name, value in told.items()}))
    before = tuple(items[False])
    return Population(
        "shop", "failures", "requests", "logs", None, tuple(items[True]), lambda: before, every > 1, float(every)
    )


def fleet(rng: random.Random) -> dict[str, str]:
    """Nine hosts in three zones, three tenants, two operations."""
    host = rng.randrange(9)
    return {
        "host": f"h{host}",
        "zone": f"z{host % 3}",
        "tenant": rng.choice("abc"),
        "operation": rng.choice(["GET /a", "POST /b"]),
    }


def names(found: tuple[Concentration, ...]) -> list[str]:
    return [one.name for one in found]


def test_a_host_a_zone_and_a_tenant() -> None:
    (host,) = find_concentrations([population(fleet, lambda r, _: 0.6 if r["host"] == "h4" else 0.003)])
    assert (host.name, host.role, host.siblings_well, len(host.values)) == ("host h4", Role.INSTANCE, True, 8)
    assert host.share > 0.9 and host.covered > 0.95 and 1 / 11 < host.taken < 1 / 8
    assert host.own.bad + host.siblings.bad == host.found.failing_of
    (zone,) = find_concentrations([population(fleet, lambda r, _: 0.6 if r["zone"] == "z1" else 0.003)])
    assert zone.name == "zone z1", "its hosts are explained by it"
    (tenant,) = find_concentrations([population(fleet, lambda r, _: 0.6 if r["tenant"] == "b" else 0.003)])
    assert tenant.name == "tenant b"


def test_a_part_of_the_good_ones_is_enough() -> None:
    (host,) = find_concentrations(
        [population(fleet, lambda r, _: 0.6 if r["host"] == "h4" else 0.003, n=9000, every=10)]
    )
    assert host.name == "host h4" and host.population.sampled and host.siblings_well
    assert 0.5 < host.own.share < 0.7 and 850 < host.own.of < 1150, "each of the good ones stands for ten"


@pytest.mark.parametrize("seed", range(5))
def test_two_bad_hosts_are_two(seed: int) -> None:
    found = find_concentrations(
        [population(fleet, lambda r, _: 0.5 if r["host"] in ("h4", "h6") else 0.003, seed=seed)]
    )
    assert sorted(names(found)) == ["host h4", "host h6"]


def test_a_bad_operation_is_no_bad_host_though_one_host_serves_most_of_it() -> None:
    def skewed(rng: random.Random) -> dict[str, str]:
        told = fleet(rng)
        often = 0.9 if told["host"] == "h4" else 0.05
        return {**told, "operation": "POST /b" if rng.random() < often else "GET /a"}

    found = find_concentrations([population(skewed, lambda r, _: 0.5 if r["operation"] == "POST /b" else 0.003)])
    assert [one.role for one in found] == [Role.ENDPOINT]


def test_what_only_comes_later_is_no_cause_of_what_began_later() -> None:
    """A pod that exists since all fail is where most failures are, and so are the good requests of those minutes."""

    def replaced(told: dict[str, str], at: float) -> float:
        return 0.4 if at >= 1200 else 0.003

    rng = random.Random(4)
    items = [
        Item(at, rng.random() < replaced({}, at), True, {"pod": SafeText("new" if at >= 1200 else f"old{k % 2}")})
        for k in range(3000)
        for at in (k * 0.6,)
    ]
    one = Population("shop", "failures", "requests", "logs", None, tuple(items), tuple, False)
    assert find_concentrations([one]) == ()
    assert mantel_haenszel(items, "pod", SafeText("new"))[1] == 0.0


def test_parts_that_are_always_together_name_each_other_and_a_zone_of_one_host_is_that_host() -> None:
    def canary(rng: random.Random) -> dict[str, str]:
        host = rng.randrange(6)
        return {"host": f"h{host}", "version": "v2" if host == 4 else "v1", "zone": "z9" if host == 4 else "z1"}

    found = find_concentrations([population(canary, lambda r, _: 0.6 if r["host"] == "h4" else 0.003)])
    assert {one.role for one in found} == {Role.INSTANCE, Role.VERSION}
    assert {named.of(value) for one in found for named, value in one.inseparable} == {"host h4", "version v2"}


def test_which_version_a_bad_host_runs_and_how_its_siblings_do_that_run_it() -> None:
    def rolled(rng: random.Random) -> dict[str, str]:
        host = rng.randrange(6)
        return {"host": f"h{host}", "version": "v2" if host >= 2 else "v1"}

    (found,) = find_concentrations([population(rolled, lambda r, _: 0.6 if r["host"] == "h4" else 0.003)])
    ran = runs(found)
    assert ran is not None and ran.versions == {"v2"} and ran.field == "version"
    assert ran.same.of > 1000 and ran.same.share < 0.02


HEALTHY: dict[str, tuple[Callable[[random.Random], dict[str, str]], Chance]] = {
    "evenly": (fleet, lambda r, _: 0.2),
    "one value": (lambda rng: {"host": "h1"}, lambda r, _: 0.3),
    "few failures": (fleet, lambda r, at: 0.02 if r["host"] == "h4" else 0.0),
    "nobody else is seen": (lambda rng: {"host": "h1" if rng.random() < 0.995 else "h2"}, lambda r, _: 0.3),
    "a busy host": (lambda rng: {"host": "h1" if rng.random() < 0.6 else f"h{rng.randrange(2, 9)}"}, lambda r, _: 0.2),
    "what came of it": (lambda rng: {"result": "x"}, lambda r, _: 0.2),
}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("how", HEALTHY)
def test_nothing_is_special(how: str, seed: int) -> None:
    assert find_concentrations([population(*HEALTHY[how], seed=seed)]) == ()


def test_a_field_of_unknown_meaning_needs_good_requests_of_before() -> None:
    """`mode=fallback` is said by what failed: it says what came of it, not for whom."""

    def by_mode(rng: random.Random) -> dict[str, str]:
        return {"mode": "card" if rng.random() < 0.3 else "cash"}

    assert names(find_concentrations([population(by_mode, lambda r, _: 0.5 if r["mode"] == "card" else 0.003)])) == [
        "mode card"
    ]
    whole = population(by_mode, lambda r, _: 0.5 if r["mode"] == "card" else 0.003)
    before = tuple(item for item in whole.before() if item.told["mode"] != "card")
    unknown = Population("shop", "failures", "requests", "logs", None, whole.during, lambda: before, False)
    assert find_concentrations([unknown]) == ()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60), st.floats(0.01, 0.5))
@example(3223, 52, 0.0625)
def test_among_many_fields_none_is_special_by_chance(seed: int, count: int, share: float) -> None:
    def told(rng: random.Random) -> dict[str, str]:
        return {f"tenant_{k}": rng.choice("abcd") for k in range(count)} | {"host": f"h{rng.randrange(8)}"}

    assert find_concentrations([population(told, lambda r, _: share, n=400, seed=seed)]) == ()


@given(st.lists(st.tuples(*[st.integers(0, 30)] * 4), max_size=6))
def test_odds_turn_round_with_the_table(strata: list[tuple[int, int, int, int]]) -> None:
    odds, z = odds_of(strata)
    turned, back = odds_of([(c, d, a, b) for a, b, c, d in strata])
    if z and 0 < odds < float("inf"):
        assert odds * turned == pytest.approx(1.0) and z == pytest.approx(-back)
