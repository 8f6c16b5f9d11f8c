"""Sources of metrics: a file, a scraped address, or anything that speaks the Prometheus API."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from console.config.load import ConfigError
from console.config.models import MetricsConfig
from console.domain.instant import parse_span
from console.domain.topology import Topology
from sources.base import MetricSource, SourceRefused

if TYPE_CHECKING:
    from sources.http import HttpDoor  # httpx costs 100 ms to import, and a file needs none of it


def build(
    config: MetricsConfig, resolve: Callable[[str | Path], Path], http: HttpDoor | None, topology: Topology
) -> MetricSource:
    """The source that a `[[metrics]]` table describes.

    Args:
        resolve: Makes a path of the configuration absolute.
        http: The door for requests; None where only files are read.
        topology: The configured services, whose names are looked for in columns and labels.

    Raises:
        ConfigError: The table asks for something that this program cannot do.
    """
    dependencies = [d.name for d in topology.dependencies]
    names = [s.name for s in topology.services] + dependencies
    if config.kind == "csv":
        from sources.metrics.csv import CsvMetrics

        assert config.path is not None  # the model holds this
        return CsvMetrics(config.name, resolve(config.path), wide=config.layout == "wide", services=names)
    assert (
        config.url is not None and http is not None
    )  # the model holds this, and whoever has an address opens the door
    key = f"[[metrics]] {config.name}"
    from sources.secrets import token_of, without_credentials

    try:
        site = http.site(without_credentials(config.url, key), token_of(config, key, resolve))
    except SourceRefused as error:
        raise ConfigError(f"{key}: {error}") from None
    if config.kind == "prometheus":
        from sources.metrics.prometheus import PrometheusMetrics

        return PrometheusMetrics(
            config.name,
            site,
            services=names,
            dependencies=dependencies,
            service_label=config.service_label,
            queries=config.queries,
        )
    from sources.metrics.scrape import ScrapedMetrics

    assert config.service is not None  # the model holds this
    return ScrapedMetrics(
        config.name, site, config.service, dependencies=dependencies, interval_s=parse_span(config.interval)
    )
