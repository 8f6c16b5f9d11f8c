"""The one door for HTTP: read-only requests within a budget, with bounded bodies and without redirects."""

from __future__ import annotations


class HttpDoor:
    """Sends requests."""
