"""Spans: own time, network time and what a service does, before and since."""

from __future__ import annotations

import random

from console.analysis.spanmoves import SpanView, judge_spans
from console.analysis.traces import own_time, read_calls
from console.domain.spans import Span

NOW = 1_790_000_000.0
ONSET = NOW - 600.0


def trace(at: float, number: int, web: float, gap: float, shop: float) -> list[Span]:
    """`web` calls `shop` once: time of its own, on the way, and of the callee."""
    whole = web + 2 * gap + shop
    name = f"t{number}"
    return [
        Span(name, f"{name}a", None, "web", "GET /", "server", at, whole, False),
        Span(name, f"{name}b", f"{name}a", "web", "call shop", "client", at + web / 2, shop + 2 * gap, False),
        Span(name, f"{name}c", f"{name}b", "shop", "POST /cart", "server", at + web / 2 + gap, shop, False),
    ]


def seen(web: float = 0.02, gap: float = 0.002, shop: float = 0.03) -> tuple[Span, ...]:
    """An hour of traces; since the onset with these times."""
    rng = random.Random(1)
    spans: list[Span] = []
    for k in range(720):
        at = NOW - 3600 + 5 * k
        times = (web, gap, shop) if at >= ONSET else (0.02, 0.002, 0.03)
        spans += trace(at, k, *(t * rng.lognormvariate(0, 0.1) for t in times))
    return tuple(s for s in spans if s.end <= NOW)


def judged(spans: tuple[Span, ...]) -> SpanView | None:
    """Without a known onset."""
    return judge_spans(spans, read_calls(spans), NOW, None, "traces")


def test_calm_spans_are_no_trouble() -> None:
    found = judged(seen())
    assert found is not None
    assert found.moves == ()


def test_the_service_that_takes_longer_itself() -> None:
    found = judged(seen(shop=0.3))
    assert found is not None
    assert {m.service for m in found.moves} == {"shop"}
    assert abs(found.onset - ONSET) <= 60


def test_the_way_between_two() -> None:
    found = judged(seen(gap=0.2))
    assert found is not None
    assert {m.metric for m in found.moves} == {"network time to shop"}


def test_own_time_is_what_no_child_covers() -> None:
    parent, *children = trace(0.0, 1, 0.02, 0.0, 0.03)
    assert abs(own_time(parent, children[:1]) - 0.02) < 1e-9
    assert own_time(parent, [*children[:1], *children[:1]]) > 0.0199  # overlapping children count once


def test_few_or_broken_spans() -> None:
    assert judge_spans((), read_calls(()), NOW, None, "traces") is None
    loop = (
        Span("t", "a", "b", "web", "x", "server", NOW - 2, 1.0, False),
        Span("t", "b", "a", "web", "x", "server", NOW - 2, 1.0, False),
    )
    assert judge_spans(loop, read_calls(loop), NOW, None, "traces") is None
