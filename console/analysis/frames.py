"""Source files that errors name: the frames of a stack trace, wherever a record keeps it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from console.domain.instant import Instant
from console.domain.logs import Level, LogRecord

MOST_RECORDS = 500
MOST_LINES = 60
_FILE = re.compile(
    r"((?:[\w.-]+[/\\\\])*[\w-]+\.(?:py|go|js|mjs|ts|tsx|jsx|java|kt|kts|scala|rb|rs|php|cs|fs|c|cc|cpp|h|hpp|swift|ex|exs|erl|clj|pl|lua|sql))\b"
)


def files_named(records: Iterable[LogRecord], since: Instant, service: str) -> Counter[str]:
    """Files in the messages, stack traces and fields of a service's errors since an instant, with how many errors name each."""
    found: Counter[str] = Counter()
    taken = 0
    for record in records:
        if record.service != service or record.level < Level.ERROR or record.at is None or record.at < since:
            continue
        taken += 1
        if taken > MOST_RECORDS:
            break
        texts = (record.message, *record.extra[:MOST_LINES], *(value for _, value in record.fields))
        found.update({name.replace("\\", "/") for text in texts for name in _FILE.findall(text)})
    return found


def same_file(path: str, named: str) -> bool:
    """Whether a path of a repository and a file of a stack trace are one: the shorter ends the longer, part by part."""
    a, b = path.split("/"), named.lstrip("./").split("/")
    n = min(len(a), len(b))
    return a[-n:] == b[-n:] and (n > 1 or len(a) == 1 or len(b) == 1)
