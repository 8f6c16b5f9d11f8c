"""Shell completion: `eval "$(_INCIDENT_COMPLETE=bash_source incident)"`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_RUN = "from console.cli import main; main()"


def asked(shell: str, **environ: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _RUN],
        env=os.environ | {"PYTHONPATH": str(ROOT), "_INCIDENT_COMPLETE": shell} | environ,
        capture_output=True,
        timeout=30,
        text=True,
    )
    return done.stdout


@pytest.mark.parametrize(
    ("words", "offered"),
    [("incident do", "doctor"), ("incident config s", "show"), ("incident changes --no", "--no-standing")],
)
def test_words_are_completed(words: str, offered: str) -> None:
    out = asked("bash_complete", COMP_WORDS=words, COMP_CWORD=str(words.count(" ")))
    assert f"plain,{offered}" in out.splitlines()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_gets_a_script(shell: str) -> None:
    assert "_INCIDENT_COMPLETE" in asked(f"{shell}_source")


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_takes_the_script() -> None:
    script = asked("bash_source")
    done = subprocess.run(["bash", "-c", f"{script}\ncomplete -p incident"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0 and "_incident_completion" in done.stdout, done.stderr
