"""Scopes: what they permit, as the specification's page Permissions has it, and what they leave out."""

from __future__ import annotations

import pytest

from atpub.atproto.auth.oauth.scopes import OAuthScope, describe_scope, parse_permission, scope_for

NOTE = "org.lab.note"


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        ("atproto repo:org.lab.note", True),
        ("repo:org.lab.note?action=create&action=update&action=delete", True),
        ("repo?collection=org.lab.other&collection=org.lab.note", True),
        ("repo:*", True),
        ("transition:generic", True),
        ("repo:org.lab.note?action=create repo:org.lab.note?action=update&action=delete", True),
        ("repo:org.lab.note?", True),
        ("", False),
        ("atproto", False),
        ("repo:org.lab.notes", False),
        ("repo:org.lab.*", False),
        ("repo:org.lab.note?action=create", False),
        ("repo:org.lab.note?action=read", False),
        ("repo:org.lab.note?unknown=1", False),
        ("repo:org.lab.note?collection=org.lab.note", False),
        ("repo", False),
        ("repo?", False),
        ("repo:", False),
        ("blob:org.lab.note", False),
        ("transition:email", False),
        ("include:org.lab.authFull", False),
    ],
)
def test_writing_a_collection(scope: str, allowed: bool) -> None:
    assert OAuthScope.parse(scope).may_write(NOTE) is allowed


@pytest.mark.parametrize(
    ("scope", "mime_type", "allowed"),
    [
        ("blob:application/x-tar", "application/x-tar", True),
        ("blob:*/*", "application/x-tar", True),
        ("blob:image/*", "image/png", True),
        ("blob?accept=video/*&accept=text/html", "text/html", True),
        ("blob:text/plain", "Text/Plain; charset=utf-8", True),
        ("transition:generic", "image/png", True),
        ("blob:image%2Fsvg+xml", "image/svg+xml", True),
        ("blob:image/*", "application/x-tar", False),
        ("blob:*", "image/png", False),
        ("blob:*/png", "image/png", False),
        ("blob:image/*?action=create", "image/png", False),
        ("repo:*", "image/png", False),
        ("", "image/png", False),
    ],
)
def test_uploading_a_type(scope: str, mime_type: str, allowed: bool) -> None:
    assert OAuthScope.parse(scope).may_upload(mime_type) is allowed


def test_the_narrowest_scope_is_asked_for() -> None:
    types = ["image/png", "Image/PNG", "text/csv; charset=utf-8"]
    scope = scope_for(["org.lab.note", "dev.atpub.inventory", "org.lab.note"], types)
    assert str(scope) == "atproto blob:image/png blob:text/csv repo:dev.atpub.inventory repo:org.lab.note"
    assert scope.may_write(NOTE)
    assert scope.may_upload("image/png")
    assert not scope.may_write("org.lab.other")
    assert not scope.missing(scope).values
    assert all(parse_permission(value) for value in scope.values[1:])


@pytest.mark.parametrize("odd", ["a/b c", 'a/"b"', "a/b?c=d&e", "ä/ö", "a/%41"])
def test_an_odd_type_is_one_value_and_permits_itself(odd: str) -> None:
    scope = scope_for([], [odd])
    assert len(scope.values) == 2
    assert scope.may_upload(odd)


def test_what_is_missing() -> None:
    held = OAuthScope.parse("atproto blob:image/* repo:org.lab.note")
    needed = scope_for(["org.lab.note", "org.lab.label"], ["image/png", "text/csv"])
    assert str(held.missing(needed)) == "blob:text/csv repo:org.lab.label"
    assert not OAuthScope.parse("atproto transition:generic").missing(needed).values
    assert str(held.missing(OAuthScope.parse("atproto transition:generic"))) == "transition:generic"


@pytest.mark.parametrize("value", ['repo:a"b', "repo:ä", "a\\b", "\x7f"])
def test_what_is_no_value(value: str) -> None:
    with pytest.raises(ValueError, match="is no value of a scope"):
        OAuthScope.parse(value)


def test_each_permission_is_described() -> None:
    scope = OAuthScope.parse("atproto repo:org.lab.note repo:org.lab.x?action=delete blob:*/* transition:generic")
    assert list(describe_scope(scope)) == [
        "upload blobs of type */*",
        "create, update, delete records of org.lab.note",
        "delete records of org.lab.x",
        "write all records, upload any blob, and all else that an app password may do",
    ]
