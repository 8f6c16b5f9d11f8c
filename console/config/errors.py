"""The one error of configuration; here and not beside the loader, so that `incident --help` need not import pydantic."""

from __future__ import annotations


class ConfigError(Exception):
    """The configuration cannot be used; the text names file, key and how to mend it."""
