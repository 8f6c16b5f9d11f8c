"""What is measured, and how: costs of commands, keys, percentiles, versions of peers."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from benchmarks.live import has_log_line, percentile, rare_letters
from benchmarks.peers import VARIABLE, find, version, version_in
from benchmarks.processes import run, tree_bytes, tree_cpu_seconds
from benchmarks.viewers import lnav_total
from benchmarks.write_lines import line, words, write_past

ALLOCATES = "import os, sys, time; held = bytearray(os.urandom(1)) * {size}; print(len(held)); time.sleep(0.3)"


def test_memory_of_children_counts() -> None:
    child = ALLOCATES.format(size=60_000_000)
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    cost = run([sys.executable, "-c", parent], memory=True, timeout_s=30.0)
    assert cost.code == 0 and cost.output.strip() == b"60000000"
    assert 60e6 < cost.peak_bytes < 160e6


def test_a_command_that_takes_too_long_is_ended() -> None:
    cost = run([sys.executable, "-c", "import time; time.sleep(60)"], timeout_s=0.3)
    assert cost.code is None and 0.3 <= cost.wall_s < 30.0


def test_the_exit_code_and_output_are_kept() -> None:
    cost = run([sys.executable, "-c", "import sys; print('so'); sys.exit(3)"], timeout_s=30.0)
    assert (cost.code, cost.output) == (3, b"so\n")


def test_cpu_time_of_ended_children_counts() -> None:
    before = tree_cpu_seconds(os.getpid())
    run([sys.executable, "-c", "import time\nwhile time.process_time() < 0.3: pass"], timeout_s=30.0)
    assert tree_cpu_seconds(os.getpid()) - before >= 0.25


def test_this_process_has_memory() -> None:
    assert tree_bytes(os.getpid()) > 10e6
    assert tree_bytes(2**22 + 1) == 0  # there is no such process


@pytest.mark.parametrize(
    ("values", "share", "found"),
    [([3.0], 0.99, 3.0), (list(range(1, 101)), 0.5, 50), (list(range(1, 101)), 0.99, 99), ([1.0, 2.0, 9.0], 0.95, 9.0)],
)
def test_percentiles(values: list[float], share: float, found: float) -> None:
    assert percentile(values, share) == found


def test_versions() -> None:
    assert version_in("tl, version 1.5.0\n") == "1.5.0"
    assert version_in("ripgrep 13.0.0\n-SIMD") == "13.0.0"
    assert version_in("no number") == "of unknown version"


def test_peers_are_looked_for_in_their_own_folders_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = tmp_path / "own" / "tl"
    command.parent.mkdir()
    command.write_text("#!/bin/sh\necho tl, version 9.8.7\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv(VARIABLE, raising=False)
    assert find("toolong") is None and version("toolong") is None
    monkeypatch.setenv(VARIABLE, f"{tmp_path}:{command.parent}")
    assert find("toolong") == str(command)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert version("toolong") == "9.8.7"


def test_words_of_a_past_are_told_from_all_else(tmp_path: Path) -> None:
    path = tmp_path / "app.jsonl"
    write_past(path, words(50), time.time())
    found = path.read_text().splitlines()
    assert len(found) == len(set(words(50))) == 50
    assert all(has_log_line(one) for one in found)
    assert not has_log_line("Signals Suspects Logs Changes Upstreams timeout calling payments request done")


def test_rare_letters_are_different_and_in_no_log_line(tmp_path: Path) -> None:
    letters = rare_letters()
    assert len(set(letters)) == len(letters) > 80
    path = tmp_path / "app.jsonl"
    write_past(path, words(50), time.time())
    assert not set(letters).intersection(path.read_text())


def test_what_lnav_counts() -> None:
    assert lnav_total(b'[{"bucket": "a", "n": 3}, {"bucket": "b", "n": 4}]') == 7
    assert lnav_total(b"error: no such table") is None
    assert lnav_total(b'[{"bucket": "a"}]') is None


def test_lines_are_json_with_their_word() -> None:
    import json
    import random

    record = json.loads(line("2026-01-01T00:00:00Z", random.Random(1), "bcdfghjk"))
    assert record["msg"].startswith("bcdfghjk ") and record["latency_ms"] > 0
