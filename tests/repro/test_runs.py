"""Runs, minimising, comparing, verifying: on real servers, deterministic and flaky."""

from __future__ import annotations

import json
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest
from scipy import stats as oracle

from console.domain.request import HttpRequest
from console.report.repro_json import repro_schema
from console.repro.minimise import minimise
from console.repro.run import compare, run, verify
from console.repro.signature import Kind, Outcome, Wanted, error_of, fingerprint, signature_of
from console.repro.stats import Sequential, detectable, fisher, interval, passes_needed
from console.repro.units import assembled, closed, units_of
from sources.traced import WAIT_S
from tests.repro.conftest import FAST, Configure, MakeSession, Repro
from tests.repro.loopback import Behave, Loopback, Received, always, answer, when

Serve = Callable[[Behave], Loopback]


def large(origin: str) -> HttpRequest:
    """A request of thirty parts, as a browser sends them."""
    query = "&".join(f"q{k}={k}" for k in range(12))
    headers = [
        ("Accept", "*/*"),
        ("Accept-Language", "en"),
        ("sec-ch-ua", '"x"'),
        ("sec-fetch-mode", "cors"),
        ("Referer", "http://r/"),
        ("Origin", "http://r"),
    ]
    headers += [(f"X-Custom-{k}", str(k)) for k in range(7)]
    cookies = "; ".join(["_ga=1", "_gid=2", "theme=dark", "lang=en", "ab=7"])
    return HttpRequest("GET", f"{origin}/orders?{query}", (*headers, ("Cookie", cookies)))


# --- signatures --------------------------------------------------------------------------------------------------


def outcome(status: int | None, body: bytes = b"", elapsed: float = 0.1) -> Outcome:
    return Outcome(status, elapsed, body=body)


def test_a_signature_sees_through_what_varies() -> None:
    bodies = [
        json.dumps({"error": {"type": "KeyError"}, "id": k, "at": f"2026-11-23T14:0{k}:00"}).encode() for k in range(3)
    ]
    found = signature_of([outcome(500, body) for body in bodies], Wanted())
    assert (
        found is not None
        and (found.status, found.error) == (500, "KeyError")
        and found.body == fingerprint(outcome(500, bodies[1]))
    )
    assert found.kind(outcome(500, bodies[2])) is Kind.FAILS
    assert found.kind(outcome(500, b'{"error": {"type": "ValueError"}}')) is Kind.DIFFERENT
    assert found.kind(outcome(401)) is Kind.DIFFERENT
    assert found.kind(outcome(200)) is Kind.PASSES
    assert found.kind(outcome(None)) is Kind.UNRESOLVED


def test_slowness_and_text_are_failures_where_asked_for() -> None:
    assert Wanted(slow_s=2).failing(outcome(200, elapsed=2.5)) and not Wanted(slow_s=2).failing(outcome(500, elapsed=1))
    assert Wanted(text="oops").failing(outcome(200, b"an oops")) and not Wanted(text="oops").failing(outcome(500, b""))
    assert error_of(outcome(500, b"Traceback\n...\njson.JSONDecodeError: x")) == "JSONDecodeError"


# --- statistics --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("before", "at_95", "at_99"), [((20, 20), 2, 3), ((10, 10), 3, 4), ((5, 5), 4, 6), ((15, 20), 4, 6), ((10, 20), 9, 13), ((5, 20), 28, 42), ((3, 20), 70, 107)])  # fmt: skip
def test_passes_that_are_needed(before: tuple[int, int], at_95: int, at_99: int) -> None:
    assert passes_needed(*before) == at_95
    assert passes_needed(*before, 0.99) == at_99


def test_intervals_and_fisher_agree_with_scipy() -> None:
    for n in (1, 3, 10, 40):
        for k in range(n + 1):
            exact = oracle.binomtest(k, n).proportion_ci(0.95, "exact")
            assert interval(k, n) == pytest.approx((exact.low, exact.high), abs=1e-9)
    for table in ((5, 5, 0, 5), (4, 4, 0, 4), (3, 3, 0, 3), (7, 9, 2, 11), (0, 5, 0, 5)):
        k1, n1, k2, n2 = table
        assert fisher(*table) == pytest.approx(oracle.fisher_exact([[k1, n1 - k1], [k2, n2 - k2]]).pvalue)
    assert passes_needed(0, 5) is None and detectable(5) == pytest.approx(0.4507, abs=1e-4)


def test_the_sequential_test_decides_as_published() -> None:
    def passes(p1: float) -> int:
        test = Sequential(0.01, p1, 0.05, 0.05)
        return next(k for k in range(1, 99) if test.saw(False) is False)

    assert (passes(0.5), passes(0.2), passes(0.1)) == (5, 14, 31)
    assert Sequential(0.01, 0.5, 0.05, 0.05).saw(True) is True


# --- run ---------------------------------------------------------------------------------------------------------


async def test_a_run_tells_rate_signature_and_traces(serve: Serve, make_session: MakeSession) -> None:
    counter = iter(range(99))
    server = serve(when(lambda _: next(counter) % 2 == 0))
    session = make_session(server.origin, expected=Wanted().failing)
    result = await run(HttpRequest("GET", server.origin + "/"), session, Wanted(), 10)
    assert (result.failures, result.tries, result.reproduced) == (5, 10, True)
    assert str(result.signature).startswith("5xx 500 ValueError body ")
    traces = [one.headers["traceparent"] for one in server.received]
    assert len(set(traces)) == 10 and [t.split("-")[1] for t in traces] == [one.trace_id for one in result.outcomes]
    for one in server.received:
        assert one.headers["x-synthetic"] == "1" and "synthetic; incident=i-1" in one.headers["user-agent"]


async def test_never_failing_is_not_called_fixed(serve: Serve, make_session: MakeSession) -> None:
    server = serve(always(answer()))
    result = await run(HttpRequest("GET", server.origin + "/"), make_session(server.origin), Wanted(), 5)
    assert not result.reproduced and "45%" in result.sentence and "fixed" not in result.sentence


async def test_marks_can_be_the_user_agent_alone(serve: Serve, make_session: MakeSession) -> None:
    server = serve(always(answer()))
    await make_session(server.origin, full_marks=False)(HttpRequest("GET", server.origin + "/"))
    assert set(server.received[0].headers) == {"host", "user-agent"}


# --- minimise ----------------------------------------------------------------------------------------------------


def needs(*parts: str) -> Callable[[Received], bool]:
    return lambda request: all(part.encode() in request.data for part in parts)


@pytest.mark.parametrize(
    "needed", [(), ("q7=7",), ("X-Custom-3",), ("q2=2", "X-Custom-5"), ("q1=1", "q9=9", "Accept-Language")]
)
async def test_exactly_what_is_needed_is_left(needed: tuple[str, ...], serve: Serve, make_session: MakeSession) -> None:
    server = serve(when(needs(*needed)))
    request = replace(large(server.origin), headers=large(server.origin).headers[:-1])
    session = make_session(server.origin, expected=Wanted().failing)
    result = await minimise(request, session, Wanted(), 150)
    assert result.ended == "1-minimal" and len(result.kept) == len(needed)
    assert all(part.encode() in result.request.wire() for part in needed)
    assert result.spent == session.sent == len(server.received)
    assert result.confirmed is True


async def test_requests_for_a_deterministic_failure_of_thirty_parts(serve: Serve, make_session: MakeSession) -> None:
    """The published table has 0 to 3 needed parts; most failures need none or one."""
    draw = random.Random(5)
    spent: list[int] = []
    names = [f"q{k}={k}" for k in range(12)] + [f"X-Custom-{k}" for k in range(7)] + ["Accept-Language", "Referer"]
    server = serve(always(answer()))
    for round_, count in enumerate([0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 3]):
        needed = draw.sample(names, count)
        server.behave = when(needs(*needed))
        request = large(server.origin)
        request = replace(request, headers=(*request.headers[:-1], *((f"X-More-{k}", "1") for k in range(5))))
        assert len(units_of(request)) == 30
        session = make_session(server.origin, incident=f"r{round_}", expected=Wanted().failing)
        result = await minimise(request, session, Wanted(), 150)
        assert result.ended == "1-minimal" and len(result.kept) == count
        spent.append(result.spent)
    assert statistics.median(spent) <= 10, spent


async def test_a_json_body_is_taken_apart(serve: Serve, make_session: MakeSession) -> None:
    def fails(request: Received) -> bool:
        try:
            document = json.loads(request.body)
            return bool(document["order"]["items"][0]["price"] < 0)
        except (ValueError, KeyError, IndexError, TypeError):
            return False

    server = serve(when(fails))
    body = {
        "user": {"id": 1, "name": "x"},
        "order": {"id": 7, "items": [{"price": -1, "name": "a"}, {"price": 2}], "note": "n"},
        "meta": [1, 2],
    }
    request = HttpRequest(
        "OPTIONS",
        server.origin + "/orders",
        (("Content-Type", "application/json"), ("A", "b")),
        json.dumps(body).encode(),
    )
    session = make_session(server.origin, expected=Wanted().failing)
    result = await minimise(request, session, Wanted(), 150)
    assert json.loads(result.request.body or b"") == {"order": {"items": [{"price": -1}]}}
    assert result.request.headers == ()


async def test_another_failure_is_never_taken_for_the_failure(serve: Serve, make_session: MakeSession) -> None:
    def behave(request: Received, peer: object) -> None:
        status, body = (
            (500, b'{"error": "ValueError"}')
            if b"X-Tenant" in request.data
            else (500, b'{"error": "TenantMissingError"}')
        )
        peer.sendall(answer(status, body))  # type: ignore[attr-defined]

    server = serve(behave)
    request = HttpRequest("GET", server.origin + "/?a=1", (("X-Tenant", "t"), ("B", "c")))
    result = await minimise(request, make_session(server.origin, expected=lambda _: True), Wanted(), 60)
    assert result.kept == ("header X-Tenant",)


LOGIN = b'{"error": "login"}'


async def test_case_60_a_refused_login_is_another_failure_and_what_it_needs_stays() -> None:
    """It fails in three of ten tries, and without the account answers 401: no sign that the failure needs no account."""
    request = HttpRequest("GET", "http://h/?a=1", (("X-Account", "test"), ("X-B", "2")))
    bare = 0
    for seed in range(10):
        draw = random.Random(seed)

        async def send(request: HttpRequest, draw: random.Random = draw) -> Outcome:
            if not request.values("X-Account"):
                return outcome(401, LOGIN)
            return outcome(500, b'{"error": "ValueError"}') if draw.random() < 0.3 else outcome(200)

        result = await minimise(request, send, Wanted(), 200)
        assert result.request.values("X-Account") == ["test"]
        if result.signature is not None:
            assert result.signature.kind(outcome(401, LOGIN)) is Kind.DIFFERENT
        bare += result.kept == ("header X-Account",) and result.ended == "1-minimal"
    assert bare >= 8  # in one of these nothing fails in five tries, in one chance keeps a part that is not needed


async def test_case_60_the_first_refused_login_ends_it_with_the_account_in_the_request(
    serve: Serve, make_session: MakeSession
) -> None:
    server = serve(lambda request, peer: peer.sendall(answer(500) if b"X-Account" in request.data else answer(401)))
    request = HttpRequest("GET", server.origin + "/?a=1", (("X-Account", "test"), ("X-B", "2")))
    result = await minimise(request, make_session(server.origin, expected=Wanted().failing), Wanted(), 60)
    assert result.ended == "budget ended" and "401" in result.reason
    assert result.request.values("X-Account") == ["test"]
    assert sum(b"X-Account" not in one.data for one in server.received) == 1


async def test_case_61_a_recovery_halfway_ends_it_with_the_last_good_request(
    serve: Serve, make_session: MakeSession
) -> None:
    seen: list[Received] = []

    def fails(request: Received) -> bool:
        seen.append(request)
        return len(seen) <= 6 and b"q3=3" in request.data and b"X-Custom-2" in request.data

    server = serve(when(fails))
    request = replace(large(server.origin), headers=large(server.origin).headers[:-1])
    session = make_session(server.origin, expected=Wanted().failing)
    result = await minimise(request, session, Wanted(), 150)
    assert result.ended == "environment changed"
    assert b"q3=3" in result.request.wire() and b"X-Custom-2" in result.request.wire()


async def test_a_flaky_failure_keeps_what_it_needs(serve: Serve, make_session: MakeSession) -> None:
    draw = random.Random(11)
    server = serve(when(lambda request: b"a=1" in request.data and draw.random() < 0.6))
    request = HttpRequest("GET", server.origin + "/?a=1&b=2&c=3", (("X-A", "1"), ("X-B", "2")))
    session = make_session(server.origin, expected=Wanted().failing)
    result = await minimise(request, session, Wanted(), 200)
    assert "query a=1" in result.kept and result.ended == "1-minimal" and len(result.kept) == 1


async def test_a_failure_that_proves_flaky_later_is_judged_as_such(serve: Serve, make_session: MakeSession) -> None:
    seen: list[Received] = []

    def fails(request: Received) -> bool:
        seen.append(request)
        return b"a=1" in request.data and (len(seen) <= 3 or len(seen) % 2 == 1)

    server = serve(when(fails))
    request = HttpRequest("GET", server.origin + "/?a=1&b=2&c=3&d=4", (("X-A", "1"), ("X-B", "2")))
    result = await minimise(request, make_session(server.origin, expected=Wanted().failing), Wanted(), 200)
    assert result.baseline.failures == result.baseline.tries == 3
    assert "query a=1" in result.kept and result.ended == "1-minimal"


async def test_what_does_not_fail_is_not_minimised(serve: Serve, make_session: MakeSession) -> None:
    server = serve(always(answer()))
    result = await minimise(HttpRequest("GET", server.origin + "/?a=1"), make_session(server.origin), Wanted(), 60)
    assert result.ended == "not reproduced" and "45%" in result.reason and result.spent == 5


async def test_a_spent_budget_keeps_the_best(serve: Serve, make_session: MakeSession) -> None:
    server = serve(when(needs("q1=1", "q9=9", "X-Custom-4")))
    request = replace(large(server.origin), headers=large(server.origin).headers[:-1])
    result = await minimise(request, make_session(server.origin, expected=Wanted().failing), Wanted(), 12)
    assert result.ended == "budget ended" and result.spent == 12
    assert needs("q1=1", "q9=9", "X-Custom-4")(Received(result.request.wire()))


def test_all_parts_together_are_the_request() -> None:
    for request in (
        large("http://h"),
        HttpRequest("POST", "http://h/?a&b=&a", (("Content-Type", "application/x-www-form-urlencoded"),), b"x=1&x=2&y"),
        HttpRequest("POST", "http://h/", (), b'{"a": {"b": [1, {"c": 2}]}}'),
        HttpRequest("POST", "http://h/", (), b"text"),
        HttpRequest("GET", "http://h/?"),
    ):
        for depth in (1, 2, 3):
            units = units_of(request, depth)
            everything = closed(units, range(len(units)))
            assert assembled(request, units, everything) == request


# --- compare and verify ------------------------------------------------------------------------------------------


async def test_two_environments_are_compared_in_turn(serve: Serve, make_session: MakeSession) -> None:
    order: list[str] = []

    def side(name: str, bad: bool) -> Behave:
        def behave(_: Received, peer: object) -> None:
            order.append(name)
            body = json.dumps({"version": name, "request": len(order)}).encode()
            peer.sendall(answer(500 if bad else 200, body))  # type: ignore[attr-defined]

        return behave

    first, second = serve(side("a", True)), serve(side("b", False))
    requests = HttpRequest("GET", first.origin + "/"), HttpRequest("GET", second.origin + "/")
    sessions = make_session(first.origin, expected=lambda _: True), make_session(second.origin)
    result = await compare(requests, sessions, Wanted(), 5)
    assert order == ["a", "b"] * 5
    assert result.evidence and result.p == pytest.approx(0.0079, abs=1e-4)
    assert any("version" in line for line in result.fields) and not any("request" in line for line in result.fields)
    assert result.fields[0].startswith("status: 500 against 200"), "what tells most comes first"
    few = await compare(requests, sessions, Wanted(), 3)
    assert not few.evidence and "5 answers" in few.reason


async def test_a_fix_is_verified_with_as_many_passes_as_are_needed(serve: Serve, make_session: MakeSession) -> None:
    server = serve(always(answer()))
    request = HttpRequest("GET", server.origin + "/")
    fixed = await verify(request, make_session(server.origin), Wanted(), (10, 10), 60)
    assert (fixed.state, fixed.needed, fixed.passes) == ("FIXED", 3, 3) and len(server.received) == 3
    short = await verify(request, make_session(server.origin), Wanted(), (3, 20), 60)
    assert short.state == "INCONCLUSIVE" and short.needed == 70 and len(server.received) == 3
    server.behave = when(lambda _: True)
    assert (await verify(request, make_session(server.origin), Wanted(), (10, 10), 60)).state == "STILL FAILING"
    server.behave = always(answer(404))
    other = await verify(request, make_session(server.origin), Wanted(), (10, 10), 60)
    assert other.state == "INCONCLUSIVE" and "another way" in other.reason
    server.behave = always(answer())
    control = await verify(request, make_session(server.origin), Wanted(), (10, 10), 60, make_session(server.origin))
    assert control.state == "INCONCLUSIVE" and "control" in control.reason
    never = await verify(request, make_session(server.origin), Wanted(), (0, 5), 60)
    assert never.state == "INCONCLUSIVE" and never.needed is None


async def test_case_62_one_failure_of_twenty_is_not_shown_to_be_gone_by_twenty_passes(
    serve: Serve, make_session: MakeSession
) -> None:
    server = serve(always(answer()))
    request = HttpRequest("GET", server.origin + "/")
    result = await verify(request, make_session(server.origin), Wanted(), (1, 20), 20)
    assert result.state == "INCONCLUSIVE"
    assert result.needed is not None and result.needed > 1000 and str(result.needed) in result.reason
    assert server.received == []  # twenty passes would show nothing, so none is sent


# --- the commands ------------------------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.reproduce.limits_of", lambda *_: FAST)


def valid(document: object, name: str) -> None:
    whole = repro_schema()
    jsonschema.Draft202012Validator.check_schema(whole)
    jsonschema.Draft202012Validator({**whole["$defs"][name], "$defs": whole["$defs"]}).validate(document)


@pytest.mark.usefixtures("quick")
def test_the_whole_walk_from_the_command_line(serve: Serve, repro: Repro, configure: Configure) -> None:
    server = serve(when(needs("x=3")))
    fixed = serve(always(answer()))
    configure(("local", "local", server.origin), ("fixed", "local", fixed.origin))
    line = '1.2.3.4 - - [23/Nov/2026:14:03:10 +0000] "GET /a?x=3&y=4&z=5 HTTP/1.1" 500 12 "-" "agent"'
    imported = repro("import", "--from", "access", "--env", "local", "--json", given=line)
    valid(imported.document, "import")
    Path("r.json").write_text(imported.out)
    dry = repro("run", "r.json", "--env", "local", "--dry-run", "--json")
    valid(dry.document, "dry_run")
    assert server.connections == 0
    ran = repro("run", "r.json", "--env", "local", "--tries", "10", "--json")
    valid(ran.document, "run")
    assert ran.code == 0 and ran.document["failures"] == ran.document["tries"] == ran.document["requests_sent"] == 10
    assert ran.document["interval"] == [pytest.approx(0.6915, abs=1e-4), 1.0] and ran.document["budget_left"] == 1990
    small = repro("minimise", "r.json", "--env", "local", "--out", "min.json", "--json")
    valid(small.document, "minimise")
    valid(small.document, "import")
    assert small.code == 0 and small.document["request"]["url"] == f"{server.origin}/a?x=3"
    compared = repro("compare", "min.json", "--env", "local", "--with", "fixed", "--json")
    valid(compared.document, "compare")
    assert compared.code == 1 and compared.document["evidence"]
    still = repro("verify", "min.json", "--env", "local", "--before", "10/10", "--json")
    valid(still.document, "verify")
    assert still.code == 1 and still.document["state"] == "STILL FAILING"
    done = repro("verify", "min.json", "--env", "fixed", "--control", "local", "--before", "10/10", "--json")
    assert done.code == 0 and done.document["state"] == "FIXED" and done.document["passes"] == 3
    passing = repro("run", "min.json", "--env", "fixed", "--tries", "2")
    assert passing.code == 1 and "not reproduced" in passing.out
    audit = repro("audit", "--json")
    assert audit.code == 0 and audit.document["broken_at"] is None
    assert audit.document["lines"] == 2 * (len(server.received) + len(fixed.received))


@pytest.mark.usefixtures("quick")
def test_what_is_to_be_confirmed_says_what_to_type(serve: Serve, repro: Repro, configure: Configure) -> None:
    server = serve(when(lambda _: True))
    configure(("local", "local", server.origin))
    imported = repro("import", "--from", "curl", "--env", "local", "--json", given="curl localhost/orders -d a=1")
    assert imported.code == 0 and imported.document["decision"]["verdict"] == "confirm"
    Path("r.json").write_text(imported.out)
    phrase = f"local POST 127.0.0.1:{server.port}"
    without = repro("run", "r.json", "--env", "local")
    assert without.code == 5 and "G5" in without.err and phrase in without.err and server.connections == 0
    wrong = repro("run", "r.json", "--env", "local", "--confirm", "yes", "--reason", "the order fails")
    assert wrong.code == 5 and "does not match" in wrong.err and server.connections == 0
    for reason in ((), ("--reason", " ")):
        done = repro("run", "r.json", "--env", "local", "--confirm", phrase, *reason)
        assert done.code == 5 and "G5: a reason is needed, which the audit keeps; add --reason TEXT" in done.err
    assert server.connections == 0
    typed = repro(
        "run", "r.json", "--env", "local", "--tries", "2", "--confirm", phrase, "--reason", "the order fails", "--json"
    )
    assert typed.code == 0 and len(server.received) == 2
    lines = [json.loads(line) for line in Path("state/repro/audit.jsonl").read_text().splitlines()]
    assert lines[0]["confirmation"] == phrase and lines[0]["reason"] == "the order fails" and lines[0]["rule"] == "G5"


@pytest.mark.usefixtures("quick")
def test_two_environments_take_two_confirmations(serve: Serve, repro: Repro, configure: Configure) -> None:
    old, new = serve(when(lambda _: True)), serve(always(answer()))
    configure(("old", "local", old.origin), ("new", "local", new.origin))
    Path("r.json").write_text(
        repro("import", "--from", "curl", "--env", "old", "--json", given="curl localhost/o -d a=1").out
    )
    typed = [f"old POST 127.0.0.1:{old.port}", f"new POST 127.0.0.1:{new.port}"]
    both_ways = ("compare", "r.json", "--env", "old", "--with", "new", "--reason", "which version fails")
    one = repro(*both_ways, "--confirm", typed[0])
    assert one.code == 5 and typed[1] in one.err and not old.received and not new.received
    both = repro(*both_ways, "--confirm", typed[0], "--confirm", typed[1])
    assert both.code == 1 and len(old.received) == len(new.received) == 5


@pytest.mark.usefixtures("quick")
def test_production_refuses_what_staging_would_confirm(repro: Repro, configure: Configure) -> None:
    configure(("prod", "production", "https://shop.example"))
    imported = repro(
        "import", "--from", "curl", "--env", "prod", "--json", given="curl https://shop.example/orders -d a=1"
    )
    assert imported.code == 5 and imported.document["decision"]["rule"] == "G5"
    Path("r.json").write_text(imported.out)
    done = repro("run", "r.json", "--env", "prod", "--confirm", "prod POST shop.example", "--reason", "the order fails")
    assert done.code == 5 and "G5" in done.err


@pytest.mark.usefixtures("quick")
def test_a_host_written_into_the_document_is_refused(serve: Serve, repro: Repro, configure: Configure) -> None:
    server, other = serve(always(answer())), serve(always(answer()))
    configure(("local", "local", server.origin))
    Path("r.json").write_text(
        json.dumps({"request": {"method": "GET", "url": other.origin + "/", "headers": [], "body_base64": None}})
    )
    done = repro("run", "r.json", "--env", "local")
    assert done.code == 5 and "G2" in done.err and other.connections == server.connections == 0


@pytest.mark.usefixtures("quick")
def test_a_target_that_is_down_is_no_refusal(repro: Repro, configure: Configure) -> None:
    configure(("local", "local", "http://127.0.0.1:1"))
    Path("r.json").write_text(repro("import", "--from", "curl", "--env", "local", "--json", given="curl localhost").out)
    done = repro("run", "r.json", "--env", "local", "--tries", "1")
    assert done.code == 4 and "Connect call failed" in done.out


def test_documents_that_are_none_are_usage_errors(repro: Repro, configure: Configure) -> None:
    configure(("local", "local", "http://127.0.0.1:1"))
    for text in (
        "",
        "[]",
        "{}",
        '{"request": {"method": "GET", "url": "/x", "headers": []}}',
        '{"request": {"method": "GET", "url": "http://h/", "headers": [["a"]]}}',
    ):
        Path("r.json").write_text(text)
        assert repro("run", "r.json", "--env", "local").code == 2
    assert repro("run", "missing.json", "--env", "local").code == 2
    assert repro("verify", "r.json", "--env", "local", "--before", "x").code == 2


@pytest.mark.usefixtures("quick")
def test_the_logs_tell_failures_apart_that_answer_alike(
    serve: Serve, repro: Repro, configure: Configure, tmp_path: Path
) -> None:
    """A service that answers every failure with the same words, and logs its cause under the trace id."""
    log = tmp_path / "app.jsonl"
    log.write_text("")

    def behave(request: Received, peer: object) -> None:
        trace = request.headers["traceparent"].split("-")[1]
        text = "KeyError: 'percent_off'" if b"voucher" in request.data else "KeyError: 'lines'"
        record = {"ts": datetime.now(UTC).isoformat(), "level": "error", "msg": text, "trace_id": trace}
        with log.open("a") as file:
            file.write(json.dumps(record) + "\n")
        peer.sendall(answer(500, b'{"error": "internal error"}'))  # type: ignore[attr-defined]

    server = serve(behave)
    configure(("local", "local", server.origin), more='[[logs]]\nname = "app"\npaths = ["app.jsonl"]')
    command = "curl -X OPTIONS localhost/orders --json '{\"voucher\": 1, \"cart\": 2}' -H 'X-A: 1'"
    Path("r.json").write_text(repro("import", "--from", "curl", "--env", "local", "--json", given=command).out)
    ran = repro("run", "r.json", "--env", "local", "--tries", "2", "--json").document
    assert ran["signature"].startswith("5xx 500 KeyError: 'percent_off'")
    small = repro("minimise", "r.json", "--env", "local", "--json").document
    assert small["ended"] == "1-minimal" and small["kept"] == ["body", "json .voucher"]


@pytest.mark.usefixtures("quick")
def test_logs_of_another_system_are_not_waited_for(
    serve: Serve, repro: Repro, configure: Configure, tmp_path: Path
) -> None:
    (tmp_path / "app.jsonl").write_text("")
    server = serve(when(needs("x=3")))
    configure(("local", "local", server.origin), more='[[logs]]\nname = "app"\npaths = ["app.jsonl"]')
    Path("r.json").write_text(
        repro("import", "--from", "curl", "--env", "local", "--json", given="curl 'localhost/?x=3&y=4'").out
    )
    started = time.monotonic()
    small = repro("minimise", "r.json", "--env", "local", "--json").document
    assert small["kept"] == ["query x=3"] and time.monotonic() - started < 2 * WAIT_S + 3
