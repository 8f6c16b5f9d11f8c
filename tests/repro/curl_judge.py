"""Pasted curl commands with what is right of each, and whether the import is: what the real curl sends, or a refusal that says why.

`curl_commands.txt` holds blocks: `== id equal` or `== id refused WORDS` (which the reason holds) above a command as a person
pastes it; ␍ stands for a carriage return. What follows `-- as` is given to curl instead, where this release of it does not know
the command. `curl_recorded.jsonl` is what curl sent for them, for machines without it: `python -m tests.repro.curl_judge`
writes it.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from functools import lru_cache
from pathlib import Path

from console.domain.request import HttpRequest
from console.domain.values import dataclass
from console.repro.curl import curl_command, imported_curl
from console.repro.errors import Unclear
from tests.repro.loopback import Received, always, answer, serving

FOLDER = Path(__file__).parent
COMMANDS, RECORDED = FOLDER / "curl_commands.txt", FOLDER / "curl_recorded.jsonl"
CURL = shutil.which("curl") is not None and shutil.which("bash") is not None
EQUAL_SHARE = 70 / 81
"""Of commands as people paste them; the others ask for files, several requests or a shell."""
IGNORED = {"host", "connection", "content-length"}
_WORDS = 'curl() { printf "%s\\0" "$@"; }; '
"""A shell hands the words over to this and not to curl."""
_UTF8 = {"LC_ALL": "C.UTF-8"}


@dataclass(frozen=True, slots=True)
class Case:
    """One command and what is right."""

    id: str
    text: str
    refused: str
    """What the reason of its refusal holds; empty: it is imported."""
    given: str
    """The command that curl is given."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the import made of one."""

    outcome: str
    """equal | refused | wrong"""
    says: str


def commands() -> tuple[Case, ...]:
    """All cases."""
    text = COMMANDS.read_text("utf-8").replace("␍", "\r")
    blocks = re.split(r"^== ", text, flags=re.MULTILINE)[1:]
    return tuple(_case(block) for block in blocks)


def _case(block: str) -> Case:
    head, _, text = block.partition("\n")
    name, label, *words = head.split(" ", 2)
    if label not in ("equal", "refused") or (label == "refused") != bool(words):
        raise ValueError(f"no label of a case: {head}")
    command, _, given = text.rstrip("\n").partition("\n-- as\n")
    return Case(name, command, words[0] if words else "", given or command.removeprefix("$ "))


def judged(case: Case, folder: Path) -> Judgement:
    """Whether the import is right, by the real curl where there is one.

    Args:
        folder: Where curl runs; an output file of a command is written there.
    """
    try:
        ours = curl_command(case.text).request
        imported_curl(case.text)
    except Unclear as error:
        if case.refused and case.refused in str(error):
            return Judgement("refused", str(error))
        return Judgement("wrong", f"refused: {error}")
    if case.refused:
        return Judgement("wrong", f"imported, and {case.refused} was to be refused")
    real = sent_by_curl(words_of_shell(case.given), folder) if CURL else [recorded()[case.id]]
    if len(real) != 1:
        return Judgement("wrong", f"curl sends {len(real)} requests")
    if of_ours(ours) != of_curl(real[0]):
        return Judgement("wrong", f"curl sends {of_curl(real[0])}, imported is {of_ours(ours)}")
    return Judgement("equal", "")


def words_of_shell(command: str) -> list[str]:
    """The arguments that a shell hands over to curl; run for our own commands only."""
    plain = command.replace("\\\r\n", "\\\n").replace("/usr/bin/curl", "curl")
    done = subprocess.run(["bash", "-c", _WORDS + plain], capture_output=True, env=_UTF8, timeout=20, check=True)
    return done.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]


def sent_by_curl(arguments: list[str], folder: Path) -> list[Received]:
    """What the real curl sends."""
    with serving(always(answer())) as server:
        command = ["curl", "-q", "-s", "-o", "/dev/null", "--max-time", "3", "--proto", "=http"]
        connect = ["--connect-to", f"::127.0.0.1:{server.port}"]
        words = [word.encode("utf-8", "surrogateescape") for word in [*command, *connect, *arguments]]
        subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, env={}, cwd=folder, timeout=20)
        return list(server.received)


@lru_cache(maxsize=1)
def recorded() -> dict[str, Received]:
    """What curl sent when it was recorded, by the id of the case."""
    lines = (json.loads(line) for line in RECORDED.read_text("utf-8").splitlines())
    return {line["id"]: Received(base64.b64decode(line["sent"])) for line in lines}


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
    """What must agree, of what was received."""
    lines = one.data.split(b"\r\n\r\n", 1)[0].decode("latin-1").split("\r\n")[1:]
    return shown(one.method, one.target, [(n, v) for n, _, v in (line.partition(":") for line in lines)], one.body)


def of_ours(request: HttpRequest) -> tuple[object, ...]:
    """What must agree, of what was imported."""
    return shown(request.method, request.place.target, list(request.headers), request.body or b"")


def write_recorded() -> None:
    """Record what curl sends for every case that is imported."""
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        for case in commands():
            if not case.refused:
                (one,) = sent_by_curl(words_of_shell(case.given), Path(folder))
                lines.append(json.dumps({"id": case.id, "sent": base64.b64encode(one.data).decode()}))
    RECORDED.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    write_recorded()
