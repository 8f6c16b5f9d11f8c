"""A release beside an older version of its service: it is cleared where both fail alike, and convicted where it fails alone."""

from __future__ import annotations

import pytest

from console.analysis.diagnose import diagnose
from console.domain.diagnosis import Diagnosis, Standing
from tests.incidents.test_parts import SEEDS, canary, everywhere, replace_effect

HOSTS = ("basket-1", "basket-2")


def released(found: Diagnosis) -> tuple[Standing, str]:
    """How the release stands, and why."""
    (change,) = found.changes
    return change.standing, str(change.reason)


@pytest.mark.parametrize("seed", SEEDS)
def test_it_is_cleared_where_the_older_one_fails_alike(seed: int) -> None:
    standing, reason = released(diagnose(replace_effect(canary(seed, HOSTS), everywhere).seen()))
    assert standing is Standing.UNLIKELY
    assert reason.startswith("older-fails-too: v1, which ran before, fails as v2 does in the same minutes: ")


@pytest.mark.parametrize("seed", SEEDS)
def test_it_leads_where_it_fails_alone(seed: int) -> None:
    standing, reason = released(diagnose(canary(seed, HOSTS).seen()))
    assert standing is Standing.LEADING and "older-fails-too" not in reason
