"""Where it began: what breaks a tie between places that look alike."""

from __future__ import annotations

from dataclasses import replace

from console.analysis.cascade import Cascade, Excess
from console.analysis.evidence import place_drafts
from console.analysis.graph import Graph
from console.analysis.habits import QUIET
from console.analysis.moves import Move
from console.analysis.outbound import Blame
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


def test_failures_of_a_caller_that_waits_for_a_slow_callee_are_of_who_adds_the_time() -> None:
    """The callee fails nobody: its caller gives up. A callee that is as fast as ever is not blamed by lines that name it."""
    graph = Graph({"web": ("shop",), "shop": ("bank",)}, {"shop": ("web",), "bank": ("shop",)}, {})
    fails = [move("web", "error_rate", 0.001, 0.4, 40.0)]
    slow = [move(name, "latency_avg", 0.1, 4.0, 40.0) for name in ("shop", "bank")]
    failures = Cascade("failures", True, "web", (Excess("web", 40.0, 40.0, 1.0, 0.001, 0.4, 10, ()),))
    waiting = (
        Excess("bank", 90.0, 90.0, 0.9, 0.1, 4.0, 10, ()),
        Excess("shop", 92.0, 2.0, 0.02, 0.1, 4.0, 10, ("bank",)),
        Excess("web", 60.0, 0.0, 0.0, 0.1, 2.0, 10, ("shop",)),
    )
    named = [Blame("web", "shop", None, None, 0.95, None, None)]
    seen = frozenset(("web", "shop", "bank"))

    def ranked(*cascades: Cascade, moves: list[Move]) -> list[str]:
        return [p.node for p in rank_places(moves, cascades, graph, None, named, seen) if p.rank_value >= 0.5]

    seconds = Cascade("seconds", True, "web", waiting)
    assert ranked(failures, seconds, moves=fails + slow) == ["bank"]
    assert ranked(failures, moves=fails) == ["web"]


def test_who_is_asked_less_while_others_fail_is_so_for_that() -> None:
    """An endpoint falls silent where its callers fail before they ask it; where nothing else is off, it is all there is."""
    failures = Cascade("failures", True, "web", (Excess("web", 9.0, 9.0, 0.9, 0.001, 0.4, 10, ()),))
    fails = move("web", "error_rate", 0.001, 0.4, 40.0)
    silent = replace(move("shop", "request_count", 10.0, 1.0, 0.0), meaning=QUIET)
    shares = {p.node: p.rank_value for p in rank_places([fails, silent], [failures], GRAPH)}
    assert shares["web"] >= 0.9 and not shares["shop"]
    assert rank_places([silent], [], GRAPH)[0].rank_value > 0


def test_what_several_callers_lose_at_one_callee_adds_up() -> None:
    """A service that answers nobody cannot show it; each of its callers alone adds less than one that suffers something else."""
    graph = Graph(
        {"web": ("shop", "mail"), "shop": ("bank",), "mail": ("bank",)},
        {"bank": ("shop", "mail"), "shop": ("web",), "mail": ("web",)},
        {},
    )
    moves = [move(name, "error_rate", 0.001, 0.4, 40.0) for name in ("web", "shop", "mail")]
    shares = (("web", 0.38), ("shop", 0.32), ("mail", 0.30))
    failures = Cascade("failures", True, "web", tuple(Excess(n, 9.0, 9.0, s, 0.001, 0.4, 10, ()) for n, s in shares))
    named = [Blame(name, "bank", None, None, 1.0, None, None) for name in ("shop", "mail")]
    assert rank_places(moves, [failures], graph, None, named)[0].node == "bank"
    assert rank_places(moves, [failures], graph, None, named, frozenset(["bank"]))[0].node == "web"


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
