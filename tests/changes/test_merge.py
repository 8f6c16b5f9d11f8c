"""One change that several sources report is one change."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from console.domain.changes import Change
from console.guard.sanitise import safe
from sources.changes.merge import merge

COMMIT = "2adef08dcba817d927c1efff62501f4792c0ddb2"
TAG = Change("deploy/prod/7", "deploy", 1000.0, "checkout", "7", COMMIT, safe("Tag subject"), "git:repo")
RECORD = Change("run-99", "deploy", 1040.0, "checkout", "v2.1", COMMIT[:10], safe(""), "changes")


def test_a_deploy_in_both_is_one_and_each_tells_what_it_knows_best() -> None:
    (one,) = merge([TAG, RECORD])
    assert (one.id, one.at, one.version, one.commit) == ("deploy/prod/7", 1040.0, "v2.1", COMMIT)
    assert (one.summary, one.source) == ("Tag subject", "changes")
    assert merge([RECORD, TAG]) == (one,)


def test_the_same_id_is_the_same_deploy_whatever_the_time() -> None:
    guess = replace(TAG, at=10.0, time_note="commit date (deploy time unknown)")
    record = replace(RECORD, id=TAG.id, service=None, commit=None, at=90_000.0)
    (one,) = merge([guess, record])
    assert (one.at, one.service, one.commit, one.time_note) == (90_000.0, "checkout", COMMIT, "")


def test_a_rollback_stays_one() -> None:
    (one,) = merge([replace(TAG, kind="rollback"), RECORD])
    assert one.kind == "rollback"


def test_what_differs_stays_apart() -> None:
    for other in (
        replace(RECORD, service="payments"),
        replace(RECORD, at=1000.0 + 121),
        replace(RECORD, commit="b" * 40),
        replace(RECORD, commit=None),
        replace(RECORD, commit=COMMIT[:5]),
        replace(RECORD, kind="config"),
    ):
        assert len(merge([TAG, other])) == 2
    flag = Change("flag/x", "flag", 0.0, "checkout", source="a")
    assert len(merge([flag, replace(flag, at=3600.0, source="b")])) == 2
    assert len(merge([flag, replace(flag, at=3.0, source="b")])) == 1
    assert len(merge([TAG, replace(TAG, service="payments")])) == 2


CHANGES = st.builds(
    Change,
    id=st.sampled_from(["a", "b", "c"]),
    kind=st.sampled_from(["deploy", "rollback", "flag"]),
    at=st.integers(0, 500).map(float),
    service=st.sampled_from([None, "s", "t"]),
    commit=st.sampled_from([None, "1" * 40, "1" * 8, "2" * 40]),
    source=st.sampled_from(["git:r", "changes"]),
)


@given(st.lists(CHANGES, max_size=12))
def test_nothing_is_invented_and_order_is_by_time(changes: list[Change]) -> None:
    merged = merge(changes)
    assert len(merged) <= len(changes) and bool(merged) == bool(changes)
    assert list(merged) == sorted(merged, key=lambda c: (c.at, c.id))
    assert {c.at for c in merged} <= {c.at for c in changes}
    assert {c.id for c in merged} <= {c.id for c in changes}
