"""Problems that only follow from others: a shard that is missing also makes the record that lists it invalid."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from atpub.errors import Place, Problem
from atpub.manifest.model import Manifest
from atpub.shards.facts import Facts, LocalShards, RemoteShards


def root_causes(problems: Iterable[Problem], manifest: Manifest, facts: Facts) -> list[Problem]:
    """Return the problems, without record errors at places whose shards or files have an error themselves."""
    places = _places_with_errors(manifest, facts)
    found = {(problem.code, problem.place) for problem in facts.problems}
    return [
        problem
        for problem in problems
        if (problem.code, problem.place) in found
        or problem.place not in places
        or (problem.severity == "error" and problem.code != "invalid-record")
    ]


def _places_with_errors(manifest: Manifest, facts: Facts) -> Collection[Place]:
    """Return the places of failed files, and of entries none of whose shards could be used."""
    places = {problem.place for problem in facts.problems if problem.place and problem.severity == "error"}
    for address, shards in facts.shards.items():
        ways = [(*address.steps, *way) for way in ((), ("blobs",), ("urls",))]
        here = {place_of(steps) for steps in ways for place_of in (manifest.place, manifest.key_place)}
        # If some shards are valid, what the lexicon says of them is new information.
        places = places - here if _count(shards) else places | here
    return places


def _count(found: LocalShards | RemoteShards) -> int:
    return len(found.files if isinstance(found, LocalShards) else found.shards)
