"""The one door for HTTP: read-only requests within a budget, bounded in bytes and time, to configured origins only.

A `Site` is bound to one origin and one credential, so neither a redirect nor a path from evidence can carry a token elsewhere.
Redirects are not followed, proxies of the environment are not used, TLS is always verified. Only this package knows httpx, which
is loaded with the first request: it costs 100 ms, and files need none of it.
"""

from sources.http.door import HttpDoor, Params, Site

__all__ = ["HttpDoor", "Params", "Site"]
