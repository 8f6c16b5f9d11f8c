"""What a search for the smallest request has found so far, so that one that was stopped can be taken up again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from console.domain.request import HttpRequest
from console.domain.values import dataclass
from console.repro.document import Json, read_request, request_json
from console.repro.errors import Unclear
from console.repro.run import Ran
from console.repro.signature import Outcome, Signature, Wanted

VERSION = 1
MOST_ANSWERS = 10_000


@dataclass(frozen=True, slots=True)
class Found:
    """All of it was known when the last failing request was seen failing for the last time."""

    best: HttpRequest
    baseline: Ran
    """Of the whole request; of its tries only status and time are kept."""
    rate: float
    """What the failure rate is taken for."""
    answers: Mapping[str, bool]
    """Whether a request fails, by its digest."""
    spent: int
    """Requests of all its runs."""

    @property
    def told(self) -> str:
        """How far it came, in words."""
        return f"{self.spent} requests told {len(self.answers)} answers"


def search_key(request: HttpRequest, environment: str, wanted: Wanted, incident: str) -> str:
    """Names the search: another request, place, failure or incident is another one."""
    parts = [request.sha256(), environment, repr(wanted), incident]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:32]


def found_json(found: Found) -> Json:
    """As it is kept."""
    signature = found.baseline.signature
    assert signature is not None
    return {
        "version": VERSION,
        "request": request_json(found.best),
        "signature": {name: getattr(signature, name) for name in Signature.__dataclass_fields__},
        "tries": [[one.status, round(one.elapsed_s, 4)] for one in found.baseline.outcomes],
        "failures": found.baseline.failures,
        "different": found.baseline.different,
        "rate": found.rate,
        "answers": dict(found.answers),
        "spent": found.spent,
    }


def read_found(text: bytes) -> Found | None:
    """The same of what was kept; None where it is not of this program."""
    try:
        document = json.loads(text)
        if not isinstance(document, dict) or document.get("version") != VERSION:
            return None
        return _found(document)
    except (ValueError, TypeError, KeyError, RecursionError, Unclear):
        return None


def _found(document: Mapping[str, Any]) -> Found | None:
    given = document["signature"]
    signature = Signature(
        int(given["status"]),
        str(given["error"]),
        None if given["body"] is None else str(given["body"]),
        None if given["slow_s"] is None else float(given["slow_s"]),
        None if given["text"] is None else str(given["text"]),
        given["from_logs"] is True,
    )
    tries = tuple(Outcome(None if s is None else int(s), float(t)) for s, t in document["tries"])
    failures, rate = int(document["failures"]), float(document["rate"])
    if not (0 < failures <= len(tries) and 0 < rate <= 1):
        return None
    answers = {str(key): known is True for key, known in list(document["answers"].items())[:MOST_ANSWERS]}
    baseline = Ran(tries, signature, failures, int(document["different"]))
    return Found(read_request(document["request"]), baseline, rate, answers, int(document["spent"]))
