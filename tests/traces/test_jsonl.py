"""Span files: what counts as known, what is refused, and how a limit keeps whole traces."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from console.config.models import TracesConfig
from console.domain.instant import Window
from console.domain.reading import SourceState
from sources.traces import build
from sources.traces.jsonl import JsonlTraces

ALL = Window(0.0, 4e9)


def span(**changes: Any) -> str:
    plain = {
        "trace_id": "t1",
        "span_id": "s1",
        "parent_id": None,
        "service": "checkout",
        "operation": "POST /orders",
        "kind": "server",
        "start": 100.0,
        "duration_ms": 250,
        "status": "ok",
    }
    return json.dumps({**plain, **changes}) + "\n"


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    moment = path.stat().st_mtime - 60
    os.utime(path, (moment, moment))
    return path


async def test_a_span_counts_when_it_ended(tmp_path: Path) -> None:
    path = write(
        tmp_path / "s.jsonl",
        span(span_id="ends in time", start=99.0, duration_ms=1000)
        + span(span_id="ends later", start=99.5, duration_ms=1000)
        + span(span_id="stamped as text", start="1970-01-01T00:01:30Z", duration_ms=0.5),
    )
    reading = await JsonlTraces("t", path).spans(Window(50.0, 100.0), 10)
    assert [s.span_id for s in reading.value] == ["stamped as text", "ends in time"]
    assert reading.value[0].duration_s == 0.0005 and not reading.value[0].failed


async def test_what_is_no_span_is_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    path = write(
        tmp_path / "s.jsonl",
        span() + "\n{\n" + span(duration_ms=-1) + span(start="noon") + '"text"\n' + span(span_id="s2", status="error"),
    )
    reading = await JsonlTraces("t", path).spans(ALL, 10)
    assert [(s.span_id, s.failed) for s in reading.value] == [("s1", False), ("s2", True)]
    assert reading.report.state is SourceState.PARTIAL
    assert "4 of 7 lines not understood, the first is line 3" in reading.report.detail


async def test_only_the_documented_required_fields_are_required(tmp_path: Path) -> None:
    line = json.dumps({"trace_id": "t", "span_id": "s", "service": "a", "start": 5, "duration_ms": 1, "extra": [1]})
    (only,) = (await JsonlTraces("t", write(tmp_path / "s.jsonl", line + "\n")).spans(ALL, 10)).value
    assert (only.parent_id, only.operation, only.kind, only.failed) == (None, "", "internal", False)


async def test_names_from_outside_are_made_safe(tmp_path: Path) -> None:
    path = write(tmp_path / "s.jsonl", span(service="a\x1b[2J", operation="\u202e", trace_id="\x07", kind="weird"))
    (only,) = (await JsonlTraces("t", path).spans(ALL, 10)).value
    assert (only.service, only.operation, only.trace_id, only.kind) == ("a^[[2J", "<U+202E>", "^G", "internal")


async def test_a_limit_leaves_out_whole_traces_evenly_over_time(tmp_path: Path) -> None:
    path = write(
        tmp_path / "s.jsonl",
        "".join(span(trace_id=f"t{i}", span_id=str(j), start=float(i)) for i in range(2000) for j in range(5)),
    )
    reading = await JsonlTraces("t", path).spans(ALL, 3000)
    kept = reading.value
    assert 1000 <= len(kept) <= 3000
    assert all(sum(s.trace_id == t for s in kept) == 5 for t in {s.trace_id for s in kept[:100]})
    first_half = sum(s.start < 1000 for s in kept)
    assert 0.4 < first_half / len(kept) < 0.6
    assert reading.report.state is SourceState.PARTIAL
    assert f"{len(kept):,} of 10,000 spans" in reading.report.detail


async def test_one_huge_trace_is_torn_rather_than_lost(tmp_path: Path) -> None:
    path = write(tmp_path / "s.jsonl", "".join(span(span_id=str(i), start=float(i)) for i in range(5000)))
    reading = await JsonlTraces("t", path).spans(ALL, 10)
    assert [s.span_id for s in reading.value] == [str(i) for i in range(4990, 5000)]


async def test_what_was_appended_is_seen(tmp_path: Path) -> None:
    path = write(tmp_path / "s.jsonl", span())
    source = build(TracesConfig(path=path), lambda p: Path(p), None)
    assert len((await source.spans(ALL, 10)).value) == 1
    with path.open("a") as out:
        out.write(span(span_id="s2"))
    assert len((await source.spans(ALL, 10)).value) == 2
    await source.close()


@settings(max_examples=200)
@given(st.lists(st.binary(max_size=60), max_size=8))
def test_any_bytes_are_read_without_an_exception(lines: list[bytes]) -> None:
    from sources.traces.jsonl import _SpanLines

    taker = _SpanLines(ALL, 5)
    data = b"".join(line.replace(b"\n", b"") + b"\n" for line in lines)
    facts = taker.take(data or b"\n", 1)
    assert facts.bad <= facts.lines
    assert taker.kept() == ()


async def test_a_span_tells_where_it_ran(tmp_path: Path) -> None:
    path = write(
        tmp_path / "s.jsonl",
        span(span_id="s1", host="web-3", zone="eu-1b")
        + span(
            span_id="s2",
            attributes={"http.status_code": 500, "tenant.id": "acme", "db.statement": "select"},
            resource={"k8s.pod.name": "web-7f9-x2", "service.version": "v2", "replica": 4},
        )
        + span(span_id="s3", host={"name": "web-3"}, pod=None, attributes=["host"])
        + span(span_id="s4"),
    )
    reading = await JsonlTraces("t", path).spans(ALL, 10)
    told = {one.span_id: one.fields for one in reading.value}
    assert told["s1"] == (("host", "web-3"), ("zone", "eu-1b"))
    assert told["s2"] == (
        ("k8s.pod.name", "web-7f9-x2"),
        ("service.version", "v2"),
        ("replica", "4"),
        ("tenant.id", "acme"),
    )
    assert told["s3"] == told["s4"] == ()
    assert reading.report.state is SourceState.OK


async def test_what_a_span_tells_is_fit_to_be_shown(tmp_path: Path) -> None:
    path = write(tmp_path / "s.jsonl", span(host="web\x1b[2J-3", zone="e" * 5000))
    (one,) = (await JsonlTraces("t", path).spans(ALL, 10)).value
    assert all("\x1b" not in value and len(value) < 200 for _, value in one.fields)
