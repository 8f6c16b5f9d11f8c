"""Which build a program says that it is, in the metrics that tell nothing else (`*_build_info`, `app_info`, `target_info`)."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from console.guard.sanitise import safe
from sources.metrics.conventions import BUILD_INFO, BUILD_SUFFIX, COMMIT_LABELS, RUNTIMES, VERSION_LABELS
from sources.metrics.exposition import Sample

NAME_LIMIT = 200

Build: TypeAlias = "tuple[str | None, str | None]"
"""Version and commit, of which one is known at least."""


def builds_of(service: str, samples: Iterable[Sample]) -> tuple[str, Counter[Build]]:
    """The metric that tells the program's build, and how many processes run each build; an empty name where none tells.

    Metrics of customary names come first, then the one that is named after the program. Libraries tell their builds too: of
    other names, which may be theirs, a build is taken only where all of them say the same.
    """
    told: dict[str, Counter[Build]] = {}
    for sample in samples:
        build = build_of(dict(sample.labels))
        if build is not None and 0 < sample.value < math.inf:
            told.setdefault(sample.name, Counter())[build] += round(sample.value)
    for name in (*BUILD_INFO, re.sub(r"\W", "_", service) + BUILD_SUFFIX):
        if name in told:
            return name, told[name]
    libraries = {name: counted for name, counted in told.items() if name.endswith(BUILD_SUFFIX)}
    others = {name: counted for name, counted in libraries.items() if not name.startswith(RUNTIMES)}
    if len({build for counted in others.values() for build in counted}) == 1:
        return next(iter(others.items()))
    return "", Counter()


def build_of(labels: Mapping[str, str]) -> Build | None:
    """Version and commit that labels tell; None where they tell neither."""
    version, commit = (
        next((safe(labels[label], NAME_LIMIT) for label in wanted if labels.get(label)), None)
        for wanted in (VERSION_LABELS, COMMIT_LABELS)
    )
    return (version, commit) if version or commit else None
