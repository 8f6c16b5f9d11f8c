"""The shipped JSON Schema, the table it is made from, and real documents are one."""

from __future__ import annotations

import json
import math
from typing import Any, get_args, get_type_hints

import jsonschema
import pytest
from click.testing import CliRunner

from console.analysis.diagnose import diagnose
from console.cli.schema import command
from console.domain.diagnosis import Diagnosis, Evidence, Suspect, Symptom
from console.domain.diagnosis import JudgedChange as Change
from console.domain.instant import Window
from console.domain.observations import Observations
from console.domain.series import SeriesSet
from console.domain.topology import Topology
from console.report import diagnosis_json as shape
from console.report.diagnosis_json import diagnosis_json, diagnosis_schema
from console.report.shape import Field, write
from tests.incidents.generate import CLASSES, make

VALIDATOR = jsonschema.Draft202012Validator


def documents() -> list[dict[str, Any]]:
    """Documents of every class of incident, and of nothing at all."""
    empty = Observations(0.0, Window(0.0, 0.0), Window(0.0, 0.0), Topology(), SeriesSet())
    found = [diagnose(make(kind, 3).seen) for kind in CLASSES]
    return [diagnosis_json(d) for d in (*found, diagnose(empty))]


@pytest.fixture(scope="module")
def written() -> list[dict[str, Any]]:
    return documents()


def test_the_schema_is_a_schema() -> None:
    VALIDATOR.check_schema(diagnosis_schema())


def test_every_document_is_valid(written: list[dict[str, Any]]) -> None:
    validator = VALIDATOR(diagnosis_schema(), format_checker=VALIDATOR.FORMAT_CHECKER)
    for document in written:
        assert not [error.message for error in validator.iter_errors(document)]


def test_documents_hold_exactly_the_keys_of_the_schema(written: list[dict[str, Any]]) -> None:
    def walk(value: Any, schema: dict[str, Any]) -> None:
        if isinstance(value, dict):
            assert set(value) == set(schema["properties"]) == set(schema["required"])
            for key, inner in value.items():
                walk(inner, schema["properties"][key])
        if isinstance(value, list):
            for item in value:
                walk(item, schema["items"])

    for document in written:
        walk(document, diagnosis_schema())


def test_no_document_holds_a_number_that_json_lacks(written: list[dict[str, Any]]) -> None:
    for document in written:
        json.dumps(document, allow_nan=False)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_written_as_unknown(value: float) -> None:
    symptom = Symptom("a", None, "error_rate", value, value, "ratio", None, None, None, value)
    document = write(symptom, shape.SYMPTOM)
    assert document["baseline"] is document["observed"] is document["share_of_bad"] is None


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (Diagnosis, shape.DIAGNOSIS),
        (Symptom, shape.SYMPTOM),
        (Suspect, shape.SUSPECT),
        (Evidence, shape.EVIDENCE),
        (Change, shape.CHANGE),
    ],
)
def test_models_and_schema_name_the_same_fields(model: type, fields: tuple[Field, ...]) -> None:
    written = {f.name for f in fields} - {"schema_version"}
    assert written <= set(get_type_hints(model))
    left_out = set(get_type_hints(model)) - written
    assert left_out <= {"summary", "pattern_names"}, "a field of the model that no document carries"


@pytest.mark.parametrize(
    ("model", "fields"), [(Symptom, shape.SYMPTOM), (Suspect, shape.SUSPECT), (Diagnosis, shape.DIAGNOSIS)]
)
def test_null_is_allowed_exactly_where_the_model_knows_none(model: type, fields: tuple[Field, ...]) -> None:
    hints = get_type_hints(model)
    for field in fields:
        if field.name in hints:
            assert field.null == (type(None) in get_args(hints[field.name])), field.name


def test_a_wrong_document_is_refused(written: list[dict[str, Any]]) -> None:
    document = {**written[0], "state": "fine"}
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR(diagnosis_schema()).validate(document)
    without = dict(written[0])
    del without["onset"]
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR(diagnosis_schema()).validate(without)


def test_the_command_prints_it() -> None:
    result = CliRunner().invoke(command, ["diagnose"])
    assert result.exit_code == 0
    assert json.loads(result.output) == diagnosis_schema()


def test_an_unknown_document_is_a_usage_error() -> None:
    assert CliRunner().invoke(command, ["nothing"]).exit_code == 2
