"""`incident config check` names everything that is wrong, with its line, and what would be right."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.config.places import Places
from tests.cli.conftest import Run

BROKEN = """\
colour = "red"

[console]
timezon = "UTC"
window = "10 parsecs"
mouse = "yes"

[[service]]
name = "checkout"
depends_on = [
    "paymints",
    "payments",
]
probe = "ftp://x"
version_url = "nonsense"

[[service]]
name = "checkout"

[[service]]
name = "payments"

[[logs]]
name = "app"
format = "jsonn"
service = "chekout"
service_field = "svc"
service_from_path = "logs/x.log"

[[logs]]
name = "loki"
kind = "loki"
paths = ["a"]
sevice = "checkout"

[[metrics]]
kind = "prometheus"

[[metrics]]
name = "m"
kind = "prometheus"
url = "http://u:p@127.0.0.1"
token_env = "NOT_SET_X"

[[traces]]
kind = "tempo"

[[environment]]
name = "staging"
tier = "stagin"
origin = "http://127.0.0.1"

[[environment]]
name = "local"
tier = "local"
origin = "http://127.0.0.1"
token_file = "none.txt"

[budget]
concurrent = 99

[keys]
zom = "z"
zoom = "ctrl+b, ctrl+a"
help = "F5"
quit = "F5"
"""
WANTED = [
    (1, "colour: unknown key"),
    (4, "console.timezon: unknown key; did you mean 'timezone'?"),
    (5, "console.window: "),
    (6, "console.mouse: "),
    (
        10,
        "[[service]] checkout: depends_on names 'paymints', which is no service or dependency; did you mean 'payments'?",
    ),
    (14, "[[service]] checkout: probe 'ftp://x' cannot be asked"),
    (15, "[[service]] checkout: version_url: "),
    (18, "'checkout' is defined twice"),
    (23, "[[logs]] app: only one of service and service_field and service_from_path can name the service"),
    (23, '[[logs]] app: paths is needed for kind = "files"'),
    (23, "[[logs]] app: service_from_path needs {service} in it"),
    (25, "[[logs]] app: format: 'jsonn' is none of auto, json, logfmt, access, syslog, plain; did you mean 'json'?"),
    (26, "[[logs]] app: service 'chekout' is not defined; did you mean 'checkout'?"),
    (34, "[[logs]] loki: sevice: unknown key; did you mean 'service'?"),
    (36, '[[metrics]] #1: url is needed for kind = "prometheus"'),
    (39, "[[metrics]] m: url holds a user or password"),
    (43, "[[metrics]] m: token_env names NOT_SET_X, which is not set"),
    (45, '[[traces]] traces: kind = "tempo"'),
    (50, "[[environment]] staging: tier: 'stagin' is none of production, staging, local; did you mean 'staging'?"),
    (57, "[[environment]] local: token_file "),
    (60, "budget.concurrent: "),
    (63, "keys: zom: no such action; did you mean 'zoom'?"),
    (64, "keys: zoom: ctrl+a cannot be used"),
    (64, "keys: zoom: ctrl+b cannot be used"),
    (66, "keys: F5 is bound to both help and quit"),
]


def test_every_problem_is_told_at_once(incident: Run, tmp_path: Path) -> None:
    path = tmp_path / "incident.toml"
    path.write_text(BROKEN)
    document = json.loads(incident("config", "check", "--json").out)
    assert document["valid"] is False
    problems = document["problems"]
    for line, sentence in WANTED:
        assert any(one.startswith(f"{path}:{line}: {sentence}") for one in problems), (line, sentence, problems)
    assert len(problems) == len(WANTED), problems
    said = incident("config", "check").err.splitlines()
    assert said == problems


def test_the_doctor_tells_the_same(incident: Run, tmp_path: Path) -> None:
    (tmp_path / "incident.toml").write_text(BROKEN)
    ran = incident("doctor", "--json")
    found = [one["says"] for one in json.loads(ran.out)["findings"] if one["topic"] == "configuration"]
    assert ran.code == 2 and found == json.loads(incident("config", "check", "--json").out)["problems"]


def test_every_command_names_the_line(incident: Run, tmp_path: Path) -> None:
    (tmp_path / "incident.toml").write_text("[[logs]]\npaths = 3\n\n[keys]\nzom = 'z'\n")
    ran = incident("diagnose")
    assert ran.code == 2 and ran.err.splitlines() == [
        f'{tmp_path}/incident.toml:2: [[logs]] #1: paths: is a list: write ["…", "…"]',
        f"{tmp_path}/incident.toml:5: keys: zom: no such action; did you mean 'zoom'?",
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a = 1\n[console\n", ":2: not valid TOML"),
        ('[service]\nname = "a"\n', ":1: service: is a list of tables: write [[service]]"),
        ("console = 3\n", ":1: console: is a table: write [console]"),
        ("[[service]]\n", ":1: [[service]] #1: name: is missing: add name = …"),
        ("[[service]]\nname = 3\n", ":2: [[service]] #1: name: is text: write it in quotes"),
        ("[[service]]\nname = '\\u001b'\n[[service]]\nname = \"\\u001b[31m\"\n", ":4: "),
    ],
)
def test_words_for_what_is_wrong(incident: Run, tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "incident.toml").write_text(text)
    ran = incident("config", "check")
    assert ran.code == 2 and f"{tmp_path}/incident.toml{sentence}" in ran.err, ran.err
    assert "\x1b" not in ran.err


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_of_statements_that_take_several(end: str) -> None:
    text = end.join(
        [
            "# head",
            "",
            "a = [",
            "  1,",
            "  2,",
            "]",
            "[b]",
            'c = """',
            "d = 1",
            '"""',
            "# e",
            "[[f]]",
            "x.y = 1",
            "[[f]]",
        ]
    )
    places = Places(text)
    assert [places.line_of(p) for p in (("a",), ("a", 1), ("b",), ("b", "c"))] == [3, 3, 7, 8]
    assert [places.line_of(p) for p in (("f", 0), ("f", 0, "x", "y"), ("f", 1))] == [12, 13, 14]
    assert places.line_of(("f", 1, "missing")) == 14
    assert places.line_of(("b", "d")) == 7
    assert places.line_of(("nothing",)) is None


NAMES = st.sampled_from(["a", "b", "c"])


@given(
    st.lists(st.tuples(NAMES, st.dictionaries(NAMES, st.lists(st.integers(0, 9), max_size=3), max_size=3)), max_size=6)
)
def test_the_line_of_every_key_holds_that_key(tables: list[tuple[str, dict[str, Any]]]) -> None:
    lines: list[str] = []
    wanted: dict[tuple[str | int, ...], int] = {}
    seen: dict[str, int] = {}
    for name, table in tables:
        lines.append(f"[[{name}]]  # [[a]]")
        index = seen[name] = seen.get(name, -1) + 1
        wanted[name, index] = len(lines)
        for key, numbers in table.items():
            wanted[name, index, key] = len(lines) + 1
            lines += [f"{key} = [", *(f"  {number}, # {key} = [" for number in numbers), "]", ""]
    text = "\n".join(lines)
    tomllib.loads(text)
    places = Places(text)
    assert {path: places.line_of(path) for path in wanted} == wanted


def test_folders_of_the_user(incident: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """XDG variables count where they are absolute, as their specification says; else the folders below home."""
    home = tmp_path / "home"
    (home / ".config" / "incident-console").mkdir(parents=True)
    (home / ".config" / "incident-console" / "config.toml").write_text('[console]\ntheme = "light"\n')
    monkeypatch.setenv("HOME", str(home))
    for relative in ("xdg-relative", ""):
        monkeypatch.setenv("XDG_CONFIG_HOME", relative)
        monkeypatch.setenv("XDG_STATE_HOME", relative)
        document = json.loads(incident("config", "show", "--json").out)
        assert document["path"] == str(home / ".config" / "incident-console" / "config.toml")
        assert document["values"]["console.state_dir"] == str(home / ".local" / "state" / "incident-console")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    assert json.loads(incident("config", "show", "--json").out)["found_by"] == "no file found: defaults"
