"""What can go wrong in the practice system, as data. Each fault is a mechanism; the symptoms follow from it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import field

from console.demo import source
from console.demo.curve import Rush
from console.demo.source import Work
from console.domain.values import dataclass

FOREVER = 1e9


@dataclass(frozen=True, slots=True)
class Scenario:
    """One fault. At most one of `deploy`, `flag`, `world`, `rush` and `leak` is set; none: nothing goes wrong."""

    name: str
    summary: str
    """One line for `--list`."""
    deploy: Work | None = None
    """A commit that is made and deployed when the fault begins."""
    flag: str | None = None
    """A feature flag that is switched on."""
    world: Mapping[str, float] = field(default_factory=dict)
    """Dials of the world outside that are turned."""
    rush: Rush | None = None
    """Traffic that sets in; its times count from the fault."""
    past_rushes: tuple[Rush, ...] = ()
    """Traffic that the history has already seen."""
    leak: bool = False
    """The release that runs keeps every receipt, and is about to hit its memory limit."""
    past: tuple[Work, ...] = ()
    """Deploys of the last hours that only this scenario has."""

    @property
    def breaks(self) -> bool:
        """Whether anything goes wrong."""
        return bool(self.deploy or self.flag or self.world or self.rush or self.leak)


def _peak(start: float, end: float, factor: float, ramp: float) -> Rush:
    return Rush(start, end, {"page": 1.6, "cart": 2.0, "order": factor, "read": 2.0}, ramp)


SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "bad-deploy",
        "a release of checkout forgets gift cards: POST /orders fails with 500 from its first second",
        deploy=source.BAD_VOUCHER,
    ),
    Scenario(
        "flag-flip",
        "a feature flag is switched on and orders from three countries fail with 500; nothing was deployed",
        flag="per-line-tax",
    ),
    Scenario(
        "third-party-slow",
        "the card provider answers in seconds: payments run into timeouts, checkout and gateway answer 504",
        world={"cardpay_slowdown": 22.0},
    ),
    Scenario(
        "shared-database",
        "upkeep inside orders-db takes its capacity and locks its tables: all that use it slow down and fail",
        world={"vacuum_workers": 2, "vacuum_slowdown": 9.0, "vacuum_lock_s": 2.6},
    ),
    Scenario(
        "memory-leak",
        "checkout keeps every receipt, grows to its memory limit, is killed and starts again",
        leak=True,
        past=(source.RECEIPTS_FOREVER,),
    ),
    Scenario(
        "peak-contention",
        "the day's peak exhausts checkout's pool of connections, as smaller ones nearly did; nothing changed",
        rush=_peak(0.0, FOREVER, 7.2, 15.0),
        past_rushes=(_peak(-5400, -5130, 5.2, 40.0), _peak(-2700, -2430, 6.0, 40.0)),
    ),
    Scenario(
        "slow-endpoint",
        "a release of inventory asks the database once per component: bundles take a second, p99 of one route",
        deploy=source.QUERY_PER_COMPONENT,
    ),
    Scenario(
        "traffic-surge",
        "a campaign brings six times the stock look-ups; inventory's workers cannot keep up",
        rush=Rush(0.0, FOREVER, {"page": 3.0, "cart": 1.6, "stock": 6.2, "order": 1.3, "read": 1.2}, 8.0),
    ),
    Scenario("healthy", "nothing goes wrong"),
)

DEFAULT = "bad-deploy"


def names() -> list[str]:
    """All scenarios, in the order of the list."""
    return [scenario.name for scenario in SCENARIOS]


def find(name: str) -> Scenario | None:
    """The scenario of that name."""
    return next((scenario for scenario in SCENARIOS if scenario.name == name), None)


def nearest(name: str) -> str | None:
    """The scenario whose name is most like `name`, if one is at all."""
    close = difflib.get_close_matches(name, names(), n=1, cutoff=0.3)
    return close[0] if close else None
