"""Where it began: what breaks a tie between places that look alike."""

from __future__ import annotations

from dataclasses import replace

from console.analysis.evidence import place_drafts
from console.analysis.graph import Graph
from console.analysis.moves import Move
from console.analysis.place import Place, rank_places
from console.analysis.signals import meaning_of
from console.analysis.traces import Shift
from console.analysis.ways import Ways
from console.domain.instant import Window
from console.domain.topology import Topology

NOW = 1_790_000_000.0
BEFORE = NOW - 600.0


def move(service: str, metric: str, level: float, observed: float, z: float, *, opened: bool = True) -> Move:
    return Move(
        service=service,
        operation=None,
        metric=metric,
        meaning=meaning_of(metric),
        direction=1,
        onset=BEFORE,
        end=None,
        level=level,
        observed=observed,
        z=z,
        effect=observed / level - 1,
        bins=2,
        step_s=60.0,
        opened=opened,
    )


SLOW = [move(name, "latency_p95", 0.1, 0.4, 20.0) for name in ("shop", "bank")]
GRAPH = Graph({}, {}, {})


def first(*moves: Move, busier: frozenset[str] = frozenset()) -> str:
    return rank_places(moves, [], GRAPH, busier=busier)[0].node


def test_of_two_slow_services_the_one_that_burns_the_processor_is_first() -> None:
    burning = move("shop", "cpu", 0.003, 0.4, 120.0)
    assert first(*SLOW) == "bank"
    assert first(*SLOW, burning) == "shop"
    assert first(*SLOW, replace(burning, opened=False)) == "shop"  # a lone interval opens nothing and breaks a tie


def test_a_processor_that_is_busy_everywhere_or_with_more_load_or_as_before_breaks_no_tie() -> None:
    burning = move("shop", "cpu", 0.003, 0.4, 120.0, opened=False)
    assert first(*SLOW, burning, move("bank", "cpu", 0.003, 0.35, 100.0, opened=False)) == "bank"
    assert first(*SLOW, burning, busier=frozenset(["shop"])) == "bank"
    assert first(*SLOW, move("shop", "cpu", 0.3, 0.6, 120.0, opened=False)) == "bank"
    assert first(*SLOW, move("shop", "cpu", 0.0001, 0.002, 3.0, opened=False)) == "bank"
    assert [p.node for p in rank_places([burning], [], GRAPH)] == []


def test_a_place_that_spans_name_says_where_its_time_goes() -> None:
    way = Shift("web", "shop", 0.003, 2.0, 30, 30, 60.0, gap=True)
    own = Shift("shop", "GET /cart", 0.01, 0.5, 30, 30, 15.0)
    line = Shift("shop", "GET /cart", 0.9, 0.1, 30, 30, 1.0, "info: sold")
    told = {}
    for name, shifts in (("way", (own, way)), ("own", (own, line)), ("function", (line,))):
        place = Place("shop", 1.0, True, BEFORE, shifts=list(shifts), rank_value=1.0)
        (draft,) = place_drafts([place], GRAPH, Topology(), (), {}, frozenset(), Ways(Window(BEFORE, NOW)), {})
        told[name] = draft.summary
    assert "is reached from web over a way that takes 2 s where it was 3 ms" in told["way"]
    assert "spends 500 ms itself in GET /cart where it was 10 ms" in told["own"]
    assert "does otherwise than before in GET /cart" in told["function"]


def test_where_even_the_likeliest_place_adds_next_to_nothing_nobody_is_named() -> None:
    """A list of names would only look like an answer."""
    shift = Shift("shop", "GET /cart", 0.01, 0.5, 30, 30, 15.0)

    def named(*values: float) -> list[str]:
        places = [Place(f"s{n}", v, True, BEFORE, shifts=[shift], rank_value=v) for n, v in enumerate(values)]
        drafts = place_drafts(places, GRAPH, Topology(), (), {}, frozenset(), Ways(Window(BEFORE, NOW)), {})
        return [draft.subject for draft in drafts]

    assert named(0.04, 0.03) == []
    assert named(0.3, 0.03) == ["s0", "s1"]
