"""Example code for the lens in `atpub.yaml`; in a real project, it is in the repository that the lens names."""

from typing import TypedDict


class Anonymous(TypedDict):
    image: bytes
    label: int


class Signed(Anonymous):
    writer: str


def get(source: Signed) -> Anonymous:
    """Return the digit without its writer."""
    return {"image": source["image"], "label": source["label"]}


def put(target: Anonymous, source: Signed) -> Signed:
    """Return the source with the digit replaced: `get(put(t, s)) == t` and `put(get(s), s) == s`."""
    return {**target, "writer": source["writer"]}
