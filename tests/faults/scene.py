"""A project with two states, spring and autumn, and the way from each to the other: what faults are tried on.

Each way creates, updates and deletes records, brings blobs, moves some from one record to another, and takes several
commits on a server that takes few writes at once. Every time is fixed, so that each state is the same, CID by CID,
however often it is reached.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from tests.engine.apply.publishing import EVENT, NOTE, SELF, write_lexicons, write_manifest
from tests.shards.tars import Member, any_sample, make_tar

from atpub.atproto.data import Json, JsonObject

Season = Literal["spring", "autumn"]
Rival = Literal["storm", "rain"]
SEASONS: tuple[Season, Season] = ("spring", "autumn")
LARGEST_BODY = 20_000
"""Bytes of one request that the server takes, and does not tell of beforehand."""
FLAGS = ("--prune-versions", "--delete-drifted", "--yes", "--json")

_TIME: JsonObject = {"createdAt": "2024-05-01T12:00:00.000Z"}
_LENGTHY = "So long that a request that holds half as much takes about half of the records. " * 40
_SHARD = 200_000  # bytes: more than a socket takes in while the other side does not read


def other(season: Season) -> Season:
    return "autumn" if season == "spring" else "spring"


def write_scene(folder: Path) -> dict[Season | Rival, Path]:
    """The files, the manifest of each season, and two of a client that is at work at the same time.

    From spring, the storm changes what autumn changes, too; the rain changes only what autumn leaves as it is.
    """
    write_lexicons(folder)
    (folder / "data").mkdir(parents=True, exist_ok=True)
    for number in range(5):
        members = [Member("0.msgpack", any_sample(bytes([number]) * _SHARD))]
        (folder / f"data/{number}.tar").write_bytes(make_tar(members))
    (folder / "data/a.csv").write_text("a,b\n1,2\n", "utf-8")
    return {
        "spring": write_manifest(folder, _SPRING, "spring.yaml"),
        "autumn": write_manifest(folder, _AUTUMN, "autumn.yaml"),
        "storm": write_manifest(folder, _STORM, "storm.yaml"),
        "rain": write_manifest(folder, _RAIN, "rain.yaml"),
    }


def _schema(version: str) -> JsonObject:
    return {
        "nsid": "org.test.image",
        "version": version,
        "fields": {"image": "ndarray", "label": "integer"},
        "description": _LENGTHY,
        **_TIME,
    }


def _dataset(*shards: int) -> JsonObject:
    return {"schema": "image", "blobs": [f"data/{number}.tar" for number in shards], "description": _LENGTHY, **_TIME}


def _label(dataset: str, version: str) -> JsonObject:
    return {"name": "digits", "dataset": dataset, "version": version, "description": _LENGTHY, **_TIME}


def _note(text: str, **fields: Json) -> JsonObject:
    return {"collection": NOTE, "value": {"text": f"{text}. {_LENGTHY}", **fields}}


def _pins(*addresses: str) -> list[Json]:
    return [{"$strongRef": address} for address in addresses]


_SPRING_RECORDS: JsonObject = {
    "about": {"collection": SELF, "value": {"text": "spring", "pins": _pins("records/pinned", "labels/digits-1")}},
    "pinned": _note("spring", pins=_pins("records/file"), about={"$ref": "records/about"}),
    "file": _note("spring", file={"$blob": "data/a.csv"}),
    "gone": _note("only in spring"),
    "event": {"collection": EVENT, "value": {"name": "planting", **_TIME}},
    "same": _note("all year"),
}

_SPRING: JsonObject = {
    "policy": {"max_delete": "100%"},
    "schemas": {"image": _schema("1.0.0")},
    "datasets": {"digits": _dataset(0, 1), "cats": _dataset(2, 4)},
    "labels": {"digits-1": _label("digits", "1.0.0")},
    "records": _SPRING_RECORDS,
}

_AUTUMN: JsonObject = {
    "policy": {"max_delete": "100%"},
    "schemas": {"image": _schema("1.1.0")},
    "datasets": {"digits": _dataset(1, 3), "dogs": _dataset(2, 0)},
    "labels": {"digits-2": _label("dogs", "2.0.0")},
    "records": {
        "about": {"collection": SELF, "value": {"text": "autumn", "pins": _pins("records/file", "labels/digits-2")}},
        "file": _note("autumn", file={"$blob": "data/a.csv"}, pins=_pins("datasets/dogs")),
        "more": _note("only in autumn", about={"$ref": "datasets/dogs"}),
        "event": {"collection": EVENT, "value": {"name": "harvest", **_TIME}},
        "same": _note("all year"),
    },
}

_STORM: JsonObject = {
    "policy": {"max_delete": "100%"},
    "schemas": {"image": _schema("1.0.0")},
    "datasets": {"digits": _dataset(3, 0), "dogs": _dataset(1, 4)},
    "labels": {"digits-2": _label("digits", "2.0.0")},
    "records": {
        "about": {"collection": SELF, "value": {"text": "storm", "pins": _pins("labels/digits-2")}},
        "file": _note("storm", pins=_pins("schemas/image")),
        "more": _note("a storm", file={"$blob": "data/a.csv"}),
        "event": {"collection": EVENT, "value": {"name": "flood", **_TIME}},
        "same": _note("all year"),
    },
}

_RAIN: JsonObject = {**_SPRING, "records": {**_SPRING_RECORDS, "same": _note("wet"), "puddle": _note("only in rain")}}
