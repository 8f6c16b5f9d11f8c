"""Scores diagnoses of made-up incidents by class, and prints the table: `python -m tests.incidents.score [SEEDS]`."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from console.analysis.diagnose import diagnose
from console.domain.diagnosis import Diagnosis, Standing, State
from tests.incidents.generate import CLASSES, GUILTY_KINDS, Incident, make

ONSET_S = 120.0


@dataclass(frozen=True)
class Score:
    """One case; None: not asked of it."""

    state: bool
    first: bool | None
    """The first suspect names the cause: the change where there is one, else the place and kind."""
    among_three: bool | None
    decoy_leads: bool | None
    onset: bool | None
    abstains: bool | None
    """No change is guilty, and none is named first."""


def score(incident: Incident, found: Diagnosis) -> Score:
    """Compare an answer with what is true."""
    truth = incident.truth
    if truth.healthy:
        calm = found.state in (State.HEALTHY, State.INCONCLUSIVE)
        leads = any(s.standing is Standing.LEADING for s in found.suspects)
        return Score(calm and not leads, None, None, None, None, None)
    hits = [
        s.subject == truth.change
        if truth.change
        else s.service in truth.services and (not truth.kinds or s.kind in truth.kinds)
        for s in found.suspects
    ]
    decoy = any(s.subject in truth.decoys and s.standing is Standing.LEADING for s in found.suspects)
    onset = None
    if truth.onset is not None:
        onset = found.onset is not None and abs(found.onset - truth.onset) <= ONSET_S
    abstains = None if truth.change else not (found.suspects and found.suspects[0].kind in GUILTY_KINDS)
    good = found.state in ((State.RECOVERING,) if truth.over else (State.INCIDENT, State.DEGRADING))
    if truth.cleared is not None:
        judged = next(c for c in found.changes if c.id == truth.cleared)
        good = good and judged.standing in (Standing.UNLIKELY, Standing.IMPOSSIBLE)
    return Score(good, bool(hits and hits[0]), any(hits[:3]), decoy, onset, abstains)


def table(seeds: Iterable[int], loud: bool = False) -> dict[str, list[Score]]:
    """Scores of every class."""
    rows: dict[str, list[Score]] = defaultdict(list)
    for kind in CLASSES:
        for seed in seeds:
            incident = make(kind, seed)
            found = diagnose(incident.seen)
            one = score(incident, found)
            rows[incident.truth.name].append(one)
            if loud and (not one.state or one.first is False or one.decoy_leads or one.onset is False):
                suspects = [(s.kind, s.subject, s.standing.value, s.score) for s in found.suspects[:3]]
                off = (
                    None
                    if found.onset is None or incident.truth.onset is None
                    else round(found.onset - incident.truth.onset)
                )
                print(
                    f"  {incident.truth.name} {seed}: {found.state.value}, wanted {sorted(incident.truth.services)} {incident.truth.change}, onset off {off}: {suspects}"
                )
    return rows


def mean(values: Iterable[bool | None]) -> float | None:
    """Share of True among what was asked; None: nothing was."""
    known = [v for v in values if v is not None]
    return sum(known) / len(known) if known else None


def show(rows: dict[str, list[Score]]) -> str:
    """The table as text."""
    lines = [f"{'class':22}{'n':>4}{'state':>7}{'top-1':>7}{'top-3':>7}{'decoy':>7}{'onset':>7}{'abst.':>7}"]
    for name, scores in [*rows.items(), ("all", [s for one in rows.values() for s in one])]:
        cells = [
            mean(s.state for s in scores),
            mean(s.first for s in scores),
            mean(s.among_three for s in scores),
            mean(s.decoy_leads for s in scores),
            mean(s.onset for s in scores),
            mean(s.abstains for s in scores),
        ]
        lines.append(
            f"{name:22}{len(scores):>4}" + "".join(f"{'-' if c is None else format(c, '.2f'):>7}" for c in cells)
        )
    return "\n".join(lines)


if __name__ == "__main__":
    print(show(table(range(int(sys.argv[1]) if len(sys.argv) > 1 else 5), loud=len(sys.argv) > 2)))
