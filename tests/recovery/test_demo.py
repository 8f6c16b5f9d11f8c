"""The whole way on the practice system: a bad release, the contract, the release before rolled out again, recovered."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from console.demo import repository
from tests.demo.test_scenarios_diagnosed import INCIDENT, Practice, is_bad_deploy, practice
from tests.demo.watching import Shop, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.long]
HOLD = "45s"
"""Short, since somebody waits: blocks of 15 s, and six of them are needed as ever."""
MARGIN = "0.03"
"""Orders are few: in two minutes, smaller excesses cannot be told from none."""
SOON_S = 60.0
ASK_S = 4.0
"""From an answer to the next question: recovery takes minutes, and asking all the time keeps a processor busy."""
RECOVERED_S = 420.0


def recovery(shop: Shop, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [*INCIDENT, "recovery", *arguments, "--config", str(shop.config), "--json"], capture_output=True, timeout=60
    )
    assert done.stdout, done.stderr.decode()
    document: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, document


def roll_back(shop: Shop, good: repository.Release) -> None:
    """A tag on the old commit is a rollback, whoever makes it."""
    who = ("-c", "user.name=A", "-c", "user.email=a@b.c")
    tag = f"deploy/prod/checkout/{good.version}-again"
    repository.git(shop.folder / "repo", *who, "tag", "-a", "-m", "back", tag, good.commit)


def test_a_bad_deploy_is_rolled_back_and_found_to_be_recovered(tmp_path: Path) -> None:
    with practice(["bad-deploy"], tmp_path) as (shop_practice,):
        shop, good = shop_practice.shop, before_the_fault(shop_practice)
        wait_for(lambda: blamed(shop_practice), SOON_S, ASK_S)
        code, contract = recovery(shop, "contract", "--hold", HOLD, "--error-margin", MARGIN)
        assert code == 0
        assert contract["cause"]["kind"] == "deploy"
        assert any("POST /orders" in one["name"] for one in contract["signals"])
        code, answer = recovery(shop, "check")
        assert code != 0, answer["reason"]
        roll_back(shop, good)
        answers: list[str] = []

        def recovered() -> bool:
            code, answer = recovery(shop, "check")
            answers.append(f"{answer['at']} exit {code}: {answer['reason']}")
            assert code in (0, 1, 3), answers[-1]
            return code == 0

        try:
            wait_for(recovered, RECOVERED_S, ASK_S)
        except AssertionError:
            pytest.fail("\n".join(answers))
        assert len(answers) > 1  # it was not believed at once
        code, answer = recovery(shop, "check")
        version = next(one for one in answer["signals"] if one["kind"] == "version")
        assert (answer["fix"]["change"] or "").endswith("-again")
        assert version["verdict"] == "recovered" and version["samples"]


def before_the_fault(practice: Practice) -> repository.Release:
    """The release of checkout that ran before the newest one."""
    repo = practice.shop.folder / "repo"
    pattern = "refs/tags/deploy/prod/checkout"
    listed = repository.git(repo, "for-each-ref", "--sort=taggerdate", "--format=%(refname:strip=2)", pattern)
    tag = listed.decode().split()[-2]
    return repository.Release("checkout", tag, repository.resolve(repo, tag))


def blamed(practice: Practice) -> bool:
    code, answer = practice.diagnose()
    return code == 1 and bool(answer["suspects"]) and is_bad_deploy(practice.shop, answer)
