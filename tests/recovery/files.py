"""The made-up service as files: a configuration with metrics, changes and error lines."""

from __future__ import annotations

import json
from pathlib import Path

from console.domain.changes import Change
from console.domain.instant import Instant, rfc3339
from tests.recovery.made import BAD, ONSET, Made, deploy, until

CONFIG = """
[console]
state_dir = "state"

[[service]]
name = "checkout"

[[metrics]]
name = "prod"
kind = "csv"
path = "metrics.csv"

[[changes]]
name = "notes"
path = "changes.jsonl"
"""


def write(folder: Path, made: Made, at: Instant, *changes: Change) -> Path:
    """The configuration; the blamed release is always among the changes."""
    rows = ["time,service,operation,metric,value"]
    for metric, points in until(made, at).items():
        rows += [f"{rfc3339(when)},checkout,,{metric},{value:.6g}" for when, value in points]
    (folder / "metrics.csv").write_text("\n".join(rows) + "\n")
    lines = [
        {
            "at": rfc3339(c.at),
            "kind": c.kind,
            "id": c.id,
            "service": c.service,
            "version": c.version,
            "commit": c.commit,
        }
        for c in (deploy(BAD, "v42"), *changes)
    ]
    (folder / "changes.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    config = folder / "incident.toml"
    config.write_text(CONFIG)
    return config


def stamp(minutes: float) -> str:
    """So many minutes after the onset, as `--at` takes it."""
    return rfc3339(ONSET + 60 * minutes)
