"""A folder with what manifests name, and an embedded repository."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.engine.apply.publishing import scratch, write_lexicons, write_tar

from atpub.repository.local import LocalRepository


@dataclass
class Clock:
    """Shows the same time until it is moved: microseconds since 1970."""

    now: int = 1_714_564_800_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Lexicons, six shards and a text file."""
    made = tmp_path / "manifest"
    write_lexicons(made)
    for number in range(6):
        write_tar(made / f"data/{number}.tar", f"shard {number}")
    (made / "data/a.txt").write_text("some text", "utf-8")
    return made


@pytest.fixture
def repository(clock: Clock) -> Iterator[LocalRepository]:
    """An embedded repository that is not there yet."""
    with scratch() as base, closing(LocalRepository(base / "repository", clock=clock)) as made:
        yield made
