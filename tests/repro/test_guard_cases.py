"""The hostile and edge cases 1 to 29 of the guard, each against real servers on loopback where something could be sent."""

from __future__ import annotations

import asyncio
import gzip
import json
import multiprocessing
import os
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from console.domain.request import HttpRequest
from console.guard.audit import Audit, verify
from console.guard.ledger import KILL_SWITCH, Ledger
from console.guard.limits import MOST_ANSWER, RUN_S, TOTAL_S, limits_of
from console.guard.policy import Confirmation, Decision, Environment, State, Verdict, decide, evidence_host, phrase
from console.repro.curl import imported_curl
from console.repro.errors import NotAllowed, Stopped
from console.repro.prepare import digest_of, prepared
from console.repro.run import run
from console.repro.signature import Wanted
from sources.reproduce import Books, Facts
from tests.repro.conftest import FAST, Configure, MakeSession, Repro, audit_lines
from tests.repro.loopback import Behave, Loopback, Received, always, answer, when
from tests.waiting import PATIENCE_S, Stopwatch

PRODUCTION = Environment("prod", "production", "https://shop.example")
STAGING = Environment("staging", "staging", "https://staging.example")
Serve = Callable[[Behave], Loopback]


def judged(
    url: str,
    method: str = "GET",
    headers: tuple[tuple[str, str], ...] = (),
    body: bytes | None = None,
    env: Environment = PRODUCTION,
    **state: object,
) -> tuple[str, str]:
    """Rule and verdict on a path or address."""
    whole = env.origin + url if url.startswith("/") else url
    found = decide(HttpRequest(method, whole, headers, body), env, State(**state))  # type: ignore[arg-type]
    return found.rule, str(found.verdict)


def get(server: Loopback, target: str = "/") -> HttpRequest:
    return HttpRequest("GET", server.origin + target, (("Accept", "*/*"),))


def test_case_01_a_log_line_that_leads_to_a_metadata_service(repro: Repro, configure: Configure) -> None:
    configure(("local", "local", "http://127.0.0.1:1"))
    line = '10.0.0.1 - - [23/Nov/2026:14:03:10 +0000] "GET http://169.254.169.254/latest HTTP/1.1" 200 10'
    done = repro("import", "--from", "access", "--env", "local", "--json", given=line)
    assert done.code == 5 and done.document["decision"]["rule"] == "G2"
    log = json.dumps({"ts": "2026-11-23T14:03:10Z", "msg": "GET http://169.254.169.254/latest"})
    done = repro("import", "--from", "log", "--env", "local", "--json", given=log)
    assert done.code == 5 and done.document["decision"]["rule"] == "G2"


async def test_case_02_a_configured_name_that_resolves_to_the_metadata_service(make_session: MakeSession) -> None:
    async def metadata(_: str, __: int) -> Sequence[str]:
        return ["169.254.169.254"]

    session = make_session("http://api.internal:8080", resolve=metadata)
    with pytest.raises(Stopped) as stop:
        await session(HttpRequest("GET", "http://api.internal:8080/"))
    assert stop.value.rule == "G3" and session.sent == 0


async def test_case_03_the_first_answer_of_dns_is_pinned(serve: Serve, make_session: MakeSession) -> None:
    first, second = serve(always(answer())), serve(always(answer()))
    asked: list[str] = []

    async def rebinding(host: str, _: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    session = make_session(f"http://shop.internal:{first.port}", resolve=rebinding)
    for _ in range(3):
        assert (await session(HttpRequest("GET", f"http://shop.internal:{first.port}/"))).status == 200
    assert len(asked) == 1 and len(first.received) == 3 and not second.received
    assert first.received[0].headers["host"] == f"shop.internal:{first.port}"


async def test_case_03_a_peer_that_is_not_the_pinned_address_ends_it(
    serve: Serve, make_session: MakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(always(answer()))
    connect = asyncio.open_connection

    async def elsewhere(host: str, port: int, **given: object) -> object:
        return await connect("127.0.0.1", port, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(asyncio, "open_connection", elsewhere)

    async def pinned(_: str, __: int) -> Sequence[str]:
        return ["127.0.0.2"]

    session = make_session(f"http://shop.internal:{server.port}", resolve=pinned)
    with pytest.raises(Stopped) as stop:
        await session(HttpRequest("GET", f"http://shop.internal:{server.port}/"))
    assert stop.value.rule == "G4" and not server.received


@pytest.mark.parametrize(
    "url",
    ["http://2130706433/", "http://0x7f.1/", "http://127.1/", "http://0177.0.0.1/", "http://[::ffff:169.254.169.254]/"],
)
def test_case_04_addresses_in_disguise(url: str) -> None:
    found = evidence_host(url)
    assert found is not None and found.verdict is Verdict.REFUSE and found.rule == "G2"
    rule, verdict = judged(url)
    assert verdict == "refuse" and rule in ("G2", "G3")


@pytest.mark.parametrize("address", ["169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "::ffff:169.254.169.254", "224.0.0.1", "0.0.0.0", "127.0.0.1", "10.1.2.3", "::ffff:10.1.2.3"])  # fmt: skip
def test_g3_resolved_addresses_out_of_reach(address: str) -> None:
    assert judged("/", addresses=(address,)) == ("G3", "refuse")


def test_g3_private_addresses_within_the_networks_of_the_environment() -> None:
    env = replace(PRODUCTION, networks=("10.0.0.0/8",))
    assert judged("/", env=env, addresses=("10.1.2.3",)) == ("", "allow")
    assert judged("/", env=env, addresses=("192.168.1.1",)) == ("G3", "refuse")


def test_case_05_a_backslash_hides_the_host() -> None:
    assert judged("https://shop.example\\@evil.example/") == ("G2", "refuse")
    found = prepared(imported_curl("curl 'https://prod\\@evil.example/'"), PRODUCTION)
    assert found.refused is not None and found.refused.rule == "G2"


async def test_case_06_a_redirect_is_not_followed(serve: Serve, make_session: MakeSession) -> None:
    other = serve(always(answer()))
    server = serve(always(answer(302, b"", location=f"{other.origin}/x")))
    session = make_session(server.origin)
    outcome = await session(get(server).with_headers((("X-Custom", "k"),)))
    assert outcome.status == 302 and outcome.location == f"{other.origin}/x"
    assert other.connections == 0 and len(server.received) == 1


async def test_case_07_a_redirect_to_itself_is_not_followed(serve: Serve, make_session: MakeSession) -> None:
    server = serve(always(answer(307, b"", location="/")))
    assert (await make_session(server.origin)(get(server))).status == 307
    assert len(server.received) == 1


@pytest.mark.parametrize("name", ["X-http-method_override", "X-HTTP-Method", "x-method-override"])
def test_case_08_a_method_in_a_header(name: str) -> None:
    assert judged("/", headers=((name, "delete"),), env=STAGING) == ("G6", "refuse")


@pytest.mark.parametrize("query", ["?_METHOD=DELETE", "?%5Fmethod=DELETE", "?%255Fmethod=DELETE", "?a[_method]=x", "?x-http-method-override=PUT", "?$httpMethod=DELETE"])  # fmt: skip
def test_case_09_a_method_in_the_query(query: str) -> None:
    assert judged(f"/orders{query}", env=STAGING) == ("G6", "refuse")


def test_g6_a_method_in_a_body() -> None:
    form = (("Content-Type", "application/x-www-form-urlencoded"),)
    assert judged("/", "POST", form, b"a=1&_method=delete", STAGING) == ("G6", "refuse")
    assert judged("/", "POST", (), b'{"a": [{"_method": "delete"}]}', STAGING) == ("G6", "refuse")
    assert judged("/orders?method=card") == ("", "allow")


def test_case_10_graphql_by_get() -> None:
    assert judged("/graphql?query=mutation%7Bdrop%7D") == ("G7", "refuse")
    assert judged("/api?query=mutation{drop}", env=STAGING) == ("G7", "refuse")
    comment = "%23%20mutation%20%7Bx%7D%0Aquery%20%7Ba%7D"
    assert judged(f"/graphql?query={comment}") == ("", "allow")
    assert judged('/graphql?query=query{a(note:"mutation{b}")}') == ("", "allow")
    assert judged("/search?query=mutation+of+genes") == ("", "allow")
    assert judged("/graphql?query=query{") == ("G7", "refuse")
    assert judged("/graphql?query=query{", env=STAGING) == ("G7", "confirm")


def test_case_11_the_operation_name_picks_the_mutation() -> None:
    document = "query A{a} mutation B{b}"
    post = json.dumps({"query": document, "operationName": "B"}).encode()
    assert judged("/graphql", "POST", (), post, STAGING) == ("G7", "refuse")
    only_a = json.dumps({"query": document, "operationName": "A"}).encode()
    assert judged("/graphql", "POST", (), only_a, STAGING) == ("G5", "confirm")
    assert judged("/graphql", "POST", (), json.dumps({"query": document}).encode(), STAGING) == ("G7", "refuse")
    batch = json.dumps([{"query": "{a}"}, {"query": "{b}"}]).encode()
    assert judged("/graphql", "POST", (), batch, STAGING) == ("G7", "confirm")
    stored = '/graphql?extensions={"persistedQuery":{"sha256Hash":"x"}}'
    assert judged(stored) == ("G7", "refuse")


def test_case_12_verbs_are_whole_segments() -> None:
    assert judged("/logout") == ("G9", "refuse")
    assert judged("/logout", env=STAGING) == ("G9", "confirm")
    assert judged("/deleted-items") == judged("/runbooks") == judged("/api/executions") == ("", "allow")
    assert judged("/x?action=delete") == ("G9", "refuse")
    assert judged("/x?cmd=list") == ("", "allow")


@pytest.mark.parametrize("path", ["/Account/%6Cogout", "/x/..;/logout", "/LOGOUT;jsessionid=1", "/a/%256Cogout", "/logout.php", "/a//logout/", "/logout/../items", "/x\\logout"])  # fmt: skip
def test_case_13_verbs_in_disguise(path: str) -> None:
    assert judged(path) == ("G9", "refuse")


def test_case_14_one_time_parameters() -> None:
    assert judged("/confirm?token=abc") == ("G10", "refuse")
    assert judged("/x?CODE=1", env=STAGING) == ("G10", "confirm")
    assert judged("/oauth/authorize") == ("G10", "refuse")


def test_case_15_a_get_with_a_body() -> None:
    assert judged("/x", body=b"{}") == ("G8", "refuse")
    assert judged("/x", body=b"{}", env=STAGING) == ("G8", "confirm")
    assert judged("/x", "QUERY", body=b"{}") == ("G8", "confirm")


async def test_case_16_a_line_break_in_a_header(serve: Serve, make_session: MakeSession) -> None:
    assert judged("/", headers=(("X", "a\r\nY: b"),), env=STAGING) == ("G13", "refuse")
    assert judged("/", headers=(("X", "a\nY: b"),)) == ("G13", "refuse")
    assert judged("/", headers=(("X", "a\0"),)) == ("G13", "refuse")
    server = serve(always(answer()))
    with pytest.raises(NotAllowed):
        await make_session(server.origin)(get(server).with_headers((("X", "a\r\n\r\nGET /logout HTTP/1.1"),)))
    assert server.connections == 0


def test_case_17_a_captured_cookie_is_stripped_and_shown(repro: Repro, configure: Configure) -> None:
    configure(("local", "local", "http://127.0.0.1:1"))
    done = repro(
        "import",
        "--from",
        "curl",
        "--env",
        "local",
        "--json",
        given="curl localhost/ -b 'sid=hunter2; a=b' -H 'X-Api-Key: k1'",
    )
    assert done.code == 0 and "hunter2" not in done.out and "k1" not in done.out
    assert any("Cookie" in note and "sid" in note for note in done.document["notes"])
    kept = repro(
        "import",
        "--from",
        "curl",
        "--env",
        "local",
        "--keep-credentials",
        "--json",
        given="curl localhost/ -b sid=hunter2",
    )
    assert kept.document["decision"]["verdict"] == "confirm" and kept.document["decision"]["rule"] == "G12"


def test_g12_the_credential_of_the_environment_is_used(
    serve: Serve, repro: Repro, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(when(lambda _: True))
    monkeypatch.setenv("LOCAL_TOKEN", "test-credential-1")
    configure(("local", "local", server.origin), more='token_env = "LOCAL_TOKEN"')
    text = repro(
        "import",
        "--from",
        "curl",
        "--env",
        "local",
        "--json",
        given="curl https://shop.example/x -H 'Authorization: Bearer captured-1'",
    ).out
    Path("r.json").write_text(text)
    done = repro("run", "r.json", "--env", "local", "--tries", "1", "--json")
    assert done.code == 0, done.err
    assert server.received[0].headers["authorization"] == "Bearer test-credential-1"
    assert b"captured" not in server.received[0].data
    preview = repro("run", "r.json", "--env", "local", "--dry-run")
    assert "test-credential-1" not in preview.out and "LOCAL_TOKEN" in preview.out


def test_case_18_forwarding_headers_are_stripped() -> None:
    imported = prepared(imported_curl("curl localhost/ -H 'X-Forwarded-For: 1.2.3.4' -H 'Forwarded: for=x' -H 'X-Real-IP: 1' -H 'X-Original-URL: /admin' -H 'traceparent: 00-1-2-01' -H 'Idempotency-Key: k'"), STAGING)  # fmt: skip
    assert imported.request.headers == (("Accept", "*/*"),)
    assert len([note for note in imported.notes if "stripped" in note]) == 6
    added = (("X-Forwarded-For", "1.2.3.4"),)
    assert judged("/", headers=added) == ("G13", "refuse")
    assert judged("/", headers=added, env=STAGING) == ("G13", "confirm")
    assert judged("/", headers=(("X-Original-URL", "/admin"),), env=STAGING) == ("G13", "refuse")


async def test_case_19_large_answers_and_bombs_are_cut(serve: Serve, make_session: MakeSession) -> None:
    def endless(_: Received, peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n")
        for _i in range(10_000):
            peer.sendall(b"x" * 65536)

    server = serve(endless)
    outcome = await make_session(server.origin)(get(server))
    assert outcome.status == 200 and outcome.cut and len(outcome.body) == MOST_ANSWER
    bomb = gzip.compress(b"\0" * (200 << 20))
    server = serve(always(answer(200, bomb, content_encoding="gzip")))
    outcome = await make_session(server.origin)(get(server))
    assert outcome.cut and len(outcome.body) <= MOST_ANSWER and outcome.bytes < len(bomb)


async def test_case_20_a_dripping_server_ends_at_the_deadline(
    serve: Serve, make_session: MakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drip(_: Received, peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
        peer.settimeout(0.02)
        for _i in range(2000):
            peer.sendall(b"x")
            try:
                if peer.recv(1) == b"":
                    return
            except TimeoutError:
                pass

    assert TOTAL_S == 15
    monkeypatch.setattr("sources.reproduce.TOTAL_S", 0.4)
    server = serve(drip)
    started = time.monotonic()
    outcome = await make_session(server.origin)(get(server))
    assert outcome.status is None and "no complete answer" in outcome.problem
    assert time.monotonic() - started < 3


async def test_case_21_a_server_that_asks_to_wait_is_obeyed_by_every_console(
    serve: Serve, make_session: MakeSession
) -> None:
    server = serve(always(answer(429, b"", retry_after="60")))
    first = make_session(server.origin)
    assert (await first(get(server))).status == 429
    for session in (first, make_session(server.origin, incident="another")):
        with pytest.raises(Stopped) as stop:
            await session(get(server))
        assert stop.value.rule == "G18" and "wait 60 s" in stop.value.reason
    assert len(server.received) == 1


@pytest.mark.parametrize("status", [401, 403])
async def test_case_22_one_refusal_of_a_login_stops(serve: Serve, make_session: MakeSession, status: int) -> None:
    server = serve(always(answer(status)))
    result = await run(get(server), make_session(server.origin), Wanted(), 5)
    assert len(server.received) == 1 and result.rule == "G18" and str(status) in result.stopped


async def test_three_other_failures_stop_and_the_expected_one_does_not(serve: Serve, make_session: MakeSession) -> None:
    server = serve(always(answer(502)))
    result = await run(get(server), make_session(server.origin), Wanted(status=500), 9)
    assert len(server.received) == 3 and "other failures" in result.stopped
    server = serve(always(answer(500)))
    session = make_session(server.origin, expected=Wanted(status=500).failing)
    assert (await run(get(server), session, Wanted(status=500), 6)).failures == 6


async def test_a_target_that_gets_worse_is_left_alone(serve: Serve, make_session: MakeSession) -> None:
    server = serve(always(answer()))
    rates = iter([0.01, 0.02, 0.04, 0.5])
    result = await run(get(server), make_session(server.origin, error_rate=lambda: next(rates)), Wanted(), 9)
    assert len(server.received) == 3 and "error rate rose from 1.0% to 4.0%" in result.stopped


async def test_answers_that_become_slow_end_the_run(serve: Serve, make_session: MakeSession) -> None:
    server = serve(always(answer()))
    now = [0.0]

    def clock() -> float:
        now[0] += 0.5 if len(server.received) < 2 else 3.0
        return now[0]

    result = await run(get(server), make_session(server.origin, monotonic=clock), Wanted(), 9)
    assert "slow" in result.stopped and len(server.received) < 9


def _take(folder: str, times: int, found: multiprocessing.Queue[int]) -> None:
    ledger, limits = Ledger(Path(folder)), replace(limits_of("production"), per_second=1e6)
    granted = 0
    for _ in range(times):
        grant = ledger.take(time.time(), "i-1", "shop.example", limits)
        while grant.reason is None and grant.wait_s > 0:
            grant = ledger.take(time.time(), "i-1", "shop.example", limits)
        granted += grant.reason is None
    found.put(granted)


def test_case_23_the_budget_outlives_restarts_and_is_shared(tmp_path: Path) -> None:
    limits = replace(limits_of("production"), per_second=1e6)
    ledger = Ledger(tmp_path)
    for k in range(59):
        assert ledger.take(1000.0 + k, "i-1", "shop.example", limits).reason is None
    again = Ledger(tmp_path)
    assert again.left(2000.0, "i-1", "shop.example", limits) == 1
    assert again.take(2000.0, "i-1", "shop.example", limits).left == 0
    spent = again.take(2001.0, "i-1", "shop.example", limits)
    assert spent.reason is not None and "used up" in spent.reason
    again.extend("i-1")
    assert again.left(2002.0, "i-1", "shop.example", limits) == 140


def test_case_23_two_processes_share_one_budget(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    found: multiprocessing.Queue[int] = context.Queue()
    workers = [context.Process(target=_take, args=(str(tmp_path), 50, found)) for _ in range(2)]
    for worker in workers:
        worker.start()
    granted = sum(found.get(timeout=30) for _ in workers)
    for worker in workers:
        worker.join(30)
    assert granted == 60


async def test_the_pace_of_a_tier_is_kept(serve: Serve, make_session: MakeSession) -> None:
    server = serve(always(answer()))
    session = make_session(server.origin, limits=replace(FAST, per_second=10.0))
    started = time.monotonic()
    for _ in range(4):
        await session(get(server))
    assert time.monotonic() - started >= 0.29


def test_concurrent_places_are_shared(tmp_path: Path) -> None:
    limits = limits_of("staging")
    with (
        Ledger(tmp_path).slot("h", limits) as one,
        Ledger(tmp_path).slot("h", limits) as two,
        Ledger(tmp_path).slot("h", limits) as three,
    ):
        assert (one, two, three) == (True, True, False)
    with Ledger(tmp_path).slot("h", limits) as free:
        assert free


class _Unwritable(Audit):
    """A record whose disk is full."""

    def write(self, entry: object) -> None:
        descriptor = os.open("/dev/full", os.O_WRONLY)
        try:
            os.write(descriptor, b"x")
        except OSError as error:
            from console.guard.audit import AuditFailed

            raise AuditFailed(str(error)) from None
        finally:
            os.close(descriptor)


async def test_case_24_without_an_audit_nothing_is_sent(
    serve: Serve, make_session: MakeSession, tmp_path: Path
) -> None:
    server = serve(always(answer()))
    blocker = tmp_path / "file"
    blocker.write_text("")
    for audit in (Audit(blocker / "audit.jsonl"), _Unwritable(tmp_path / "a"), Audit(Path("/proc/audit.jsonl"))):
        session = make_session(server.origin, books=Books(Ledger(tmp_path / "l"), audit))
        with pytest.raises(Stopped) as stop:
            await session(get(server))
        assert stop.value.rule == "G20"
    assert server.connections == 0


async def test_the_intent_is_on_the_disk_before_the_first_byte(
    serve: Serve, make_session: MakeSession, tmp_path: Path
) -> None:
    seen: list[list[dict[str, object]]] = []

    def look(_: Received, peer: socket.socket) -> None:
        seen.append(audit_lines(tmp_path))
        peer.sendall(answer())

    server = serve(look)
    await make_session(server.origin)(get(server, "/orders/1234567?card=4&token_x=abc"))
    assert [line["event"] for line in seen[0]] == ["intent"]
    intent, outcome = audit_lines(tmp_path)
    assert intent["path"] == "/orders/{}" and outcome["status"] == 200
    assert intent["trace_id"] == outcome["trace_id"] == server.received[0].headers["traceparent"].split("-")[1]
    assert (tmp_path / "repro" / "audit.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_changed_or_missing_line_of_the_audit_is_found(tmp_path: Path) -> None:
    audit = Audit(tmp_path / "a")
    for k in range(5):
        audit.write({"n": k})
    assert verify(tmp_path / "a").broken_at is None
    lines = (tmp_path / "a").read_text().splitlines(keepends=True)
    (tmp_path / "b").write_text("".join([*lines[:2], *lines[3:]]))
    assert verify(tmp_path / "b").broken_at == 3
    (tmp_path / "c").write_text("".join([lines[0], lines[1].replace('"n": 1', '"n": 9'), *lines[2:]]))
    assert verify(tmp_path / "c").broken_at == 3
    with (tmp_path / "a").open("ab") as file:
        file.write(b'{"n": 5, "tor')
    assert verify(tmp_path / "a").torn
    Audit(tmp_path / "a").write({"n": 6})
    assert verify(tmp_path / "a").broken_at is None


def test_case_25_a_confirmation_is_for_one_request() -> None:
    request = HttpRequest("POST", "https://staging.example/orders", (("X-A", "1"),), b'{"a": 1, "b": 2}')
    typed = Confirmation(phrase(request, STAGING), "why", request.sha256(), 1000.0, "i-1", base=request)
    state = State(now=1100.0, incident="i-1", confirmation=typed)

    def verdict(one: HttpRequest, seen: State = state) -> Decision:
        return decide(one, STAGING, seen)

    assert verdict(request).verdict is Verdict.ALLOW
    assert verdict(replace(request, headers=(), body=b'{"a": 1}')).verdict is Verdict.ALLOW
    for other in (request.with_url("https://staging.example/users"), replace(request, headers=(("X-B", "1"),))):
        assert verdict(other) == Decision(Verdict.REFUSE, "G5", verdict(other).reason)
        assert "another request" in verdict(other).reason
    assert verdict(request, replace(state, now=1601.0)).verdict is Verdict.REFUSE
    assert verdict(request, replace(state, incident="i-2")).verdict is Verdict.REFUSE
    wrong = replace(state, confirmation=replace(typed, text="yes"))
    assert verdict(request, wrong).verdict is Verdict.REFUSE
    for reason in ("", "  "):
        unexplained = verdict(request, replace(state, confirmation=replace(typed, reason=reason)))
        assert unexplained.verdict is Verdict.REFUSE and "a reason is needed" in unexplained.reason


async def test_case_26_proxies_of_the_environment_are_ignored(
    serve: Serve, make_session: MakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, server = serve(always(answer())), serve(always(answer()))
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.origin)
    await make_session(server.origin)(get(server))
    assert proxy.connections == 0 and len(server.received) == 1


def test_case_27_a_thousand_tries_are_capped_and_it_is_said(
    serve: Serve, repro: Repro, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(when(lambda _: True))
    monkeypatch.setattr("console.reproduce.limits_of", lambda *_: replace(FAST, per_run=12))
    configure(("local", "local", server.origin))
    text = repro("import", "--from", "curl", "--env", "local", "--json", given="curl localhost/").out
    Path("r.json").write_text(text)
    done = repro("run", "r.json", "--env", "local", "--tries", "1000", "--json")
    assert done.document["tries"] == len(server.received) == 12
    assert "capped at 12" in done.err


async def test_case_28_a_changed_request_to_a_cached_route_of_production(
    serve: Serve, make_session: MakeSession
) -> None:
    headers = (("Accept", "*/*"), ("X-Tenant", "a"))
    assert judged("/", headers=headers, cacheable=True) == ("", "allow")
    assert judged("/", headers=headers[:1], cacheable=True, altered=True) == ("G14", "refuse")
    assert judged("/", headers=headers[:1], cacheable=True, altered=True, env=STAGING) == ("", "allow")
    assert judged("/", headers=headers[:1], cacheable=True, altered=True, buster_proven=True) == ("", "allow")
    server = serve(always(answer(200, b"x", cache_control="public, max-age=60")))
    session = make_session(server.origin, facts=Facts(original=digest_of(headers)))
    await session(get(server).with_headers(headers))
    assert session.facts.cacheable


async def test_case_29_cancelling_ends_within_a_request_and_is_written_down(
    serve: Serve, make_session: MakeSession, tmp_path: Path
) -> None:
    arrived = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hang(_: Received, peer: socket.socket) -> None:
        loop.call_soon_threadsafe(arrived.set)
        peer.recv(1)

    server = serve(hang)
    task = asyncio.ensure_future(run(get(server), make_session(server.origin), Wanted(), 10))
    await asyncio.wait_for(arrived.wait(), PATIENCE_S)
    cancelling = Stopwatch()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cancelling.seconds() < 0.1
    assert len(server.received) == 1
    assert [(line["event"], line.get("problem")) for line in audit_lines(tmp_path)] == [
        ("intent", None),
        ("outcome", "cancelled"),
    ]


async def test_the_kill_switch_ends_all_sending(serve: Serve, make_session: MakeSession, tmp_path: Path) -> None:
    server = serve(always(answer()))
    session = make_session(server.origin)
    await session(get(server))
    (tmp_path / "repro" / KILL_SWITCH).write_text("")
    with pytest.raises(Stopped) as stop:
        await session(get(server))
    assert stop.value.rule == "G18" and "kill switch" in stop.value.reason and len(server.received) == 1


async def test_a_request_that_may_leave_only_after_the_end_of_a_run_is_not_waited_for(
    serve: Serve, make_session: MakeSession
) -> None:
    server = serve(always(answer()))
    session = make_session(server.origin, limits=replace(FAST, per_second=0.005))
    await session(get(server))
    with pytest.raises(Stopped, match=r"may leave in 200 s, after the 120 s of a run"):
        await session(get(server))
    assert len(server.received) == 1


async def test_a_run_ends_after_two_minutes(serve: Serve, make_session: MakeSession) -> None:
    server = serve(always(answer()))
    now = [0.0]
    session = make_session(server.origin, monotonic=lambda: now[0])
    await session(get(server))
    now[0] = RUN_S + 1
    with pytest.raises(Stopped, match="120 s"):
        await session(get(server))


@pytest.mark.parametrize(
    ("url", "method", "headers", "body", "rule"),
    [
        ("ftp://shop.example/", "GET", (), None, "G1"),
        ("http://shop.example/", "GET", (), None, "G1"),
        ("https://other.example/", "GET", (), None, "G2"),
        ("https://user:pw@shop.example/", "GET", (), None, "G2"),
        ("https://shop.example:8443/", "GET", (), None, "G2"),
        ("https://metadata.google.internal/", "GET", (), None, "G2"),
        ("/orders", "POST", (), b"", "G5"),
        ("/orders", "PROPFIND", (), None, "G5"),
        ("/orders", "TRACE", (), None, "G5"),
        ("/orders", "wHat", (), None, "G5"),
        ("/debug/pprof/profile", "GET", (), None, "G11"),
        ("/actuator/heapdump", "GET", (), None, "G11"),
        ("/v1/chat/completions", "GET", (), None, "G11"),
        ("/reports/export.csv", "GET", (), None, "G11"),
        ("/", "GET", (("Connection", "close"),), None, "G13"),
        ("/", "GET", (("Host", "x"),), None, "G13"),
        ("/x", "OPTIONS", (), b"x" * 70_000, "G17"),
    ],
)
def test_each_rule_in_production(
    url: str, method: str, headers: tuple[tuple[str, str], ...], body: bytes | None, rule: str
) -> None:
    assert judged(url, method, headers, body) == (rule, "refuse")


def test_rules_beside_the_request() -> None:
    assert decide(HttpRequest("GET", "https://shop.example/"), None, State()).rule == "G19"
    assert judged("/", blocked="the incident is closed") == ("G19", "refuse")
    assert judged("/", stopped="spent") == ("G18", "refuse")
    assert judged("/", insecure=True) == ("G16", "refuse")
    assert judged("/", insecure=True, env=STAGING) == ("G16", "confirm")
    assert judged("/", proxy=True) == ("G16", "refuse")
    env = replace(PRODUCTION, read_post_routes=("/search", "/api/*/query"))
    assert judged("/search", "POST", env=env) == ("G5", "confirm")
    assert judged("/orders", "POST", env=env) == ("G5", "refuse")
    upload = (("Content-Type", "multipart/form-data; boundary=b"),)
    body = b'--b\r\nContent-Disposition: form-data; name="a"; filename="x"\r\n\r\nd\r\n--b--\r\n'
    assert judged("/", "POST", upload, body, replace(PRODUCTION, read_post_routes=("/",))) == ("G17", "refuse")
    assert judged("/x", "OPTIONS", body=b"x" * 70_000, env=STAGING) == ("G17", "confirm")
    assert judged("/x", "OPTIONS", body=b"x" * 1_100_000, env=STAGING) == ("G17", "refuse")


def test_g20_a_decision_that_fails_is_a_refusal() -> None:
    deep = b'{"a":' * 500 + b"1" + b"}" * 500
    assert judged("/x", "OPTIONS", body=deep, env=STAGING) == ("G20", "refuse")
    assert judged("no address")[1] == "refuse"


def test_a_safe_request_is_allowed() -> None:
    assert judged("/orders/17?page=2", headers=(("Accept", "*/*"), ("X-Tenant", "a"))) == ("", "allow")
