"""The exposition formats: examples of their specifications, hostile text, and a round trip of anything."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.metrics.exposition import MOST_LINE, Sample, parse

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
    assert len(found.samples) + found.bad <= text.count("\n") + 1
