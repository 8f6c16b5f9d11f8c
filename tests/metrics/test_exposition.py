"""The exposition formats: examples of their specifications, hostile text, and a round trip of anything."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.metrics.exposition import MOST_LINE, MOST_SAMPLES, MOST_SERIES, Sample, parse

MOST_LINE_READ = MOST_LINE - 16

# The example of "Exposition formats", Prometheus documentation.
DOCUMENTED = r"""# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3 1395066363000

# Escaping in label values:
msdos_file_access_time_seconds{path="C:\\DIR\\FILE.TXT",error="Cannot find file:\n\"FILE.TXT\""} 1.458255915e9

# Minimalistic line:
metric_without_timestamp_and_labels 12.47

# A weird metric from before the epoch:
something_weird{problem="division by zero"} +Inf -3982045

# A histogram, which has a pretty complex representation in the text format:
# HELP http_request_duration_seconds A histogram of the request duration.
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="0.05"} 24054
http_request_duration_seconds_bucket{le="+Inf"} 144320
http_request_duration_seconds_sum 53423
http_request_duration_seconds_count 144320
"""


def test_the_documented_example() -> None:
    found = parse(DOCUMENTED)
    assert found.bad == 0
    assert found.types == {"http_requests_total": "counter", "http_request_duration_seconds": "histogram"}
    assert found.samples[0] == Sample(
        "http_requests_total", (("method", "post"), ("code", "200")), 1027.0, 1395066363.0
    )
    assert found.samples[2].label("path") == r"C:\DIR\FILE.TXT"
    assert found.samples[2].label("error") == 'Cannot find file:\n"FILE.TXT"'
    assert found.samples[3] == Sample("metric_without_timestamp_and_labels", (), 12.47)
    assert found.samples[4].value == math.inf and found.samples[4].at == pytest.approx(-3982.045)
    assert [s.label("le") for s in found.samples[5:7]] == ["0.05", "+Inf"]


def test_openmetrics_has_seconds_exemplars_and_an_end() -> None:
    found = parse(
        "# TYPE foo histogram\n"
        'foo_bucket{le="0.1"} 8 # {} 0.054\n'
        'foo_bucket{le="1"} 11 1520879607.789 # {trace_id="KOO5S4vxi0o"} 0.67\n'
        'foo_bucket{le="+Inf"} 17 # {trace_id="oHg5SJ#YRHA0"} 9.8 1520879607.789\n'
        "# EOF\nafter 1\n",
        openmetrics=True,
    )
    assert [(s.value, s.at) for s in found.samples] == [(8.0, None), (11.0, 1520879607.789), (17.0, None)]
    assert found.bad == 0


def test_openmetrics_that_stops_before_its_end_is_known_to_be_cut() -> None:
    assert parse("a 1\n", openmetrics=True).cut
    assert not parse("a 1\n# EOF\n", openmetrics=True).cut
    assert not parse("a 1\n").cut


# What prometheus_client writes of a counter and a histogram in either format.
CREATED = """# TYPE jobs_total counter
jobs_total 3.0
# TYPE jobs_created gauge
jobs_created 1.6e+09
# TYPE took_seconds histogram
took_seconds_bucket{le="+Inf"} 1.0
took_seconds_count 1.0
took_seconds_sum 0.2
# TYPE took_seconds_created gauge
took_seconds_created 1.6e+09
# TYPE orders_created gauge
orders_created 7
"""


def test_when_a_total_began_is_no_measurement_and_a_gauge_of_such_a_name_is_one() -> None:
    expected = ["jobs_total", "took_seconds_bucket", "took_seconds_count", "took_seconds_sum", "orders_created"]
    assert [s.name for s in parse(CREATED).samples] == expected
    openmetrics = "# TYPE jobs counter\njobs_total 3\njobs_created 1.6e9\n# EOF\n"
    assert [s.name for s in parse(openmetrics, openmetrics=True).samples] == ["jobs_total"]


def test_so_many_series_are_taken_and_no_more() -> None:
    found = parse("".join(f'a{{id="{n}"}} {n}\n' for n in range(4 * MOST_SERIES)))
    assert (len(found.samples), found.series, found.bad) == (MOST_SERIES, 4 * MOST_SERIES, 0)
    assert found.samples[-1].value == MOST_SERIES - 1


@pytest.mark.slow
def test_a_histogram_is_one_series_and_taken_whole() -> None:
    bounds = [*range(9), "+Inf"]
    text = "# TYPE h histogram\n" + "".join(
        "".join(f'h_bucket{{id="{n}",le="{bound}"}} 1\n' for bound in bounds)
        + f'h_sum{{id="{n}"}} 1\nh_count{{id="{n}"}} 1\n'
        for n in range(MOST_SERIES + 1)
    )
    found = parse(text)
    assert (len(found.samples), found.series) == (12 * MOST_SERIES, MOST_SERIES + 1)
    assert {s.label("id") for s in found.samples} == {str(n) for n in range(MOST_SERIES)}


@pytest.mark.slow
def test_lines_beyond_the_most_are_counted_and_not_read() -> None:
    found = parse("a 1\n" * MOST_SAMPLES + "b 1\n?\n")
    assert (found.unread, found.bad, found.series, found.lines) == (2, 0, 1, MOST_SAMPLES + 2)


def test_quoted_names_as_prometheus_3_writes_them() -> None:
    found = parse('{"http.server.requests","http.route"="/a",x="1"} 4\n{"up"} 1\n')
    assert found.samples == [
        Sample("http.server.requests", (("http.route", "/a"), ("x", "1")), 4.0),
        Sample("up", (), 1.0),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "a",
        "a1",
        "http_requests_total12",
        "a 1 NaN",
        "a 1 +Inf",
        "a b c d",
        "1a 2",
        "a{b} 1",
        'a{b="c" 1',
        "a{b=c} 1",
        'a{b="c"x="d"} 1',
        'a{"b"} 1',
        "a 1_0",
        "a 0x1f",
        "{} 1",
        "a{,} 1",
        "<html>",
        "\x1b[2J",
        "a " + "1" * MOST_LINE,
    ],
)
def test_lines_that_make_no_sense_are_counted_and_leave_the_others_alone(line: str) -> None:
    found = parse(f"ok 1\n{line}\nok 2\n")
    assert [s.value for s in found.samples] == [1.0, 2.0]
    assert (found.bad, found.first_bad) == (1, 2)
    assert "\x1b" not in found.why


@pytest.mark.parametrize(
    "line",
    [
        "a" * MOST_LINE_READ + " b c d",
        "1" * MOST_LINE_READ + " b c d",
        "a" + " " * MOST_LINE_READ + "b c d",
        "a 1" + " " * MOST_LINE_READ + "b c d",
        "a{" + " " * MOST_LINE_READ + "x} 1",
        "a{" + 'x="y",' * (MOST_LINE_READ // 6) + "} b c d",
        'a{x="' + "\\" * MOST_LINE_READ + '" b c d',
        'a{"' + '""' * (MOST_LINE_READ // 2) + "} b c d",
    ],
    ids=["name", "value", "space", "space before the time", "space in labels", "labels", "escapes", "quotes"],
)
def test_the_longest_line_that_makes_no_sense_is_refused_at_once(line: str) -> None:
    """Going back over such a line, a pattern takes minutes; going through it once, a few milliseconds."""
    started = time.process_time()
    assert parse(line).samples == []
    assert time.process_time() - started < 1.0


names = st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,12}", fullmatch=True)
label_names = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,8}", fullmatch=True)
samples = st.builds(
    Sample,
    names,
    st.dictionaries(label_names, st.text(max_size=20), max_size=4).map(lambda d: tuple(d.items())),
    st.floats(allow_nan=False),
    st.none() | st.integers(0, 2**41).map(lambda ms: ms * 1e-3),
)


def written(sample: Sample) -> str:
    def escaped(text: str) -> str:
        return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")

    labels = ",".join(f'{k}="{escaped(v)}"' for k, v in sample.labels)
    at = "" if sample.at is None else f" {round(sample.at * 1e3)}"
    return f"{sample.name}{{{labels}}} {sample.value!r}{at}"


@pytest.mark.slow
@given(st.lists(samples, max_size=8))
def test_what_is_written_by_the_rules_is_read_as_it_was(some: list[Sample]) -> None:
    found = parse("\n".join(map(written, some)) + "\n")
    assert found.samples == some and found.bad == 0


@settings(max_examples=300)
@given(st.text(max_size=200) | st.text(alphabet='ab{}=",\\# \n\t01.eE+-', max_size=200))
def test_any_text_is_read_without_an_exception(text: str) -> None:
    found = parse(text)
    assert len(found.samples) + found.bad == found.lines <= text.count("\n") + 1
