"""Lines as container runtimes write them: the program's own line inside is read in its own format."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

import sources.logs.batch
from console.domain.instant import Window
from console.domain.logs import Level, LogPage
from sources.logs.context import Context
from sources.logs.engine import Engine
from sources.logs.formats import make
from sources.logs.questions import Page
from sources.logs.spec import Spec

DAY = Window(1795392000.0, 1795478400.0)
AT = datetime(2026, 11, 23, 14, 3, 10, tzinfo=UTC).timestamp()


def cri(line: str, second: int = 10, flag: str = "F") -> str:
    return f"2026-11-23T14:03:{second:02d}.000000500Z stderr {flag} {line}\n"


def docker(line: str, second: int = 10, flag: str = "F") -> str:
    log = line + ("\n" if flag == "F" else "")
    return json.dumps({"log": log, "stream": "stderr", "time": f"2026-11-23T14:03:{second:02d}.0000005Z"}) + "\n"


def page(path: Path, text: str, query: str = "", form: str = "auto") -> LogPage:
    path.write_text(text)
    found: LogPage = (
        Engine(Spec("app", (str(path),), service="shop", format=form)).answer(DAY, [Page(query, 999)])[0].value
    )
    return found


INSIDES = [
    ('{"ts":"2026-11-23T14:03:09Z","level":"error","msg":"caf\\u00e9 closed","status":503}', AT - 1, Level.ERROR, "caf\u00e9 closed"),
    ('{"level":"warn","msg":"no time inside"}', AT + 5e-7, Level.WARN, "no time inside"),
    ("time=2026-11-23T14:03:09Z level=error msg=boom k=v", AT - 1, Level.ERROR, "boom"),
    ('1.2.3.4 - - [23/Nov/2026:14:03:09 +0000] "GET /a HTTP/1.1" 502 5', AT - 1, Level.ERROR, "GET /a HTTP/1.1 502"),
    ("2026-11-23 14:03:09,000 ERROR payments: timeout", AT - 1, Level.ERROR, "payments: timeout"),
    ("E1123 14:03:09.000000       1 reflector.go:138] Failed to watch", AT - 1, Level.ERROR, "Failed to watch"),
    ("started without any stamp", AT + 5e-7, Level.UNKNOWN, "started without any stamp"),
]  # fmt: skip


@pytest.mark.parametrize("wrap", [cri, docker])
@pytest.mark.parametrize(("line", "at", "level", "message"), INSIDES)
def test_any_format_inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrap: type, line: str, at: float, level: Level, message: str
) -> None:
    text = wrap(line) * 5
    found = page(tmp_path / "a.log", text)
    assert [(r.level, r.message) for r in found.records] == [(level, message)] * 5
    assert [r.at for r in found.records] == pytest.approx([at] * 5, abs=1e-6)
    assert dict(found.records[0].fields)["stream"] == "stderr"
    monkeypatch.setattr(sources.logs.batch, "_columns", lambda *_: None)
    assert page(tmp_path / "a.log", text) == found
    assert page(tmp_path / "a.log", text, message.split()[-1]).matched == 5


@pytest.mark.parametrize("wrap", [cri, docker])
def test_stack_traces_that_nobody_logged(tmp_path: Path, wrap: type) -> None:
    lines = ["2026-11-23 14:03:09,000 INFO ready", "Traceback (most recent call last):", '  File "a.py", line 1, in <module>',
             "KeyError: 'sku'", "2026-11-23 14:03:11,000 INFO on"]  # fmt: skip
    found = page(tmp_path / "a.log", "".join(wrap(line) for line in lines)).records
    assert [r.message for r in found] == ["ready", "KeyError: 'sku'", "on"]
    assert found[1].level is Level.ERROR
    assert found[1].extra[1] == '  File "a.py", line 1, in <module>'


@pytest.mark.parametrize("wrap", [cri, docker])
def test_a_line_cut_into_parts_is_one_record(tmp_path: Path, wrap: type) -> None:
    whole = '{"ts":"2026-11-23T14:03:09Z","level":"info","msg":"ok"}'
    long = '{"ts":"2026-11-23T14:03:10Z","level":"error","msg":"' + "x" * 60 + " the end of it" + '"}'
    text = wrap(whole) * 6 + wrap(long[:70], 10, "P") + wrap(long[70:], 10) + wrap(whole)
    found = page(tmp_path / "a.log", text, "level:error").records
    assert len(found) == 1
    assert found[0].message.endswith("the end of it")
    assert page(tmp_path / "a.log", text).matched == 8


@pytest.mark.parametrize("wrap", [cri, docker])
def test_a_log_of_nothing_but_long_lines_is_read_as_what_is_inside(tmp_path: Path, wrap: type) -> None:
    long = '{"ts":"2026-11-23T14:03:10Z","level":"error","msg":"' + "x" * 60 + ' the end of it","status":503}'
    text = (wrap(long[:50], 10, "P") + wrap(long[50:90], 10, "P") + wrap(long[90:], 10)) * 40
    found = page(tmp_path / "a.log", text)
    assert [(r.level, r.status, r.message[-13:]) for r in found.records] == [(Level.ERROR, 503, "the end of it")] * 40
    assert (
        page(tmp_path / "a.log", text, "status:503").matched
        == page(tmp_path / "a.log", text, "x level:error").matched
        == 40
    )


def test_format_asked_for_is_that_of_the_lines_inside() -> None:
    sample = [docker("2026-11-23 14:03:09,000 ERROR boom").encode().rstrip()] * 3
    record = make("json", Context(), sample).full(sample[0])
    assert record is not None
    assert (record.level, record.message) == (Level.ERROR, "boom")
    logged = [cri("level=warn msg=plain").encode().rstrip()] * 3
    record = make("plain", Context(), logged).full(logged[0])
    assert record is not None
    assert record.message == "level=warn msg=plain"


def test_one_stray_line_is_counted_with_an_example(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("garbage at first\n" + cri('{"level":"info","msg":"ok"}') * 9)
    reading = Engine(Spec("app", (str(path),))).answer(DAY, [Page("", 99)])[0]
    assert reading.value.matched == 9
    assert "1 lines (10.0%) cannot be read as json, for example: garbage at first" in reading.report.detail
