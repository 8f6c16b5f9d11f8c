"""Where several sources tell the same, one of them is believed as a whole."""

from __future__ import annotations

from console.domain.series import Series, SeriesKey, chosen


def series(metric: str, source: str, seconds: int, operation: str = "") -> Series:
    return Series.of(SeriesKey("checkout", operation, metric), [(float(t), 1.0) for t in range(0, seconds, 10)], source)


def test_the_first_source_stands_where_both_know_about_as_much() -> None:
    kept = chosen([series("request_count", "scrape", 1000), series("request_count", "logs", 1500)])
    assert [one.source for one in kept] == ["scrape"]


def test_a_much_longer_history_takes_over_the_whole_subject() -> None:
    pieces = [series("request_count", "scrape", 60), series("error_rate", "scrape", 60)]
    pieces += [series("request_count", "logs", 3600), series("error_count", "logs", 3600)]
    assert {(one.source, one.key.metric) for one in chosen(pieces)} == {
        ("logs", "request_count"),
        ("logs", "error_count"),
    }


def test_operations_and_gauges_are_subjects_of_their_own() -> None:
    pieces = [
        series("memory_bytes", "scrape", 60),
        series("request_count", "logs", 3600),
        series("request_count", "logs", 3600, "GET /"),
    ]
    assert len(chosen(pieces)) == 3
