"""Case 47, and more: what is imported is what the real curl sends, byte for byte of what matters, or refused with a reason.

Each line of curl_cases.txt is the arguments of a command. The real curl sends it to a server on loopback; the imported request
must be the same, and where curl sends nothing or several requests, it must be refused.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from console.domain.request import HttpRequest
from console.repro.curl import curl_command
from console.repro.errors import Unclear
from tests.repro.loopback import Received, always, answer, serving

CASES = [line for line in (Path(__file__).parent / "curl_cases.txt").read_text("utf-8").splitlines() if line]
IGNORED = {"host", "connection", "content-length"}
MUST_BE_EQUAL = 0.65
"""Share of the commands that are imported and not refused; the others ask for files, several requests or nonsense."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("curl") is None, reason="the oracle is the real curl"),
]


def sent_by_curl(arguments: list[str], folder: Path) -> list[Received]:
    """What the real curl sends."""
    with serving(always(answer())) as server:
        command = ["curl", "-q", "-s", "-o", "/dev/null", "--max-time", "3", "--proto", "=http"]
        connect = ["--connect-to", f"::127.0.0.1:{server.port}"]
        subprocess.run([*command, *connect, *arguments], stdin=subprocess.DEVNULL, env={}, cwd=folder, timeout=20)
        return list(server.received)


def shown(method: str, target: str, lines: list[tuple[str, str]], body: bytes) -> tuple[object, ...]:
    """What must agree: curl's own name and the random boundary of a form may differ."""
    mark = next(
        (m[1] for n, v in lines if n.lower() == "content-type" and (m := re.search(r"boundary=(-{24}\w+)", v))), ""
    )
    kept = Counter(
        (name.lower(), value.strip().replace(mark, "M") if mark else value.strip())
        for name, value in lines
        if name.lower() not in IGNORED and not (name.lower() == "user-agent" and value.strip().startswith("curl/"))
    )
    return method, target, kept, body.replace(mark.encode(), b"M") if mark else body


def of_curl(one: Received) -> tuple[object, ...]:
    lines = one.data.split(b"\r\n\r\n", 1)[0].decode("latin-1").split("\r\n")[1:]
    return shown(one.method, one.target, [(n, v) for n, _, v in (line.partition(":") for line in lines)], one.body)


def of_ours(request: HttpRequest) -> tuple[object, ...]:
    return shown(request.method, request.place.target, list(request.headers), request.body or b"")


@pytest.mark.parametrize("line", CASES)
def test_case_47_the_import_is_what_curl_sends_or_is_refused(line: str, tmp_path: Path) -> None:
    arguments = shlex.split(line)
    real = sent_by_curl(arguments, tmp_path)
    try:
        ours = curl_command("curl " + shlex.join(arguments)).request
    except Unclear as error:
        assert str(error)
        return
    assert len(real) == 1, "curl sends no single request, so the import should have refused"
    assert of_ours(ours) == of_curl(real[0])


def test_most_commands_are_imported_and_not_refused() -> None:
    imported = 0
    for line in CASES:
        try:
            curl_command("curl " + shlex.join(shlex.split(line)))
        except Unclear:
            continue
        imported += 1
    assert imported >= MUST_BE_EQUAL * len(CASES)
