"""Deploy tags as a timeline: times, versions, owners, rollbacks, and what a deploy brought."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.config.load import ConfigError
from console.config.models import ChangesConfig, ServiceConfig
from console.domain.instant import Window, rfc3339
from console.domain.reading import SourceState
from console.guard.sanitise import safe
from sources.base import SourceError
from sources.changes import TagChanges, build
from sources.changes.tag_names import services_in, time_in, version_in
from sources.changes.tags import owners, previous_of, when
from sources.repository import Repository, Tag, TagKind
from tests.changes.conftest import empty
from tests.git.conftest import START, Work, many_tags

EVER = Window(0, 4_000_000_000)
LATER = START + 86_400.0


def tags_of(work: Work, *services: str, globs: tuple[str, ...] = ("deploy/*", "v*")) -> TagChanges:
    return TagChanges(
        "git:repo", Repository(work.path), dict.fromkeys(services or ("checkout",), globs), clock=lambda: LATER
    )


@pytest.mark.parametrize(
    ("name", "time"),
    [
        ("deploy/prod/checkout/2026-11-23T14-02-10", "2026-11-23T14:02:10Z"),
        ("deploy/prod/2026-11-23T14-02", "2026-11-23T14:02:00Z"),
        ("deploy/prod/2026-11-23T140210Z", "2026-11-23T14:02:10Z"),
        ("release-20261123-1402", "2026-11-23T14:02:00Z"),
        ("v2026.06.20-0915", "2026-06-20T09:15:00Z"),
        ("prod/20261123140210", "2026-11-23T14:02:10Z"),
        ("prod_2026_11_23_14_02_10", "2026-11-23T14:02:10Z"),
        ("deploy/1795442530", "2026-11-23T14:02:10Z"),
    ],
)
def test_times_in_names(name: str, time: str) -> None:
    found = time_in(name)
    assert found is not None and rfc3339(found) == time


@pytest.mark.parametrize(
    "name", ["v1.4.2", "release/2026-11-23", "v2026.11.23", "2026-13-40T99-99", "x/12345678901234"]
)
def test_names_without_a_time(name: str) -> None:
    assert time_in(name) is None


@given(st.text(max_size=60))
def test_any_name_is_read(name: str) -> None:
    time_in(name)
    version_in(name, "checkout")
    services_in(name, {"checkout"})


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("deploy/prod/checkout/2026-11-23T14-02-10", "2026-11-23T14-02-10"),
        ("checkout@1.4.2", "1.4.2"),
        ("@scope/pkg@1.4.2", "1.4.2"),
        ("release/checkout-v1.4", "v1.4"),
        ("release-1.4", "1.4"),
        ("v1.4.2", "v1.4.2"),
        ("prod-current", "current"),
        ("deploy/-x", "-x"),
    ],
)
def test_versions_in_names(name: str, version: str) -> None:
    assert version_in(name, "checkout") == version


def test_a_tag_belongs_to_the_service_that_it_names_or_to_all_that_list_it() -> None:
    general = {"checkout": ("deploy/*", "*@*"), "payments": ("deploy/*", "*@*")}
    assert owners("deploy/prod/7", general) == ("checkout", "payments")
    assert owners("deploy/prod/payments/7", general) == ("payments",)
    assert owners("checkout@1.2", general) == ("checkout",)
    assert owners("deploy/prod/search/7", general, known=("search",)) == ()
    assert owners("deploy/search/7", {"checkout": ("deploy/search/*",)}, known=("search",)) == ("checkout",)
    assert owners("other/7", general) == ()


def tag(name: str, **given: object) -> Tag:
    return Tag(safe(name), f"refs/tags/{name}", TagKind.ANNOTATED, "a" * 40, **given)  # type: ignore[arg-type]


def test_the_best_known_time_and_why_it_may_be_wrong() -> None:
    assert when(tag("v1", tagged_at=5.0, committed_at=3.0), 10) == (5.0, "")
    assert when(tag("d/1970", committed_at=3.0), 10) == (3.0, "commit date (deploy time unknown)")
    assert when(tag("v1"), 10) is None
    named = tag("d/2026-11-23T14-02-10", committed_at=3.0)
    assert when(named, 2e9) == (1795442530.0, "from the tag's name, read as UTC")
    apart = tag("d/2026-11-23T14-02-10", tagged_at=1795442530.0 + 7200)
    assert when(apart, 2e9) == (1795449730.0, "its name and its date are 2h apart")
    assert when(tag("v1", tagged_at=1000.0), 10) == (1000.0, "dated in the future")


async def test_a_timeline_with_a_rollback_and_a_redeploy(work: Work) -> None:
    first = work.commit("First", a_txt="one")
    work.tag("deploy/prod/1", "one")
    second = work.commit("Second", a_txt="two")
    work.tag("deploy/prod/2", "two")
    work.tag("deploy/prod/3", "again", second)
    work.tag("deploy/prod/4", "back", first)
    work.tag("deploy/prod/5", "forward", second)
    reading = await tags_of(work).changes(EVER)
    assert [(c.id, c.kind, c.version, c.commit) for c in reading.value] == [
        ("deploy/prod/1", "deploy", "1", first),
        ("deploy/prod/2", "deploy", "2", second),
        ("deploy/prod/3", "deploy", "3", second),
        ("deploy/prod/4", "rollback", "4", first),
        ("deploy/prod/5", "deploy", "5", second),
    ]
    assert (reading.report.state, reading.report.role, reading.report.detail) == (SourceState.OK, "deploys", "")
    assert reading.report.cost.queries > 0
    assert reading.value[1].summary == "two" and reading.value[1].service == "checkout"
    inside = await tags_of(work).changes(Window(reading.value[1].at, reading.value[3].at))
    assert [c.id for c in inside.value] == ["deploy/prod/2", "deploy/prod/3"]


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Work:
    """A repository with twelve thousand tags, which is only read."""
    work = empty(tmp_path_factory.mktemp("crowded"))
    many_tags(work, 12_000)
    return work


@pytest.mark.slow
async def test_case_56_twelve_thousand_tags_are_a_timeline_in_less_than_a_second(crowded: Work) -> None:
    taken = []
    for _ in range(3):
        started = time.perf_counter()
        reading = await tags_of(crowded).changes(EVER)
        taken.append(time.perf_counter() - started)
    assert (len(reading.value), reading.report.state) == (500, SourceState.PARTIAL)
    assert "only the newest 500 tags were read" in reading.report.detail
    assert {c.kind for c in reading.value} == {"deploy"}
    assert min(taken) < 1.0


@pytest.mark.slow
async def test_case_56_nothing_waits_while_twelve_thousand_tags_are_read(crowded: Work) -> None:
    """What else the loop has to do gets its turn: the longest piece of work between two turns is short."""
    longest, turns = 0.0, 0
    reading = asyncio.ensure_future(tags_of(crowded).changes(EVER))
    spent = time.thread_time()  # work of this thread: a busy machine does not count
    while not reading.done():
        await asyncio.sleep(0)
        now = time.thread_time()
        longest, spent, turns = max(longest, now - spent), now, turns + 1
    assert len((await reading).value) == 500
    assert turns > 10 and longest < 0.1


async def test_a_new_tag_appears_and_a_moved_one_moves(work: Work) -> None:
    first = work.commit("First", a_txt="one")
    work.tag("deploy/1", "one")
    source = tags_of(work)
    assert len((await source.changes(EVER)).value) == 1
    second = work.commit("Second", a_txt="two")
    work.tag("deploy/2", "two")
    assert [c.commit for c in (await source.changes(EVER)).value] == [first, second]
    work.git("tag", "-f", "-a", "-m", "moved", "deploy/1", second)
    assert [(c.id, c.commit) for c in (await source.changes(EVER)).value] == [
        ("deploy/2", second),
        ("deploy/1", second),
    ]


async def test_services_of_one_repository_have_their_own_rollbacks(work: Work) -> None:
    first = work.commit("First", a_txt="one")
    second = work.commit("Second", a_txt="two")
    work.tag("deploy/checkout/1", "x", second)
    work.tag("deploy/payments/1", "x", first)
    work.tag("deploy/both/2", "x", second)
    reading = await tags_of(work, "checkout", "payments").changes(EVER)
    assert [(c.id, c.service, c.kind) for c in reading.value] == [
        ("deploy/checkout/1", "checkout", "deploy"),
        ("deploy/payments/1", "payments", "deploy"),
        ("deploy/both/2", "checkout", "deploy"),
        ("deploy/both/2", "payments", "deploy"),
    ]


async def test_odd_tags_are_labelled_or_left_out(work: Work) -> None:
    work.commit("First", a_txt="one")
    blob = work.git("rev-parse", "HEAD:a.txt")
    work.git("update-ref", "refs/tags/deploy/blob", blob)
    work.tag("deploy/dated-blob", "x", blob)
    work.tag("deploy/light")
    work.clock = int(LATER) + 86_400
    work.tag("deploy/future", "x")
    reading = await tags_of(work).changes(EVER)
    assert {c.id: (c.commit is None, c.time_note) for c in reading.value} == {
        "deploy/dated-blob": (True, "a tag of no commit (blob)"),
        "deploy/light": (False, "commit date (deploy time unknown)"),
        "deploy/future": (False, "dated in the future"),
    }
    assert "1 leads to no commit that is here" in reading.report.detail
    assert "1 dated in the future" in reading.report.detail


async def test_what_a_deploy_brought(work: Work) -> None:
    work.commit("First", a_txt="one\n")
    work.tag("deploy/1", "one")
    work.commit("Second", a_txt="two\n", b_txt="b\n")
    work.commit("Third", a_txt="three\n")
    work.tag("deploy/2", "two")
    work.tag("deploy/3", "back", "deploy/1")
    source = tags_of(work)
    detail = await source.detail("deploy/2")
    assert detail is not None and detail.previous is not None
    assert detail.previous.id == "deploy/1"
    assert [c.subject for c in detail.commits] == ["Third", "Second"]
    assert {(f.path, f.added, f.removed) for f in detail.files} == {("a.txt", 1, 1), ("b.txt", 1, 0)}
    first = await source.detail("deploy/1")
    assert first is not None and first.previous is None and "first deploy" in first.note
    back = await source.detail("deploy/3", "checkout")
    assert back is not None and "a rollback: these commits were taken back" in back.note
    assert await source.detail("deploy/9") is None
    assert await source.detail("deploy/2", "payments") is None


async def test_the_lines_that_a_deploy_changed(work: Work) -> None:
    work.commit("First", a_txt="one\nkeep\n-- a/x\n", odd_txt="x")
    work.tag("deploy/1", "one")
    second = work.commit("Second", a_txt="two\nkeep\n++ b/y\n@@ -1 +1 @@\ndiff --git a/q b/q\n")
    third = work.commit("Third \x1b[2J", odd_txt="\x1b]0;x\x07\n")
    work.tag("deploy/2", "two")
    work.tag("deploy/3", "back", "deploy/1")
    source = tags_of(work)
    diff = await source.diff("deploy/2")
    assert diff is not None and diff.complete
    assert [(c.commit, c.subject) for c in diff.commits] == [(second, "Second"), (third, "Third ^[[2J")]
    (changed,) = diff.commits[0].files
    assert (changed.path, changed.removed) == ("a.txt", ("one", "-- a/x"))
    assert changed.added == ("two", "++ b/y", "@@ -1 +1 @@", "diff --git a/q b/q")
    assert diff.commits[1].files[0].added == ("^[]0;x^G",)
    back = await source.diff("deploy/3")
    assert back is not None and [f.path for f in back.commits[0].files] == ["a.txt", "odd.txt"]
    assert back.commits[0].files[0].added == ("one", "-- a/x")
    assert await source.diff("deploy/1") is None


async def test_the_lines_of_a_first_deploy_and_of_one_without_a_tag_are_those_of_its_commit(work: Work) -> None:
    root = work.commit("First", a_txt="one\n")
    second = work.commit("Second", a_txt="two\n")
    third = work.commit("Third", a_txt="three\n")
    work.tag("deploy/1", "one", second)
    source = tags_of(work)
    first = await source.diff("deploy/1")
    assert first is not None and not first.complete
    assert [(c.commit, c.files[0].removed, c.files[0].added) for c in first.commits] == [(second, ("one",), ("two",))]
    told = await source.diff("release-17", "checkout", third)
    assert told is not None and [c.files[0].added for c in told.commits] == [("three",)]
    assert await source.diff("release-1", "checkout", root) is None, (
        "a first commit brings everything, and changes nothing"
    )
    assert await source.diff("release-18", "checkout", "f" * 40) is None
    assert await source.diff("release-19", "checkout", "v2") is None
    assert await source.diff("release-20", "checkout") is None


async def test_an_empty_repository_and_one_without_matching_tags(work: Work) -> None:
    assert (await tags_of(work).changes(EVER)).report.detail == "the repository has no commit yet"
    work.commit("First", a_txt="one")
    work.tag("other/1", "x")
    report = (await tags_of(work).changes(EVER)).report
    assert (report.state, report.records) == (SourceState.OK, 0)
    assert report.detail == "no tag matches deploy/*, v*; correct `deploy_tags` in [[service]]"


async def test_a_shallow_clone_says_that_rollbacks_cannot_be_told(work: Work, tmp_path: Path) -> None:
    for number in range(3):
        work.commit(f"Commit {number}", a_txt=str(number))
        work.tag(f"deploy/{number}", "x")
    work.git("clone", "--quiet", "--depth=1", f"file://{work.path}", str(tmp_path / "shallow"))
    source = TagChanges("git:s", Repository(tmp_path / "shallow"), {"checkout": ("deploy/*",)}, clock=lambda: LATER)
    reading = await source.changes(EVER)
    assert "a shallow clone" in reading.report.detail
    assert [c.kind for c in reading.value] == ["deploy"]


async def test_the_configuration_becomes_one_source_per_repository(work: Work, tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_text('{"at": 1, "kind": "flag"}\n')
    services = [
        ServiceConfig(name="checkout", repository=Path("repo"), deploy_tags=("deploy/checkout/*",)),
        ServiceConfig(name="payments", repository=Path("repo")),
        ServiceConfig(name="search", repository=Path("missing")),
        ServiceConfig(name="cache"),
    ]
    changes = [ChangesConfig(path=Path("c.jsonl"))]
    sources = build(changes, services, lambda path: tmp_path / path)
    assert [(s.name, s.kind) for s in sources] == [
        ("git:repo", "git"),
        ("git:missing", "git"),
        ("changes", "jsonl"),
    ]
    work.commit("First", a_txt="one")
    work.tag("deploy/checkout/1", "x")
    work.tag("v1", "x")
    assert [(c.id, c.service) for c in (await sources[0].changes(EVER)).value] == [
        ("deploy/checkout/1", "checkout"),
        ("v1", "payments"),
    ]
    with pytest.raises(SourceError, match="no such folder; correct `repository`"):
        await sources[1].changes(EVER)
    assert len((await sources[2].changes(EVER)).value) == 1
    with pytest.raises(ConfigError, match=r"\[\[changes\]\] cluster: kind = \"kubernetes\" cannot be read"):
        build([ChangesConfig(name="cluster", kind="kubernetes")], services, lambda path: tmp_path / path)
    for source in sources:
        await source.close()


async def test_deploys_of_one_second_are_in_the_order_of_their_versions(work: Work) -> None:
    work.commit("One", a_txt="one\n")
    clock = work.clock
    for number in (10, 9, 2):
        work.clock = clock
        work.tag(f"v{number}", f"release {number}")
    source = TagChanges("git", Repository(work.path), {"checkout": ("v*",)})
    changes = (await source.timeline()).changes
    assert [change.id for change in changes] == ["v2", "v9", "v10"]
    before = previous_of(changes[-1], changes)
    assert before is not None and before.id == "v9"
