"""The load generator: shoppers arrive at random, at the rate of the day, whether or not the shop keeps up."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable
from random import Random
from typing import NamedTuple

from console.demo import lines, profile
from console.demo.curve import Rush, rates
from console.demo.dials import Dials
from console.demo.http import CallError, Client
from console.demo.service import Setup

PATIENCE_S = 10.0
MOST_WAITING = 400
"""Shoppers that wait at a time; more stay away, as they would."""
TICK_S = 0.05


class Visit(NamedTuple):
    """One request that a shopper makes."""

    method: str
    path: str
    client: str
    agent: str


def visit(kind: profile.Path, random: Random) -> Visit:
    """A shopper of a kind: where from, with what, and which cart, article or order."""
    number = random.getrandbits(24)
    client = f"203.0.{113 + (number & 1)}.{(number >> 1) % 254 + 1}"
    agent = lines.AGENTS[number % 5 % 3]
    if kind == "page":
        path = "/"
    elif kind == "cart":
        path = f"/cart/c-{number % 9000 + 1000}"
    elif kind == "stock":
        path = f"/stock/{_article(random)}"
    elif kind == "order":
        path = "/orders"
    else:
        path = f"/orders/o-{number:010x}"
    return Visit("POST" if kind == "order" else "GET", path, client, agent)


def _article(random: Random) -> str:
    chance = random.random()
    if chance < profile.BUNDLE_SHARE:
        return f"bundle-{int(chance / profile.BUNDLE_SHARE * profile.BUNDLES):02d}"
    if chance > 1.0 - profile.UNKNOWN_SKU:
        return f"sku-{random.randrange(9000, 9900)}"
    return f"sku-{1000 + int(profile.SKUS * random.random() ** 2)}"


def order(random: Random) -> dict[str, object]:
    """The body of `POST /orders`."""
    articles = [
        {
            "sku": f"sku-{1000 + random.randrange(profile.SKUS)}",
            "price": f"{random.randrange(3, 90)}.{random.choice(('00', '50', '95', '99'))}",
            "quantity": random.choice((1, 1, 1, 2, 3)),
        }
        for _ in range(random.choice((1, 1, 2, 3)))
    ]
    wanted: dict[str, object] = {
        "cart": f"c-{random.randrange(1000, 9999)}",
        "country": _country(random),
        "lines": articles,
    }
    chance = random.random()
    if chance < profile.GIFT_CARDS:
        wanted["voucher"] = {"code": f"GIFT-{random.randrange(10000)}", "amount_off": random.choice(("10.00", "25.00"))}
    elif chance < profile.GIFT_CARDS + profile.PERCENT_VOUCHERS:
        wanted["voucher"] = {"code": "WELCOME", "percent_off": random.choice((5, 10, 15))}
    return wanted


def _country(random: Random) -> str:
    chance = random.random()
    for country, share in profile.COUNTRIES:
        chance -= share
        if chance < 0:
            return country
    return profile.COUNTRIES[0][0]


class Shoppers:
    """Sends the traffic of the day to the gateway."""

    def __init__(self, setup: Setup, started: float, rushes: tuple[Rush, ...], live_rush: Rush | None) -> None:
        self._setup = setup
        self._started = started
        self._rushes = rushes
        self._live_rush = live_rush
        self._world = Dials(setup.folder / "world" / "dials.json")
        self._random = Random(f"{setup.seed}:shoppers")
        self._client = Client(kept=48)
        self._waiting = 0

    async def run(self, ready: Callable[[], None], life: int) -> None:
        """Send until SIGTERM, or until the parent is gone."""
        loop = asyncio.get_running_loop()
        main = asyncio.current_task()
        assert main is not None
        loop.add_signal_handler(signal.SIGTERM, main.cancel)
        loop.add_reader(life, os._exit, 0)
        ready()
        try:
            async with asyncio.TaskGroup() as group:
                await self._arrivals(group)
        except asyncio.CancelledError:
            pass
        finally:
            self._client.close()

    async def _arrivals(self, group: asyncio.TaskGroup) -> None:
        """Poisson arrivals: exponential gaps at the rate of the moment."""
        due = time.time()
        while True:
            now = time.time()
            if due > now:
                await asyncio.sleep(due - now)
            rate = self._rates(due - self._started)
            due += self._random.expovariate(sum(rate.values()))
            # After a suspended machine the missed time is not made up for.
            due = max(due, now - 1.0)
            if self._waiting < MOST_WAITING:
                kinds: list[profile.Path] = list(rate)
                kind = self._random.choices(kinds, list(rate.values()))[0]
                group.create_task(self._shop(visit(kind, self._random)))

    def _rates(self, at: float) -> dict[profile.Path, float]:
        rushes = self._rushes
        began = self._world.get("rush_began", 0.0)
        if began and self._live_rush is not None:
            offset = began - self._started
            live = self._live_rush
            rushes = (*rushes, Rush(offset + live.start, offset + live.end, live.factor, live.ramp))
        return rates(at, rushes)

    async def _shop(self, wanted: Visit) -> None:
        self._waiting += 1
        try:
            headers = {"user-agent": wanted.agent, "x-real-ip": wanted.client}
            body = json.dumps(order(self._random)).encode() if wanted.method == "POST" else b""
            await self._client.call(
                self._setup.ports["gateway"],
                wanted.method,
                wanted.path,
                timeout_s=PATIENCE_S,
                headers=headers,
                body=body,
            )
        except CallError:
            pass
        finally:
            self._waiting -= 1
