"""What every test process begins with, however it was started."""

from __future__ import annotations

import os
import signal

# A worker of a divided run is told a size, which programs on a pseudo terminal of their own would believe.
for name in ("COLUMNS", "LINES"):
    os.environ.pop(name, None)

# A shell in the background ignores ctrl+c for its children, and they for theirs.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
