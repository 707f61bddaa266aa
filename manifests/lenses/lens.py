"""The code that the lens in `atpub.yaml` refers to, as it would stand in its repository."""

from typing import TypedDict


class Anonymous(TypedDict):
    image: bytes
    label: int


class Signed(Anonymous):
    writer: str


def get(source: Signed) -> Anonymous:
    """The digit without its writer."""
    return {"image": source["image"], "label": source["label"]}


def put(target: Anonymous, source: Signed) -> Signed:
    """The source with the digit replaced: `get(put(t, s)) == t` and `put(get(s), s) == s`."""
    return {**target, "writer": source["writer"]}
