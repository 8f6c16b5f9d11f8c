"""The common options: every command that looks at the system takes them, and says where they change nothing."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from console.cli import incident as root
from tests.cli.conftest import Run
from tests.cli.test_forms import commands

COMMON = {"--config", "--at", "--since", "--until", "--service", "--json", "--plain"}
TAKE_ALL = ("diagnose", "logs", "patterns", "changes", "health", "doctor", "config init", "config check", "config show")
CONFIG = """
[[service]]
name = "checkout"
probe = "tcp://127.0.0.1:9"
[[service]]
name = "payments"
probe = "tcp://127.0.0.1:9"
repository = "none"
[[dependency]]
name = "db"
probe = "tcp://127.0.0.1:9"
[[logs]]
name = "a"
paths = ["a.jsonl"]
service = "checkout"
[[logs]]
name = "b"
paths = ["b.jsonl"]
service = "payments"
[[logs]]
name = "c"
paths = ["c.jsonl"]
"""


def test_every_command_of_the_list_takes_all() -> None:
    found = {name: {option for p in one.params for option in p.opts} for name, one in commands(root)}
    for name in TAKE_ALL:
        assert found[name] >= COMMON, name
    run = root.get_command(click.Context(root), "run")
    assert run is not None and "--config" in {option for p in run.params for option in p.opts}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("config", "show"), "this is about the whole file, at any time: "),
        (("config", "check"), "this is about the whole file, at any time: "),
        (("config", "init"), "a new configuration depends on its folder alone: "),
    ],
)
def test_what_changes_nothing_is_said(incident: Run, words: tuple[str, ...], says: str) -> None:
    ran = incident(*words, "--at=-1h", "--service", "x", "--json")
    assert ran.code == 0 and json.loads(ran.out)
    assert ran.err.splitlines()[0] == f"{says}--at and --service change nothing here"
    assert "nothing here" not in incident(*words, "new.toml" if words[1] == "init" else "--plain").err
    bad = incident(*words, "--since", "abc")
    assert bad.code == 2 and bad.err.startswith("--since: 'abc' is no time")


def test_where_a_new_configuration_goes_is_its_argument(incident: Run, tmp_path: Path) -> None:
    ran = incident("config", "init", "--config", "x.toml")
    assert ran.code == 0 and "--config changes nothing here" in ran.err and not (tmp_path / "x.toml").exists()


def test_the_doctor_looks_at_chosen_services_only(incident: Run, tmp_path: Path) -> None:
    (tmp_path / "incident.toml").write_text(CONFIG)
    for name in "abc":
        (tmp_path / f"{name}.jsonl").write_text("{}\n")

    def looked_at(*options: str) -> set[str]:
        found = json.loads(incident("doctor", "--json", *options).out)["findings"]
        return {one["name"] for one in found if one["topic"] in ("source", "permissions")} - {"state folder"}

    everything = looked_at()
    assert everything >= {"[[logs]] a", "[[logs]] b", "probe of checkout", "probe of db", "deploy tags of none"}
    checkout = looked_at("--service", "checkout")
    assert checkout - {"sources"} == {"[[logs]] a", "[[logs]] c", "probe of checkout"}
    assert looked_at("--service", "db") - {"sources"} == {"[[logs]] c", "probe of db"}
    wrong = incident("doctor", "--service", "chekout")
    assert wrong.code == 2 and "no service 'chekout'; configured: checkout, db, payments" in wrong.err


def test_the_doctor_knows_the_present_only(incident: Run) -> None:
    ran = incident("doctor", "--at=-1h", "--since=-2h", "--until=-1h", "--json")
    assert ran.code == 0 and json.loads(ran.out)
    assert ran.err == "the doctor looks at the present: --at, --since and --until change nothing here\n"
