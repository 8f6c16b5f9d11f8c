"""What a diff could do, by the shape of its lines."""

from __future__ import annotations

import pytest

from console.analysis.diffs import ADDED, ALTERED, COSMETIC, LOST_CALL, LOST_CHECK, MOVED, NEW_CALL, SETTING, effect_of
from console.analysis.frames import files_named, same_file
from console.domain.changes import Change, ChangeDiff, CommitDiff, FileDiff
from console.domain.logs import Level, LogRecord
from console.domain.text import SafeText


def risk(path: str, removed: str, added: str) -> float:
    """Of one file."""
    lines = [tuple(SafeText(line) for line in text.splitlines()) for text in (removed, added)]
    file = FileDiff(SafeText(path), lines[0], lines[1])
    return effect_of(ChangeDiff("d", (CommitDiff("c", SafeText(""), (file,)),))).risk


@pytest.mark.parametrize(
    ("path", "removed", "added", "least", "most"),
    [
        ("README.md", "old words", "new words", 0.0, COSMETIC),
        ("pkg/cart_test.go", "if x == nil {", "", 0.0, COSMETIC),
        ("app/cart.py", "# old remark", "# new remark", 0.0, COSMETIC),
        ("app/cart.py", "    a = 1\n    b = 2", "  a = 1\n  b = 2", 0.0, MOVED),
        ("app/cart.py", "", "    note = title.strip()", 0.0, ADDED + 0.2),
        ("app/cart.py", "    if item is None:\n        return EMPTY", "", LOST_CHECK - 0.05, 1.0),
        ("app/cart.go", "\tif err != nil {\n\t\treturn err\n\t}", "", ALTERED, LOST_CALL),
        ("app/client.py", "    timeout = 5.0", "    timeout = 0.05", SETTING - 0.1, 1.0),
        ("deploy/app.yaml", "  max_connections: 200", "  max_connections: 2", SETTING - 0.1, 1.0),
        ("app/settings.toml", 'log_level = "info"', 'log_level = "warn"', 0.0, ADDED - 0.05),
        ("app/settings.toml", 'log_level = "info"', 'log_level = "debug"', SETTING - 0.1, 1.0),
        ("app/settings.toml", 'on_failure = "warn"', 'on_failure = "error"', SETTING - 0.1, 1.0),
        ("app/store.py", "", "    for item in items:\n        row = db.query(SQL, item.id)", NEW_CALL - 0.1, 1.0),
        ("db/7.sql", "", "ALTER TABLE orders ADD COLUMN note text NOT NULL;", ALTERED, 1.0),
    ],
)
def test_order_of_risks(path: str, removed: str, added: str, least: float, most: float) -> None:
    assert least <= risk(path, removed, added) <= most


def test_files_of_other_services_count_less() -> None:
    file = FileDiff(SafeText("billing/run.py"), (SafeText("    timeout = 5"),), (SafeText("    timeout = 50"),))
    diff = ChangeDiff("d", (CommitDiff("c", SafeText(""), (file,)),))
    mine, others = (
        effect_of(diff, Change("d", "deploy", 0.0, service, commit="c"), ("billing", "search")).risk
        for service in ("billing", "search")
    )
    assert others < mine / 2


def test_files_in_traces() -> None:
    trace = (SafeText('  File "/srv/app/shop/cart.py", line 3, in total'),)
    record = LogRecord(100.0, Level.ERROR, "shop", SafeText("KeyError: 'id'"), extra=trace)
    calm = LogRecord(100.0, Level.INFO, "shop", SafeText("loaded shop/views.py"))
    assert files_named([record, calm], 50.0, "shop").most_common(1) == [("srv/app/shop/cart.py", 1)] or files_named(
        [record, calm], 50.0, "shop"
    ).most_common(1) == [("/srv/app/shop/cart.py", 1)]
    assert not files_named([record], 150.0, "shop")
    assert same_file("shop/cart.py", "/srv/app/shop/cart.py")
    assert not same_file("shop/cart.py", "/srv/app/mail/cart.py")
