"""A local repository at whose every call a test may meddle, and the scene on it."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from hashlib import sha256
from itertools import count
from pathlib import Path
from threading import RLock
from typing import TypeAlias, TypeVar

from tests.engine.apply.publishing import Prepared, carry_out, everything, inventory, owned, prepare
from tests.engine.apply.wrappers import Around
from tests.faults.proxy import Point
from tests.faults.scene import Rival, Season, write_scene

from atpub.atproto.data import blobs_in
from atpub.atproto.syntax import RAW, Cid, RecordPath
from atpub.engine.inventory import COLLECTION
from atpub.engine.plan.model import Options
from atpub.repository.interface import Repository
from atpub.repository.local import LocalRepository

MOST_WRITES = 6
OPTIONS = Options(delete_drifted=True, prune_versions=True)

T = TypeVar("T")
Call: TypeAlias = Callable[[], object]
Meddle: TypeAlias = Callable[[Point, Call], object]
"""Makes the call to the repository, or does not, or does more."""


class Calls(Around):
    """Numbers the calls of each method that reads or writes, and hands each to a meddler, one after the other.

    Uploads run beside commits: without turns, what a meddler meets would be chance.
    """

    def __init__(self, inner: Repository, meddle: Meddle = lambda _, call: call()) -> None:
        super().__init__(inner)
        self.points: list[Point] = []
        self._meddle = meddle
        self._counts: Counter[str] = Counter()
        self._turn = RLock()

    def __getattribute__(self, name: str) -> object:
        found = super().__getattribute__(name)
        if name in ("head", "get_record", "list_records", "upload_blob", "apply_writes") or name.startswith("read"):
            return partial(self._called, name, found)
        return found

    def _called(self, name: str, call: Callable[..., object], *args: object, **named: object) -> object:
        with self._turn:
            point = Point(name, self._counts[name])
            self._counts[name] += 1
            self.points.append(point)
            return self._meddle(point, lambda: call(*args, **named))


class Bench:
    """A folder with the scene and a repository in spring, of which every test works on copies."""

    def __init__(self, folder: Path) -> None:
        self.manifests: Mapping[Season | Rival, Path] = write_scene(folder / "scene")
        self._folder = folder
        self._numbers = count()
        with closing(LocalRepository(folder / "spring")) as repository:
            self.apply("spring", repository)
            self.spring = cids(repository)
        with self.copy() as copied:
            self.apply("autumn", copied)
            self.autumn = cids(copied)

    @contextmanager
    def copy(self) -> Generator[LocalRepository]:
        """A repository of its own in which it is spring."""
        with self.copies() as (repository, _):
            yield repository

    @contextmanager
    def copies(self) -> Generator[tuple[LocalRepository, LocalRepository]]:
        """The same, opened twice."""
        folder = self.copied_folder()
        with closing(LocalRepository(folder)) as one, closing(LocalRepository(folder)) as other:
            yield one, other
        shutil.rmtree(folder)

    def copied_folder(self) -> Path:
        return Path(shutil.copytree(self._folder / "spring", self._folder / f"copy-{next(self._numbers)}"))

    def prepared(self, season: Season | Rival, repository: Repository) -> Prepared:
        prepared = prepare(self.manifests[season], repository, options=OPTIONS)
        assert prepared.plan.refusals == ()
        return prepared

    def apply(self, season: Season | Rival, repository: Repository) -> None:
        """Plan and carry out."""
        carry_out(self.prepared(season, repository), repository)

    def has_become(self, season: Season | Rival, repository: Repository, expected: Mapping[RecordPath, Cid]) -> None:
        """All that the manifest says is there, nothing else, every blob, and nothing is left to be done."""
        assert not self.prepared(season, repository).plan.pending
        assert check(repository) == expected


def cids(repository: Repository) -> dict[RecordPath, Cid]:
    """The CID of each record but the inventory's."""
    found = everything(repository)
    return {path: record.cid for path, record in found.items() if path.collection != COLLECTION}


def check(repository: Repository) -> dict[RecordPath, Cid]:
    """The CID of each record; all of them are owned as they are, no blob is lost."""
    found = cids(repository)
    assert owned(repository) == found
    assert sum(map(len, inventory(repository).shards.values())) == len(found)
    for blob in {blob for record in everything(repository).values() for blob in blobs_in(record.value)}:
        content = b"".join(repository.get_blob(blob.cid))
        assert (Cid.of_digest(sha256(content).digest(), RAW), len(content)) == (blob.cid, blob.size)
    return found
