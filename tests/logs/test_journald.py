"""The journal: a real one, read by the real journalctl; and what is said where there is none."""

from __future__ import annotations

import lzma
import shutil
from pathlib import Path

import pytest

from console.config.models import LogsConfig
from console.domain.instant import Window
from console.domain.logs import Level, LogPage
from sources.base import SourceUnavailable
from sources.logs import build
from sources.logs.context import Context
from sources.logs.engine import Engine
from sources.logs.journald import JournalFormat, JournalTail, command
from sources.logs.questions import Page
from sources.logs.spec import Spec

START = 1795442590.0
NEEDS_JOURNALCTL = pytest.mark.skipif(shutil.which("journalctl") is None, reason="journalctl is not installed")


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "shop.journal"
    path.write_bytes(lzma.decompress((Path(__file__).parent / "data" / "shop.journal.xz").read_bytes()))
    return path


def page(spec: Spec, window: Window, query: str = "") -> LogPage:
    found: LogPage = Engine(spec).answer(window, [Page(query, 100)])[0].value
    return found


@NEEDS_JOURNALCTL
def test_entries_of_a_window(journal: Path) -> None:
    spec = Spec("journal", (str(journal),), kind="journald")
    found = page(spec, Window(START + 5, START + 7))
    assert [(r.at, r.message, r.service, r.level) for r in found.records] == [
        (START + 5.25, "number 5", "shop", Level.INFO),
        (START + 6.25, "number 6", "shop", Level.INFO),
    ]
    assert found.scanned_bytes > 0


@NEEDS_JOURNALCTL
def test_lines_bytes_and_objects_inside_messages(journal: Path) -> None:
    spec = Spec("journal", (str(journal),), kind="journald")
    several, raw, inner = page(spec, Window(START + 20, START + 30)).records
    assert (several.level, several.message, several.extra) == (Level.ERROR, "boom", ("  at f", "  at g"))
    assert (raw.level, raw.message) == (Level.WARN, "bad \\xff^[[31m bytes")
    assert (inner.level, inner.message, inner.operation, inner.status) == (Level.ERROR, "inner", "/a", 503)
    assert inner.latency_s == pytest.approx(0.012)
    assert ("unit", "cart.service") in inner.fields


@NEEDS_JOURNALCTL
def test_queries_and_configured_service_field(journal: Path) -> None:
    config = LogsConfig(kind="journald", paths=(str(journal),), service_field="_SYSTEMD_UNIT")
    spec = build(config, lambda path: Path(path)).spec
    window = Window(START, START + 60)
    assert page(spec, window, "service:cart.service").matched == 2
    assert page(spec, window, "level:>=warn").matched == 3
    assert page(spec, window, "boom").matched == 1


@NEEDS_JOURNALCTL
def test_a_journal_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match=r"journalctl: Failed to open files: No such file"):
        page(Spec("journal", (str(tmp_path / "gone.journal"),), kind="journald"), Window(0, 1))


@NEEDS_JOURNALCTL
def test_following_starts_and_ends(journal: Path) -> None:
    tail = JournalTail(Spec("journal", (str(journal),), kind="journald"))
    assert tail.poll() == []
    assert tail.poll() == []
    tail.close()


def test_without_journalctl_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceUnavailable, match="journalctl is not installed"):
        command(Spec("journal", (), kind="journald"))


def test_units_are_arguments_and_nothing_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "journalctl"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    line = command(Spec("journal", ("checkout@*.service", "--vacuum-size=1"), kind="journald"), "--since=@5")
    assert line[0] == str(program)
    assert line[-3:] == ["--since=@5", "--unit=checkout@*.service", "--unit=--vacuum-size=1"]


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b'{"MESSAGE":null}', b'{"MESSAGE":[999,"x"]}', b'{"__REALTIME_TIMESTAMP":5}']
)
def test_odd_lines_break_nothing(line: bytes) -> None:
    parser = JournalFormat(Context())
    record = parser.full(line)
    assert record is None or record.at is None
