"""What the place of the failures inside a service says about a change."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec
import pytest

from console.analysis.cohorts import NAMED_PART, NOTHING, WORSE, ruling
from console.analysis.concentration import Concentration, find_concentrations
from console.analysis.population import Population
from console.domain.changes import Change, Running
from console.domain.diagnosis import Standing
from console.domain.text import SafeText
from tests.analysis.test_concentration import population


def change(
    kind: str, service: str | None = "shop", summary: str = "", version: str | None = None, **more: str
) -> Change:
    return Change(f"{kind}/1", kind, 0.0, service, version, summary=SafeText(summary), **more)


def rolled(version: str = "v2", part: float = 1.0) -> tuple[Concentration, ...]:
    """One bad host of six; so many of the others run the same version as it."""

    def told(rng: random.Random) -> dict[str, str]:
        host = rng.randrange(6)
        return {"host": f"web-{host}", "version": version if host == 4 or rng.random() < part else "v1"}

    return find_concentrations([population(told, lambda r, _: 0.6 if r["host"] == "web-4" else 0.003)])


def versions(bad: str, names: tuple[str, ...] = ("v1", "v2")) -> tuple[Concentration, ...]:
    """Two versions side by side, of which one fails."""

    def told(rng: random.Random) -> dict[str, str]:
        return {"version": rng.choice(names), "host": f"web-{rng.randrange(6)}"}

    return find_concentrations([population(told, lambda r, _: 0.5 if r["version"] == bad else 0.003)])


def test_siblings_that_run_it_and_are_well_clear_a_deploy() -> None:
    told = ruling(change("deploy", version="v2"), rolled(), ())
    assert (told.standing, told.rule) == (Standing.UNLIKELY, "unaffected-sibling")
    assert told.reason.startswith("the other hosts run it too and are well (") and "on host web-4" in told.reason
    assert ruling(change("deploy", "bank", version="v2"), rolled(), ()) == NOTHING, "of another service"
    assert ruling(change("deploy", version="v3"), rolled(), ()) == NOTHING, "another version"


def test_without_versions_in_the_records_what_the_services_say_counts() -> None:
    def told(rng: random.Random) -> dict[str, str]:
        return {"host": f"web-{rng.randrange(6)}"}

    found = find_concentrations([population(told, lambda r, _: 0.6 if r["host"] == "web-4" else 0.003)])
    deploy = change("deploy", version="v2")
    runs = Running("shop", "v2", None, "/version", True, 1.0, instances=6)
    assert ruling(deploy, found, [runs]).rule == "unaffected-sibling"
    assert ruling(deploy, found, [replace(runs, instances=1)]) == NOTHING, "one instance was asked"
    assert ruling(deploy, found, [runs, replace(runs, version="v1")]) == NOTHING, "several versions run"
    assert ruling(deploy, found, ()) == NOTHING


@pytest.mark.parametrize("kind", ["flag", "migration"])
def test_what_is_for_all_instances_breaks_no_single_one(kind: str) -> None:
    assert ruling(change(kind), rolled(), ()).rule == "unaffected-sibling"


@pytest.mark.parametrize("kind", ["config", "certificate", "scale", "cron"])
def test_what_may_be_for_one_instance_is_not_cleared(kind: str) -> None:
    assert ruling(change(kind), rolled(), ()) == NOTHING


def test_a_change_that_names_the_part_or_others() -> None:
    mine = ruling(change("infrastructure", None, "kernel of web-4 updated"), rolled(), ())
    assert mine.mechanism == NAMED_PART and mine.support.startswith("it names host web-4, and ")
    theirs = ruling(change("infrastructure", None, "kernel of web-1 updated"), rolled(), ())
    assert (theirs.standing, theirs.rule) == (Standing.UNLIKELY, "not-on-affected")
    assert ruling(change("infrastructure", None, "kernel of web-44 and my-web-4 updated"), rolled(), ()) == NOTHING


def test_a_version_that_fails_beside_another_one() -> None:
    guilty = ruling(change("deploy", version="v2"), versions("v2"), ())
    assert guilty.mechanism == WORSE and "on version v2, compared within the same minutes" in guilty.support
    other = ruling(change("deploy", version="v1"), versions("v2"), ())
    assert other.standing is None, "some of its requests fail as ever"
    assert ruling(change("config"), versions("v2"), ()) == NOTHING


@pytest.mark.parametrize(
    ("named", "deploy"),
    [
        ("2.0.1", change("deploy", version="v2.0.1")),
        ("registry/shop:v2.0.1", change("deploy", version="v2.0.1")),
        ("4f2a9c1", change("deploy", version="v9", commit="4f2a9c1d0e5b")),
    ],
)
def test_the_version_of_a_record_is_known_by_number_image_or_commit(named: str, deploy: Change) -> None:
    assert ruling(deploy, versions(named, ("old", named)), ()).mechanism == WORSE


def rollout(chance: Callable[[dict[str, str], float], float], names: Sequence[str] = ("v1", "v2")) -> Population:
    """Half of the instances of a service run the second version since five minutes before the onset; before that none did."""
    made = population(lambda rng: {"version": rng.choice(names)}, chance)
    old = tuple(
        i if i.at >= -300 else msgspec.structs.replace(i, told={"version": SafeText("v1")}) for i in made.before()
    )
    return replace(made, before=lambda: old)


DEPLOY = replace(change("deploy", version="v2"), at=-300.0)


def test_an_older_version_that_fails_alike_clears_a_deploy() -> None:
    told = ruling(DEPLOY, (), (), [rollout(lambda told, at: 0.2)])
    assert (told.standing, told.rule) == (Standing.UNLIKELY, "older-fails-too")
    assert told.reason.startswith("v1, which ran before, fails as v2 does in the same minutes: ")
    assert " failures of 1," in told.reason and " requests against " in told.reason
    assert ruling(replace(DEPLOY, service="bank"), (), (), [rollout(lambda told, at: 0.2)]) == NOTHING
    assert ruling(replace(DEPLOY, kind="flag"), (), (), [rollout(lambda told, at: 0.2)]) == NOTHING


@pytest.mark.parametrize(
    "served",
    [
        rollout(lambda told, at: 0.2 if told["version"] == "v2" else 0.0033),
        rollout(lambda told, at: 0.3 if told["version"] == "v2" else 0.12),
        rollout(lambda told, at: 0.0033),
    ],
    ids=["only the new one fails", "the new one fails far more", "neither fails"],
)
def test_a_version_that_fails_otherwise_clears_nothing(served: Population) -> None:
    assert ruling(DEPLOY, (), (), [served]).rule != "older-fails-too"


def test_a_newer_version_that_fails_alike_clears_nothing() -> None:
    """It was made of the one before it."""
    served = rollout(lambda told, at: 0.2, ("v2", "v3"))
    assert ruling(DEPLOY, (), (), [served]) == NOTHING
