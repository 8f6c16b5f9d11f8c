"""Which field values failing records have in common."""

from __future__ import annotations

from console.analysis.contrast import excess
from console.domain.logs import Level, LogRecord
from console.domain.text import SafeText


def record(n: int, failed: bool, **fields: str) -> LogRecord:
    told = tuple((name, SafeText(value)) for name, value in fields.items())
    level = Level.ERROR if failed else Level.INFO
    return LogRecord(float(n), level, "shop", SafeText("x"), "GET /a", fields=(("level", SafeText("e")), *told))


def test_the_host_of_the_failing_records_is_found_and_nothing_else() -> None:
    failing = [record(n, True, host="h7" if n % 10 else "h1", zone="z", id=str(n)) for n in range(200)]
    others = [record(n, False, host=f"h{n % 10}", zone="z", id=str(n + 999)) for n in range(900)]
    (found,) = excess(failing, others)
    assert (found.field, found.value) == ("host", "h7")
    assert (found.failing, found.failing_of, found.others, found.others_of) == (180, 200, 90, 900)
    assert found.ratio == 9.0


def test_a_value_that_no_other_record_has() -> None:
    (found,) = excess(
        [record(n, True, version="v2") for n in range(50)], [record(n, False, version="v1") for n in range(500)]
    )
    assert (found.value, found.others, found.ratio) == ("v2", 0, None)


def test_few_records_say_nothing() -> None:
    assert (
        excess([record(n, True, host="h7") for n in range(9)], [record(n, False, host="h1") for n in range(900)]) == ()
    )
    assert (
        excess([record(n, True, host="h7") for n in range(90)], [record(n, False, host="h1") for n in range(50)]) == ()
    )
    assert excess([], []) == ()
