"""Where tokens come from: the environment, a file that only its owner can read, or the system keyring. Never the configuration."""

from __future__ import annotations

import importlib
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from console.config.load import ConfigError
from console.config.models import Secret
from console.guard.held import hold
from console.guard.sanitise import safe

MOST_BYTES = 16_384


class Token:
    """A credential. Printing it shows nothing; `header` gives the value for `Authorization`.

    A file is read again at every use, because platforms replace such files while programs run.
    """

    def __init__(self, read: Callable[[], str], origin: str) -> None:
        self._read = read
        self.where = origin
        """Where it comes from, in words, for messages."""

    def __repr__(self) -> str:
        return f"Token(from {self.where})"

    def header(self) -> str:
        """`Bearer …`, or the text itself where it names its scheme (`Basic …`).

        Raises:
            ConfigError: It can no longer be read.
        """
        text = self._read()
        hold(text)  # whoever is asked with it may answer with it
        scheme = text.split(" ", 1)[0].lower()
        return text if scheme in ("basic", "bearer", "apikey", "token") and " " in text else f"Bearer {text}"


def token_of(
    secret: Secret, key: str, resolve: Callable[[str | Path], Path], environ: Mapping[str, str] = os.environ
) -> Token | None:
    """The token that a table of the configuration names, or None where it names none.

    Args:
        key: The table, for messages: `[[metrics]] prod`.

    Raises:
        ConfigError: More than one place is named, or the one named holds no usable token.
    """
    named = [k for k in ("token_env", "token_file", "token_keyring") if getattr(secret, k) is not None]
    if not named:
        return None
    if len(named) > 1:
        raise ConfigError(f"{key}: only one of {' and '.join(named)} can give the token")
    if secret.token_env is not None:
        token = _from_environment(secret.token_env, key, environ)
    elif secret.token_file is not None:
        path = resolve(secret.token_file)
        token = Token(lambda: _from_file(path, key), f"the file {safe(str(path))}")
    else:
        token = _from_keyring(str(secret.token_keyring), key)
    token.header()
    return token


def without_credentials(url: str, key: str) -> str:
    """The address as it is, once it is sure that no credential is written in it.

    Raises:
        ConfigError: There is a user or a password in it.
    """
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise ConfigError(
            f"{key}: url holds a user or password; take them out and use token_env, token_file or token_keyring"
        )
    return url


def _clean(text: str, key: str, where: str) -> str:
    token = text.strip()
    if not token:
        raise ConfigError(f"{key}: {where} is empty")
    if not token.isascii() or not token.isprintable():
        raise ConfigError(f"{key}: {where} holds more than one line of printable ASCII, so it is no token")
    return token


def _from_environment(name: str, key: str, environ: Mapping[str, str]) -> Token:
    value = environ.get(name)
    if value is None:
        raise ConfigError(f"{key}: token_env names {safe(name)}, which is not set")
    clean = _clean(value, key, f"the variable {safe(name)}")
    return Token(lambda: clean, f"the variable {safe(name)}")


def _from_file(path: Path, key: str) -> str:
    where = f"token_file {safe(str(path))}"
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigError(f"{key}: {where} cannot be read: {error.strerror}") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError(f"{key}: {where} is no regular file")
        if stat.S_IMODE(status.st_mode) & 0o077:
            raise ConfigError(f"{key}: {where} can be read by others: chmod 600 it")
        if status.st_uid not in (os.geteuid(), 0):
            raise ConfigError(f"{key}: {where} belongs to another user")
        data = os.read(descriptor, MOST_BYTES)
    finally:
        os.close(descriptor)
    return _clean(data.decode("utf-8", "replace"), key, where)


def _from_keyring(entry: str, key: str) -> Token:
    service, _, user = entry.partition("/")
    if not service or not user:
        raise ConfigError(f"{key}: token_keyring is {safe(entry)!r}, expected service/user")
    try:
        keyring: Any = importlib.import_module("keyring")
    except ImportError:
        raise ConfigError(
            f"{key}: token_keyring needs the Python package keyring beside this program; install it, or use token_file"
        ) from None
    try:
        value = keyring.get_password(service, user)
    except Exception as error:  # every backend has its own exceptions
        raise ConfigError(f"{key}: the keyring cannot be read: {safe(str(error), 200)}") from None
    if value is None:
        raise ConfigError(f"{key}: the keyring has no entry {safe(entry)}")
    clean = _clean(value, key, f"the keyring entry {safe(entry)}")
    return Token(lambda: clean, f"the keyring entry {safe(entry)}")
