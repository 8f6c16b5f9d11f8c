"""The age of what is known of an upstream warns where it is old."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.domain.instant import age_step
from console.state import UpstreamRow
from tests.widgets.samples import incident
from widgets.upstreams import _age


@pytest.mark.parametrize(("age_s", "style"), [(29.0, "label"), (31.0, "warn"), (44.9, "warn"), (None, "warn")])
def test_an_old_observation_warns_from_half_a_minute_on(age_s: float | None, style: str) -> None:
    row: UpstreamRow = incident().upstreams.rows[0]
    line = _age(replace(row, age_s=age_step(age_s) if age_s is not None else None))
    assert [one for _, one in line.spans] == [style]
