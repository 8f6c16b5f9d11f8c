"""Errors that say a certificate expired name its host as a suspect; other lines about certificates name nobody."""

from __future__ import annotations

import pytest

from console.analysis.certificates import certificate_drafts
from console.analysis.place import Place
from console.analysis.suspects import Draft
from console.analysis.ways import Ways
from console.domain.diagnosis import Standing
from console.domain.instant import Window
from console.domain.logs import Level, Pattern
from console.domain.text import SafeText

NOW = 1_790_000_000.0


def drafts(
    text: str, *, status: str = "new", place: str = "shop", names: tuple[str, ...] = ("shop", "web")
) -> list[Draft]:
    said = SafeText(text)
    line = Pattern("p", said, "shop", Level.ERROR, status, 90, 0, None, NOW - 600, NOW, said)
    places = [Place(place, 1.0, True, NOW - 600, own=1.0, rank_value=1.0)]
    return certificate_drafts([line], places, names, Ways(Window(NOW - 600, NOW)))


@pytest.mark.parametrize(
    "text",
    [
        "TLS handshake with pay.example failed: x509: certificate has expired or is not yet valid",
        "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired (host pay.example)",
        "javax.net.ssl.SSLHandshakeException: PKIX path validation failed for pay.example: certificate expired",
        "request to https://pay.example/v1/charges failed, reason: CERT_HAS_EXPIRED",
    ],
    ids=["go", "python", "java", "node"],
)
def test_an_expired_certificate_is_its_hosts(text: str) -> None:
    (draft,) = drafts(text)
    assert (draft.kind, draft.subject, draft.standing) == ("certificate", "pay.example", Standing.LEADING)
    assert draft.service == "shop", "who suffers, where nobody configured the host"
    (known,) = drafts(text, names=("shop", "web", "pay.example"))
    assert known.service == "pay.example"


def test_one_beside_the_trouble_is_possible_only() -> None:
    (draft,) = drafts("certificate of pay.example has expired", place="web")
    assert draft.standing is Standing.POSSIBLE


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("certificate of pay.example expires in 14 days", "new"),
        ("certificate of pay.example renewed", "new"),
        ("session token expired for user 7", "new"),
        ("certificate of old.example has expired, skipped", "steady"),
    ],
)
def test_other_lines_name_nobody(text: str, status: str) -> None:
    assert not drafts(text, status=status)
