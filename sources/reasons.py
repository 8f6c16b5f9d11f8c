"""Why connections fail, in words that are the same on every system."""

from __future__ import annotations

import errno
import socket
import ssl

OURS = frozenset({errno.ENETUNREACH, errno.ENETDOWN, errno.EMFILE, errno.ENFILE, errno.EACCES, errno.EPERM})
"""Errors of a connection whose reason lies on this machine."""


def is_ours(error: OSError) -> bool:
    """Whether a connection or a look-up failed for a reason on this machine."""
    return error.errno == socket.EAI_AGAIN if isinstance(error, socket.gaierror) else error.errno in OURS


def connect_reason(error: OSError) -> str:
    """Why a connection failed, in words that are the same on every system."""
    words = {
        errno.ECONNREFUSED: "connection refused",
        errno.ECONNRESET: "the connection was reset",
        errno.EPIPE: "the connection was reset",
        errno.EHOSTUNREACH: "no route to the host",
        errno.ENETUNREACH: "network unreachable",
        errno.ETIMEDOUT: "no connection in time",
    }
    if isinstance(error, socket.gaierror):
        return f"the name does not resolve: {error.strerror}"
    return words.get(error.errno or 0) or error.strerror or str(error)


def tls_reason(error: ssl.SSLError) -> str:
    """OpenSSL's reason as words: `WRONG_VERSION_NUMBER` becomes the mistake that it nearly always is."""
    if error.reason == "WRONG_VERSION_NUMBER":
        return "the other side does not speak TLS; is it http instead of https?"
    return (error.reason or str(error)).replace("_", " ").lower()
