"""The same manifest on a local repository, on an account, and on another: the same keys, and the same records."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.cli.playground import tree
from tests.engine.apply.publishing import everything
from tests.faults.conftest import NewWorld
from tests.faults.world import Look, Place, World

from atpub.repository.local import LocalRepository
from atpub.repository.model import LOCAL_DID

pytestmark = pytest.mark.pds


def look_at(folder: Path) -> Look:
    with closing(LocalRepository(folder)) as repository:
        found = everything(repository)
    return Look({(path.collection, path.rkey): (record.cid, record.value) for path, record in found.items()})


def wherever(look: Look, did: str) -> dict[Place, Any]:
    """The values with neither the account's DID nor the CIDs of records that name it."""
    own = {cid for cid, value in look.records.values() if did in json.dumps(value)}

    def neutral(value: Any) -> Any:
        match value:
            case {"uri": str(uri), "cid": str(cid)} if cid in own:
                return {"uri": uri.replace(did, "DID"), "cid": "own"}
            case dict():
                fields: dict[str, Any] = {**value}
                return {key: neutral(item) for key, item in fields.items()}
            case list():
                items: list[Any] = [*value]
                return list(map(neutral, items))
            case str():
                return value.replace(did, "DID")
            case _:
                return value

    return {place: neutral(value) for place, (_, value) in look.records.items() if place in look.cids}


def nameless(look: Look, did: str) -> Mapping[Place, str]:
    """The CIDs of the records that do not name their account."""
    return {place: cid for place, cid in look.cids.items() if did not in json.dumps(look.records[place][1])}


def publish(world: World, target: tuple[str, ...]) -> None:
    """Apply the manifest, and see that nothing is left to be done."""
    world.target = target
    ran = world.apply("spring")
    assert ran.code == 0, ran.err
    assert world.plan("spring").code == 0


def test_moving(new_world: NewWorld, tmp_path: Path) -> None:
    first, second = new_world(), new_world()
    folder = tmp_path / "local"
    publish(first, ("--account", f"local:{folder}"))
    local, before = look_at(folder), tree(folder)

    publish(first, ("--account", first.did, "--pds", first.proxy.url))
    second.manifests = first.manifests
    publish(second, ("--account", second.account.handle, "--pds", second.proxy.url))

    moved, again = first.look(), second.look()
    expected = wherever(local, LOCAL_DID)
    assert wherever(moved, first.did) == wherever(again, second.did) == expected
    assert nameless(moved, first.did) == nameless(again, second.did) == nameless(local, LOCAL_DID) != {}

    assert tree(folder) == before
    first.target = ("--account", f"local:{folder}")
    assert first.plan("spring").code == 0
