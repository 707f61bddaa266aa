"""From manifest files to desired records: the first half of `atpub.pipeline`, which `atpub validate` needs alone."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from atpub.atproto.syntax import Did
from atpub.engine.desired.build import build_desired, root_causes
from atpub.engine.desired.model import Desired
from atpub.errors import InvalidInput, Usage
from atpub.manifest.files import holds_manifests
from atpub.manifest.load import Loaded, load_valid_subset
from atpub.manifest.model import Manifest
from atpub.problems import Problem
from atpub.repository.local_account import LOCAL_DID
from atpub.shards.facts import Facts, FindFilter, gather
from atpub.shards.lock import read_lock
from atpub.user_folders import cache_folder

if TYPE_CHECKING:  # it is loaded where there is progress
    from atpub.progress import OnProgress

Warnings: TypeAlias = tuple[Problem, ...]


def read_manifest(
    paths: Sequence[str | os.PathLike[str]], environment: str | None, environ: Mapping[str, str] | None = None
) -> Manifest:
    """Read the manifest in these files and folders, or in the default ones.

    `environ` holds and declares variables, as `declare_variables` returns it (None: the process's environment).
    Raises InvalidInput with every problem, or Usage where there is no manifest.
    """
    named = named_paths(paths)
    loaded = load_valid_subset(named, environ=os.environ if environ is None else environ, environment=environment)
    if loaded.problems:
        raise InvalidInput((*loaded.problems, *_further_problems(loaded)))
    return loaded.manifest


def named_paths(paths: Sequence[str | os.PathLike[str]]) -> Sequence[str | os.PathLike[str]]:
    """Return these paths, or those of the default manifest; raises Usage where there is none."""
    named = paths or usual_paths()
    if not named:
        hint = "name the manifest, -m PATH, or write a first one: atpub init DATA"
        raise Usage("there is no atpub.yaml here, and no manifest in manifests/", hint=hint)
    return named


def usual_paths() -> list[str]:
    """Return the default manifest: ./atpub.yaml, else ./manifests/ if it holds a manifest, else nothing."""
    if Path("atpub.yaml").exists():
        return ["atpub.yaml"]
    return ["manifests"] if holds_manifests(Path("manifests")) else []


def usual_folder() -> Path:
    """Return the folder of the default manifest, or the current one."""
    return next((Path(path) for path in usual_paths() if Path(path).is_dir()), Path())


def _further_problems(loaded: Loaded) -> list[Problem]:
    """Check the data and records of the valid part of a manifest; leave out places that have a problem already."""
    places = {problem.place for problem in loaded.problems if problem.place}
    try:
        _, found = validate(loaded.manifest)
    except InvalidInput as error:
        found = error.problems
    return [problem for problem in found if problem.place not in places]


def measure_data(
    manifest: Manifest, *, locked: bool = False, samples: int | None = 1, on_progress: OnProgress | None = None
) -> Facts:
    """Measure the manifest's data files; add what atpub.lock knows of others. Unchanged files are not read again.

    With `locked`, the lock is the only source. Of each local shard, `samples` samples are looked at (None: all); those
    after the first make it read all shards.
    """
    return gather(
        manifest,
        lock=read_lock(manifest.folder),
        locked=locked,
        cache=cache_folder(),
        samples=None if samples == 1 else _sample_filters(manifest, samples),
        on_progress=on_progress,
    )


def gather_stated(manifest: Manifest) -> Facts:
    """Gather what a manifest itself states of its data, without files and lock: that of a call has no folder."""
    return gather(manifest)


def _sample_filters(manifest: Manifest, most: int | None) -> FindFilter:
    from atpub.engine.desired.sample_check import sample_filters  # readers of samples, which few runs need

    return sample_filters(manifest, most)


def desired_records(manifest: Manifest, facts: Facts, did: Did) -> tuple[tuple[Desired, ...], Warnings]:
    """Return the records that the manifest describes, and warnings; raises InvalidInput with every error."""
    try:
        desired, warnings = build_desired(manifest, facts, did)
    except InvalidInput as error:
        raise InvalidInput((*manifest.warnings, *root_causes(error.problems, manifest, facts))) from None
    return desired, (*manifest.warnings, *warnings)


def validate(
    manifest: Manifest, *, locked: bool = False, samples: int | None = 1, on_progress: OnProgress | None = None
) -> tuple[tuple[Desired, ...], Warnings]:
    """Return the manifest's records and warnings without a repository; raises InvalidInput."""
    facts = measure_data(manifest, locked=locked, samples=samples, on_progress=on_progress)
    return desired_records(manifest, facts, manifest.did or LOCAL_DID)
