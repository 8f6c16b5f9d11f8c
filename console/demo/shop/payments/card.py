"""What the shop sends to cardpay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def authorisation(payment: Mapping[str, Any]) -> dict[str, Any]:
    """The body of `POST /v1/authorisations`; amounts in cents, never floating point."""
    whole, _, cents = str(payment["amount"]).partition(".")
    return {"amount": int(whole) * 100 + int((cents + "00")[:2]), "currency": "EUR", "reference": payment["order"]}
