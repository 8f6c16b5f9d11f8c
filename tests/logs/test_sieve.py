"""What the sieve passes over must hold nothing that a query looks for, however lines, blocks and records lie."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sources.logs.batch
import sources.logs.bulk
import sources.logs.matching
import sources.logs.reading
from console.domain.instant import Window
from console.domain.logs import LogPage
from sources.logs import bulk
from sources.logs.engine import Engine
from sources.logs.questions import Page
from sources.logs.sieve import Sieve
from sources.logs.spec import Spec

DAY = Window(1763856000.0, 1763942400.0)
WORDS = st.sampled_from([b"a", b"io", b"key", b"time", b"pools", b"timeout", b"refused", b"12", b"xff", b"ab_cd"])
PIECES = st.sampled_from(
    [b"timeout", b"TimeOut", b"pools", b"a", b"io", b"I", b"key", b"\xe2\x84\xaaey", b"t\xc4\xb1me", b"poo\xc5\xbfs", b" ",
     b"\\u0061", b"\\n", b"\\/", b"\xff", b"\xc3\xa9", b"\n", b"\r\n", b"ref", b"used", b"12", b"ab_cd", b"AB\x7fCD", b"-" * 30]
)  # fmt: skip
BLOCKS = st.lists(PIECES, max_size=60).map(b"".join)


@given(st.lists(st.lists(WORDS, min_size=1, max_size=3).map(tuple), min_size=1, max_size=3), BLOCKS)
def test_places_are_in_the_lines_of_interest(needles: list[tuple[bytes, ...]], block: bytes) -> None:
    sieve = Sieve(needles)
    bulk.load(bulk.BULK)
    starts, place = [], 0
    for line in block.split(b"\n"):
        if sieve.line(line):
            starts.append(place)
        place += len(line) + 1
    for found in (sieve.places(block), sieve.places_by_numpy(block)):
        assert found == sorted(found)
        assert sorted({block.rfind(b"\n", 0, one) + 1 for one in found}) == starts


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
     "refused level:error", "refused OR timeout", "closed", "5", "at", "refused -level:error", "refused fourth", "/refused|y/ closed", "/^$|refused/", r"/timeout after \d+ms$/", "shop", "error", "no", "fourth"]
)  # fmt: skip


@st.composite
def files(draw: st.DrawFn) -> bytes:
    form = draw(st.sampled_from(["json", "escaped", "plain"]))
    lines = []
    for number, text in enumerate(draw(st.lists(TEXTS, max_size=40))):
        at = f"2025-11-23T{number // 60:02d}:{number % 60:02d}:00"
        level = draw(st.sampled_from(["INFO", "ERROR"]))
        if form == "plain":
            lines.append(f"{at},000 {level} {text}")
        else:
            more: dict[str, object] = draw(
                st.sampled_from([{}, {}, {"list": [text]}, {"path": f"/{text}/9", "method": "get"}, {"n": 5.5}])
            )
            one = {"ts": at + "Z", "level": level, "msg": text, **more}
            lines.append(json.dumps(one, ensure_ascii=form == "escaped"))
        lines += draw(st.lists(st.sampled_from(["    at refused", "\tat fourth", "}", ""]), max_size=2))
    return draw(st.sampled_from(["\n", "\r\n"])).join(lines).encode() + draw(st.sampled_from([b"", b"\n"]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(files(), QUERIES, st.sampled_from([64, 200, 1 << 20]), st.booleans())
def test_answers_are_those_without_it(tmp_path: Path, data: bytes, query: str, block: int, bulk: bool) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(data)

    def answer() -> LogPage:
        engine = Engine(Spec("app", (str(path),), service="shop"))
        page: LogPage = engine.answer(DAY, [Page(query, 100)])[0].value
        assert engine.answer(DAY, [Page(query, 0)])[0].value.matched == page.matched == len(page.records)
        return page

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sources.logs.reading, "BLOCK", block)
        patched.setattr(sources.logs.reading, "_NEAR_END", 40)
        patched.setattr(sources.logs.bulk, "BULK", 0 if bulk else 1 << 30)
        patched.setattr(sources.logs.batch, "_WORTH", 1)
        sifted = answer()
        patched.setattr(sources.logs.matching, "_sieve", lambda *_: None)
        patched.setattr(sources.logs.matching, "_search", lambda *_: None)
        patched.setattr(sources.logs.matching.Matcher, "_sure", lambda *_: ())
        assert sifted == answer()


def test_a_needle_in_a_configured_name_is_in_every_record(tmp_path: Path) -> None:
    (tmp_path / "shop.log").write_text("2025-11-23 10:00:00 INFO started\n2025-11-23 10:00:01 INFO stopped\n")
    by_path = Spec("app", (str(tmp_path / "*.log"),), service_from_path="{service}.log")
    for spec in (Spec("app", by_path.patterns, service="shop"), by_path):
        assert Engine(spec).answer(DAY, [Page("shop", 5)])[0].value.matched == 2
