"""`incident config`: init, check and show."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.git.conftest import Work


def test_init_writes_a_start_that_is_valid_and_never_overwrites(incident: Run, work: Work) -> None:
    os.chdir(work.path)
    (work.path / "app.log").write_text("2026-01-01 ok\n")
    ran = incident("config", "init")
    assert (ran.code, ran.out) == (0, "wrote incident.toml\n")
    before = (work.path / "incident.toml").read_text()
    again = incident("config", "init")
    assert again.code == 5 and "never overwritten" in again.err
    assert (work.path / "incident.toml").read_text() == before
    assert incident("config", "check").code == 0
    shown = json.loads(incident("config", "show", "--json").out)
    assert (shown["values"]["service[0].repository"], shown["values"]["logs[0].paths"]) == (".", ["*.log*"])


def test_init_into_another_folder(incident: Run, tmp_path: Path) -> None:
    (tmp_path / "ops").mkdir()
    assert incident("config", "init", "ops").code == 0
    assert 'name = "ops"' in (tmp_path / "ops" / "incident.toml").read_text()
    missing = incident("config", "init", "none/x.toml")
    assert missing.code == 2 and "cannot be written" in missing.err


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[console]\ntimezon = "UTC"\n', "console.timezon: unknown key; did you mean 'timezone'?"),
        ('[console]\ntimezone = "Mars/Base"\n', "console.timezone: 'Mars/Base' is no time zone"),
        ('[console]\ntimezone = "../../etc/passwd"\n', "is no time zone"),
        ("[console\n", "not valid TOML"),
        ('[[service]]\nname = "a"\ndepends_on = ["b"]\n', "depends_on names 'b', which is no service or dependency"),
        ('[keys]\nzom = "z"\n', "keys: zom: no such action; did you mean 'zoom'?"),
        (
            '[[metrics]]\nname = "m"\nkind = "prometheus"\nurl = "http://u:p@127.0.0.1"\n',
            "url holds a user or password",
        ),
        (
            '[[metrics]]\nname = "m"\nkind = "prometheus"\nurl = "http://127.0.0.1"\ntoken_env = "NOT_SET_X"\n',
            "token_env names NOT_SET_X, which is not set",
        ),
        ('[[service]]\nname = "a"\nprobe = "ftp://x"\n', "ftp"),
    ],
)
def test_check_says_what_is_wrong(incident: Run, tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "incident.toml").write_text(text)
    ran = incident("config", "check")
    assert ran.code == 2 and ran.out == ""
    assert sentence in ran.err and str(tmp_path / "incident.toml") in ran.err
    document = json.loads(incident("config", "check", "--json").out)
    assert document["valid"] is False and any(sentence in problem for problem in document["problems"])


def test_check_remarks_on_what_is_not_there_yet(incident: Run, tmp_path: Path) -> None:
    (tmp_path / "incident.toml").write_text(
        '[[service]]\nname = "a"\nrepository = "none"\n[[logs]]\npaths = ["none/*.log"]\n[[changes]]\npath = "c.jsonl"\n'
    )
    ran = incident("config", "check")
    assert ran.code == 0 and "valid (1 [[service]], 1 [[logs]], 1 [[changes]])" in ran.out
    for text in ("matches no file yet", "the repository none is no folder", "c.jsonl is no file yet"):
        assert text in ran.err


def test_show_tells_values_and_origins_and_masks_secrets(
    incident: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROM_TOKEN", "hunter2hunter2")
    (tmp_path / "incident.toml").write_text(
        '[console]\nwindow = "10m"\n[[metrics]]\nkind = "prometheus"\n'
        'url = "http://127.0.0.1:9090/?token=hunter2"\ntoken_env = "PROM_TOKEN"\n'
        '[metrics.queries]\ncpu = "up{password=\\"hunter2\\"}"\n[keys]\nzoom = "Z\\u001b"\n'
    )
    ran = incident("config", "show")
    assert ran.code == 0 and "hunter2" not in ran.out and "\x1b" not in ran.out
    lines = {line.split(" = ")[0]: line for line in ran.out.splitlines() if " = " in line}
    assert lines["window"].endswith("# file") and lines["theme"].endswith("# default")
    assert str(tmp_path / "xdg-state" / "incident-console") in lines["state_dir"]
    document = json.loads(incident("config", "show", "--json").out)
    assert document["values"]["metrics[0].token_env"] == "PROM_TOKEN"
    assert document["origins"]["console.window"] == "file" and document["origins"]["console.theme"] == "default"
    assert "hunter2" not in json.dumps(document)


def test_show_without_a_file_shows_the_defaults(incident: Run) -> None:
    document = json.loads(incident("config", "show", "--json").out)
    assert (document["path"], document["found_by"]) == (None, "no file found: defaults")
    assert set(document["origins"].values()) == {"default"}


def test_an_unusable_file_is_exit_code_two_everywhere(incident: Run, tmp_path: Path) -> None:
    (tmp_path / "incident.toml").write_text("x = 1\n")
    for command in (
        ("config", "show"),
        ("config", "check"),
        ("changes",),
        ("config", "check", "--config", "none.toml"),
    ):
        assert incident(*command).code == 2
