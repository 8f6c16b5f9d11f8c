"""A service that answers with the credential it was sent, under no word that says so: it reaches no record and no report."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from console.cli import main
from console.guard import held
from tests.repro.conftest import Configure, Repro
from tests.repro.loopback import Behave, Loopback, Received, answer

CREDENTIAL = "Zq9opaque/credential+of-8"
WRITTEN = (CREDENTIAL, quote(CREDENTIAL, safe=""), base64.b64encode(CREDENTIAL.encode()).decode().rstrip("="))


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    held.forget()
    yield
    held.forget()


def echo(request: Received, peer: socket.socket) -> None:
    """500, with what came as it came and in two other writings."""
    came = request.headers["authorization"].removeprefix("Bearer ")
    said = f"no such reader: {came}, {quote(came, safe='')}, {base64.b64encode(came.encode()).decode()}"
    peer.sendall(answer(500, json.dumps({"error": {"type": came, "message": said}}).encode(), x_reader=came))


def incident(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*arguments])
    out, err = capsys.readouterr()
    assert ended.value.code == 0, err
    return out


def test_what_a_service_echoes_stands_in_no_record_and_no_report(
    serve: Callable[[Behave], Loopback],
    repro: Repro,
    configure: Configure,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    server = serve(echo)
    monkeypatch.setenv("LOCAL_TOKEN", CREDENTIAL)
    configure(("local", "local", server.origin), more='token_env = "LOCAL_TOKEN"')
    case = incident(capsys, "case", "new", "readers fail", "--json")
    name = json.loads(case)["id"]
    text = repro("import", "--from", "curl", "--env", "local", "--json", given="curl https://shop.example/x").out
    Path("r.json").write_text(text)
    told = repro("run", "r.json", "--env", "local", "--tries", "2", "--incident", name, "--json")
    assert server.received[0].headers["authorization"] == f"Bearer {CREDENTIAL}"
    held.forget()  # as in another process, which asks nobody with it
    for one in WRITTEN:
        incident(capsys, "case", "note", name, f"the service says: no such reader: {one}.", "--json")
    incident(capsys, "case", "note", name, told.out, "--json")
    reports = [incident(capsys, "report", name, "--format", form) for form in ("markdown", "html", "json")]
    written = [path.read_text("utf-8", "replace") for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert any("no such reader: ‹redacted:held:" in one for one in written)
    assert "no such reader: ‹redacted:held:" in reports[0]
    for one in WRITTEN:
        assert not [text for text in (*written, *reports) if one in text]
