"""Records about requests of this program are shown like all others, and count for nothing that is judged."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from console.domain.instant import Window
from console.domain.ours import AGENT, TRACE
from console.domain.series import SeriesSet
from console.repro.wire import new_trace
from sources.http.door import USER_AGENT
from sources.logs.engine import Engine
from sources.logs.ours import places_of_ours
from sources.logs.questions import Counts, Derive, Errors, Exceptions, Messages, Page, Shapes
from sources.logs.spec import Spec

START = 1795442400.0
WINDOW = Window(START, START + 600)
EVERY = 10
"""Of so many records one is ours."""
OPERATION = "POST /orders"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


def line(form: str, number: int, mark: str) -> bytes:
    """A request a second that works; ours fail with an error of their own.

    Args:
        mark: `agent` or `trace`, by which ours are known.
    """
    own = number % EVERY == 5
    at = datetime.fromtimestamp(START + number, UTC)
    agent = f"{AGENT}0.1.0 (synthetic; incident=day-2026-11-23)" if own and mark == "agent" else BROWSER
    trace = new_trace()[0] if own and mark == "trace" else f"{number:032x}"
    status, level, text = (500, "error", "KeyError: 'lines'") if own else (200, "info", "served")
    match form:
        case "json":
            fields = {"ts": START + number, "level": level, "service": "shop", "msg": text, "method": "POST"}
            more = {"path": "/orders", "status": status, "user_agent": agent, "trace_id": trace}
            return json.dumps(fields | more).encode() + b"\n"
        case "logfmt":
            told = f'method=POST path=/orders status={status} user_agent="{agent}" trace_id={trace}'
            return f'ts={at:%Y-%m-%dT%H:%M:%S}Z level={level} msg="{text}" {told}\n'.encode()
        case "plain":
            further = f"\n  File shop.py, line 3\n  trace {trace}\n" if own else ""
            name = "ERROR" if own else "INFO"
            return f"{at:%Y-%m-%d %H:%M:%S},000 {name} shop: {text} {agent}{further}\n".encode().replace(b"\n\n", b"\n")
    request = f'"POST /orders HTTP/1.1" {status} 12 "-" "{agent}" 0.012 trace_id={trace}'
    return f"203.0.113.7 - - [{at:%d/%b/%Y:%H:%M:%S} +0000] {request}\n".encode()


@pytest.fixture
def engine(tmp_path: Path, form: str, mark: str) -> Engine:
    path = tmp_path / "app.log"
    path.write_bytes(b"".join(line(form, number, mark) for number in range(600)))
    return Engine(Spec("app", (str(path),), format=form, fallback_service="shop"))


both = pytest.mark.parametrize("mark", ["agent", "trace"])
forms = pytest.mark.parametrize("form", ["access", "json", "logfmt", "plain"])


@both
@forms
def test_series_that_are_judged_hold_requests_of_others_only(engine: Engine, form: str) -> None:
    found = SeriesSet.of(list(engine.answer(WINDOW, [Derive(60.0)])[0].value))
    requests = [
        (found.get("shop", name, one), one) for name in ("request_count", "error_count") for one in ("", OPERATION)
    ]
    for series, operation in requests if form != "plain" else ():
        assert series is not None, operation
        assert set(series.values) == {54.0 if series.key.metric == "request_count" else 0.0}
    lines, errors = found.get("shop", "log_lines"), found.get("shop", "log_errors")
    assert lines is not None and set(lines.values) == {54.0}
    assert errors is not None and set(errors.values) == {0.0}


@both
@forms
def test_neither_patterns_nor_errors_nor_samples_know_them(engine: Engine) -> None:
    shapes, exceptions, errors, messages = engine.answer(
        WINDOW, [Shapes("", 60.0), Exceptions(""), Errors(1000), Messages(1000)]
    )
    assert sum(one.lines for one in shapes.value.shapes) == shapes.report.records == 540
    assert exceptions.value.groups == () and errors.value.records == ()
    assert len(messages.value.records) == 540


@both
@forms
def test_whoever_reads_the_lines_sees_them(engine: Engine) -> None:
    page, counts = engine.answer(WINDOW, [Page("level:>=error", 1000), Counts("", 600.0)])
    assert page.value.matched == 60
    assert counts.value.total == 600


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        (f'"GET / HTTP/1.1" 200 5 "-" "{USER_AGENT}"', True),
        pytest.param(f"traceparent: {new_trace()[1]}", True, id="its trace"),
        ('"GET /incident-console/0.1.0/download HTTP/1.1" 404 5 "-" "curl/8"', False),
        ('"-" "not-incident-console/1"', False),
        (f"trace_id=00{TRACE}{'0' * 20}", False),
        (f"digest {TRACE}", False),
    ],
)
def test_what_only_looks_like_it_is_not_ours(text: str, ours: bool) -> None:
    assert bool(places_of_ours(text.encode())) is ours
    long = b"x" * 20_000 + b" " + text.encode()
    assert bool(places_of_ours(long)) is ours


def test_a_trace_of_ours_has_the_form_of_every_trace() -> None:
    traces = {new_trace()[0] for _ in range(100)}
    assert len(traces) == 100 and all(len(one) == 32 and int(one, 16) for one in traces)
