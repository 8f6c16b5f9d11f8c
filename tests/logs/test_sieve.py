"""What the sieve passes over must hold nothing that a query looks for, however lines, blocks and records lie."""

from __future__ import annotations

import json
import os
import re
import shutil
from array import array
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sources.logs.batch
import sources.logs.bulk
import sources.logs.engine
import sources.logs.matching
import sources.logs.reading
import sources.logs.ripgrep
import sources.logs.scanning
import sources.logs.searched
import sources.logs.sifting
from console.domain.instant import Window
from console.domain.logs import Level, LogCounts, LogHistogram, LogPage
from console.domain.text import SafeText
from console.query.regex import of_bytes
from sources.base import SourceTimeout
from sources.logs import bulk, scanning
from sources.logs.context import Context
from sources.logs.engine import Allowance, Engine
from sources.logs.formats import FORMATS
from sources.logs.keys import KeyTest
from sources.logs.questions import Counts, Histogram, Page
from sources.logs.ripgrep import Ripgrep
from sources.logs.scanning import Scanner
from sources.logs.sieve import Sieve, Sought
from sources.logs.spec import Spec

DAY = Window(1763856000.0, 1763942400.0)
WORDS = st.sampled_from([b"a", b"io", b"key", b"time", b"pools", b"timeout", b"refused", b"12", b"xff", b"ab_cd"])
PIECES = st.sampled_from(
    [b"timeout", b"TimeOut", b"pools", b"a", b"io", b"I", b"key", b"\xe2\x84\xaaey", b"t\xc4\xb1me", b"poo\xc5\xbfs", b" ",
     b"\\u0061", b"\\n", b"\\/", b"\xff", b"\xc3\xa9", b"\n", b"\r\n", b"ref", b"used", b"12", b"ab_cd", b"AB\x7fCD", b"-" * 30]
)  # fmt: skip
BLOCKS = st.lists(PIECES, max_size=60).map(b"".join)


@settings(deadline=None)
@given(st.lists(st.lists(WORDS, min_size=1, max_size=3).map(tuple), min_size=1, max_size=3), BLOCKS)
def test_places_are_in_the_lines_of_interest(needles: list[tuple[bytes, ...]], block: bytes) -> None:
    consistent(Sieve(needles), block)


def consistent(sieve: Sieve, block: bytes) -> None:
    """What is found in a block stands in the lines that are of interest by themselves, and in all of them."""
    bulk.load(bulk.BULK)
    starts, place = [], 0
    for line in block.split(b"\n"):
        if sieve.line(line):
            starts.append(place)
        place += len(line) + 1
    for found in (sieve.places(block), sieve.places_by_numpy(block)):
        assert found == sorted(found)
        assert sorted({block.rfind(b"\n", 0, one) + 1 for one in found}) == starts
    if sieve.scans(scanning.WORTH):
        found = sieve.places_by_scanning(block)
        assert found == sorted(found)
        lines = sorted({block.rfind(b"\n", 0, one) + 1 for one in found})
        # Of values that are not told by their end more are taken.
        assert lines == starts if not sieve.stems else {*starts} <= {*lines}


needs_hyperscan = pytest.mark.skipif(scanning.library() is None, reason="hyperscan is not installed")


@needs_hyperscan
def test_what_is_found_in_flat_objects_is_found_in_others_too() -> None:
    """The name of a key is no text; in a list and in a deep object it is one, and the rest of the file is looked at as before."""
    sieve = Sieve([(b"user",)], keyed=True)
    flat, other = b'{"user":1,"msg":"x"}\n', b'{"list":[{"user":1}]}\n'
    blocks = [
        (flat, []),
        (b'{"msg":"a User"}\n' + flat, [0]),
        (flat + other, [len(flat)]),
        (flat, []),
        (b'"user":', [0]),
        (b'{"user":"user"}\n', [0]),
        (flat + b'{"a":"user"', [len(flat)]),
    ]
    for block, wanted in blocks:
        found = sieve.places_by_scanning(block)
        assert sorted({block.rfind(b"\n", 0, one) + 1 for one in found}) == wanted


@needs_hyperscan
@pytest.mark.parametrize("pattern", [r"(\w+\.)+x", r"(?:\w+-){3}\w+", "(a+)+b", r"took \d{5} ms"])
def test_an_expression_that_could_run_away_is_looked_for_by_hyperscan(pattern: str) -> None:
    assert of_bytes(pattern) is None
    expression = of_bytes(pattern, linear=True)
    assert expression is not None
    sieve = Sought((), expressions=(expression,), linear=True).sieve(FORMATS["json"](Context(), ()))
    assert sieve is not None and sieve.scans(0)
    assert sieve.places_by_scanning(b'{"m":"' + b"a" * 50_000 + b'"}\n') == []
    assert sieve.line(b"x a-b-c-d.x aab took 12345 ms")


@needs_hyperscan
def test_an_expression_that_is_too_large_is_not_compiled() -> None:
    assert of_bytes(r"(?:(?:ab?){30}){30}", linear=True) is None
    assert Scanner.of([(b"(?:[a-z]{3}|[0-9]{4}|-{2}){190}", 0)]) is None


KEYED = st.sampled_from(
    [b'{"level":"', b'{"msg":"', b'"', b'":"', b'","', b'":', b",", b"}\n", b'"}\n{"', b"{", b"[", b"info", b"ERROR", b"err", b"error ", b"level", b"log_level",
     b"levelname", b"lvl", b"severity_text", b"priority", b"@l", b"status", b"status_code", b"503", b"404", b"50", b"5", b"null", b"true", b" ", b"\\u0065",
     b"user", b"user_id", b"user.name", b"Traceback (most recent call last):\n", b"ValueError: x\n", b"\n", b"\xc5\xbf"]
)  # fmt: skip
TESTED = st.sampled_from(
    [
        Sought((), (KeyTest("level", frozenset({Level.ERROR})),)),
        Sought((), (KeyTest("level", frozenset({Level.INFO, Level.DEBUG})),)),
        Sought((), (KeyTest("status", frozenset(range(500, 600))),)),
        Sought(((b"user",),)),
        Sought(((b"user", b"info"), (b"error",)), (KeyTest("level", frozenset({Level.ERROR})),)),
        Sought(((b"level",), (b"50",))),
    ]
)


@settings(deadline=None)
@given(TESTED, st.lists(KEYED, max_size=80).map(b"".join))
def test_places_of_keys_are_in_the_lines_of_interest(sought: Sought, block: bytes) -> None:
    sieve = sought.sieve(FORMATS["json"](Context(), ()))
    assert sieve is not None
    consistent(sieve, block)


TEXTS = st.sampled_from(
    [
        "connection refused",
        "Refused",
        "timeout after 5ms",
        "caf\u00e9 closed",
        "a\tb",
        "x/y",
        'say "no"',
        "\u212aey",
        "ok",
        "5",
    ]
)
QUERIES = st.sampled_from(
    ["refused", '"connection refused"', "/refused|timeout/", "/(?:Re|re)fused/i", "key", "caf", '"a b"', "x/y", "-refused",
     r"/\d/", r"/^\w+ \d/", r"/d$/", "/[ck].*d/", "/^GET .x/", r"/-\d+ /", "/^error$/", r"/\bfourth\b/ level:info", "/[a-z]{7} after/ OR /x.y/",
     "refused level:error", "refused OR timeout", "closed", "5", "at", "refused -level:error", "refused fourth", "/refused|y/ closed", "/^$|refused/", r"/x.y\/\d/", r"/refused\/\w/", r"/refused\d?\W/", "/et .x/", r"/GET \/ok/", r"/ed\/9/", r"/timeout after \d+ms$/", "shop", "error", "no", "fourth",
     "level:error", "level:>=warn", "level:info refused", "status:5xx", "status:404 OR status:503", "level:error status:5xx", "service:shop refused",
     "service:a", "service:a refused", "list", "path", "status_code", "name", "level:err*", "status:>=400 closed", "error refused", "-level:error refused",
     r"/\d{3}/", "/[0-9a-f]{4}/", r"/\b\d\b/", "/[A-Z]{3}/", r"/\w{12}/", "/[é-ü]/", r"/\d\.\d/", r"/[^\s{}]{9}/", r"/\d{2}/ OR /[x-z]\//", r"/\d{3}/ -503",
     "503", "/^503$/", "404 OR 50", "status_code:5xx", "-404 status:>=400", "duration:>1", "lvl:>=warn refused", "body:ok", "1.5s"]
)  # fmt: skip


@st.composite
def files(draw: st.DrawFn) -> bytes:
    form = draw(st.sampled_from(["json", "escaped", "plain"]))
    lines = []
    for number, text in enumerate(draw(st.lists(TEXTS, max_size=40))):
        at = f"2025-11-23T{number // 60:02d}:{number % 60:02d}:00"
        level: object = draw(
            st.sampled_from(["INFO", "ERROR", "ERROR", "err", "[Error]", " e ", 50, 3, 30, "30", "", None, "x"])
        )
        if form == "plain":
            lines.append(f"{at},000 {level} {text}")
        else:
            more: dict[str, object] = draw(
                st.sampled_from(
                    [
                        {},
                        {},
                        {"list": [text]},
                        {"path": f"/{text}/9", "method": "get"},
                        {"n": 5.5},
                        {"host": text, "n": 503, "trace_id": text},
                        {"stack": f"{text}\nat fourth", "request": text},
                        {"status": 503},
                        {"status_code": "404"},
                        {"status": "ok", "duration": "1.5s"},
                        {"status": 503, "severity": "err"},
                        {"service": "a", "list": [{"name": text}]},
                        {"a": {"b": {"c": {"d": {"name": {"path": text}}}}}, "http": {"status_code": 503}},
                        {"log": {"level": "error"}, "name": "x"},
                        {"Severity": 50, "name": "[x]"},
                        {"name": "{", "app": "a"},
                    ]
                )
            )
            one = {"ts": at + "Z", "level": level, "msg": text, **more}
            lines.append(json.dumps(one, ensure_ascii=form == "escaped"))
        lines += draw(
            st.lists(
                st.sampled_from(
                    ["    at refused", "\tat fourth", "}", "", "Traceback (most recent call last):", "ValueError: 5"]
                ),
                max_size=2,
            )
        )
    return draw(st.sampled_from(["\n", "\r\n"])).join(lines).encode() + draw(st.sampled_from([b"", b"\n"]))


class StandIn(Ripgrep):
    """Finds what ripgrep would."""

    def __init__(
        self, descriptor: int, start: int, end: int, words: Iterable[bytes], expressions: Iterable[bytes] = ()
    ) -> None:
        parts = [b"(?i:%s)" % re.escape(word) for word in words]
        sought = re.compile(b"|".join([*parts, *expressions]))
        text = os.pread(descriptor, end - start, start)
        self.found: array[int] | None = array("Q", [start + match.start() for match in sought.finditer(text)])

    def wait(self, seconds: float) -> bool:
        return True

    def places(self) -> array[int] | None:
        return self.found

    def close(self) -> None:
        pass


class Failing(StandIn):
    """As ripgrep where it ends early."""

    def places(self) -> array[int] | None:
        return None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
@given(
    files(),
    QUERIES,
    st.sampled_from([64, 200, 1 << 20]),
    st.booleans(),
    st.sampled_from([None, StandIn, StandIn, Failing]),
    st.sampled_from(["shop", "", "caf\u00e9 12"]),
    st.sampled_from([0.3, 2.0]),
    st.sampled_from([(0, 4096), (40, 4096), (40, 100)]),
    st.sampled_from([0.0, 1e9]),
    st.sampled_from([2, 2048]),
    st.sampled_from([None, 0, 1 << 30]),
)
def test_answers_are_those_without_it(
    tmp_path: Path,
    data: bytes,
    query: str,
    block: int,
    bulk: bool,
    searcher: type[Ripgrep] | None,
    service: str,
    dense: float,
    near: tuple[int, int],
    mostly: float,
    most: int,
    scanned: int | None,
) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(data)
    hyperscan = scanning.library()

    def answer() -> tuple[tuple[LogPage, LogCounts, LogHistogram], tuple[SafeText, ...]]:
        engine = Engine(Spec("app", (str(path),), service=service))
        reading = engine.answer(DAY, [Page(query, 100)])[0]
        page: LogPage = reading.value
        assert engine.answer(DAY, [Page(query, 0)])[0].value.matched == page.matched == len(page.records)
        counts = engine.answer(DAY, [Counts(query, 3600.0)])[0].value
        histogram = engine.answer(DAY, [Histogram(query, 3600.0)])[0].value
        assert counts == histogram.counts
        return (page, counts, histogram), reading.warnings

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sources.logs.reading, "BLOCK", block)
        patched.setattr(sources.logs.reading, "_NEAR_END", 40)
        patched.setattr(sources.logs.bulk, "BULK", 0 if bulk else 1 << 30)
        patched.setattr(sources.logs.batch, "_WORTH", 1)
        patched.setattr(sources.logs.matching, "_WORTH", 1)
        patched.setattr(sources.logs.sifting, "DENSE", dense)
        patched.setattr(sources.logs.sifting, "DENSE_SCANNED", dense)
        patched.setattr(sources.logs.sifting, "MOSTLY", mostly)
        patched.setattr(sources.logs.searched, "_FEW", near[0])
        patched.setattr(sources.logs.searched, "_NEAR", near[1])
        patched.setattr(sources.logs.ripgrep, "program", lambda: None)
        patched.setattr(sources.logs.batch, "_MOST_FOUND", most)
        patched.setattr(sources.logs.scanning, "library", lambda: None)
        sifted = answer()
        if scanned is not None and hyperscan is not None:
            patched.setattr(sources.logs.scanning, "library", lambda: hyperscan)
            patched.setattr(sources.logs.scanning, "WORTH", 0)
            patched.setattr(sources.logs.sifting, "RARE", scanned)
            assert answer()[0] == sifted[0]
            patched.setattr(sources.logs.scanning, "library", lambda: None)
        if searcher is not None:
            patched.setattr(sources.logs.ripgrep, "program", lambda: "rg")
            patched.setattr(sources.logs.ripgrep, "Ripgrep", searcher)
            patched.setattr(sources.logs.ripgrep, "WORTH", 0)
            assert answer() == sifted
        patched.setattr(sources.logs.matching, "_sought", lambda *_: None)
        patched.setattr(sources.logs.matching, "_tested", lambda *_: ())
        patched.setattr(sources.logs.matching, "_expressed", lambda *_: ())
        patched.setattr(sources.logs.matching, "_search", lambda *_: None)
        patched.setattr(sources.logs.matching.Matcher, "_sure", lambda *_: ())
        assert sifted[0] == answer()[0]


@pytest.mark.skipif(shutil.which("rg") is None, reason="ripgrep is not installed")
@given(
    st.sampled_from([r"\d{2}", "[0-9a-f]{3}", r"\w{4}", "[kx]-", r"\d\d?f", "(?i)k[io]", r"[^\s{}]{6}", r"\bio\b"]),
    st.lists(PIECES, max_size=30).map(b"".join),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
def test_ripgrep_finds_the_lines_in_which_an_expression_matches(tmp_path: Path, pattern: str, block: bytes) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(block + b"\n")
    expression = of_bytes(pattern)
    assert expression is not None
    sieve = Sieve((), expressions=[expression])
    with path.open("rb") as file:
        search = Ripgrep(file.fileno(), 0, len(block) + 1, (), sieve.expressions)
        try:
            while not search.wait(1.0):
                pass
            places = search.places()
        finally:
            search.close()
    assert places is not None
    found = {block.rfind(b"\n", 0, place) + 1 for place in places}
    assert sorted(found) == sorted({block.rfind(b"\n", 0, place) + 1 for place in sieve.places(block)})


@pytest.mark.skipif(shutil.which("rg") is None, reason="ripgrep is not installed")
@given(st.lists(WORDS, min_size=1, max_size=3), BLOCKS, BLOCKS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
def test_ripgrep_finds_the_lines_that_hold_a_word(
    tmp_path: Path, words: list[bytes], before: bytes, block: bytes
) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(before + b"\n" + block + b"\n")
    start = len(before) + 1
    with path.open("rb") as file:
        search = Ripgrep(file.fileno(), start, start + len(block) + 1, words)
        try:
            while not search.wait(1.0):
                pass
            places = search.places()
        finally:
            search.close()
    assert places is not None
    lowered = block.lower()
    wanted, at = [], 0
    for line in lowered.split(b"\n"):
        if any(word in line for word in words):
            wanted.append(at)
        at += len(line) + 1
    assert sorted({lowered.rfind(b"\n", 0, place - start) + 1 for place in places}) == wanted


def test_a_search_ends_with_its_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for a search that hangs is killed when the time allowed is used up."""
    hanging = tmp_path / "rg"
    hanging.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 600\n")
    hanging.chmod(0o755)
    (tmp_path / "a.log").write_text("2025-11-23 10:00:00 INFO connection refused\n" * 50)
    monkeypatch.setattr(sources.logs.ripgrep, "program", lambda: str(hanging))
    monkeypatch.setattr(sources.logs.ripgrep, "WORTH", 0)
    with pytest.raises(SourceTimeout):
        Engine(Spec("app", (str(tmp_path / "a.log"),))).answer(DAY, [Page("refused", 5)], Allowance(0.5))
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_an_expression_that_a_configured_name_matches_is_in_every_record(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("2025-11-23 10:00:00 INFO started\n2025-11-23 10:00:01 INFO stopped\n")
    for query in (r"/\w{6}\d/", r"/f\w\d\d$/", r"/\d{4}/"):
        found = Engine(Spec("app", (str(tmp_path / "*.log"),), service="caf\u00e917")).answer(DAY, [Page(query, 5)])
        assert found[0].value.matched == (2 if query.startswith("/f") else 0)


def test_a_needle_in_a_configured_name_is_in_every_record(tmp_path: Path) -> None:
    (tmp_path / "shop.log").write_text("2025-11-23 10:00:00 INFO started\n2025-11-23 10:00:01 INFO stopped\n")
    by_path = Spec("app", (str(tmp_path / "*.log"),), service_from_path="{service}.log")
    for spec in (Spec("app", by_path.patterns, service="shop"), by_path):
        assert Engine(spec).answer(DAY, [Page("shop", 5)])[0].value.matched == 2
