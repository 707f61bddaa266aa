"""Where atpub keeps what outlives a run (XDG Base Directory Specification; on Windows, LOCALAPPDATA)."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path | None:
    """Return the folder for caches of measured files and identities; None where there is no home folder."""
    return _folder("XDG_CACHE_HOME", ".cache")


def state_folder() -> Path | None:
    """Return the folder for sessions; None where there is no home folder."""
    return _folder("XDG_STATE_HOME", ".local/state")


def _folder(variable: str, default: str) -> Path | None:
    base = os.environ.get(variable) or os.environ.get("LOCALAPPDATA")
    try:
        return (Path(base) if base else Path.home() / default) / "atpub"
    except RuntimeError:
        return None
