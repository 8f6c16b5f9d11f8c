"""The edge cases 30 to 45 of importing: curl commands, log lines, spans and HAR files."""

from __future__ import annotations

import base64
import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from console.domain.request import HttpRequest
from console.guard.policy import Environment, State, Verdict, decide
from console.repro.curl import curl_command, imported_curl
from console.repro.errors import Unclear
from console.repro.har import MOST_BYTES, of_har
from console.repro.prepare import prepared
from console.repro.shell import words_of
from tests.repro.conftest import Configure, Repro

LOCAL = Environment("local", "local", "http://127.0.0.1:9")


def sent(command: str) -> HttpRequest:
    return curl_command(command).request


def refusal(command: str) -> str:
    with pytest.raises(Unclear) as caught:
        curl_command(command)
    return str(caught.value)


def test_case_30_ansi_c_quotes_are_exact_and_expand_nothing() -> None:
    body = sent(r"""curl localhost --data-raw $'{"a":"it\'s \u00e9 ${x} `id` \x41\n\\ \u2603 \ud83d\ude00"}'""").body
    assert body == '{"a":"it\'s é ${x} `id` A\n\\ ☃ 😀"}'.encode()


def test_case_31_escaped_double_quotes_are_kept() -> None:
    assert sent(r'curl localhost -d "foo=\"bar\""').body == b'foo="bar"'
    assert sent(r'curl localhost -d "a\b\$\\"').body == rb"a\b$" + b"\\"


def test_case_32_data_moves_into_the_query() -> None:
    request = sent("curl -d a -d b -G http://localhost/x")
    assert (request.method, request.place.target, request.body) == ("GET", "/x?a&b", None)


def test_case_33_json_sets_two_headers() -> None:
    request = sent("curl --json '{}' localhost")
    assert request.method == "POST" and request.body == b"{}"
    assert dict(request.headers) == {"Content-Type": "application/json", "Accept": "application/json"}


def test_case_34_methods() -> None:
    assert sent("curl -I localhost").method == "HEAD"
    assert "-T" in refusal("curl -T /etc/passwd localhost")
    assert sent("curl -XwHat localhost").method == "wHat"
    request = prepared(imported_curl("curl -XwHat localhost"), LOCAL).request
    production = Environment("p", "production", "http://127.0.0.1:9")
    assert decide(request, production, State()).verdict is Verdict.REFUSE


def test_case_35_a_cookie_does_not_eat_the_address() -> None:
    request = sent("curl --cookie 'a=b' http://localhost/x")
    assert request.url == "http://localhost/x" and request.values("cookie") == ["a=b"]


def test_case_36_empty_and_removed_headers() -> None:
    assert sent("curl localhost -H 'X;'").headers == (("Accept", "*/*"), ("X", ""))
    assert sent("curl localhost -H 'Accept:'").headers == ()


@pytest.mark.parametrize("command", ["curl `touch ran`", "curl $(touch ran)", "curl localhost | touch ran", "curl localhost; touch ran", "curl localhost && touch ran", "curl localhost > ran", 'curl "$(touch ran)"', "curl localhost & touch ran", "curl <(touch ran)", "curl localhost\ntouch ran", "(curl localhost)", "curl localhost <<EOF"])  # fmt: skip
def test_case_37_nothing_of_a_shell_is_carried_out(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "column" in refusal(command)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ("-d @secret", "-d"),
        ("--data-binary @secret", "--data-binary"),
        ("--data-urlencode a@secret", "--data-urlencode"),
        ("-K secret", "-K"),
        ("--config secret", "--config"),
        ("--netrc", "--netrc"),
        ("-n", "-n"),
        ("-b secret", "-b"),
        ("-E secret", "-E"),
        ("-T secret", "-T"),
        ("-F a=@secret", "-F"),
        ("-F 'a=<secret'", "-F"),
        ("-H @secret", "-H"),
        ("--json @secret", "--json"),
        ("--url-query @secret", "--url-query"),
        ("--etag-compare secret", "--etag-compare"),
    ],
)
def test_case_38_no_file_is_opened(arguments: str, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").write_text("canary")
    (tmp_path / "secret").chmod(0)
    opened: list[object] = []
    monkeypatch.setattr("builtins.open", lambda *a, **_: opened.append(a))
    why = refusal(f"curl {arguments} localhost")
    assert named in why and "canary" not in why and not opened


def test_case_39_an_unknown_option_is_named() -> None:
    assert "--frobnicate" in refusal("curl --frobnicate v localhost")
    assert "-@" in refusal("curl -s@ localhost")
    assert "--com" in refusal("curl --com localhost")


def test_case_40_several_requests_are_not_guessed_at(repro: Repro, configure: Configure) -> None:
    configure(("local", "local", "http://127.0.0.1:1"))
    done = repro("import", "--from", "curl", "--env", "local", "--json", given="curl http://a/ --next http://b/")
    assert done.code == 2 and "--next" in done.err and not done.out
    for command in ("curl http://a/ http://b/", "curl 'http://a/{x,y}'", "curl 'http://a/[1-3]'"):
        assert "request" in refusal(command)


def test_case_41_continuations_clusters_and_abbreviations() -> None:
    request = sent("$ curl \\\r\n  -sSLk \\\n  --sil http://loc\\\nalhost/x \\\r\n  -H 'A: b'")
    assert request.url == "http://localhost/x" and request.values("a") == ["b"]
    assert sent("# first\n\ncurl localhost # last\n").url == "http://localhost/"
    assert sent("curl --request=PUT localhost").method == "PUT"


def test_case_42_a_missing_quote_has_a_position() -> None:
    assert refusal("curl localhost -H 'A: b") == "column 19: this quote ' is never closed"
    assert refusal('curl localhost \\\n  -d "x').startswith("line 2, column 6")
    assert "column 10" in refusal("curl -d x$'abc")
    assert "continued" in refusal("curl localhost/$\\\nx")


@pytest.mark.parametrize("piece", ["x", "\\\\", "'a'", '"b"', "{", "[", "%41", "&a=b", "$'\\n'", "\\\n"])
def test_case_43_a_megabyte_in_one_line_is_read_in_a_second(piece: str) -> None:
    text = "curl -g localhost --data-raw " + piece * ((1 << 20) // len(piece))
    started = time.process_time()  # the machine may be busy with other things
    try:
        curl_command(text)
    except Unclear:
        pass
    assert time.process_time() - started < 1


def har(*entries: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"log": {"version": "1.2", "entries": list(entries), **more}}).encode()


def entry(
    url: str = "https://shop.example/a?x=1", method: str = "GET", status: int = 500, **request: Any
) -> dict[str, Any]:
    return {
        "request": {"method": method, "url": url, "headers": [], **request},
        "response": {"status": status},
        "time": 120,
    }


def test_case_44_a_har_names_things_twice() -> None:
    headers = [
        {"name": ":authority", "value": "shop.example"},
        {"name": ":path", "value": "/a?x=1"},
        {"name": "cookie", "value": "a=b"},
        {"name": "cookie", "value": "c=d"},
        {"name": "Content-Length", "value": "3"},
        {"name": "Accept", "value": "*/*"},
    ]
    one = entry(headers=headers, queryString=[{"name": "x", "value": "1"}], cookies=[{"name": "a", "value": "b"}])
    imported = of_har(har(one))
    assert imported.request.url == "https://shop.example/a?x=1"
    assert imported.request.headers == (("Cookie", "a=b; c=d"), ("Accept", "*/*"))
    assert imported.observed.status == 500 and imported.observed.latency_s == 0.12
    ready = prepared(imported, LOCAL)
    assert ready.request.url == "http://127.0.0.1:9/a?x=1" and ready.request.headers == (("Accept", "*/*"),)


def test_har_bodies() -> None:
    text = entry(method="POST", postData={"mimeType": "application/json", "text": '{"é": 1}'})
    assert of_har(har(text)).request.body == '{"é": 1}'.encode()
    assert of_har(har(text)).request.values("content-type") == ["application/json"]
    coded = entry(
        method="POST",
        postData={"mimeType": "x/y", "text": base64.b64encode(b"\x00\xff").decode(), "encoding": "base64"},
    )
    assert of_har(har(coded)).request.body == b"\x00\xff"
    pairs = [{"name": "a b", "value": "c&d"}, {"name": "e", "value": ""}]
    form = entry(method="POST", postData={"mimeType": "application/x-www-form-urlencoded", "params": pairs})
    assert of_har(har(form)).request.body == b"a+b=c%26d&e="
    assert of_har(har(entry())).request.body is None


def test_case_45_broken_and_huge_hars_end_in_a_sentence() -> None:
    assert of_har(b"\xef\xbb\xbf" + har(entry())).request.method == "GET"
    for data, word in (
        (har(entry())[:-20], "cut"),
        (b" " * (MOST_BYTES + 1), "50 MB"),
        (b"{}", "no requests"),
        (b"[" * 100_000, "nested"),
        (b"\xff\xfe", "UTF-8"),
        (har(entry("data:text/plain,x")), "http"),
        (har(entry("wss://x/")), "WebSocket"),
        (har(entry(), entry()), "--entry"),
        (har({"request": 7}), "entry 1"),
    ):
        with pytest.raises(Unclear, match=word):
            of_har(data)
    assert of_har(har(entry(status=200), entry("https://x/b"))).request.place.path == "/b"
    assert of_har(har(entry(), entry("https://x/b")), 2).request.place.path == "/b"


@pytest.mark.parametrize(
    ("source", "line", "target", "status"),
    [
        ("access", '1.2.3.4 - - [23/Nov/2026:14:03:10 +0000] "GET /orders/17?x=%2F&y HTTP/1.1" 502 12 "-" "curl"', "/orders/17?x=%2F&y", 502),
        ("log", '{"ts": "2026-11-23T14:03:10Z", "level": "error", "method": "GET", "path": "/orders/17", "status": 500, "msg": "boom"}', "/orders/17", 500),
        ("log", '{"ts": "2026-11-23T14:03:10Z", "method": "get", "url": "https://shop.example/a?b=c", "status": 503}', "/a?b=c", 503),
        ("log", 'ts=2026-11-23T14:03:10Z level=error method=GET path=/a/b query="x=1" status=500 msg=boom', "/a/b?x=1", 500),
        ("log", '2026-11-23T14:03:10Z ERROR GET /items/3?full=1 failed', "/items/3?full=1", None),
        ("span", '{"trace_id": "t", "span_id": "s", "parent_id": null, "service": "a", "operation": "GET /orders/3", "kind": "server", "start": "2026-11-23T14:03:10Z", "duration_ms": 3, "status": "error"}', "/orders/3", 500),
    ],
)  # fmt: skip
def test_evidence_gives_method_path_and_query(
    source: str, line: str, target: str, status: int | None, repro: Repro, configure: Configure
) -> None:
    configure(("local", "local", "http://127.0.0.1:1"))
    done = repro("import", "--from", source, "--env", "local", "--json", given=line + "\n")
    assert done.code == 0, done.err
    document = done.document
    assert document["request"]["method"] == "GET" and document["request"]["url"] == "http://127.0.0.1:1" + target
    assert document["observed"]["status"] == status
    assert document["decision"] == {"verdict": "allow", "rule": "", "reason": document["decision"]["reason"]}


def test_the_body_comes_from_the_record_or_from_a_file(repro: Repro, configure: Configure) -> None:
    configure(("local", "local", "http://127.0.0.1:1"))
    record = {"ts": "2026-11-23T14:03:10Z", "method": "POST", "path": "/orders", "status": 500}
    logged = json.dumps({**record, "request_body": '{"a": 1}'})
    request = repro("import", "--from", "log", "--env", "local", "--json", given=logged).document["request"]
    assert base64.b64decode(request["body_base64"]) == b'{"a": 1}'
    assert ["Content-Type", "application/json"] in request["headers"]
    hidden = json.dumps({**record, "request_body": '{"a": "‹redacted:jwt:ab12›"}'})
    done = repro("import", "--from", "log", "--env", "local", "--json", given=hidden)
    assert done.document["request"]["body_base64"] is None and any("hidden" in note for note in done.document["notes"])
    Path("body.json").write_text('{"b": 2}')
    request = repro(
        "import", "--from", "log", "--env", "local", "--body", "body.json", "--json", given=json.dumps(record)
    ).document["request"]
    assert base64.b64decode(request["body_base64"]) == b'{"b": 2}'
    told = {
        "time": "2026-11-23T14:03:10Z",
        "operation": "POST /orders",
        "status": 500,
        "message": "request",
        "fields": {"body": "[1]"},
    }
    request = repro("import", "--from", "log", "--env", "local", "--json", given=json.dumps(told)).document["request"]
    assert base64.b64decode(request["body_base64"]) == b"[1]", "as `incident logs --json` tells it"
    missing = repro("import", "--from", "log", "--env", "local", "--json", given=json.dumps(record))
    assert not any("evidence.invalid" in note for note in missing.document["notes"])


@pytest.mark.parametrize(
    ("source", "line", "word"),
    [
        ("log", '{"ts": "2026-11-23T14:03:10Z", "msg": "started"}', "no request"),
        ("log", '{"ts": "2026-11-23T14:03:10Z", "method": "GET", "path": "/orders/{id}"}', "route"),
        ("log", '{"ts": "2026-11-23T14:03:10Z", "method": "GET", "path": "/a?t=‹redacted:jwt:ab12›"}', "hidden"),
        ("access", "no access log", "no record"),
        ("span", "{}", "no span"),
        ("log", "a\nb", "--entry"),
        ("log", "", "no line"),
    ],
)  # fmt: skip
def test_evidence_that_is_no_request_is_said_to_be_none(
    source: str, line: str, word: str, repro: Repro, configure: Configure
) -> None:
    configure(("local", "local", "http://127.0.0.1:1"))
    done = repro("import", "--from", source, "--env", "local", given=line)
    assert done.code == 2 and word in done.err


def test_without_an_environment_nothing_is_imported(repro: Repro, configure: Configure) -> None:
    configure(("local", "local", "http://127.0.0.1:1"))
    done = repro("import", "--from", "curl", given="curl localhost")
    assert done.code == 5 and "G19" in done.err and "local" in done.err
    assert repro("import", "--from", "curl", "--env", "lokal", given="curl localhost").code == 2


def test_raw_keeps_everything_and_is_never_sent(repro: Repro, configure: Configure) -> None:
    configure(("local", "local", "http://127.0.0.1:1"))
    done = repro(
        "import",
        "--from",
        "curl",
        "--raw",
        "--env",
        "local",
        "--json",
        "-",
        given="curl https://shop.example/ -b a=b -A x",
    )
    assert done.code == 0
    request = done.document["request"]
    assert request["url"] == "https://shop.example/" and ["Cookie", "a=b"] in request["headers"]
    assert done.document["decision"]["verdict"] == "refuse"
    Path("raw.json").write_text(done.out)
    sent_ = repro("run", "raw.json", "--env", "local")
    assert sent_.code == 5 and "raw" in sent_.err


def test_a_variable_is_a_placeholder_only_where_a_credential_stands() -> None:
    imported = imported_curl('curl localhost -H "Authorization: Bearer $TOKEN"')
    assert any("TOKEN" in note for note in imported.notes)
    with pytest.raises(Unclear, match="ORDER"):
        imported_curl('curl "localhost/orders/$ORDER"')


def test_copy_as_curl_of_cmd_is_refused_by_name() -> None:
    assert "cmd" in refusal('curl ^"http://localhost/^" ^\n  -H ^"Accept: */*^"')


@pytest.mark.parametrize("text", [r"a 'b c' \d", 'x"y z"$\'\\t\'', "a\\\n b", "'' \"\"", r'"\a\"\\"', "a#b '#' #c", "é 'ü'", "a'b'\"c\"d", "--x=y 'a\nb'"])  # fmt: skip
def test_words_are_those_of_bash(text: str) -> None:
    script = f"printf '%s\\0' {text}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, timeout=20)
    assert [word.data for word in words_of(text)] == done.stdout.split(b"\0")[:-1]
