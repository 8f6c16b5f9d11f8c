"""A project in which everything that can be written by somebody else tries to drive the terminal."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.terminal.project import ONSET_S, Project, record

ATTACKS = {
    "clipboard": "\x1b]52;c;UFdORUQ=\x07",
    "title": "\x1b]0;PWNED\x07",
    "clear": "\x1b[2J\x1b[H",
    "colour": "\x1b[31;8m",
    "link": "\x1b]8;;https://evil.example\x1b\\here\x1b]8;;\x1b\\",
    "reset": "\x1bc",
    "align": "\x1b#8",
    "device": "\x1bP$qm\x1b\\",
    "tmux": "\x1bPtmux;\x1b\x1b]52;c;eA==\x07\x1b\\",
    "report": "\x1b[21t\x1b[6n\x1b[c",
    "lone": "\x1b",
    "c1 sequence": "\x9b31m\x9b2J",
    "c1 string": "\x9d0;PWNED\x9c",
    "c1 device": "\x90qm\x9c",
    "charset": "\x0e\x0f\x1b(0",
    "nothing": "\x00\x07\x08\x7f",
    "overwrite": "real\rFAKE",
    "line": "real\nFAKE\x0bFAKE\x0cFAKE\x85FAKE\u2028FAKE\u2029FAKE",
    "bidi": "\u202eetirw\u202c\u2066x\u2069\u200f\u061c",
    "invisible": "\u200b\u200d\u2060\ufeff\u00ad\u3164\ufe0f",
    "tags": "\U000e0041\U000e007f",
    "surrogate": "\ud83d\udc80\udcff",
}
"""Real ones: what the advisories about logs, git, less, kubectl and terminals describe."""
MARKUP = ("[@click=app.exit]x[/]", "[/foo]", "list[int]", "[bold red]r[/]", "[link=https://e]l[/]", "{0!r} %s $(id)")
"""What Textual and Rich would take for styles, links and actions."""
ALL = "".join(attack for name, attack in ATTACKS.items() if name != "surrogate")
SECRET = "ghp_" + "A1b2C3d4" * 5
"""Has the form of a token; may be seen in a log and never leaves in a copy."""
NAME = "p\u202e\x1b]0;N\x07[/x]"
"""For names, short enough to be seen in a column."""
FAILING = {"user": ALL, "logger": f"log{NAME}"}
"""What stands in every line of an order that failed."""


class Answers(BaseHTTPRequestHandler):
    """Versions and health, every word of them hostile."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer."""
        if self.path.startswith("/version"):
            body = json.dumps({"version": f"1{NAME}{ALL}", "commit": f"abcdef1{ALL}"}).encode()
            self._answer(200, "OK", "application/json", body)
        else:
            self._answer(503, "\x1b]0;REASON\x07[/foo]", "text/\x1b[31mplain", ALL.encode("utf-8", "replace"))

    do_HEAD = do_GET

    def _answer(self, code: int, reason: str, kind: str, body: bytes) -> None:
        self.send_response(code, reason)
        self.send_header("Content-Type", kind)
        self.send_header("Server", "\x1b]52;c;eA==\x07")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@contextmanager
def answering() -> Iterator[str]:
    """The server's address while it runs."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="answers")
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join(5)


def write(root: Path, address: str = "") -> Project:
    """Everything hostile in one folder; `address` is asked for versions and health where it is given."""
    project = Project(root)
    project.write_history(**FAILING)
    _write_attacks(project)
    _write_repository(project)
    project.write_changes(
        {"at": ONSET_S + 20, "kind": "flag", "id": f"flag{NAME}", "service": "checkout", "summary": f"flip {ALL}"},
        {"at": ONSET_S + 25, "kind": f"k{NAME}", "id": f"other{ALL}", "version": f"v{ALL}", "commit": f"c{ALL}"},
        {"at": ONSET_S + 30, "kind": "config", "id": "[@click=app.exit]x[/]", "summary": "[/foo] list[int]"},
        {"at": ONSET_S + 40, "kind": "scale", "id": "plain", "service": f"checkout{ALL}", "summary": " ".join(MARKUP)},
    )
    project.configure(_sources(address), CONFIG)
    return project


def _write_attacks(project: Project) -> None:
    """Error lines of the last minute: each attack at the front of each field that is shown."""
    lines, at = [], project.now - 50
    for number, (name, attack) in enumerate([*ATTACKS.items(), *((text, text) for text in MARKUP)]):
        lines.append(record(at, number, True, {"msg": f"{attack} {name} attack"}))
        lines.append(record(at, number, True, {"msg": "a name", "service": f"{attack}svc", "path": f"/{attack}"}))
        lines.append(
            record(
                at,
                number,
                True,
                {"msg": "a trace", "trace_id": attack, "exc_info": f'Traceback {attack}\n  File "{attack}"\n{ALL}'},
            )
        )
        lines.append(
            record(
                at,
                number,
                True,
                {
                    "msg": "a level",
                    "level": f"error{attack}",
                    f"key{attack}": attack,
                    "method": attack,
                    "status": attack,
                },
            )
        )
        at += 1
    lines.append(
        record(
            at,
            1,
            True,
            {
                "msg": f"a secret {SECRET} {ATTACKS['clipboard']} password=hunter2 [/foo]",
                "exc_info": f"Traceback\n  token={SECRET}",
                "password": SECRET,
            },
        )
    )
    log = project.root / "logs"
    (log / os.fsdecode("e\x1b]0;FILE\x07\u202e[x]".encode() + b"\xff.log")).write_text("".join(lines))
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(project.now - 20))
    plain = "".join(f"{stamp} ERROR {attack} plain\n" for attack in ATTACKS.values())
    (log / "plain.log").write_bytes(plain.encode("utf-8", "surrogatepass"))


def _write_repository(project: Project) -> None:
    words = "".join(attack for name, attack in ATTACKS.items() if name not in ("surrogate", "nothing"))
    project.write_repository(
        tag="deploy/prod/v2\u202e\u200b\u0085\u009b31m;$(id)",
        subject=f"{ATTACKS['title']}{ATTACKS['clear']}[/foo] subject\n\nbody {words}\n",
        author=f"Eve{ATTACKS['clipboard']}\u202e[@click=app.exit]x[/]",
        file="e\x1b]0;X\x07\u202e[x].py",
        text=f"TIMEOUT = 3  # {words}\n",
    )


CONFIG = """\
[[service]]
name = "checkout"
repository = "repo"
depends_on = ["[@click=app.exit]x[/]"]
"""


def _sources(address: str) -> str:
    there = address or "http://127.0.0.1:9"
    return f"""version_url = "{there}/version"
probe = "{there}/health"

[[service]]
name = "[/foo] list[int]"
version_url = "{there}/version?a=[/foo]"

[[dependency]]
name = "[@click=app.exit]x[/]"
probe = "{there}/health?a=[/foo]"

[[logs]]
name = "[/x] logs"
paths = ["logs/*.log"]
service_field = "service"

[[changes]]
name = "[/x] changes"
path = "changes.jsonl"
"""
