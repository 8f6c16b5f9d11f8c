"""The user's folders, as the XDG base directories name them, on macOS too: `$XDG_CONFIG_HOME`, `$XDG_STATE_HOME`.

A variable that holds no absolute path counts as unset, as that specification asks.
"""

from __future__ import annotations

from pathlib import Path

from platformdirs.unix import Unix

_FOLDERS = Unix("incident-console")


def config_folder() -> Path | None:
    """Where the user's own configuration lies; None where there is no home folder."""
    try:
        return _FOLDERS.user_config_path
    except RuntimeError:
        return None


def state_folder() -> Path | None:
    """Where cases and indexes are kept unless the configuration says otherwise; None where there is no home folder."""
    try:
        return _FOLDERS.user_state_path
    except RuntimeError:
        return None
