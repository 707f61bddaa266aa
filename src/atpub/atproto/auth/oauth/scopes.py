"""The scope of a login: which collections it may write, and which types of blobs it may upload.

The syntax is that of the specification's page Permissions. A permission with a parameter that is not known here counts
for nothing: it may be narrower than it looks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote, unquote

from atpub.atproto.mime_types import accepts
from atpub.atproto.syntax import Nsid

ATPROTO: Final = "atproto"
GENERIC: Final = "transition:generic"
"""What an app password may do: all records, all blobs, and more."""

_VALUE: Final = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+")  # RFC 6749, section 3.3
ACTIONS: Final[frozenset[str]] = frozenset(("create", "update", "delete"))
_POSITIONAL: Final = {"repo": "collection", "blob": "accept"}


@dataclass(frozen=True, slots=True)
class OAuthScope:
    """The permissions of a login, as the values of an OAuth scope, sorted."""

    values: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> OAuthScope:
        """Parse a scope as tokens state it; raises ValueError."""
        return cls.of(text.split())

    @classmethod
    def of(cls, values: Iterable[str]) -> OAuthScope:
        """Return the scope of some values; raises ValueError."""
        found = sorted({*values})
        wrong = next((value for value in found if not _VALUE.fullmatch(value)), None)
        if wrong is not None:
            raise ValueError(f"{wrong!r} is no value of a scope")
        return cls(tuple(found))

    @classmethod
    def accepts(cls, text: str) -> bool:
        """Whether the text is a scope."""
        return all(map(_VALUE.fullmatch, text.split()))

    def __str__(self) -> str:
        return " ".join(self.values)

    def may_write(self, collection: str) -> bool:
        """Return whether records of a collection may be created, updated and deleted."""
        allowed = {action for found in self._permissions("repo") for action in found.actions_in(collection)}
        return GENERIC in self.values or allowed >= ACTIONS

    def may_upload(self, mime_type: str) -> bool:
        """Return whether blobs of a MIME type may be uploaded."""
        essence = mime_type.partition(";")[0].strip().lower()
        permissions = self._permissions("blob")
        return GENERIC in self.values or any(accepts(found.names, essence) for found in permissions)

    def missing(self, needed: OAuthScope) -> OAuthScope:
        """Return the part of the `repo:` and `blob:` values of another scope that this one does not permit."""
        return OAuthScope(tuple(value for value in needed.values if not self._permits(value)))

    def _permits(self, value: str) -> bool:
        permission = parse_permission(value)
        if permission is None:
            return value in self.values
        may = self.may_write if permission.resource == "repo" else self.may_upload
        return all(map(may, permission.names))

    def _permissions(self, resource: str) -> Iterator[Permission]:
        found = filter(None, map(parse_permission, self.values))
        return (permission for permission in found if permission.resource == resource)


@dataclass(frozen=True, slots=True)
class Permission:
    """One permission: collections (`repo`) with the actions on them, or MIME types (`blob`)."""

    resource: str
    names: tuple[str, ...]
    actions: frozenset[str]

    def actions_in(self, collection: str) -> frozenset[str]:
        """Return the actions that are permitted in a collection."""
        return self.actions if collection in self.names or "*" in self.names else frozenset()


def parse_permission(value: str) -> Permission | None:
    """Parse a value of a scope; None for one that is not about records or blobs, or is not understood."""
    head, _, query = value.partition("?")
    resource, colon, positional = head.partition(":")
    if resource not in _POSITIONAL:
        return None
    try:
        parameters = parse_qsl(query, strict_parsing=True) if query else []
    except ValueError:
        return None
    names = [found for name, found in parameters if name == _POSITIONAL[resource]]
    actions = [found for name, found in parameters if name == "action" and resource == "repo"]
    if len(names) + len(actions) < len(parameters) or bool(colon) == bool(names) or not ACTIONS.issuperset(actions):
        return None
    names = [unquote(positional)] if colon else names
    is_sound = _is_collection if resource == "repo" else _is_type
    if not all(map(is_sound, names)):
        return None
    return Permission(resource, tuple(names), frozenset(actions) or ACTIONS)


def scope_for(collections: Iterable[str], mime_types: Iterable[str]) -> OAuthScope:
    """Return the narrowest scope that permits to write collections and to upload blobs of MIME types."""
    essences = {name.partition(";")[0].strip().lower() for name in mime_types}
    blobs = (f"blob:{quote(name, safe='/+*.-!$^_')}" for name in essences)
    return OAuthScope.of((ATPROTO, *(f"repo:{name}" for name in collections), *blobs))


def describe_scope(scope: OAuthScope) -> Iterator[str]:
    """Yield what a scope permits, one line for each permission."""
    for value in scope.values:
        match parse_permission(value):
            case Permission("repo", names, actions):
                yield f"{', '.join(sorted(actions, key=_ORDER.index))} records of {', '.join(names)}"
            case Permission(_, names, _):
                yield f"upload blobs of type {', '.join(names)}"
            case None if value == GENERIC:
                yield "write all records, upload any blob, and all else that an app password may do"
            case None:
                pass


_ORDER: Final = ("create", "update", "delete")


def _is_collection(name: str) -> bool:
    return name == "*" or Nsid.accepts(name)


def _is_type(name: str) -> bool:
    kind, slash, rest = name.partition("/")
    return bool(kind and slash and rest) and (kind != "*" or rest == "*")
