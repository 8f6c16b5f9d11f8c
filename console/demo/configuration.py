"""The `incident.toml` that tells the console about the practice system."""

from __future__ import annotations

from collections.abc import Iterator

DEPENDS: dict[str, tuple[str, ...]] = {
    "gateway": ("checkout", "inventory"),
    "checkout": ("payments", "inventory", "orders-db"),
    "payments": ("cardpay", "orders-db"),
    "inventory": ("orders-db",),
}
SERVED = frozenset(("checkout",))
"""Whose prices can be tried from a work tree."""
LOG_FORMAT = {"gateway": "access", "checkout": "json", "payments": "logfmt", "inventory": "plain", "orders-db": "plain"}


def text(ports: dict[str, int]) -> str:
    """The file, for services on these loopback ports."""
    return "\n".join(_lines(ports)) + "\n"


def _lines(ports: dict[str, int]) -> Iterator[str]:
    yield "# Written by `incident demo`; everything in this folder goes when the demo ends."
    yield "[console]"
    yield 'timezone = "UTC"'
    yield 'state_dir = "state"'
    yield from (
        "",
        "[recovery]",
        "# Somebody waits: minutes must do, where a real incident would be watched for a quarter of an hour.",
    )
    # Of two orders a second, smaller excesses cannot be told from none in so short a time.
    yield from ('hold = "45s"', "error_margin = 0.03")
    for name, needs in DEPENDS.items():
        yield from ("", "[[service]]", f'name = "{name}"')
        yield "depends_on = [" + ", ".join(f'"{need}"' for need in needs) + "]"
        yield 'repository = "repo"'
        yield f'deploy_tags = ["deploy/prod/{name}/*"]'
        yield f'version_url = "http://127.0.0.1:{ports[name]}/version"'
        yield f'probe = "http://127.0.0.1:{ports[name]}/healthz"'
        if name in SERVED:
            yield f'serve_command = "python3 {name}/serve.py {{port}}"'
    yield from ("", "[[dependency]]", 'name = "orders-db"', 'kind = "database"')
    yield f'probe = "tcp://127.0.0.1:{ports["orders-db:sql"]}"'
    yield from ("", "[[dependency]]", 'name = "cardpay"', 'kind = "third_party"')
    yield f'probe = "http://127.0.0.1:{ports["cardpay"]}/healthz"'
    for name, form in LOG_FORMAT.items():
        yield from _logs(name, name, f"logs/{name}.log*", form)
    yield from _logs("gateway-errors", "gateway", "logs/gateway.error.log*", "plain")
    yield from ("", "[[metrics]]", 'name = "agent"', 'kind = "csv"', 'path = "metrics.csv"')
    for name in LOG_FORMAT:
        yield from ("", "[[metrics]]", f'name = "{name}-metrics"', 'kind = "scrape"', f'service = "{name}"')
        yield f'url = "http://127.0.0.1:{ports[name]}/metrics"'
        yield 'interval = "5s"'
    yield from ("", "[[changes]]", 'name = "changes"', 'kind = "jsonl"', 'path = "changes.jsonl"')
    yield from ("", "[[environment]]", 'name = "local"', 'tier = "local"')
    yield f'origin = "http://127.0.0.1:{ports["gateway"]}"'


def _logs(name: str, service: str, path: str, form: str) -> Iterator[str]:
    yield from ("", "[[logs]]", f'name = "{name}"', 'kind = "files"')
    yield f'paths = ["{path}"]'
    yield f'service = "{service}"'
    yield f'format = "{form}"'
