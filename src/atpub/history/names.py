"""The names of the applies in a project's history, which are times: enough to see that there is none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from atpub.errors import OSFailure

FOLDER: Final = Path(".atpub", "history")
"""Where the history is, relative to the manifest's folder."""
SUFFIX: Final = ".jsonl.gz"
"""The end of the name of each file."""

_NAME: Final = "%Y%m%d-%H%M%S-%f"


def list_names(beside: Path) -> list[str]:
    """Return the names of all applies that are kept beside a manifest, the oldest first; raises OSFailure."""
    folder = beside / FOLDER
    try:
        found = [entry.name for entry in folder.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise OSFailure(f"cannot read {folder}: {error.strerror}") from None
    return sorted(name.removesuffix(SUFFIX) for name in found if _is_name(name))


def may_have_names(beside: Path) -> bool:
    """Return whether applies are kept beside a manifest; also where that cannot be read, for the reader to report."""
    try:
        return bool(list_names(beside))
    except OSFailure:
        return True


def name_after(latest: str, now: datetime) -> str:
    """Return the name of an apply that begins now: later than the latest, even where the clock was put back."""
    name = now.astimezone(UTC).strftime(_NAME)
    if name > latest:
        return name
    return (datetime.strptime(latest, _NAME) + timedelta(microseconds=1)).strftime(_NAME)


def _is_name(name: str) -> bool:
    try:
        datetime.strptime(name.removesuffix(SUFFIX), _NAME)
    except ValueError:
        return False
    return name.endswith(SUFFIX)
