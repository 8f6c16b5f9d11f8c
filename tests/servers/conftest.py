"""The folder with the fetched servers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.servers import fetch


@pytest.fixture(scope="session")
def servers() -> Path:
    """Extracted server programs. Where they cannot be fetched the test is skipped, and in CI it fails."""
    try:
        return fetch.root()
    except fetch.CannotFetch as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
