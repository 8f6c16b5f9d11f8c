"""Whether the tags of a repository may have changed, without asking git."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TypeAlias

MOST_FOLDERS = 2000
SETTLED_S = 2.0
"""A file changed this recently may change again within the resolution of its time stamp."""

RefsState: TypeAlias = tuple[tuple[str, int, int, int], ...]
"""Path, inode, size and modification time (ns) of everything that names tags."""


def refs_state(common_dir: Path) -> RefsState | None:
    """A value that differs when tags differ; None where that cannot be promised.

    Git replaces loose refs by renaming, which touches their folder; packed refs and reftables are files of their own.
    """
    paths = [common_dir / "packed-refs", common_dir / "reftable" / "tables.list"]
    for count, (folder, _, _) in enumerate(os.walk(common_dir / "refs" / "tags")):
        if count >= MOST_FOLDERS:
            return None
        paths.append(Path(folder))
    found: list[tuple[str, int, int, int]] = []
    for path in paths:
        try:
            about = os.stat(path)
        except FileNotFoundError:
            continue
        except OSError:
            return None
        if time.time() - about.st_mtime < SETTLED_S:
            return None
        found.append((str(path), about.st_ino, about.st_size, about.st_mtime_ns))
    return tuple(found)
