"""Where tokens may come from, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.config.load import ConfigError
from console.config.models import Secret
from sources.secrets import token_of, without_credentials

KEY = "[[metrics]] prod"


def read(secret: Secret, folder: Path, environ: dict[str, str] | None = None) -> str | None:
    token = token_of(secret, KEY, lambda p: folder / p, environ or {})
    return token.header() if token else None


def test_no_token_is_no_error(tmp_path: Path) -> None:
    assert read(Secret(), tmp_path) is None


def test_the_environment_gives_a_bearer_token_or_a_named_scheme(tmp_path: Path) -> None:
    assert read(Secret(token_env="T"), tmp_path, {"T": " abc\n"}) == "Bearer abc"
    assert read(Secret(token_env="T"), tmp_path, {"T": "Basic dTpw"}) == "Basic dTpw"


@pytest.mark.parametrize("value", ["", "  ", "a\nb", "a\x1bb", "é"])
def test_what_is_no_token_is_refused_without_being_shown(tmp_path: Path, value: str) -> None:
    with pytest.raises(ConfigError, match=r"\[\[metrics\]\] prod: the variable T"):
        read(Secret(token_env="T"), tmp_path, {"T": value})


def test_a_variable_that_is_not_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="token_env names T, which is not set"):
        read(Secret(token_env="T"), tmp_path)


def test_row_49_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("s3cret\n")
    for mode in (0o644, 0o640, 0o604):
        path.chmod(mode)
        with pytest.raises(ConfigError, match="can be read by others: chmod 600") as caught:
            read(Secret(token_file=Path("token")), tmp_path)
        assert "s3cret" not in str(caught.value)
    path.chmod(0o600)
    assert read(Secret(token_file=Path("token")), tmp_path) == "Bearer s3cret"


def test_a_token_file_is_read_again_when_it_is_used(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("one")
    path.chmod(0o600)
    token = token_of(Secret(token_file=path), KEY, Path)
    assert token is not None and token.header() == "Bearer one"
    path.write_text("two")
    assert token.header() == "Bearer two"


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(ConfigError, match="token_file"):
            read(Secret(token_file=path), tmp_path)


def test_two_places_are_one_too_many(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="only one of token_env and token_file"):
        read(Secret(token_env="T", token_file=Path("x")), tmp_path, {"T": "a"})


def test_a_keyring_entry_needs_both_parts(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected service/user"):
        read(Secret(token_keyring="grafana"), tmp_path)


def test_an_address_with_a_password_is_refused_without_showing_it() -> None:
    assert without_credentials("http://h/x", KEY) == "http://h/x"
    with pytest.raises(ConfigError) as caught:
        without_credentials("http://u:hunter2@h/x", KEY)
    assert "hunter2" not in str(caught.value)
