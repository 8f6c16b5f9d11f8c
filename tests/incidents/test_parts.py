"""Where inside a service the trouble sits: one host, one zone, one tenant, one version; and twins in which it sits nowhere."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from functools import cache, lru_cache

import pytest

from console.analysis.diagnose import diagnose
from console.domain.diagnosis import Diagnosis, Standing, State, Suspect
from console.domain.logs import Level, LogRecord
from console.domain.observations import Observations
from console.domain.text import SafeText
from console.query.parse import parse
from tests.incidents.fleet import CALM, NOW, ONSET_MIN, TENANTS, ZONES, Effect, Fleet, Request, change, since

SEEDS = (1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3)))
BAD, SLOW = Effect(failing=0.7), Effect(slower=6.0)


@lru_cache(maxsize=6)
def bad_host(seed: int, **more: object) -> Fleet:
    """Of one service, one host fails most of what it gets."""
    return Fleet(seed, lambda r: BAD if since(r) and r.host == "basket-3" else CALM, **more)  # type: ignore[arg-type]


def parts(found: Diagnosis) -> list[Suspect]:
    """The suspects that are a part of a service."""
    return [s for s in found.suspects if s.kind == "infrastructure"]


def claims(found: Diagnosis, subject: str = "") -> list[str]:
    """What is said for and against, of one suspect or of all."""
    return [str(e.claim) for s in found.suspects if subject in ("", s.subject) for e in s.evidence]


@cache
def diagnosed(seed: int) -> Diagnosis:
    """The plain case, which several tests look at."""
    return diagnose(bad_host(seed).seen())


@pytest.mark.parametrize("seed", SEEDS)
def test_one_bad_host_leads_and_says_how_many_of_the_failures_are_on_it(seed: int) -> None:
    found = diagnosed(seed)
    first = found.suspects[0]
    assert (first.kind, first.subject, first.service) == ("infrastructure", "host basket-3 of basket", "basket")
    assert first.standing is Standing.LEADING
    claim, well = first.evidence[:2]
    words = claim.claim.split()
    assert claim.supports and claim.kind == "fact" and claim.source == "logs"
    assert int(words[0]) / int(words[2]) > 0.8 and int(words[2]) == claim.samples
    assert re.search("failures of basket are on host basket-3, which takes 1 in [567] of its requests", claim.claim)
    assert well.supports and "of its 5 other hosts" in well.claim
    assert "its siblings run version v1 too" in " ".join(claims(found, first.subject))
    assert any(s.kind == "service" and s.service == "basket" for s in found.suspects), "the place stays named"


def test_the_claim_can_be_repeated() -> None:
    claim = diagnosed(1).suspects[0].evidence[0]
    words = shlex.split(claim.query or "")
    assert words[:2] == ["incident", "logs"] and words[3::2] == ["--since", "--until"]
    assert parse(words[2]) == parse("service:basket (host:basket-3 status:>=500)")


@pytest.mark.parametrize("seed", SEEDS)
def test_it_is_found_in_a_sample_too(seed: int) -> None:
    found = diagnose(bad_host(seed).seen(most=4000))
    assert found.suspects[0].subject == "host basket-3 of basket"
    whole, part = diagnosed(seed).suspects[0].evidence[:2], found.suspects[0].evidence[:2]
    assert part[0].claim.split(" which")[0] == whole[0].claim.split(" which")[0], "all failures are at hand"
    assert "which takes about 1 in" in part[0].claim and " of about " in part[1].claim


def test_of_a_flood_of_errors_those_of_the_sample_count() -> None:
    """More errors than are kept: the newest of them are no measure for the minutes before."""
    seen = bad_host(1).seen(most=6000)
    assert seen.errors is not None
    flood = replace(seen.errors, records=seen.errors.records[-40:])
    found = diagnose(replace(seen, errors=flood))
    assert found.suspects[0].subject == "host basket-3 of basket"
    assert found.suspects[0].evidence[0].claim.endswith(", of those at hand")


@pytest.mark.parametrize("seed", SEEDS)
def test_it_is_found_in_spans_too(seed: int) -> None:
    found = diagnose(bad_host(seed).seen(spans=True))
    assert found.suspects[0].subject == "host basket-3 of basket"
    assert found.suspects[0].evidence[0].source == "traces"


@pytest.mark.parametrize("seed", SEEDS)
def test_it_is_found_in_metrics_that_tell_hosts_apart(seed: int) -> None:
    found = diagnose(bad_host(seed).seen(parts=("host", "zone")))
    first = found.suspects[0]
    assert (first.subject, first.standing) == ("host basket-3 of basket", Standing.LEADING)
    claim = first.evidence[0]
    assert claim.source == "metrics" and claim.query == "sum by (host) (rate(errors_total{service=basket}[2m]))"
    spread = diagnose(Fleet(seed, everywhere).seen(parts=("host", "zone")))
    assert not parts(spread) and spread.suspects[0].service == "basket"


def test_logs_and_metrics_that_name_a_host_otherwise_name_one() -> None:
    seen = bad_host(1).seen()
    counted = tuple(
        replace(one, fields=(("instance", SafeText(f"10.0.0.{one.fields[0][1][-1]}:9090")),))
        for one in bad_host(1).seen(parts=("host",)).parts
    )
    assert [s.subject for s in parts(diagnose(replace(seen, parts=counted)))] == ["host basket-3 of basket"]


@pytest.mark.parametrize("seed", SEEDS)
def test_one_slow_host(seed: int) -> None:
    fleet = Fleet(seed, lambda r: SLOW if since(r) and r.host == "bank-2" else CALM)
    found = diagnose(fleet.seen())
    assert found.suspects[0].subject == "host bank-2 of bank"
    assert "slow requests of bank are on host bank-2" in found.suspects[0].evidence[0].claim


@pytest.mark.parametrize("seed", SEEDS)
def test_one_bad_zone_of_all_services_is_the_zone_and_none_of_its_hosts(seed: int) -> None:
    fleet = Fleet(seed, lambda r: Effect(failing=0.5) if since(r) and r.zone == "eu-1b" else CALM)
    found = diagnose(fleet.seen())
    assert [s.subject for s in parts(found)] == ["zone eu-1b"]
    assert found.suspects[0].kind == "infrastructure" and found.suspects[0].standing is Standing.LEADING


@pytest.mark.parametrize("seed", SEEDS)
def test_the_only_hosts_of_a_zone_that_are_bad_in_several_services_are_the_zone(seed: int) -> None:
    """By one service alone a zone and its only instance cannot be told apart; several services share nothing but the zone."""
    single = len(ZONES)
    everywhere = Fleet(seed, lambda r: Effect(failing=0.5) if since(r) and r.zone == "eu-1b" else CALM, hosts=single)
    first = diagnose(everywhere.seen()).suspects[0]
    assert (first.subject, first.standing) == ("zone eu-1b", Standing.LEADING)
    alone = Fleet(seed, lambda r: BAD if since(r) and r.host == "basket-1" else CALM, hosts=single)
    assert diagnose(alone.seen()).suspects[0].subject == "host basket-1 of basket"


@pytest.mark.parametrize("seed", SEEDS)
def test_one_bad_tenant_is_evidence_for_the_change_that_names_it(seed: int) -> None:
    flag = change("flag", "basket", summary="new price list for tenant-dune")
    other = change("flag", "basket", ONSET_MIN + 2, summary="new price list for tenant-echo")
    fleet = Fleet(
        seed, lambda r: BAD if since(r) and r.service == "basket" and r.tenant == "tenant-dune" else CALM,
        changes=(other, flag),
    )  # fmt: skip
    found = diagnose(fleet.seen())
    assert not parts(found)
    assert found.suspects[0].subject == flag.id and found.suspects[0].standing is Standing.LEADING
    cleared = next(c for c in found.changes if c.id == other.id)
    assert cleared.standing is Standing.UNLIKELY and "it names tenant-echo" in cleared.reason
    assert any("are for tenant-dune" in claim for claim in claims(found))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_tenant_that_makes_most_of_the_requests_is_no_more_than_that(seed: int) -> None:
    many = (14.0, *(1.0,) * (len(TENANTS) - 1))
    fleet = Fleet(seed, lambda r: Effect(0.3) if since(r) and r.service == "basket" else CALM, tenants=many)
    assert not any(TENANTS[0] in claim for claim in claims(diagnose(fleet.seen())))


def canary(seed: int, hosts: tuple[str, ...], bad: str = "v2", since_min: float = ONSET_MIN) -> Fleet:
    """A release goes to some hosts; requests that one version serves fail."""
    deploy = change("deploy", "basket", since_min + 0.5, version="v2")

    def version(service: str, host: str, at: float) -> str:
        return "v2" if service == "basket" and host in hosts and at >= deploy.at else "v1"

    def effect(request: Request) -> Effect:
        return Effect(0.6) if since(request) and request.service == "basket" and request.version == bad else CALM

    return Fleet(seed, effect, version=version, changes=(deploy,))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_version_that_fails_on_the_hosts_that_run_it_convicts_its_deploy(seed: int) -> None:
    fleet = canary(seed, ("basket-1", "basket-3"))
    found = diagnose(fleet.seen())
    first = found.suspects[0]
    assert (first.kind, first.subject, first.standing) == ("deploy", fleet.changes[0].id, Standing.LEADING)
    assert any("are on version v2" in e.claim for e in first.evidence)
    assert not parts(found), "both hosts run it, and their siblings do not"


@pytest.mark.parametrize("seed", SEEDS)
def test_one_host_that_alone_runs_a_version_cannot_be_told_from_it(seed: int) -> None:
    fleet = canary(seed, ("basket-1",))
    found = diagnose(fleet.seen())
    assert found.suspects[0].subject == fleet.changes[0].id
    assert all(s.standing is not Standing.LEADING for s in parts(found))


@pytest.mark.parametrize("seed", SEEDS)
def test_siblings_that_run_the_same_version_clear_its_deploy(seed: int) -> None:
    deploy = change("deploy", "basket", version="v2")
    fleet = bad_host(seed, version=lambda service, host, at: "v2" if at >= deploy.at else "v1", changes=(deploy,))
    found = diagnose(fleet.seen())
    judged = next(c for c in found.changes if c.id == deploy.id)
    assert judged.standing is Standing.UNLIKELY and judged.reason.startswith("unaffected-sibling: ")
    assert found.suspects[0].subject == "host basket-3 of basket" and found.change_explains is False


@pytest.mark.parametrize("seed", SEEDS)
def test_without_versions_a_deploy_of_the_minute_stays_possible(seed: int) -> None:
    deploy = change("deploy", "basket", version="v2")
    found = diagnose(bad_host(seed, fields=("host",), changes=(deploy,)).seen())
    judged = next(c for c in found.changes if c.id == deploy.id)
    assert judged.standing is Standing.POSSIBLE
    part = parts(found)[0]
    assert part.standing is Standing.POSSIBLE
    assert any(not e.supports and "whether the other hosts run it is not known" in e.claim for e in part.evidence)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_change_that_names_hosts_is_held_to_them(seed: int) -> None:
    mine = change("config", "basket", summary="new kernel settings on basket-3")
    theirs = change("config", "basket", ONSET_MIN + 2, summary="new kernel settings on basket-1 and basket-2")
    found = diagnose(bad_host(seed, changes=(theirs, mine)).seen())
    standing = {c.id: (c.standing, c.reason) for c in found.changes}
    assert standing[mine.id][0] is Standing.LEADING
    assert standing[theirs.id][0] is Standing.UNLIKELY and standing[theirs.id][1].startswith("not-on-affected: ")


def test_a_flag_for_everybody_does_not_break_one_host() -> None:
    flag = change("flag", "basket", summary="new price list")
    found = diagnose(bad_host(1, changes=(flag,)).seen())
    assert next(c for c in found.changes if c.id == flag.id).standing is Standing.UNLIKELY


# -- who fell silent --------------------------------------------------------------------------------------------------


def dead_host(seed: int, **more: object) -> Fleet:
    """One host of a service dies; the others cannot carry its load, and the service fails everywhere."""

    def effect(request: Request) -> Effect:
        return Effect(0.25) if since(request) and request.service == "bank" else CALM

    return Fleet(seed, effect, answers=lambda host, ago: host != "bank-4" or ago > ONSET_MIN, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_host_that_fell_silent_while_its_siblings_go_on_is_named(seed: int) -> None:
    found = diagnose(dead_host(seed).seen())
    part = parts(found)[0]
    assert (part.subject, part.standing) == ("host bank-4 of bank", Standing.LEADING)
    assert "bank-4 of bank has written nothing since" in part.evidence[0].claim
    assert "5 more of its hosts go on" in part.evidence[0].claim
    assert found.suspects[0] is part, "it stopped as the trouble of its service began"


def test_a_host_that_was_replaced_or_taken_away_is_not_dead() -> None:
    replaced = dead_host(1, joined={"bank-5": ONSET_MIN + 0.5}).seen()
    assert not parts(diagnose(replaced))
    assert not parts(diagnose(dead_host(1, changes=(change("scale", "bank", ONSET_MIN),)).seen()))


def test_a_host_that_stopped_long_before_comes_after_the_place() -> None:
    fleet = dead_host(1)
    retired = Fleet(1, fleet.effect, answers=lambda host, ago: host != "bank-4" or ago > ONSET_MIN + 14)
    found = diagnose(retired.seen())
    assert found.suspects[0].kind == "service" and found.suspects[0].service == "bank"


# -- healthy counterparts ---------------------------------------------------------------------------------------------


def everywhere(request: Request) -> Effect:
    """Every host of a service fails alike."""
    return Effect(0.3) if since(request) and request.service == "basket" else CALM


SPREAD = {
    "evenly": lambda seed: Fleet(seed, everywhere),
    "one host gets half of the requests": lambda seed: Fleet(seed, everywhere, heavy=("basket-2", 5.0)),
    "there is one host only": lambda seed: Fleet(seed, everywhere, hosts=1),
    "versions alike": lambda seed: replace_effect(canary(seed, ("basket-1", "basket-2")), everywhere),
    "in one of many operations": lambda seed: Fleet(
        seed, lambda r: Effect(0.6) if since(r) and r.service == "basket" and r.operation == "POST /order" else CALM
    ),
}


def replace_effect(fleet: Fleet, effect: object) -> Fleet:
    """The same with another fault."""
    return Fleet(fleet.seed, effect, version=fleet.version, changes=fleet.changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("how", SPREAD)
def test_failures_that_are_spread_are_nowhere(how: str, seed: int) -> None:
    found = diagnose(SPREAD[how](seed).seen())
    assert found.state is State.INCIDENT and found.suspects[0].service == "basket"
    assert not parts(found)
    said = [c for c in claims(found) if "are on" in c or "are in" in c or "are for" in c]
    assert all("POST /order" in c for c in said) and bool(said) == (how == "in one of many operations"), said


@pytest.mark.parametrize("seed", SEEDS)
def test_a_host_that_always_fails_more_is_not_why_all_fail_now(seed: int) -> None:
    def effect(request: Request) -> Effect:
        if request.host == "basket-5":
            return Effect(0.4)
        return Effect(0.12) if since(request) and request.service == "basket" else CALM

    assert not any("basket-5" in claim for claim in claims(diagnose(Fleet(seed, effect).seen())))


@pytest.mark.parametrize("seed", range(8))
def test_a_calm_fleet_is_healthy(seed: int) -> None:
    found = diagnose(Fleet(seed).seen())
    assert found.state is State.HEALTHY and not found.suspects


def test_many_fields_that_tell_nothing_find_nothing() -> None:
    """A hundred fields with chance values, among failures that sit nowhere: none is special, however many are tried."""
    import random

    rng = random.Random(5)
    seen = Fleet(4, everywhere, fields=()).seen()
    assert seen.records is not None
    names = [f"{noun}_{k}" for k in range(50) for noun in ("mode", "class")]
    values = [SafeText(f"value-{k}") for k in range(3)]
    records = tuple(
        _with(record, tuple((name, rng.choice(values)) for name in names)) for record in seen.records.records[::3]
    )
    told = replace(seen, records=replace(seen.records, records=records, matched=len(records)))
    assert not any(name in claim for claim in claims(diagnose(told)) for name in names)


def _with(record: LogRecord, fields: tuple[tuple[str, SafeText], ...]) -> LogRecord:
    import msgspec

    return msgspec.structs.replace(record, fields=fields)


# -- the knowledge time -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ago_min", (2, 9))
def test_nothing_after_the_knowledge_time_counts(ago_min: float) -> None:
    """Records and spans from later, on another host: the answer is that of whoever could not know them."""
    at = NOW - ago_min * 60

    def effect(request: Request) -> Effect:
        later = request.at > at
        return BAD if since(request) and request.host == ("basket-1" if later else "basket-3") else CALM

    full = Fleet(1, effect).seen()
    poisoned = replace(full, at=at, window=replace(full.window, start=at - 1800, end=at))
    assert diagnose(poisoned) == diagnose(_cut(poisoned))
    told = replace(poisoned, records=None, errors=None, parts=Fleet(1, effect).seen(parts=("host",)).parts)
    assert diagnose(told) == diagnose(replace(told, parts=tuple(one.until(at) for one in told.parts)))
    assert "basket-1" not in " ".join(claims(diagnose(poisoned)))


def _cut(seen: Observations) -> Observations:
    def known(sample: object) -> tuple[LogRecord, ...]:
        return tuple(r for r in sample.records if (r.at or 0.0) <= seen.at)  # type: ignore[attr-defined]

    assert seen.records is not None and seen.errors is not None
    records, errors = known(seen.records), known(seen.errors)
    return replace(
        seen,
        records=replace(seen.records, records=records, matched=len(records)),
        errors=replace(seen.errors, records=errors, matched=len(errors)),
    )


def test_lines_without_requests_are_compared_as_lines() -> None:
    """A log that tells of no requests: its errors are on one pod, by the words of a level."""
    import random

    rng = random.Random(3)
    fleet = Fleet(3, everywhere)
    lines = []
    for k in range(4000):
        at = NOW - rng.random() * 3600
        bad = at > NOW - ONSET_MIN * 60 and rng.random() < 0.2
        pod = "basket-7f9-x2" if bad else f"basket-7f9-x{rng.randrange(6)}"
        level = Level.ERROR if bad else Level.INFO
        lines.append(
            LogRecord(
                at,
                level,
                "basket",
                SafeText(f"line {k}"),
                fields=(("kubernetes.pod_name", SafeText(pod)),),
                source="logs",
            )
        )
    seen = fleet.seen()
    assert seen.records is not None
    sample = replace(seen.records, records=tuple(sorted(lines, key=lambda r: r.at or 0.0)), matched=len(lines))
    found = diagnose(replace(seen, records=sample, errors=None))
    said = next(c for c in claims(found) if "error lines of basket are on pod basket-7f9-x2" in c)
    assert "which writes" in said
