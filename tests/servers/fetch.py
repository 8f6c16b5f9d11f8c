"""Fetches server programs from Debian's archive without installing them: no maintainer script runs, nothing needs root.

    python -m tests.servers.fetch        prints the folder that holds the extracted files

The folder is `.cache/servers/root` in the project; its stamp holds the list of packages, so a changed list is fetched anew.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

PACKAGES = (
    "prometheus",
    "victoria-metrics",
    "nginx",
    "libssl3",
    "redis-server",
    "redis-tools",
    "libatomic1",
    "libjemalloc2",
    "liblzf1",
)
"""What the tests start, and the libraries that a clean machine lacks."""

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "servers"
FETCH_S = 300


class CannotFetch(RuntimeError):
    """There is no apt-get here, or it failed; the text is its last output."""


def root() -> Path:
    """The folder with the extracted files, fetched when it is not there yet.

    Raises:
        CannotFetch: In words why.
    """
    stamp, wanted = CACHE / "packages", " ".join(PACKAGES)
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test processes want the same folder
        if not stamp.is_file() or stamp.read_text() != wanted:
            _fetch()
            stamp.write_text(wanted)
    return CACHE / "root"


def environment(root: Path) -> dict[str, str]:
    """The environment of a program from there: it finds its libraries beside it."""
    libraries = [root / "usr/lib/x86_64-linux-gnu", root / "lib/x86_64-linux-gnu"]
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, libraries))}


def _fetch() -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise CannotFetch("apt-get and dpkg-deb are needed to fetch the servers")
    lists, debs, target = CACHE / "lists", CACHE / "debs", CACHE / "root"
    shutil.rmtree(target, ignore_errors=True)
    for folder in (lists / "partial", debs, target):
        folder.mkdir(parents=True, exist_ok=True)
    apt = ["apt-get", "-qq", "-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={CACHE}"]
    if os.geteuid() == 0:
        apt += ["-o", "APT::Sandbox::User=root"]
    _run([*apt, "update"], CACHE)
    _run([*apt, "download", *PACKAGES], debs)
    for package in sorted(debs.glob("*.deb")):
        _run(["dpkg-deb", "-x", str(package), str(target)], CACHE)
        package.unlink()


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=FETCH_S, check=False)
    if done.returncode != 0:
        raise CannotFetch(f"{' '.join(command[:4])}…: {(done.stderr or done.stdout)[-500:]}")


if __name__ == "__main__":
    print(root())
