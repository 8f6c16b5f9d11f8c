"""What repeats evidence in a shell: paths and addresses filled in, everything from outside quoted."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from console.config.load import Loaded
from console.config.models import Config
from console.domain.diagnosis import Evidence
from console.domain.instant import Window
from console.domain.text import SafeText
from console.live.repeat import Question, Repeat, probe_command, query_of, question_of

WINDOW = Window(1_790_000_000.0, 1_790_000_600.0)
LINES = "incident logs 'service:checkout \"it'\"'\"'s late\"' --since 2026-09-21T14:13:20Z --until 2026-09-21T14:23:20Z"


def evidence(query: str | None, source: str = "app") -> Evidence:
    return Evidence(SafeText("claim"), "fact", True, source, query, WINDOW)


@pytest.fixture
def repeat(tmp_path: Path) -> Repeat:
    path = tmp_path / "in cident.toml"
    path.write_text("")
    config = Config.model_validate(
        {
            "service": [{"name": "checkout", "repository": "re po"}],
            "metrics": [{"name": "prod", "kind": "prometheus", "url": "http://prom:9090/", "token_env": "PROM_TOKEN"}],
        }
    )
    return Repeat.of(Loaded(config, path, "test"))


def test_log_lines_are_asked_with_the_configuration(repeat: Repeat, tmp_path: Path) -> None:
    words = shlex.split(repeat.command(evidence(LINES)))
    assert words[:3] == ["incident", "logs", 'service:checkout "it\'s late"']
    assert words[-2:] == ["--config", str(tmp_path / "in cident.toml")]
    assert query_of(evidence(LINES)) == 'service:checkout "it\'s late"'


def test_the_question_of_a_command_is_read_back_and_anything_else_is_none() -> None:
    assert question_of(LINES) == Question('service:checkout "it\'s late"', WINDOW)
    assert question_of("incident logs error") == Question("error", None)
    for other in (
        None,
        "",
        "git show abc",
        "incident logs",
        "incident logs 'open",
        "incident logs x --since never --until now",
    ):
        assert question_of(other) is None


def test_commits_are_shown_from_the_repository_of_the_source(repeat: Repeat, tmp_path: Path) -> None:
    command = repeat.command(evidence("git show 0123456789ab", "git:re po"))
    assert shlex.split(command) == ["git", "-C", str(tmp_path / "re po"), "show", "0123456789ab"]


def test_a_command_of_a_pane_works_wherever_it_is_pasted(repeat: Repeat, tmp_path: Path) -> None:
    asked = shlex.split(repeat.whole("incident logs file:app.log"))
    assert asked == ["incident", "logs", "file:app.log", "--config", str(tmp_path / "in cident.toml")]
    shown = shlex.split(repeat.whole(f"git show --stat {'a' * 40}", "checkout"))
    assert shown == ["git", "-C", str(tmp_path / "re po"), "show", "--stat", "a" * 40]
    for complete in (repeat.whole("incident logs x"), repeat.whole("git show abc"), "curl -sS http://x/healthz"):
        assert repeat.whole(complete) == complete


def test_a_commit_is_shown_from_the_repository_of_its_service() -> None:
    two = Repeat(repositories={"git:a": "/a", "git:b": "/b"}, service_repositories={"cart": "/b"})
    assert two.whole("git show abc", "cart") == "git -C /b show abc"
    assert two.whole("git show abc", "unknown") == "git -C /a show abc"
    assert Repeat().whole("git show abc", "cart") == "git show abc"
    assert Repeat().whole("incident logs x") == "incident logs x"


def test_files_are_searched_from_the_folder_of_the_configuration(repeat: Repeat, tmp_path: Path) -> None:
    command = repeat.command(evidence("grep -F ,checkout,,cpu, metrics.csv", "agent"))
    assert command == f"cd {shlex.quote(str(tmp_path))} && grep -F ,checkout,,cpu, metrics.csv"


def test_a_range_query_names_address_stretch_and_where_the_token_is(repeat: Repeat) -> None:
    hostile = "rate(x{a='$(reboot)'}[1m])"
    words = shlex.split(repeat.command(evidence(hostile, "prod")))
    assert words[:3] == ["curl", "-sSG", "http://prom:9090/api/v1/query_range"]
    assert f"query={hostile}" in words and "start=2026-09-21T14:13:20Z" in words
    assert "Authorization: Bearer $PROM_TOKEN" in words


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("http://10.0.0.1/healthz", ["curl", "-sS", "-i", "--max-time", "5", "http://10.0.0.1/healthz"]),
        ("tcp://db:5432", ["nc", "-vz", "-w", "5", "db", "5432"]),
        ("tls://db", ["openssl", "s_client", "-connect", "db:443", "-servername", "db", "</dev/null"]),
        ("dns://orders.example", ["dig", "+short", "orders.example"]),
        ("dns://10.0.0.2/orders.example", ["dig", "+short", "orders.example", "@10.0.0.2"]),
        ("tcp://db", []),
        ("http://a:b:c", ["curl"]),
    ],
)
def test_probes_are_repeated_by_the_tool_that_everybody_has(target: str, words: list[str]) -> None:
    assert (
        shlex.split(probe_command(target))[: len(words)] == words
        if target != "http://a:b:c"
        else not probe_command(target)
    )


def test_what_nothing_gives_again_has_no_command(repeat: Repeat) -> None:
    assert repeat.command(evidence(None)) == "" == repeat.command(evidence("checkout", "traces"))
    assert Repeat().command(evidence(LINES)) == LINES
