"""How requests of this program are told from those of users: by the name that they all give, and by the trace of reproductions.

Services log what we send them like everything else. Whoever counts requests, failures and messages passes over such records, or a
reproduction would look like an incident, and one that was sent to see whether it is over would hinder that.
"""

from __future__ import annotations

AGENT = "incident-console/"
"""The User-Agent begins with it; the version follows."""
TRACE = "5e1f7e57c0de"
"""The trace id of a reproduction begins with it. Trace ids are sampled by their last bytes, which stay random; that another begins
with the same 48 bits is as good as impossible."""
