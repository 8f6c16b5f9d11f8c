"""docs/walk.md shows what the walks look at."""

from __future__ import annotations

import re

from tests.walk.write_pictures import PAGE, titles


def test_the_page_has_every_picture_that_the_walks_take_and_no_other() -> None:
    shown = re.findall(r"^\d+\. (.+)$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert set(shown) == titles(), "run `python -m tests.walk.write_pictures`"
