"""Made-up screens that the widget tests and the look of the panes are checked with."""

from __future__ import annotations

import math
from dataclasses import replace

from console.domain.changes import Running
from console.domain.diagnosis import Evidence, JudgedChange, Standing, State, Suspect
from console.domain.instant import Window
from console.domain.logs import Level, LogCounts, LogRecord, Pattern
from console.domain.shapes import FieldExcess
from console.domain.text import SafeText
from console.domain.topology import DependencyState, Health, ProbeResult
from console.guard.sanitise import safe
from console.state import (
    Axis,
    ChangesView,
    ConsoleState,
    HeaderView,
    LogsView,
    Marker,
    OperationRow,
    OriginCost,
    ServiceRow,
    SignalsView,
    Status,
    SuspectsView,
    Trend,
    UpstreamRow,
    UpstreamsView,
    Word,
)
from widgets.body import Look

NOW = 1795443240.0
"""2026-11-23T14:14:00Z"""
ONSET = NOW - 650
WINDOW = Window(NOW - 1800, NOW)
LOOK = Look(NOW)
HOSTILE = (
    "\x1b]52;c;cm0gLXJmIC8=\x07",
    "\x1b]0;title\x07",
    "\x1b[2J\x1b[H",
    "\x9b2J",
    "\x90tmux;\x1b\x1b]52;c;eA==\x07\x9c",
    "\x7f\x00\x08\x0e",
    "real\rFAKE LINE\nforged",
    "user\u202etxt.exe",
    "zero\u200bwidth\ufeff\u2066x\u2069",
    "\U000e0041\U000e0042tags",
    "[@click=app.exit]press[/]",
    "[/foo]",
    "GET [/api/x] 500",
    "[bold red]",
    "]8;;http://evil\x1b\\link",
    "\ud800lone surrogate",
)
WIDE = "漢字かな한글👍🏽🇩🇪 e\u0301à ﷺ 🏳️‍🌈 हिन्दी"


def points(before: float, after: float, *, gap: bool = False, onset: int = 77) -> tuple[float | None, ...]:
    """120 points with a step at `onset` and a little life."""
    found: list[float | None] = []
    for place in range(120):
        value = (after if place >= onset else before) * (1 + 0.12 * math.sin(place * 1.7))
        found.append(None if gap and 20 <= place < 50 else value)
    return tuple(found)


def trend(unit: str, before: float, after: float, *, bad: bool = False, gap: bool = False) -> Trend:
    """A trend that stepped from `before` to `after`."""
    series = points(before, after, gap=gap)
    return Trend(unit, after, max(v for v in series if v is not None), before, series, 480, bad)


def service(name: str, rate: float, errors: tuple[float, float], p99: tuple[float, float], *, bad: bool) -> ServiceRow:
    """A service whose errors and latency went from the first to the second number."""
    return ServiceRow(
        name,
        State.INCIDENT if bad else State.HEALTHY,
        trend("1/s", rate, rate * 0.9),
        trend("ratio", *errors, bad=bad and errors[1] > 0.01),
        trend("s", p99[0] / 4, p99[1] / 30),
        trend("s", p99[0] / 2, p99[1] / 1.6, bad=bad),
        trend("s", *p99, bad=bad, gap=name == "payments"),
        trend("bytes", 5e8, 6.1e8) if name != "inventory" else None,
    )


def incident() -> ConsoleState:
    """A third party is slow; checkout and gateway fail with it."""
    axis = Axis(
        WINDOW,
        15.0,
        (Marker(NOW - 722, "▼", SafeText("v41")), Marker(ONSET, "╎", SafeText("onset"))),
    )
    status = Status(Word.LIVE, 2.0)
    signals = SignalsView(
        axis,
        (
            service("gateway", 48, (0.0012, 0.061), (0.31, 2.4), bad=True),
            service("checkout", 12, (0.002, 0.084), (0.36, 3.1), bad=True),
            service("payments", 9, (0.0009, 0.003), (0.12, 3.0), bad=True),
            service("inventory", 22, (0.001, 0.001), (0.09, 0.095), bad=False),
        ),
        (
            OperationRow("checkout", "POST /orders", 0.81, 402, 4787, 0.084, 0.002, 3.1, 0.36),
            OperationRow("gateway", "GET /cart/{id}", 0.09, 44, 9120, 0.0048, 0.001, 0.9, 0.31),
            OperationRow("inventory", "GET /stock/{sku}", None, 0, 20114, 0.0, 0.0, 0.095, 0.09),
        ),
        status,
    )
    evidence = (
        Evidence(SafeText("93 % of the added time is its own, n 5,120"), "inference", True, "spans", None, None, 5120),
        Evidence(
            SafeText("31 % of our calls to it fail; before: 0.1 %"), "fact", True, "logs", 'service:payments "gateway"'
        ),
        Evidence(SafeText("its own probe is green: 200 in 80 ms"), "fact", False, "probe"),
    )
    suspects = SuspectsView(
        (
            Suspect(1, "third_party", "payments-gateway", "payments", None, 0.93, Standing.LEADING,
                    SafeText("payments-gateway answers slowly: 93 % of the added time is spent waiting for it"), evidence,
                    SafeText("send the same calls from zone b")),
            Suspect(2, "deploy", "v41", "checkout", None, 0.4, Standing.POSSIBLE,
                    SafeText("70 s before onset, no mechanism found"), evidence[1:], None),
            Suspect(3, "dependency", "orders-db", None, None, 0.1, Standing.UNLIKELY, SafeText("no excess of its own"), (), None),
        ),
        SafeText(""),
        Status(Word.LIVE, 4.0),
    )  # fmt: skip
    changes = ChangesView(
        (
            JudgedChange("deploy/prod/2026-11-23T14-01", "deploy", "checkout", NOW - 722, "v41", "9f8e7d6c5b", Standing.POSSIBLE,
                         SafeText("70 s before onset; its files are not on the failing path"), SafeText("tag deploy/prod/… · 3 commits")),
            JudgedChange("new-pricing", "flag", None, NOW - 2040, None, None, Standing.UNLIKELY,
                         SafeText("an unaffected sibling has it too"), SafeText("new-pricing on")),
            JudgedChange("nightly-report", "cron", None, NOW - 8000, None, None, Standing.IMPOSSIBLE, SafeText("ended before"), SafeText("")),
        ),
        (
            Running("checkout", "v41", "9f8e7d6c5b", "/version", True, NOW - 3, 3),
            Running("gateway", "v12", None, "app_build_info", False, NOW - 3),
            Running("payments", None, None, "newest deploy tag", None),
        ),
        ONSET,
        SafeText("consulted: git deploy tags, flags.jsonl; not consulted: infrastructure"),
        SafeText(""),
        Status(Word.LIVE, 9.0),
    )  # fmt: skip
    probe = ProbeResult(
        "payments-gateway",
        SafeText("http://127.0.0.1:9/healthz"),
        Health.HEALTHY,
        0.08,
        SafeText("200 in 80 ms"),
        NOW - 3,
    )
    upstreams = UpstreamsView(
        (
            UpstreamRow(DependencyState("payments-gateway", "third_party", Health.DOWN, 0.31, 3.0, "own outbound calls", NOW - 3,
                                        SafeText("31 % of our calls fail")), 3.0, (probe,)),
            UpstreamRow(DependencyState("inventory", "service", Health.UNKNOWN, None, None, "none", NOW - 45, SafeText("last seen 45 s ago")), 45.0),
            UpstreamRow(DependencyState("orders-db", "database", Health.HEALTHY, None, 0.001, "probe", NOW - 3, SafeText("tcp 1 ms · pool 4/20")), 3.0),
            UpstreamRow(DependencyState("cache", "cache", Health.HEALTHY, None, None, "own metrics", NOW - 3, SafeText("hit 97 %")), 3.0),
        ),
        SafeText(""),
        Status(Word.PARTIAL, 3.0, None, SafeText("3/4")),
    )  # fmt: skip
    header = HeaderView(
        State.INCIDENT,
        SafeText("checkout · POST /orders failing 8.4 % (was 0.2 %)"),
        ONSET,
        SafeText("payments-gateway (third party) slow: 93 % of the added time is its own. 0 of 3 changes explain it"),
        "-30m ▸",
        NOW,
        status,
        (OriginCost(SafeText("prom"), 8, 40), OriginCost(SafeText("probes"), 4, 20)),
    )
    return ConsoleState(NOW, WINDOW, True, None, header, signals, suspects, logs(), changes, upstreams)


def record(place: int, level: Level = Level.ERROR, extra: tuple[SafeText, ...] = (), message: str = "") -> LogRecord:
    """One record, `place` tenths of a second after an epoch near now."""
    return LogRecord(
        at=NOW - 60 + place / 10,
        level=level,
        service=("checkout", "payments", "gateway")[place % 3],
        message=safe(message or f"POST /orders 504 timeout after {3000 + place} ms calling payments-gateway"),
        operation="POST /orders",
        status=504,
        latency_s=3.0,
        trace_id=f"4bf92f3577b34da6{place:016x}",
        extra=extra,
        source="app",
        file="checkout.log",
        offset=place * 120,
    )


def logs(count: int = 60) -> LogsView:
    """A tail of `count` records with patterns and a histogram."""
    records = [record(n, Level.WARN if n % 3 == 1 else Level.ERROR) for n in range(count)]
    if count > 20:
        records[-3] = record(
            count - 3,
            Level.ERROR,
            tuple(SafeText(f'  File "pay.py", line {n}') for n in range(18)),
            "Traceback: PaymentTimeout",
        )
        records[-6] = record(count - 6, Level.INFO, (), "wide text " + WIDE + " and then some more of it")
    buckets: list[dict[Level, int]] = [
        {Level.ERROR: 40 + place % 30, Level.WARN: 20} if place >= 115 else {Level.INFO: 3} for place in range(180)
    ]
    patterns = (
        Pattern("a1", SafeText("timeout after <*> ms calling payments-gateway"), "checkout", Level.ERROR, "new", 412, 0, None, ONSET, NOW, SafeText("")),
        Pattern("b2", SafeText("circuit open for payments-gateway (<*> failures)"), "checkout", Level.ERROR, "new", 37, 0, None, ONSET, NOW, SafeText("")),
        Pattern("c3", SafeText("retry <*> of POST /charge"), "payments", Level.WARN, "surged", 88, 14, 6.2, ONSET, NOW, SafeText("")),
        Pattern("d4", SafeText("request done <*>"), "gateway", Level.INFO, "steady", 940, 930, 1.0, ONSET, NOW, SafeText("")),
    )  # fmt: skip
    trends = ((0,) * 40 + (20,) * 20, (0,) * 40 + (2,) * 18, (1,) * 40 + (4,) * 20, ())
    excess = (
        FieldExcess("operation", SafeText("POST /orders"), 390, 412, 3000, 11928, 3.8),
        FieldExcess("version", SafeText("v41"), 412, 412, 0, 11928, None),
    )
    return LogsView(
        SafeText("level:>=warn"), LogCounts(NOW - 1800, 10.0, tuple(buckets)),
        tuple(replace(p, trend=trend) for p, trend in zip(patterns, trends, strict=True)), tuple(records), 412, 61.0, 0,
        status=Status(Word.LIVE, 1.0), baseline_s=10_800.0, excess=excess,
    )  # fmt: skip


def healthy() -> ConsoleState:
    """Nothing is wrong."""
    state = incident()
    status = Status(Word.LIVE, 3.0)
    signals = SignalsView(
        Axis(WINDOW, 15.0),
        tuple(
            service(n, r, (0.001, 0.001), (0.1, 0.1), bad=False)
            for n, r in (("gateway", 50), ("checkout", 12), ("cron", 0.02))
        ),
        (OperationRow("checkout", "POST /orders", None, 3, 4787, 0.0006, 0.0006, 0.31, 0.3),),
        status,
    )
    return replace(
        state,
        header=replace(state.header, state=State.HEALTHY, headline=SafeText("3 services inside their baseline"), since=None,
                       verdict=SafeText("compared with the 6 h before and the same hours yesterday")),
        signals=signals,
        suspects=SuspectsView((), SafeText("nothing is wrong, so nobody is suspected"), status),
        changes=replace(state.changes, changes=(), onset=None, empty_reason=SafeText("no change in reach")),
        logs=replace(logs(4), patterns=()),
        upstreams=replace(state.upstreams, rows=state.upstreams.rows[2:], status=status),
    )  # fmt: skip


def empty() -> ConsoleState:
    """Everything was asked and nothing is there; each pane says how to get data."""
    status = Status(Word.NO_DATA)
    no_service = ServiceRow("checkout", None, Trend("1/s"), Trend("ratio"), Trend("s"), Trend("s"), Trend("s"), None,
                            SafeText("no data: add [[logs]] or [[metrics]] for it"))  # fmt: skip
    return ConsoleState(
        NOW, WINDOW, True, None,
        HeaderView(State.INCONCLUSIVE, SafeText("no data"), None, SafeText("no source gave anything to judge by"), "-30m ▸", NOW, status),
        SignalsView(Axis(WINDOW, 15.0), (no_service,), (), status),
        SuspectsView((), SafeText("the data cannot carry a verdict: see the header"), status),
        LogsView(status=status),
        ChangesView(empty_reason=SafeText('no change source: add repository = "…" to a [[service]], or [[changes]]'), status=status),
        UpstreamsView(empty_reason=SafeText("no dependency configured: add [[dependency]] with a probe, or depends_on"), status=status),
    )  # fmt: skip


def loading() -> ConsoleState:
    """Just started: nothing is known yet."""
    return ConsoleState(
        NOW, WINDOW, header=HeaderView(headline=SafeText("reading the sources"), window_text="-30m ▸", now=NOW)
    )


def hostile(text: str = "") -> ConsoleState:
    """The incident with attacks and wide characters wherever a text can stand, as a forgetful source would hand them over."""
    state = incident()
    bad = SafeText(text or "".join(HOSTILE) + WIDE)
    signals = state.signals
    assert signals is not None
    return replace(
        state,
        header=replace(state.header, headline=bad, verdict=bad, cost=(OriginCost(bad, 1, 2),), window_text=bad),
        signals=replace(
            signals,
            axis=replace(signals.axis, markers=(Marker(ONSET, "▼", bad),)),
            services=(*signals.services, replace(signals.services[0], name=bad), replace(empty_row(), note=bad)),
            operations=tuple(replace(o, service=bad, operation=bad) for o in signals.operations),
        ),
        suspects=replace(
            state.suspects,
            suspects=tuple(
                replace(s, subject=bad, summary=bad, next_check=bad, evidence=tuple(replace(e, claim=bad, query=bad) for e in s.evidence))
                for s in state.suspects.suspects
            ),
        ),
        logs=replace(
            state.logs,
            filter_text=bad,
            patterns=tuple(replace(p, template=bad, id=bad, service=bad, example=bad) for p in state.logs.patterns),
            excess=tuple(replace(one, field=bad, value=bad) for one in state.logs.excess),
            records=tuple(
                LogRecord(at=NOW, level=Level.ERROR, service=bad, message=bad, extra=(bad, bad), source=bad, file=bad, offset=n,
                          fields=((bad, bad), (bad, bad))) for n in range(12)
            ),
        ),
        changes=replace(
            state.changes,
            changes=tuple(replace(c, id=bad, summary=bad, reason=bad, service=bad, version=bad, commit=bad) for c in state.changes.changes),
            running=tuple(replace(r, service=bad, version=bad, source=bad) for r in state.changes.running),
            coverage=bad,
        ),
        upstreams=replace(
            state.upstreams,
            rows=tuple(
                replace(r, state=replace(r.state, name=bad, detail=bad, evidence=bad), probes=tuple(replace(p, target=bad, detail=bad) for p in r.probes))
                for r in state.upstreams.rows
            ),
        ),
    )  # fmt: skip


def empty_row() -> ServiceRow:
    """A service of which nothing is known."""
    return ServiceRow("quiet", None, Trend("1/s"), Trend("ratio"), Trend("s"), Trend("s"), Trend("s"))


SCREENS = {"incident": incident, "healthy": healthy, "empty": empty, "loading": loading, "hostile": hostile}
