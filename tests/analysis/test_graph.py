"""How far services are apart, by the calls between them, and what that means for their changes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.analysis.changes import Judged, judge_changes
from console.analysis.graph import build_graph
from console.analysis.matter import Case
from console.analysis.onset import Onset
from console.analysis.place import Place
from console.domain.changes import Change
from console.domain.topology import Service, Topology

NOW = 1_790_000_000.0
ONSET = NOW - 600.0
CALLS = {"web": ("shop", "news"), "shop": ("pay",), "pay": ("bank", "web"), "bank": ("vault",), "news": (), "mail": ()}
"""`pay` calls back: the calls have a cycle."""
GRAPH = build_graph(Topology(tuple(Service(name, calls) for name, calls in CALLS.items())), None, (), ())


@pytest.mark.parametrize(
    ("one", "other", "hops"),
    [
        ("web", "web", 0),
        ("web", "shop", 1),
        ("shop", "web", 1),
        ("pay", "web", 1),
        ("shop", "bank", 2),
        ("vault", "shop", 3),
        ("news", "pay", 2),
        ("mail", "web", None),
        ("web", "nobody", None),
    ],
)
def test_hops(one: str, other: str, hops: int | None) -> None:
    assert GRAPH.hops(one, other) == GRAPH.hops(other, one) == hops
    assert GRAPH.connected(one, other) is (hops is not None)


def test_the_further_away_a_change_the_less_it_is_looked_at() -> None:
    """Bank fails; everybody above it suffers. What is changed further from it counts for less, and never leads."""
    graph = build_graph(
        Topology((Service("web", ("shop",)), Service("shop", ("bank",)), Service("bank"), Service("mail", ("relay",)))),
        None,
        (),
        (),
    )
    case = Case(
        at=NOW,
        onset=Onset(ONSET, ONSET - 15.0, ONSET + 30.0),
        places=(Place("bank", 1.0, True, ONSET, rank_value=1.0),),
        graph=graph,
        affected=frozenset(("bank",)),
        moved_at={"bank": Onset.exactly(ONSET)},
        words=frozenset(),
    )
    changes = tuple(
        Change(f"config/{name}", "config", ONSET - 60.0, name, source="changes")
        for name in ("web", "shop", "bank", "mail")
    )
    found: dict[str | None, Judged] = {j.change.service: j for j in judge_changes(changes, changes, case)}
    scores = [found[name].time_score for name in ("bank", "shop", "web", "mail")]
    assert scores == sorted(scores, reverse=True) and len(set(scores)) == 4
    alone = judge_changes(changes[:1], changes[:1], replace(case, graph=GRAPH))
    assert alone[0].time_score < found["shop"].time_score
