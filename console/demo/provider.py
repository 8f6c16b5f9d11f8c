"""cardpay, the outside provider: not ours, so it has no log here; it answers as slowly as the world's dial says."""

from __future__ import annotations

import asyncio

from console.demo import profile
from console.demo.http import Response
from console.demo.service import Call, Endpoint, Service


class Provider(Service):
    """Answers authorisations."""

    sampled = False

    def routes(self) -> dict[str, Endpoint]:
        return {"POST /v1/authorisations": self._authorise}

    async def _authorise(self, call: Call) -> Response:
        slower = self.world.get("cardpay_slowdown", 1.0)
        await asyncio.sleep(profile.CARDPAY.draw(self.random) * slower)
        fate = self.random.random()
        if fate < profile.CARDPAY_FAILS:
            return Response.of(502, {"error": "issuer unavailable"})
        if fate < profile.CARDPAY_FAILS + profile.DECLINED:
            return Response.of(402, {"error": "declined"})
        return Response.of(200, {"authorisation": f"{self.random.getrandbits(48):012x}"})
