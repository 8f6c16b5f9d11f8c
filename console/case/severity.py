"""Which severity the answers about the impact suggest; a person sets it. Pure. Cuts at 50, 25 and 5 % of users, as GitLab's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from console.domain.values import dataclass

NOTHING = frozenset({"", "no", "none", "nothing", "n/a", "false", "0"})


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A severity, and the answer that asks for it."""

    severity: str
    why: str


def suggested(impact: Mapping[str, Any]) -> Suggestion | None:
    """The severity that the known answers ask for, the highest of them; None where nothing is known.

    Unsure between two, the higher stands: a core journey that does not work and whose share nobody knows is a P1.
    """
    found: list[Suggestion] = []
    if _says(impact, "data_risk"):
        found.append(Suggestion("P0", "data may be lost, corrupted or exposed"))
    share = impact.get("users_pct")
    if isinstance(share, (int, float)) and not isinstance(share, bool):
        found.append(_of_share(float(share)))
    if _says(impact, "journeys"):
        around = _says(impact, "workaround")
        found.append(
            Suggestion(
                "P2" if around else "P1", f"a core journey does not work{', with a workaround' if around else ''}"
            )
        )
    return min(found, key=lambda one: one.severity, default=None)


def _of_share(share: float) -> Suggestion:
    for least, severity in ((50.0, "P0"), (25.0, "P1"), (5.0, "P2")):
        if share >= least:
            return Suggestion(severity, f"{share:g} % of users, at least {least:g} %")
    return Suggestion("P3", f"{share:g} % of users, fewer than 5 %")


def _says(impact: Mapping[str, Any], name: str) -> bool:
    return str(impact.get(name) or "").strip().lower() not in NOTHING
