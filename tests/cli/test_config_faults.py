"""Faults of configurations that are told in our own words, with table and key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest

from console.config.models import Config, Theme
from tests.cli.conftest import Run
from widgets.theme import PALETTES

SERVICE = '[[service]]\nname = "a"\n'


def told(incident: Run, tmp_path: Path, text: str) -> str:
    """What is said of a configuration that cannot be used; the check, the doctor and every other command agree."""
    (tmp_path / "incident.toml").write_text(text)
    check, other, doctor = incident("config", "check"), incident("diagnose"), incident("doctor", "--json")
    assert (check.code, other.code, doctor.code) == (2, 2, 2), (check.err, other.err)
    assert other.err == check.err
    problems = [one["says"] for one in json.loads(doctor.out)["findings"] if one["level"] == "wrong"]
    assert problems == check.err.splitlines()
    return check.err


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('[console]\nstate_dir = "~nobody-here/x"\n', ":2: console.state_dir"),
        (SERVICE + 'repository = "~nobody-here/x"\n', ":3: [[service]] a: repository"),
        ('[[logs]]\nname = "app"\npaths = ["x", "~nobody-here/*.log"]\n', ":3: [[logs]] app: paths.1"),
        ('[[metrics]]\nkind = "csv"\npath = "~nobody-here/m.csv"\n', ":3: [[metrics]] #1: path"),
        (
            '[[environment]]\nname = "e"\ntier = "local"\norigin = "http://h"\ntoken_file = "~nobody-here/t"\n',
            ":5: [[environment]] e: token_file",
        ),
    ],
)
def test_a_home_that_is_not_there_names_table_and_key(incident: Run, tmp_path: Path, text: str, place: str) -> None:
    said = told(incident, tmp_path, text)
    assert place in said and "there is no home folder for ~nobody-here" in said


def test_a_named_file_in_a_home_that_is_not_there(
    incident: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = incident("config", "check", "--config", "~nobody-here/x.toml")
    assert ran.code == 2 and "no home folder for ~nobody-here (named by --config)" in ran.err
    monkeypatch.setenv("INCIDENT_CONFIG", "~nobody-here/x.toml")
    ran = incident("doctor")
    assert ran.code == 2 and "no home folder for ~nobody-here (named by $INCIDENT_CONFIG)" in ran.out
    ran = incident("config", "show", "--config", str(tmp_path))
    assert ran.code == 2 and f"{tmp_path}: is a folder (named by --config): name the file in it" in ran.err


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[[logs]]\nname = "x"\nkind = "loki"\nurl = "http://h"\n', '[[logs]] x: kind = "loki" {}files, journald'),
        ('[[changes]]\nname = "x"\nkind = "github"\n', '[[changes]] x: kind = "github" {}jsonl'),
        ('[[traces]]\nkind = "tempo"\n', '[[traces]] traces: kind = "tempo" {}jsonl'),
    ],
)
def test_a_kind_that_cannot_be_read_is_told_with_those_that_can(
    incident: Run, tmp_path: Path, text: str, sentence: str
) -> None:
    said = told(incident, tmp_path, text)
    sentence = sentence.format("cannot be read by this version; kinds that can: ")
    assert said == f"{tmp_path / 'incident.toml'}:1: {sentence}\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[console]\nwindow = "0s"\n', ":2: console.window: '0s' is no time at all"),
        ('[console]\nwindow = "99999999d"\n', ":2: console.window: '99999999d' is longer than a hundred years"),
        ('[budget]\ntimeout = "0ms"\n', ":2: budget.timeout: '0ms' is no time at all"),
        ('[[metrics]]\nkind = "csv"\npath = "m"\ninterval = "0s"\n', ":4: [[metrics]] #1: interval: '0s' is no time"),
        (
            '[[environment]]\nname = "e"\ntier = "local"\norigin = "http://h"\n' * 2,
            ":6: 'e' is defined twice",
        ),
        ('[[logs]]\nname = "x"\npaths = ["p"]\n' * 2, ":5: 'x' is defined twice"),
        (SERVICE + 'depends_on = ["a"]\n', ":3: [[service]] a: depends_on names 'a' itself"),
        (
            SERVICE + '[[metrics]]\nkind = "scrape"\nurl = "http://h"\nservice = "aa"\n',
            ":6: [[metrics]] #1: service 'aa' is not defined; did you mean 'a'?",
        ),
    ],
)
def test_values_that_make_no_sense(incident: Run, tmp_path: Path, text: str, sentence: str) -> None:
    assert f"incident.toml{sentence}" in told(incident, tmp_path, text)


@pytest.mark.parametrize(
    "value", ["true", "3", "-3", "99999999999999999999", "1.5", '""', "[3]", "{ a = 3 }", "2026-01-01"]
)
def test_no_word_of_the_library_that_validates(incident: Run, tmp_path: Path, value: str) -> None:
    """Whatever stands wherever: what is said is ours."""
    tables = []
    for table, field in Config.model_fields.items():
        models = [field.annotation, *get_args(field.annotation)]
        keys = next((m.model_fields for m in models if hasattr(m, "model_fields")), {"zoom": None})
        head = f"[[{table}]]" if "tuple" in str(field.annotation) else f"[{table}]"
        tables += [head, *(f"{key} = {value}" for key in keys)]
    (tmp_path / "incident.toml").write_text("\n".join(tables))
    ran = incident("config", "check")
    assert ran.code == 2 and len(ran.err.splitlines()) > 30
    for word in ("Input", "should", "valid ", "instance", "pydantic", "datetime.", "cannot be used here"):
        assert word not in ran.err, [line for line in ran.err.splitlines() if word in line]


def test_unnamed_sources_get_distinct_names(incident: Run, tmp_path: Path) -> None:
    unnamed = '[[changes]]\npath = "c"\n'
    (tmp_path / "incident.toml").write_text(f'{unnamed}{unnamed}name = "changes"\n{unnamed}')
    document = json.loads(incident("config", "show", "--json").out)
    assert [document["values"][f"changes[{n}].name"] for n in range(3)] == ["changes-2", "changes", "changes-3"]
    assert [document["origins"][f"changes[{n}].name"] for n in range(3)] == ["default", "file", "default"]


def test_a_mark_of_the_byte_order_is_no_mistake(incident: Run, tmp_path: Path) -> None:
    (tmp_path / "incident.toml").write_bytes(b"\xef\xbb\xbf" + SERVICE.encode() + b"x = 1\n")
    assert f"{tmp_path}/incident.toml:3: [[service]] a: x: unknown key" in incident("config", "check").err


def test_a_metric_of_no_known_meaning_is_remarked_on(incident: Run, tmp_path: Path) -> None:
    """It is allowed, and may be a slip of the pen."""
    (tmp_path / "incident.toml").write_text(
        '[[metrics]]\nkind = "prometheus"\nurl = "http://127.0.0.1:9"\nqueries = { reqest_rate = "x", cpu = "y" }\n'
    )
    ran = incident("config", "check")
    assert ran.code == 0
    assert "'reqest_rate' is a gauge with no known meaning; did you mean 'request_rate'?" in ran.err
    assert "'cpu'" not in ran.err


def test_paths_are_shown_as_they_are_written(incident: Run, tmp_path: Path) -> None:
    (tmp_path / "incident.toml").write_text(
        f'[console]\nstate_dir = "state"\n{SERVICE}repository = "repo"\n[[logs]]\npaths = ["~/x.log"]\n'
    )
    values = json.loads(incident("config", "show", "--json").out)["values"]
    assert values["console.state_dir"] == "state" and values["service[0].repository"] == "repo"
    assert values["logs[0].paths"] == ["~/x.log"]


def test_every_theme_that_can_be_named_is_there() -> None:
    assert set(get_args(Theme)) == set(PALETTES)
