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
        excess([record(n, True, host="h7") for n in range(90)], [record(n, False, host="h1") for n in range(29)]) == ()
    )
    assert excess([], []) == ()


def test_few_others_are_enough_where_the_difference_is_clear() -> None:
    failing = [record(n, True, version="v9") for n in range(225)]
    (found,) = excess(failing, [record(n, False, version="v9" if n < 6 else "v8") for n in range(40)])
    assert (found.value, found.failing, found.others, found.others_of) == ("v9", 225, 6, 40)


def test_few_others_are_not_enough_where_chance_explains_it() -> None:
    failing = [record(n, True, version="v9" if n < 10 else f"u{n}") for n in range(100)]
    assert excess(failing, [record(n, False, version="v9" if n < 1 else f"w{n}") for n in range(30)]) == ()


def test_what_comes_of_a_request_is_no_cause() -> None:
    effects = (
        "latency_ms",
        "duration",
        "request_time",
        "upstream_response_time",
        "bytes",
        "body_bytes_sent",
        "severity",
    )
    failing = [record(n, True, host="h7", **dict.fromkeys(effects, "1000")) for n in range(100)]
    others = [record(n, False, host="h1", **dict.fromkeys(effects, "9")) for n in range(400)]
    assert [one.field for one in excess(failing, others)] == ["host"]
