"""The configuration that a new user begins with, fitted to what lies in the folder."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

LOG_GLOBS = ("logs/*.jsonl", "logs/*.log*", "log/*.log*", "*.log*")
MOST_LOOKED_AT = 2000

_TEXT = """\
# Incident Console. `incident config check` validates this file, `incident doctor` tries everything it names.
# Relative paths are relative to this file. A secret is never written here: token_env, token_file or token_keyring name it.

[[service]]                              # a service that you deploy; one table each
name = {name}
{repository}
{hint}#deploy_tags = ["deploy/*", "release/*", "v*"]       # which tags mean a deploy; * also crosses /
#depends_on = ["orders-db"]              # names of services and dependencies that it needs
#probe = "http://127.0.0.1:8080/healthz" # asked for its health
#version_url = "http://127.0.0.1:8080/version"           # asked for the version that runs

{logs}
# What it needs and you do not deploy.
#[[dependency]]
#name = "orders-db"
#kind = "database"                       # database, cache, queue, third_party, load_balancer, dns, storage, other
#probe = "tcp://127.0.0.1:5432"          # http(s)://, tcp://, tls:// or dns://

# Numbers. Without metrics, error rate and latency are derived from the logs.
#[[metrics]]
#kind = "prometheus"                     # and everything that speaks its API; or "scrape", or "csv"
#url = "http://127.0.0.1:9090"

# Changes beside the deploy tags: one JSON object a line, with at least "at" and "kind".
#[[changes]]
#path = "changes.jsonl"
"""

_LOGS = """\
[[logs]]                                 # rotated and compressed siblings are read too
paths = {paths}
service = {name}                         # or service_field, or service_from_path = "logs/{{service}}.log"
"""

_NO_LOGS = """\
# No log files were found here; name yours.
#[[logs]]                                # rotated and compressed siblings are read too
#paths = ["logs/*.log*"]
#service = {name}                        # or service_field, or service_from_path = "logs/{{service}}.log"
"""


def start_text(folder: Path) -> str:
    """A commented `incident.toml` for the folder: with its repository and its log files, where it has some."""
    name = json.dumps(folder.name.strip() or "my-service", ensure_ascii=False)
    paths = [glob for glob in LOG_GLOBS if _any_file(folder, glob)]
    has_repository = (folder / ".git").exists()
    return _TEXT.format(
        name=name,
        repository='repository = "."' if has_repository else '#repository = "."',
        hint="" if has_repository else "# No git repository was found here; the line above names one.\n",
        logs=(_LOGS if paths else _NO_LOGS).format(paths=json.dumps(paths), name=name),
    )


def _any_file(folder: Path, glob: str) -> bool:
    try:
        return any(path.is_file() for path in islice(folder.glob(glob), MOST_LOOKED_AT))
    except OSError:
        return False
