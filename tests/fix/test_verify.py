"""Verifying a fix: the branch's own server is run and ended, the reproduction decides, and the record keeps it."""

from __future__ import annotations

import json
import os
import re
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from console.cli import main
from console.fix.record import branches
from sources.serving import NotServed, free_port, served
from tests.git.conftest import Work

SERVER = """
import http.server, os, sys

class Shop(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response({status})
        self.send_header("Content-Length", "0")
        self.end_headers()
    def do_POST(self):
        self.do_GET()
    def log_message(self, *_):
        pass

print(sorted(os.environ), flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Shop).serve_forever()
"""


def incident(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main([*arguments])
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


@pytest.fixture
def fixing(
    work: Work, configured: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[Path, list[str], str]:
    """A branch of a server that answers 500; its work tree, the options, and the request that failed in staging."""
    work.commit("Start", server_txt=SERVER.replace("{status}", "200"))
    work.tag("deploy/prod/1", "one")
    work.commit("Break", server_txt=SERVER.replace("{status}", "500"))
    work.tag("deploy/prod/2", "two")
    staging = '[[environment]]\nname = "staging"\ntier = "staging"\norigin = "https://staging.shop.example"\ntoken_env = "STAGING_TOKEN"\n'
    config = ["--config", str(configured(work.path, staging))]
    code, out, _ = incident(capsys, "fix", "branch", "--name", "fix/a", "--confirm", "fix/a", "--json", *config)
    assert code == 0
    request: dict[str, Any] = {
        "method": "GET",
        "url": "https://staging.shop.example/orders?id=1",
        "headers": [],
        "body_base64": None,
    }
    path = tmp_path / "request.json"
    path.write_text(json.dumps({"request": request, "observed": {"status": 500}}))
    return Path(json.loads(out)["worktree"]), config, str(path)


SERVE = f"{sys.executable} server.txt {{port}}"


def verify(capsys: pytest.CaptureFixture[str], request: str, config: list[str], *more: str) -> tuple[int, str, str]:
    serve = () if "--serve" in more else ("--serve", SERVE)
    return incident(capsys, "fix", "verify", request, "--before", "10/10", *serve, *more, *config)


def record(tmp_path: Path) -> Any:
    return branches((tmp_path / "state" / "repro" / "audit.jsonl").read_bytes())[0].checked


def running(part: str) -> list[str]:
    """Command lines of processes that name something."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if part in line:
                found.append(line)
    return found


def test_a_branch_that_still_fails_and_one_that_is_mended(
    fixing: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    worktree, config, request = fixing
    monkeypatch.setenv("STAGING_TOKEN", "very-secret-token")
    code, out, _ = verify(capsys, request, config, "--json")
    assert (code, json.loads(out)["state"]) == (1, "STILL FAILING")
    assert json.loads(out)["uncommitted"] == []
    (worktree / "server.txt").write_text(SERVER.replace("{status}", "200"))
    code, out, _ = verify(capsys, request, config, "--json")
    document = json.loads(out)
    assert (code, document["state"], document["passes"], document["uncommitted"]) == (0, "FIXED", 3, ["server.txt"])
    assert [(one.state, one.changes) for one in record(tmp_path)] == [
        ("STILL FAILING", ""),
        ("FIXED", "1 file not in a commit"),
    ]
    printed = (tmp_path / "state" / "repro" / "served.log").read_text()
    assert "'PORT'" in printed and "STAGING_TOKEN" not in printed and "'GIT_" not in printed
    audit = [json.loads(line) for line in (tmp_path / "state" / "repro" / "audit.jsonl").read_text().splitlines()]
    sent = [one for one in audit if one.get("method") == "GET"]
    assert sent and all(one["host"].startswith("127.0.0.1:") for one in sent)
    assert running(str(worktree)) == [] and running("server.txt") == []


def test_a_write_is_confirmed_as_everywhere(fixing: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, config, request = fixing
    text = json.loads(Path(request).read_text())
    text["request"]["method"] = "POST"
    Path(request).write_text(json.dumps(text))
    port = str(free_port())
    code, _, err = verify(capsys, request, config, "--port", port)
    assert code == 5 and f"fix-branch POST 127.0.0.1:{port}" in err
    assert record(tmp_path) == ()
    phrase = f"fix-branch POST 127.0.0.1:{port}"
    code, _, err = verify(capsys, request, config, "--port", port, "--confirm", phrase)
    assert code == 5 and "G5: a reason is needed" in err and "--reason TEXT" in err
    assert (
        verify(capsys, request, config, "--port", port, "--confirm", phrase, "--reason", "the order is a test")[0] == 1
    )


def test_the_command_that_is_told_is_the_one_that_sends(fixing: Any, capsys: pytest.CaptureFixture[str]) -> None:
    _, config, request = fixing
    text = json.loads(Path(request).read_text())
    text["request"]["method"] = "POST"
    Path(request).write_text(json.dumps(text))
    code, _, err = verify(capsys, request, config)
    told = re.search(r'--confirm "(fix-branch POST 127.0.0.1:\d+)"', err)
    assert code == 5 and told is not None, "a free port is another one each time"
    assert verify(capsys, request, config, "--confirm", told[1], "--reason", "the order is a test")[0] == 1


@pytest.mark.parametrize(
    ("serve", "says"),
    [("/nonexistent/server {port}", "cannot be run"), ("/bin/sh -c 'echo broken; exit 3'", "ended with 3: broken")],
)
def test_a_server_that_does_not_run_is_told_and_nothing_is_verified(
    fixing: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], serve: str, says: str
) -> None:
    _, config, request = fixing
    code, _, err = verify(capsys, request, config, "--serve", serve)
    assert code == 3 and says in err
    assert record(tmp_path) == ()


async def test_a_port_where_somebody_listens_is_refused(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(NotServed, match="somebody listens"):
            async with served(["/bin/true"], tmp_path, other.getsockname()[1], tmp_path / "log"):
                pass


async def test_what_the_server_started_ends_with_it(tmp_path: Path) -> None:
    script = tmp_path / "server.py"
    script.write_text(
        "import http.server, os, signal, subprocess, sys\n"
        f"subprocess.Popen([sys.executable, '-c', 'import signal,time; signal.signal(15, 1); time.sleep(99) # {tmp_path}'])\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "http.server.HTTPServer(('127.0.0.1', int(os.environ['PORT'])), http.server.BaseHTTPRequestHandler).serve_forever()\n"
    )
    async with served([sys.executable, str(script)], tmp_path, free_port(), tmp_path / "log"):
        assert len(running(str(tmp_path))) == 2
    assert running(str(tmp_path)) == []


def test_a_command_is_no_shell_and_counts_are_counts(
    fixing: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, config, request = fixing
    marker = tmp_path / "marker"
    code, _, _ = verify(capsys, request, config, "--serve", f"/bin/true; touch {marker} $(touch {marker})")
    assert code == 3 and not marker.exists()
    for bad in ("ten", "11/10", "0/0", "-1/3"):
        assert incident(capsys, "fix", "verify", request, "--before", bad, "--serve", SERVE, *config)[0] == 2
    assert verify(capsys, request, config, "--env", "staging")[0] == 2


def test_the_handover_says_what_is_open_and_what_to_copy(
    fixing: Any, work: Work, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    worktree, config, request = fixing
    code, out, _ = incident(capsys, "fix", "handover", "--json", *config)
    assert code == 1 and json.loads(out)["open"] == [
        "the branch has no commit yet",
        "this commit was not verified: incident fix verify",
    ]
    (worktree / "server.txt").write_text(SERVER.replace("{status}", "200"))
    there = Work(worktree, work.home, work.clock)
    there.git("commit", "--quiet", "-am", "Answer again")
    assert verify(capsys, request, config)[0] == 0
    code, out, _ = incident(capsys, "fix", "handover", "--json", *config)
    document = json.loads(out)
    assert (code, document["open"], document["verified"]["state"]) == (0, [], "FIXED")
    assert document["reviewers"] == [{"name": "Ada", "lines": 1}]
    assert document["files"] == [{"path": "server.txt", "added": 1, "removed": 1}]
    assert any("push origin fix/a" in line for line in document["deploy"])
    before = work.git("for-each-ref")
    code, out, _ = incident(capsys, "fix", "handover", *config)
    assert code == 0 and "[x] reproduction verified" in out and "to copy; the console runs none of it" in out
    assert work.git("for-each-ref") == before


def test_the_deploy_of_the_configuration_is_filled_in(
    fixing: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, config, _ = fixing
    file = Path(config[1])
    text = file.read_text().replace(
        "repository = ",
        'deploy_command = "make deploy REF={branch} AT={commit} TAG={tag}"\ncanary_url = "https://canary.shop.example"\nrepository = ',
    )
    file.write_text(text)
    _, out, _ = incident(capsys, "fix", "handover", "--json", *config)
    document = json.loads(out)
    assert document["deploy"][-1] == f"make deploy REF=fix/a AT={document['commit']} TAG=NEW_TAG"
    assert document["canary"] == "https://canary.shop.example"


def test_the_server_is_started_as_the_configuration_says_where_nobody_says_otherwise(
    fixing: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    _, config, request = fixing
    arguments = ("fix", "verify", str(request), "--before", "5/5", *config)
    code, _, err = incident(capsys, *arguments)
    assert code == 2 and "serve_command of the [[service]]" in err
    file = Path(config[1])
    file.write_text(file.read_text().replace("repository = ", f"serve_command = {json.dumps(SERVE)}\nrepository = "))
    code, out, _ = incident(capsys, *arguments)
    assert code == 1 and "STILL FAILING" in out


def test_case_50_nothing_of_the_repository_runs_while_a_branch_is_looked_at(
    hostile: Any, configured: Callable[..., Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    config = ["--config", str(configured(hostile.work.path))]
    assert incident(capsys, "fix", "branch", "--name", "fix/a", "--confirm", "fix/a", *config)[0] == 0
    (tmp_path / ".worktrees" / "repo-fix-a" / "a.txt").write_text("mended\n")
    os.utime(tmp_path / ".worktrees" / "repo-fix-a" / "b.txt")
    code, out, _ = incident(capsys, "fix", "handover", "--json", *config)
    assert code == 1 and json.loads(out)["commits"] == 0
    assert hostile.fired() == set()
