"""`incident recovery` on real files: documents, exit codes, sentences, contracts on the disk, and a future that does not count."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
from click.testing import CliRunner, Result

from console.case.book import Book
from console.case.entries import repro, verified
from console.case.model import Case
from console.cli import incident
from console.domain.changes import Change
from console.domain.instant import rfc3339
from console.report.recovery_json import BadContract, contract_json, contract_of, contract_schema, recovery_schema
from tests.recovery.files import stamp, write
from tests.recovery.made import FIXED, ONSET, ROLLBACK, SERVICE, Made, after, flat, stepped, until
from tests.recovery.made import contract_of as made_contract
from tests.recovery.pairs import CANARY, CONTROL, NOW, beginning, pair

WRITTEN, FIXED_MIN = 15.0, 20.0


def run(*arguments: str) -> Result:
    return CliRunner().invoke(incident, ["recovery", *arguments], standalone_mode=False)


def contract(config: Path, *more: str) -> Result:
    return run("contract", "--config", str(config), "--at", stamp(WRITTEN), *more)


def check(config: Path, minutes: float, *more: str) -> tuple[int, dict[str, Any]]:
    """Exit code and document, so many minutes after the fix."""
    result = run("check", "--config", str(config), "--at", stamp(FIXED_MIN + minutes), "--json", *more)
    assert result.exception is None, result.exception
    document = json.loads(result.stdout)
    jsonschema.validate(document, recovery_schema())
    return result.return_value, document


def test_from_the_contract_to_recovered(tmp_path: Path) -> None:
    config = write(tmp_path, Made(), after(60), ROLLBACK)
    written = contract(config, "--json")
    assert written.return_value == 0
    jsonschema.validate(json.loads(written.stdout), contract_schema())
    assert check(config, -2)[0] == 1
    assert check(config, 2)[0] == 3
    code, early = check(config, 20)
    assert (code, early["verdict"]) == (3, "inconclusive")
    assert early["wait_s"] > 0 and "more" in early["reason"]
    code, late = check(config, 45)
    assert (code, late["verdict"], late["passes"]) == (0, "recovered", 3)
    assert late["written"] is True and late["contract_at"] == stamp(WRITTEN)
    assert late["fix"]["change"] == ROLLBACK.id
    for one in late["signals"]:
        assert {"name", "baseline", "observed", "margin", "verdict", "samples", "needed"} <= one.keys()


@pytest.mark.parametrize(
    ("made", "verdict", "code"),
    [
        (Made(errors=stepped(0.004, 0.12, 0.02)), "not_recovered", 1),
        (Made(requests=stepped(3000, 3000, 1200)), "not_recovered", 1),
        (Made(gaps=lambda at: at > FIXED - ONSET), "no_data", 3),
    ],
    ids=["failures are left", "users are gone", "nothing is told"],
)
def test_what_is_not_back_says_so_with_its_exit_code(tmp_path: Path, made: Made, verdict: str, code: int) -> None:
    config = write(tmp_path, made, after(60), ROLLBACK)
    assert contract(config).return_value == 0
    assert check(config, 45)[1]["verdict"] == verdict
    assert check(config, 45)[0] == code


def test_a_source_that_is_gone_is_no_verdict_and_exit_code_4(tmp_path: Path) -> None:
    config = write(tmp_path, Made(), after(60), ROLLBACK)
    assert contract(config).return_value == 0
    (tmp_path / "metrics.csv").unlink()
    code, answer = check(config, 45)
    assert (code, answer["verdict"]) == (4, "no_data")
    assert answer["sources"][0]["state"] == "failed"


def test_without_a_contract_one_is_made_from_what_was_known_before_the_fix(tmp_path: Path) -> None:
    config = write(tmp_path, Made(), after(60), ROLLBACK)
    code, answer = check(config, 45)
    assert (code, answer["verdict"], answer["written"]) == (0, "recovered", False)
    assert answer["contract_at"] < rfc3339(FIXED)


def test_without_a_contract_and_a_change_health_that_came_by_itself_is_judged_too(tmp_path: Path) -> None:
    config = write(tmp_path, Made(), after(120))
    code, answer = check(config, 90)
    assert (code, answer["verdict"]) == (0, "recovered"), answer["reason"]
    assert answer["fix"] is None


def test_without_a_contract_an_incident_that_goes_on_is_not_back(tmp_path: Path) -> None:
    config = write(tmp_path, Made(errors=stepped(0.004, 0.12, 0.12)), after(60))
    code, answer = check(config, -5)
    assert (code, answer["verdict"]) == (1, "not_recovered")


def test_without_a_contract_and_without_an_incident_nothing_is_claimed(tmp_path: Path) -> None:
    config = write(tmp_path, Made(errors=flat(0.004)), after(60))
    code, answer = check(config, 45)
    assert (code, answer["verdict"], answer["signals"]) == (3, "inconclusive", [])
    assert "incident recovery contract" in answer["reason"]


def test_nothing_to_recover_writes_no_contract(tmp_path: Path) -> None:
    config = write(tmp_path, Made(errors=flat(0.004)), after(60))
    result = contract(config)
    assert result.return_value == 1
    assert "nothing is wrong" in result.stderr
    assert not (tmp_path / "state").exists()


def test_the_future_of_the_files_does_not_count(tmp_path: Path) -> None:
    """What is stamped after --at, in metrics and changes, changes nothing: contract and answer are the same to the letter."""
    ending, going_on = tmp_path / "ending", tmp_path / "going-on"
    relapse = Made(errors=lambda at: 0.5 if at > FIXED - ONSET + 45 * 60 else Made().errors(at))
    folders = ((ending, after(45), ()), (going_on, after(200), (Change("deploy/later", "deploy", after(46), SERVICE),)))
    answers = []
    for folder, until_at, more in folders:
        folder.mkdir()
        config = write(folder, relapse, until_at, ROLLBACK, *more)
        written = contract(config, "--json").stdout
        code, answer = check(config, 45)
        for source in answer["sources"]:  # how much was read of a longer file is told as it is
            source.pop("bytes")
            source.pop("records")
        answer["sources"].sort(key=lambda source: str(source["name"]))  # they stand in the order in which they answered
        answers.append((written, code, answer))
    assert answers[0] == answers[1]


def test_a_contract_of_the_future_is_refused_and_one_of_long_ago_is_not_taken(tmp_path: Path) -> None:
    config = write(tmp_path, Made(), after(60), ROLLBACK)
    file = tmp_path / "contract.json"
    assert contract(config, "--out", str(file)).return_value == 0
    arguments = ("check", "--config", str(config), "--at", stamp(5), "--contract", str(file))
    assert "after the knowledge time" in str(run(*arguments).exception)
    document = json.loads(file.read_text())
    (kept,) = (tmp_path / "state" / "recovery").iterdir()
    kept.rename(kept.with_name("contract-20200101T000000.000000Z.json"))
    kept = next((tmp_path / "state" / "recovery").iterdir())
    kept.write_text(json.dumps({**document, "written_at": "2020-01-01T00:00:00Z"}))
    assert check(config, 45)[1]["written"] is False


def test_contracts_are_private_and_read_back_as_they_were(tmp_path: Path) -> None:
    config = write(tmp_path, Made(), after(60), ROLLBACK)
    assert contract(config).return_value == 0
    (kept,) = (tmp_path / "state" / "recovery").iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    made = made_contract(Made())
    again = contract_of(json.loads(json.dumps(contract_json(made))))
    assert contract_json(again) == contract_json(made)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"schema_version": 9}, "schema_version"),
        ({"hold_s": -1}, "hold_s"),
        ({"hold_s": "long"}, "hold_s"),
        ({"signals": []}, "no signal is critical"),
        ({"signals": [{}]}, "kind"),
        ({"baseline": {}}, "start"),
        ({"written_at": "noon"}, "written_at"),
        ({"cause": 3}, "cause"),
    ],
    ids=lambda value: str(value),
)
def test_a_file_that_is_no_contract_says_what_is_wrong(change: dict[str, Any], says: str) -> None:
    document = {**contract_json(made_contract(Made())), **change}
    with pytest.raises(BadContract, match=says):
        contract_of(document)


def test_a_contract_may_be_edited_by_hand(tmp_path: Path) -> None:
    """A margin of five points makes what is left of the failures acceptable, and the answer says so."""
    config = write(tmp_path, Made(errors=stepped(0.004, 0.12, 0.02)), after(60), ROLLBACK)
    file = tmp_path / "contract.json"
    assert contract(config, "--out", str(file)).return_value == 0
    document = json.loads(file.read_text())
    for one in document["signals"]:
        if one["kind"] == "errors":
            one["absolute"] = 0.05
    file.write_text(json.dumps(document))
    code, answer = check(config, 45, "--contract", str(file))
    assert (code, answer["signals"][-1]["verdict"]) == (0, "recovered")
    assert max(s["margin"] or 0 for s in answer["signals"] if s["kind"] == "errors") == 0.05


def test_when_it_was_mended_can_be_told(tmp_path: Path) -> None:
    config = write(tmp_path, Made(), after(60))
    assert contract(config).return_value == 0
    code, answer = check(config, 45, "--fixed-at", rfc3339(FIXED))
    assert (code, answer["fix"]["at"]) == (0, rfc3339(FIXED))
    late = run("check", "--config", str(config), "--at", stamp(30), "--fixed-at", stamp(40))
    assert "after the knowledge time" in str(late.exception)


def test_earlier_weeks_of_the_same_files_tell_the_season(tmp_path: Path) -> None:
    """After the fix comes the weekly peak, twice the requests and half as slow again."""
    peak = Made(p95=stepped(0.2, 0.2, 0.3), requests=stepped(3000, 3000, 6000), noise=0.03)
    config = write(tmp_path, peak, after(70), ROLLBACK)
    assert contract(config).return_value == 0
    assert check(config, 60)[1]["verdict"] == "inconclusive"
    usual = Made(errors=flat(0.004), p95=peak.p95, requests=peak.requests, noise=0.03, seed=9)
    with (tmp_path / "metrics.csv").open("a") as file:
        for week in (1, 2, 3):
            for metric, points in until(usual, after(70)).items():
                for when, value in points:
                    file.write(f"{rfc3339(when - week * 7 * 86400)},{SERVICE},,{metric},{value:.6g}\n")
    code, answer = check(config, 60)
    assert (code, answer["verdict"]) == (0, "recovered"), answer["reason"]
    assert any(one["seasonal"] for one in answer["signals"])
    assert len(answer["baseline"]) > 1


def test_only_the_services_that_were_asked_for(tmp_path: Path) -> None:
    config = write(tmp_path, Made(), after(60), ROLLBACK)
    assert contract(config).return_value == 0
    assert {one["service"] for one in check(config, 45, "--service", SERVICE)[1]["signals"]} == {SERVICE}
    unknown = run("check", "--config", str(config), "--at", stamp(65), "--service", "nobody")
    assert "no service" in str(unknown.exception)


def test_a_case_holds_contract_and_verdict_and_is_resolved_by_it(tmp_path: Path) -> None:
    config = write(tmp_path, Made(), after(60), ROLLBACK)
    runner = CliRunner()
    new = runner.invoke(
        incident, ["case", "new", "orders fail", "--config", str(config), "--json"], standalone_mode=False
    )
    case = json.loads(new.stdout)["id"]
    assert contract(config, "--case", case).return_value == 0
    for kept in (tmp_path / "state" / "recovery").iterdir():
        kept.unlink()
    result = run("check", "--config", str(config), "--until", stamp(FIXED_MIN + 45), "--case", case, "--json")
    assert json.loads(result.stdout)["verdict"] == "recovered"
    shown = runner.invoke(incident, ["case", "show", case, "--config", str(config), "--json"], standalone_mode=False)
    assert "recovered" in shown.stdout


def test_words_for_people_name_every_signal_and_what_is_missing(tmp_path: Path) -> None:
    config = write(tmp_path, Made(), after(60), ROLLBACK)
    told = contract(config)
    assert "checkout error rate must be back" in told.stdout and "showing that takes about" in told.stdout
    arguments = ("check", "--config", str(config), "--at")
    table = run(*arguments, stamp(FIXED_MIN + 45)).stdout
    assert table.startswith("RECOVERED  ") and "checkout traffic" in table and "3 of 3" in table
    plain = run(*arguments, stamp(FIXED_MIN + 20), "--plain").stdout
    assert plain.startswith("Inconclusive: ") and "holds for" in plain
    assert "\x1b" not in table + plain


@pytest.mark.parametrize("hold", ["1s", "3d", "soon"])
def test_a_hold_time_that_makes_no_sense_is_refused(tmp_path: Path, hold: str) -> None:
    config = write(tmp_path, Made(), after(1))
    assert hold in str(contract(config, "--hold", hold).exception)


def test_the_configuration_says_how_strict_a_contract_is_and_an_option_says_otherwise(tmp_path: Path) -> None:
    config = write(tmp_path, Made(), after(1))
    config.write_text(config.read_text() + '\n[recovery]\nhold = "6m"\nerror_margin = 0.02\n')
    told = json.loads(contract(config, "--json").stdout)
    assert told["hold_s"] == 360
    assert {one["absolute"] for one in told["signals"] if one["kind"] == "errors"} == {0.02}
    told = json.loads(contract(config, "--json", "--hold", "3m", "--error-margin", "0.01").stdout)
    assert told["hold_s"] == 180
    assert {one["absolute"] for one in told["signals"] if one["kind"] == "errors"} == {0.01}
    config.write_text(config.read_text().replace("6m", "3s"))
    assert "at least 15 s" in str(contract(config).exception)


def test_a_canary_and_its_control_from_files(tmp_path: Path) -> None:
    from tests.recovery.pairs import CANARY, CONTROL, NOW, beginning, pair

    config = write(tmp_path, Made(), after(1))
    for factor, code, verdict in ((1.0, 0, "recovered"), (1.5, 1, "not_recovered")):
        rows = ["time,service,operation,metric,value"]
        for one in pair(1, factor).series:
            rows += [f"{rfc3339(at)},{one.key.service},,{one.key.metric},{value:.6g}" for at, value in one]
        (tmp_path / "metrics.csv").write_text("\n".join(rows) + "\n")
        times = ("--at", rfc3339(NOW), "--since", rfc3339(beginning(70)))
        result = run("canary", "--config", str(config), *times, "--canary", CANARY, "--control", CONTROL, "--json")
        document = json.loads(result.stdout)
        assert (result.return_value, document["verdict"]) == (code, verdict), document["reason"]


def new_case(config: Path, title: str = "orders fail") -> str:
    """The id of a case that was just opened."""
    made = CliRunner().invoke(
        incident, ["case", "new", title, "--config", str(config), "--json"], standalone_mode=False
    )
    return str(json.loads(made.stdout)["id"])


def case_at(config: Path, case: str) -> Case:
    """The case as its journals have it."""
    return Book(config.parent / "state" / "cases", case, "reader").read()


def canary_files(folder: Path, factor: float = 1.0) -> Path:
    """A canary and its control as files."""
    rows = ["time,service,operation,metric,value"]
    for one in pair(1, factor=factor).series:
        rows += [f"{rfc3339(at)},{one.key.service},,{one.key.metric},{value:.6g}" for at, value in one]
    (folder / "metrics.csv").write_text("\n".join(rows) + "\n")
    tables = [f'[[service]]\nname = "{name}"' for name in (CANARY, CONTROL)]
    config = folder / "incident.toml"
    config.write_text(
        "\n".join(
            [
                '[console]\nstate_dir = "state"',
                *tables,
                '[[metrics]]\nname = "prod"\nkind = "csv"\npath = "metrics.csv"',
            ]
        )
    )
    return config


@pytest.mark.parametrize(("factor", "code", "said"), [(1.0, 0, "it may go on"), (1.5, 1, "stop it")])
def test_the_verdict_on_a_canary_stands_in_the_case_and_says_nothing_of_the_incident(
    tmp_path: Path, factor: float, code: int, said: str
) -> None:
    config = canary_files(tmp_path, factor)
    case = new_case(config)
    window = ("--since", rfc3339(beginning(70)), "--at", rfc3339(NOW))
    names = ("--canary", CANARY, "--control", CONTROL)
    result = run("canary", "--config", str(config), *window, *names, "--case", case, "--json")
    assert result.exception is None and result.return_value == code and case in result.stderr
    found = case_at(config, case)
    assert found.recovery is None and not found.recovered
    (one,) = found.fixes
    assert one.text.startswith(f"canary {CANARY} beside {CONTROL}: {said}: ")
    assert one.data["verdict"] == json.loads(result.stdout)["verdict"] and one.data["canary"] == CANARY
    assert "outcome" not in one.data and rfc3339(one.occurred_at) == rfc3339(NOW)


def test_a_canary_for_a_case_that_is_none_is_an_error(tmp_path: Path) -> None:
    config = canary_files(tmp_path)
    window = ("--since", rfc3339(beginning(70)), "--at", rfc3339(NOW))
    result = run("canary", "--config", str(config), *window, "--canary", CANARY, "--control", CONTROL, "--case", "none")
    assert isinstance(result.exception, click.UsageError) and "no case" in str(result.exception)


def test_what_was_reproduced_in_a_case_must_be_verified_before_it_is_recovered(tmp_path: Path) -> None:
    config = write(tmp_path, Made(), after(60), ROLLBACK)
    now = [ONSET + 60 * WRITTEN - 60]
    book = Book.new(tmp_path / "state" / "cases", "orders fail", "alice", clock=lambda: now[0])
    ran = {"reproduced": True, "failures": 5, "tries": 5, "environment": "staging"}
    book.write(repro(ran, "GET /a"))
    written = contract(config, "--case", book.id, "--json")
    assert "reproduction" in {one["kind"] for one in json.loads(written.stdout)["signals"]}
    code, missing = check(config, 45, "--case", book.id)
    assert (code, missing["verdict"]) == (3, "inconclusive") and "not verified since" in missing["reason"]
    now[0] = FIXED + 600
    branch = {"state": "FIXED", "reason": "4 clean passes", "branch": "fix/a", "commit": "c" * 40}
    book.write(verified(branch, "fix/a"))
    assert check(config, 45, "--case", book.id)[1]["verdict"] == "inconclusive"
    now[0] = FIXED + 1200
    book.write(verified({"state": "FIXED", "reason": "4 clean passes", "environment": "staging"}))
    assert check(config, 15, "--case", book.id)[1]["verdict"] == "inconclusive", (
        "what is written later is not known yet"
    )
    code, answer = check(config, 45, "--case", book.id)
    assert (code, answer["verdict"]) == (0, "recovered"), answer["reason"]
    assert case_at(config, book.id).recovered


def test_the_objective_of_the_configuration_becomes_a_signal_of_the_contract(tmp_path: Path) -> None:
    config = write(tmp_path, Made(errors=stepped(0.0005, 0.12, 0.0005)), after(60), ROLLBACK)
    config.write_text(config.read_text().replace('name = "checkout"', 'name = "checkout"\nobjective = 0.998'))
    terms = {one["kind"]: one for one in json.loads(contract(config, "--json").stdout)["signals"]}
    assert terms["burn"]["budget"] == pytest.approx(0.002) and terms["burn"]["critical"] is True
    code, answer = check(config, 60)
    assert (code, answer["verdict"]) == (0, "recovered"), answer["reason"]
    assert "checkout error budget burn" in {one["name"] for one in answer["signals"]}
