"""When a certificate is valid, read from its DER bytes.

Python's ssl module tells this only of certificates that it has verified, and an expired one is just what it has not.
"""

from __future__ import annotations

import ssl
from datetime import UTC, datetime

from console.domain.instant import Instant, span_text
from sources.reasons import tls_reason

SEQUENCE, UTC_TIME, GENERALIZED_TIME, EXPLICIT_0 = 0x30, 0x17, 0x18, 0xA0
NEAR_S = 21 * 86400.0
"""A certificate that ends so soon is mentioned."""
URGENT_S = 7 * 86400.0
"""A certificate that ends so soon is trouble: automatic renewal, which comes weeks earlier, has failed."""

EXPIRED, NOT_YET, SELF_SIGNED = 10, 9, 18
_UNTRUSTED = (
    "it is signed by an authority that this machine does not trust, or the server leaves out a certificate in between"
)
_REASONS = {
    NOT_YET: "it is not valid yet",
    EXPIRED: "it, or one above it, has expired",
    SELF_SIGNED: "it is self-signed",
    19: "its chain ends in an authority that this machine does not trust",
    20: _UNTRUSTED,
    21: _UNTRUSTED,
    23: "it was revoked",
    62: "it is for another name than {host}",
    64: "it is for another address than {host}",
}
"""OpenSSL's verification results (X509_V_ERR_…, openssl-verification-options(1)) in words."""


class NoCertificate(ValueError):
    """The bytes are no X.509 certificate."""


def validity(der: bytes) -> tuple[Instant, Instant]:
    """The first and the last moment of a certificate (RFC 5280, 4.1.2.5).

    Raises:
        NoCertificate: The bytes are none.
    """
    try:
        certificate = _inside(der, 0, SEQUENCE)
        place = _inside(der, certificate[0], SEQUENCE)[0]
        if der[place] == EXPLICIT_0:  # the version, absent in version 1
            place = _span(der, place)[1]
        for _ in range(3):  # serial number, signature algorithm, issuer
            place = _span(der, place)[1]
        start = _inside(der, place, SEQUENCE)[0]
        middle = _span(der, start)[1]
        return _time(der, start), _time(der, middle)
    except (IndexError, ValueError, OverflowError) as error:
        raise NoCertificate(str(error)) from None


def _span(der: bytes, place: int) -> tuple[int, int]:
    """Where the content of the element at `place` begins and ends."""
    length, begin = der[place + 1], place + 2
    if length & 0x80:
        size = length & 0x7F
        if not 0 < size <= 4:
            raise NoCertificate("a length of more than 4 bytes")
        length, begin = int.from_bytes(der[begin : begin + size], "big"), begin + size
    if begin + length > len(der):
        raise NoCertificate("an element reaches beyond the end")
    return begin, begin + length


def _inside(der: bytes, place: int, tag: int) -> tuple[int, int]:
    if der[place] != tag:
        raise NoCertificate(f"tag {der[place]:#x} instead of {tag:#x}")
    return _span(der, place)


def _time(der: bytes, place: int) -> Instant:
    begin, end = _span(der, place)
    text = der[begin:end].decode("ascii")
    if der[place] == UTC_TIME:
        text = ("19" if text[:2] >= "50" else "20") + text  # RFC 5280, 4.1.2.5.1
    elif der[place] != GENERALIZED_TIME:
        raise NoCertificate("no time where one is expected")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()


def ending(ends: Instant, now: Instant) -> str:
    """`certificate expired 3h ago`, `certificate ends in 5d`; empty while it is long valid."""
    if ends <= now:
        return f"certificate expired {span_text(now - ends)} ago"
    return f"certificate ends in {span_text(ends - now)}" if ends - now < NEAR_S else ""


def refusal(error: ssl.SSLCertVerificationError, host: str) -> str:
    """Why a certificate was refused, in words."""
    known = _REASONS.get(error.verify_code)
    return known.format(host=host) if known else (error.verify_message or tls_reason(error))


def refused_by(error: BaseException) -> ssl.SSLCertVerificationError | None:
    """The certificate error from which another error was made; None where none was."""
    one: BaseException | None = error
    for _ in range(16):
        if one is None or isinstance(one, ssl.SSLCertVerificationError):
            return one
        one = one.__cause__ or one.__context__
    return None
