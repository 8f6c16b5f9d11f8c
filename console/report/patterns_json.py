"""What is special to a window's log lines as the JSON document that scripts read, and the JSON Schema of it."""

from __future__ import annotations

from typing import Any

from console.domain.shapes import PatternReport
from console.report.diagnosis_json import BASELINE, PATTERN, SOURCE
from console.report.shape import Field, Json, schema, write

SCHEMA_VERSION = 1
SCHEMA_ADDRESS = "urn:incident-console:schema:patterns:1"

EXCEPTION = (
    Field("type", "text", "Type of the innermost cause, as its language names it."),
    Field("frames", "texts", "The application's own frames, innermost first; no line numbers."),
    Field("message", "text", "What the first of them said."),
    Field("count", "integer", "Exceptions in the window."),
    Field("baseline_count", "integer", "Exceptions in the baseline; null: no baseline.", null=True),
    Field("first_seen", "time", "The first one."),
    Field("last_seen", "time", "The last one."),
    Field("services", "texts", "Who wrote them."),
    Field("example", "texts", "The whole text of the first, line by line."),
)
FIELD = (
    Field("field", "text", "Name of the field, as in queries."),
    Field("value", "text", "Its value."),
    Field("failing", "integer", "Failing records with this value."),
    Field("failing_of", "integer", "Failing records that have the field."),
    Field("others", "integer", "Other records with this value."),
    Field("others_of", "integer", "Other records that have the field."),
    Field("ratio", "number", "Share among failing records over share among others; null: no other has it.", null=True),
)
PATTERNS = (
    Field("schema_version", "integer", "Version of this document.", read=lambda d: SCHEMA_VERSION),
    Field("generated_at", "time", "When it was written."),
    Field("at", "time", "The knowledge time: nothing stamped later had any influence."),
    Field("window", "window", "What was looked at."),
    Field("baseline", "list", "What it was compared with.", shape=BASELINE),
    Field(
        "patterns",
        "list",
        "Every pattern, the most special first.",
        shape=(*PATTERN, Field("trend", "integers", "Lines per step of the window; empty: it holds none.")),
    ),
    Field("trend_step_s", "number", "Width of a step of the trends, in seconds."),
    Field("lines", "integer", "Lines in the window: the sum of all counts."),
    Field("baseline_lines", "integer", "Lines in the baseline: the sum of all baseline counts."),
    Field("baseline_too_small", "boolean", "True: too few lines for anything to be called new or gone."),
    Field("unmatched", "integer", "Lines that belong to no pattern: none.", read=lambda d: 0),
    Field("exceptions", "list", "Exceptions by type and place, those unknown to the baseline first.", shape=EXCEPTION),
    Field("fields", "list", "Field values that failing records have more often than others.", shape=FIELD),
    Field("sampled", "boolean", "True: counts are those of a sample of the lines."),
    Field("sources", "list", "Who was asked, and what came of it.", shape=SOURCE),
)


def patterns_json(report: PatternReport) -> Json:
    """The document of `incident patterns --json`."""
    return write(report, PATTERNS)


def patterns_schema() -> dict[str, Any]:
    """The JSON Schema of that document, as `incident schema patterns` prints it."""
    return schema("incident patterns --json", PATTERNS, SCHEMA_ADDRESS)
