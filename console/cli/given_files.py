"""Log files named on the command line, which need no configuration; `-` is standard input."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from console.cli.options import standard_input
from sources.logs.files import FileLogSource
from sources.logs.spec import Spec

STANDARD_INPUT = "-"
MOST_INPUT = 8 << 30
"""Bytes of standard input that are kept in a temporary file; what follows is refused."""
_CHUNK = 1 << 20


@contextmanager
def given(names: Sequence[str], zone: str) -> Iterator[FileLogSource]:
    """A source of the named files, for as long as it is needed.

    Args:
        names: Paths; `-` is standard input, which is read to its end.
        zone: Of stamps that carry none.

    Raises:
        click.UsageError: A file is not there, or standard input is a terminal or endless.
    """
    with tempfile.TemporaryDirectory(prefix="incident-") as folder:
        paths = [
            _kept(Path(folder)) if name == STANDARD_INPUT else Path(name).absolute() for name in dict.fromkeys(names)
        ]
        for path in paths:
            try:
                path.stat()
            except FileNotFoundError:
                raise click.UsageError(f"{path}: there is no such file") from None
            except OSError as error:
                raise click.UsageError(f"{path}: {(error.strerror or 'cannot be read').lower()}") from None
        yield FileLogSource(Spec("files", tuple(map(str, paths)), zone=zone, exact=True))


def _kept(folder: Path) -> Path:
    """Standard input as a file, since seeking needs one; the folder is its owner's only, and goes when the command ends."""
    source = standard_input()
    if source.isatty():
        raise click.UsageError("- reads standard input, which is a terminal here: pipe a log into it")
    path = folder / "stdin"
    with open(path, "xb") as target:
        while data := source.read(_CHUNK):
            if target.tell() + len(data) > min(MOST_INPUT, shutil.disk_usage(folder).free):
                raise click.UsageError("standard input is larger than the space for it; name the file instead")
            target.write(data)
    return path
