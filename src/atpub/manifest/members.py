"""`members:` of a sample schema → its JSON Schema: samples whose fields are the members of a tar, one file each."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from keyword import iskeyword
from typing import Final, Literal, TypeAlias

from atpub.atproto.data import Json, JsonObject
from atpub.manifest.arrays import BINARY_TYPES, NotAType, array_property, typed_map
from atpub.manifest.fields import DRAFT, TYPES, Made, json_schema
from atpub.suggest import nearest

SampleFormat: TypeAlias = Literal["msgpack", "members"]

FORMAT_KEY: Final = "x-atpub-format"
"""The keyword of a sample's JSON Schema for the format of the samples; without it, it is msgpack."""
MEMBER_KEY: Final = "x-atpub-member"
"""The keyword of a property for the member that holds it: the extension of the file, in lower case."""

_MIME_TYPE: Final = re.compile(r"[a-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+")
_EXTENSION: Final = re.compile(r"[^\s/A-Z.][^\s/A-Z]*")
_JSON: Final[JsonObject] = {"contentMediaType": "application/json"}
MEMBER_TYPES: Final[Mapping[str, JsonObject]] = {
    "integer": TYPES["integer"],
    "text": TYPES["string"],
    "string": TYPES["string"],
    "json": _JSON,
    "bytes": TYPES["bytes"],
    "ndarray": TYPES["ndarray"],
    **{name: TYPES[name] for name in BINARY_TYPES},
}
_MEANT: Final = {"int": "integer", "str": "text", "txt": "text", "array": "ndarray", "npy": "ndarray", "cls": "integer"}
_EXTENSIONS: Final = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "mp4": "video/mp4",
}
_FORMS: Final = (
    f"a MIME type such as image/jpeg, one of {', '.join(MEMBER_TYPES)}, or a map of fields; `?` after it for optional"
)


def sample_format(content: JsonObject) -> SampleFormat:
    """Return the format of the samples that a JSON Schema describes."""
    return "members" if content.get(FORMAT_KEY) == "members" else "msgpack"


def member_of(name: str, kind: Json) -> str:
    """Return the extension of the member that holds a property."""
    found = kind.get(MEMBER_KEY) if isinstance(kind, dict) else None
    return found if isinstance(found, str) else name


def members_schema(members: JsonObject) -> Made:
    """Build the JSON Schema of a sample with these members."""
    properties: JsonObject = {}
    keys: dict[str, str] = {}
    required: list[str] = []
    problems: list[tuple[tuple[str, ...], str, str]] = []
    for member, written in members.items():
        name = attribute_name(member)
        try:
            _check_name(member, keys.get(name))
            kind, is_required = _property(written)
        except _NotFields as wrong:
            problems.extend(((member, *steps), message, hint) for steps, message, hint in wrong.problems)
            continue
        except NotAType as wrong:
            problems.append(((member,), str(wrong), wrong.hint))
            continue
        properties[name], keys[name] = {**kind, MEMBER_KEY: member}, member
        if is_required:
            required.append(name)
    if not members:
        problems.append(((), "a sample needs at least one member", "add `extension: type`"))
    content: JsonObject = {
        "$schema": DRAFT,
        FORMAT_KEY: "members",
        "type": "object",
        "properties": properties,
        "required": [*sorted(required)],
    }
    return Made(content, tuple(problems), keys)


def attribute_name(member: str) -> str:
    """Return the name of a member as a Python attribute: `feat_npy` for `feat.npy`."""
    name = re.sub(r"\W", "_", member)
    if not name[:1].isidentifier():
        name = f"_{name}"
    return f"{name}_" if iskeyword(name) else name


def is_declarable(member: str, properties: Collection[str]) -> bool:
    """Tell whether a schema with these properties can declare a member, too."""
    try:
        _check_name(member, None)
    except NotAType:
        return False
    return attribute_name(member) not in properties


class _NotFields(ValueError):
    """Fields of a JSON member are wrong."""

    def __init__(self, problems: tuple[tuple[tuple[str, ...], str, str], ...]) -> None:
        super().__init__()
        self.problems = problems


def _check_name(member: str, other: str | None) -> None:
    if not _EXTENSION.fullmatch(member):
        lower = member.lower().lstrip(".")
        hint = f"write {lower!r}" if _EXTENSION.fullmatch(lower) else "write what follows the key: jpg, feat.npy"
        raise NotAType(f"{member!r} is not the extension of a member, as readers see it", hint)
    if member == "msgpack":
        raise NotAType("a msgpack member holds all fields of a sample", "describe them with `fields:`")
    if other is not None:
        raise NotAType(f"{member!r} and {other!r} are one attribute of a sample", "rename one of them in the shards")


def _property(written: Json) -> tuple[JsonObject, bool]:
    """Return the JSON Schema of a member, and whether it is required; raises NotAType."""
    if isinstance(written, dict):
        return _map_property(written)
    text = str(written)
    name = text.removesuffix("?").strip()
    if _MIME_TYPE.fullmatch(name):
        return {**TYPES["bytes"], "contentMediaType": name}, name == text
    if not isinstance(written, str) or name not in MEMBER_TYPES:
        raise NotAType(f"{text} is not a type of member", _hint(name.lower()))
    return dict(MEMBER_TYPES[name]), name == text


def _map_property(written: JsonObject) -> tuple[JsonObject, bool]:
    name, is_required = typed_map(written, "ndarray", "json") or ("", True)
    inner = next(iter(written.values())) if name else written
    if name == "ndarray":
        return array_property(inner), is_required
    made = json_schema(inner if isinstance(inner, dict) else {})
    if made.problems:
        outer = (next(iter(written)),) if name else ()
        raise _NotFields(tuple(((*outer, *steps), message, hint) for steps, message, hint in made.problems))
    fields = {key: made.content[key] for key in ("type", "properties", "required")}
    return {**fields, **_JSON}, is_required


def _hint(name: str) -> str:
    known = _MEANT.get(name) or _EXTENSIONS.get(name) or nearest(name, MEMBER_TYPES)
    return f"did you mean {known!r}?" if known else _FORMS
