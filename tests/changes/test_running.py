"""Which versions run: told by many, joined by build, compared with the newest deploy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.analysis.diagnose import diagnose
from console.config.load import load
from console.domain.changes import BY_DEPLOY, Change, Running, merged_running, same_build
from console.domain.instant import Window
from console.domain.observations import Observations
from console.domain.reading import SourceState
from console.domain.series import SeriesSet
from console.domain.topology import Service, Topology
from console.observe import Sources, ask_deployed, ask_versions, open_sources
from sources.base import SourceUnavailable
from sources.changes import TagChanges
from sources.health.version import VersionAddress
from sources.metrics.prometheus import PrometheusMetrics
from sources.metrics.scrape import ScrapedMetrics
from sources.repository import Repository
from tests.git.conftest import Work

NOW = 1_790_000_000.0
COMMIT = "3f9c2aab" * 5


def runs(version: str | None, commit: str | None = None, source: str = "/version", at: float = NOW) -> Running:
    return Running("checkout", version, commit, source, None, at)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("v41", COMMIT), ("v42", COMMIT[:12]), True),
        (("v41", COMMIT), ("v41", "0" * 40), False),
        (("v41", None), ("41", COMMIT), True),
        (("v41", None), ("v42", None), False),
        (("v41", "3f9"), ("v42", COMMIT), False),
        ((None, COMMIT), ("v41", None), None),
        ((None, None), (None, None), None),
    ],
)
def test_builds_are_the_same_by_commit_else_by_version(
    one: tuple[str | None, str | None], other: tuple[str | None, str | None], same: bool | None
) -> None:
    assert same_build(*one, *other) is same
    assert same_build(*other, *one) is same


def test_who_says_the_same_is_one_row_and_who_says_another_is_another() -> None:
    told = [
        runs("v41", COMMIT[:12]),
        runs("41", None, "app_build_info in /metrics", NOW - 5),
        runs("v40", None, "app_build_info in prod"),
    ]
    assert merged_running(told) == (
        runs("v41", COMMIT[:12], "/version, app_build_info in /metrics", NOW - 5),
        runs("v40", None, "app_build_info in prod"),
    )


BUILDS = st.builds(
    runs, st.none() | st.sampled_from(["v1", "1", "v2"]), st.none() | st.sampled_from(["a" * 8, "b" * 40])
)


@given(st.lists(BUILDS, max_size=6))
def test_nothing_that_was_told_is_lost_and_joining_again_changes_nothing(told: list[Running]) -> None:
    found = merged_running(told)
    for one in told:
        assert any(
            (one.version or "").removeprefix("v") == (row.version or "").removeprefix("v")
            or (one.commit is not None and row.commit == one.commit)
            for row in found
        )
    assert len(found) <= len(told)


def judged(*running: Running, deploys: tuple[Change, ...] = ()) -> list[tuple[str | None, bool | None, str]]:
    window = Window(NOW - 1800, NOW)
    seen = Observations(NOW, window, window, Topology((Service("checkout"),)), SeriesSet.of([]))
    found = diagnose(replace(seen, running=running, changes=deploys)).running
    return [(r.version, r.agrees, r.source) for r in found]


DEPLOY = Change("deploy/prod/v41", "deploy", NOW - 600, "checkout", "v41", COMMIT)


def test_each_version_is_compared_with_the_newest_deploy() -> None:
    older = replace(DEPLOY, id="deploy/prod/v40", version="v40", commit="0" * 40, at=NOW - 9000)
    both = (runs("v40", None, "/version"), runs("v41", COMMIT[:8], "app_build_info in /metrics"))
    assert judged(*both, deploys=(DEPLOY, older)) == [
        ("v40", False, "/version"),
        ("v41", True, "app_build_info in /metrics"),
    ]
    assert judged(*both) == [("v40", None, "/version"), ("v41", None, "app_build_info in /metrics")]
    assert judged(deploys=(DEPLOY, older)) == [("v41", None, BY_DEPLOY)]


def test_a_deploy_of_long_ago_is_what_runs_and_what_is_compared() -> None:
    window = Window(NOW - 1800, NOW)
    old = replace(DEPLOY, at=NOW - 90 * 86400.0)
    seen = Observations(NOW, window, window, Topology((Service("checkout"),)), SeriesSet.of([]), deployed=(old,))
    assert [(r.version, r.agrees) for r in diagnose(replace(seen, running=(runs("v40"),))).running] == [("v40", False)]
    assert [(r.version, r.source) for r in diagnose(seen).running] == [("v41", BY_DEPLOY)]
    assert diagnose(seen).changes == (), "it is no change in reach"


async def test_the_newest_deploy_of_each_service_is_known_however_old(work: Work) -> None:
    for n in (1, 2):
        work.commit(f"Change {n}", a_txt=str(n))
        work.tag(f"deploy/checkout/{n}", "x")
    work.tag("deploy/payments/1", "y")
    patterns = {"checkout": ("deploy/*",), "payments": ("deploy/*",)}
    source = TagChanges("git:repo", Repository(work.path), patterns)
    known = {change.id: change for change in await source.deployed(NOW)}
    assert set(known) == {"deploy/checkout/2", "deploy/payments/1"}
    earlier = await source.deployed(known["deploy/checkout/2"].at - 1)
    assert [change.id for change in earlier] == ["deploy/checkout/1"]
    assert {c.id for c in await ask_deployed(Sources(Topology(()), changes=(source,)), NOW)} == set(known)
    gone = TagChanges("git:gone", Repository(work.path / "gone"), patterns)
    assert await ask_deployed(Sources(Topology(()), changes=(gone,)), NOW) == ()


@dataclass
class Teller:
    """Says what it is given; an error is raised."""

    name: str
    told: tuple[Running, ...] = ()
    error: Exception | None = None
    kind: str = "fake"

    async def running(self, now: float) -> tuple[Running, ...]:
        if self.error is not None:
            raise self.error
        return self.told

    async def close(self) -> None:
        return None


@pytest.mark.parametrize(
    ("tellers", "state", "detail", "rows"),
    [
        ([Teller("a", (runs("v1"),)), Teller("b")], SourceState.OK, "", 1),
        (
            [Teller("a", (runs("v1"),)), Teller("b", error=SourceUnavailable("refused"))],
            SourceState.PARTIAL,
            "1 of 2 did not tell which version runs; b: refused",
            1,
        ),
        (
            [Teller("a", error=SourceUnavailable("refused"))],
            SourceState.FAILED,
            "1 of 1 did not tell which version runs; a: refused",
            0,
        ),
    ],
)
async def test_who_tells_no_version_is_no_failure_and_who_fails_is_named(
    tellers: list[Teller], state: SourceState, detail: str, rows: int
) -> None:
    reading = await ask_versions(Sources(Topology(()), versions=tuple(tellers)), NOW)
    assert (reading.report.state, reading.report.detail, len(reading.value)) == (state, detail, rows)


async def test_services_themselves_and_their_metrics_are_asked(tmp_path: Path) -> None:
    (tmp_path / "incident.toml").write_text(
        '[[service]]\nname = "checkout"\nversion_url = "http://127.0.0.1:1/version"\n'
        '[[metrics]]\nkind = "csv"\npath = "m.csv"\n'
        '[[metrics]]\nname = "own"\nkind = "scrape"\nservice = "checkout"\nurl = "http://127.0.0.1:1/metrics"\n'
        '[[metrics]]\nname = "prod"\nkind = "prometheus"\nurl = "http://127.0.0.1:1"\n'
    )
    sources = open_sources(load(tmp_path / "incident.toml"))
    try:
        assert [type(source) for source in sources.versions] == [VersionAddress, ScrapedMetrics, PrometheusMetrics]
    finally:
        await sources.close()
