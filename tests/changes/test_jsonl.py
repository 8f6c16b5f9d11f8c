"""The changes file: what counts as a change, what does not, and what the reader is told."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.changes import CHANGE_KINDS
from console.domain.instant import Window, rfc3339
from console.domain.reading import SourceState
from console.guard.sanitise import UNSAFE
from sources.base import SourceUnavailable
from sources.changes import jsonl
from sources.changes.jsonl import BadChange, JsonlChanges, parse, parse_line, stamp

NOON = 1_800_000_000.0
AROUND = Window(NOON - 3600, NOON + 3600)


def line(**entry: object) -> bytes:
    return json.dumps(entry).encode() + b"\n"


def source(path: Path) -> JsonlChanges:
    return JsonlChanges("changes", path, clock=lambda: NOON)


async def test_every_key_is_read(tmp_path: Path) -> None:
    file = tmp_path / "changes.jsonl"
    file.write_bytes(
        line(
            at=rfc3339(NOON),
            kind="deploy",
            id="deploy/prod/1",
            service="checkout",
            version="v2",
            commit="ab12",
            summary="Faster carts",
        )
    )
    reading = await source(file).changes(AROUND)
    (change,) = reading.value
    assert (change.id, change.kind, change.at, change.service) == ("deploy/prod/1", "deploy", NOON, "checkout")
    assert (change.version, change.commit, change.summary, change.source) == ("v2", "ab12", "Faster carts", "changes")
    assert (reading.report.state, reading.report.records) == (SourceState.OK, 1)
    assert reading.report.role == "changes"


async def test_only_at_and_kind_are_needed(tmp_path: Path) -> None:
    file = tmp_path / "changes.jsonl"
    file.write_bytes(line(at=NOON, kind="flag") + line(at=NOON + 1, kind="weather"))
    first, second = (await source(file).changes(AROUND)).value
    assert (first.service, first.version, first.commit, first.summary) == (None, None, None, "")
    assert first.id.startswith("flag-") and second.kind == "other"


async def test_bad_lines_are_counted_and_the_first_is_shown(tmp_path: Path) -> None:
    file = tmp_path / "changes.jsonl"
    file.write_bytes(line(at=NOON, kind="flag") + b"{nonsense\n" + line(kind="flag") + line(at="soon", kind="flag"))
    reading = await source(file).changes(AROUND)
    assert len(reading.value) == 1
    assert reading.report.state is SourceState.PARTIAL
    assert "3 lines are no change (line 2: not JSON" in reading.report.detail


async def test_future_stamps_stay_outside_and_are_mentioned(tmp_path: Path) -> None:
    file = tmp_path / "changes.jsonl"
    file.write_bytes(line(at=NOON - 60, kind="flag") + line(at=NOON + 86_400, kind="deploy"))
    reading = await source(file).changes(Window(NOON - 3600, NOON))
    assert [c.kind for c in reading.value] == ["flag"]
    assert reading.report.detail == "1 stamped in the future"
    assert reading.report.state is SourceState.PARTIAL, "it may be the one that is looked for"


async def test_a_half_written_last_line_is_no_error_and_is_read_once_whole(tmp_path: Path) -> None:
    file = tmp_path / "changes.jsonl"
    whole = line(at=NOON, kind="flag", id="one") + line(at=NOON + 1, kind="flag", id="two")
    file.write_bytes(whole[:-9])
    changes = source(file)
    reading = await changes.changes(AROUND)
    assert ([c.id for c in reading.value], reading.report.state) == (["one"], SourceState.OK)
    file.write_bytes(whole)
    assert [c.id for c in (await changes.changes(AROUND)).value] == ["one", "two"]


async def test_an_unchanged_file_is_not_read_again(tmp_path: Path) -> None:
    file = tmp_path / "changes.jsonl"
    file.write_bytes(line(at=NOON, kind="flag"))
    changes = source(file)
    first = await changes.changes(AROUND)
    second = await changes.changes(AROUND)
    assert (first.report.cost.bytes, second.report.cost.bytes) == (file.stat().st_size, 0)
    assert second.value == first.value


@pytest.mark.parametrize("what", ["missing", "folder", "fifo"])
async def test_what_is_no_file_is_a_sentence(tmp_path: Path, what: str) -> None:
    path = tmp_path / "changes.jsonl"
    if what == "folder":
        path.mkdir()
    elif what == "fifo":
        os.mkfifo(path)
    with pytest.raises(SourceUnavailable, match=r"changes\.jsonl"):
        await source(path).changes(AROUND)


async def test_of_a_huge_file_the_end_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "MOST_BYTES", 2**20)
    file = tmp_path / "changes.jsonl"
    file.write_bytes(b"".join(line(at=NOON - 60 + n / 1000, kind="cron", id=str(n)) for n in range(40_000)))
    reading = await source(file).changes(AROUND)
    assert reading.value[-1].id == "39999"
    assert 1000 < len(reading.value) < 40_000
    assert (reading.report.state, reading.report.detail) == (SourceState.PARTIAL, "only the last 1 MiB were read")


def test_ids_made_from_content_are_stable_and_told_apart() -> None:
    first = parse_line(b'{"at": 1800000000, "kind": "flag", "summary": "a"}', "s")
    same = parse_line(b'{"summary": "a", "kind": "flag", "at": 1800000000}', "s")
    other = parse_line(b'{"at": 1800000000, "kind": "flag", "summary": "b"}', "s")
    assert first.id == same.id != other.id


def test_the_same_line_twice_is_one_change_and_a_reused_id_is_numbered() -> None:
    on = line(at=NOON, kind="flag", id="flag/x", summary="on")
    off = line(at=NOON + 60, kind="flag", id="flag/x", summary="off")
    assert [c.id for c in parse(on + on + off, "s").changes] == ["flag/x", "flag/x#2"]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2027-01-15T08:00:00Z", NOON),
        ("2027-01-15 08:00:00", NOON),
        ("2027-01-15T09:00:00+01:00", NOON),
        ("1800000000", NOON),
        (1_800_000_000_000, NOON),
        (1_800_000_000.5, NOON + 0.5),
    ],
)
def test_forms_of_time(text: object, at: float) -> None:
    assert stamp(text) == at


@pytest.mark.parametrize("text", ["-30m", "14:03", "now", "", True, None, [], -5, 1e300, float("nan"), "9" * 19 + "9"])
def test_what_is_no_time_in_a_file(text: object) -> None:
    with pytest.raises(BadChange):
        stamp(text)


def test_control_characters_are_shown_and_never_kept() -> None:
    change = parse_line(line(at=NOON, kind="flag", id="\x1b]52;c;eA==\x07", summary="a\u202eb\x1b[2J").strip(), "s")
    assert not UNSAFE.search(change.id + change.summary)
    assert change.id == "^[]52;c;eA==^G"


@given(st.binary(max_size=400))
def test_any_bytes_are_counted_or_read(data: bytes) -> None:
    parsed = parse(data, "s")
    assert parsed.bad + len(parsed.changes) <= data.count(b"\n") + 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.dictionaries(st.sampled_from(["at", "kind", "id", "service", "version", "commit", "summary"]), JSON, max_size=7)
)
def test_any_object_becomes_a_clean_change_or_a_reason(entry: dict[str, object]) -> None:
    try:
        change = parse_line(json.dumps(entry).encode(), "s")
    except BadChange as error:
        assert str(error)
        return
    assert change.kind in CHANGE_KINDS
    assert rfc3339(change.at)
    for text in (change.id, change.service, change.version, change.commit, change.summary):
        assert text is None or not UNSAFE.search(text)
