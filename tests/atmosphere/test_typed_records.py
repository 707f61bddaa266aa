"""Records as objects of generated classes: written, read and refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from tests.atmosphere.conftest import NewClient
from tests.atmosphere.samples import head
from tests.codegen.packages import generated

from atpub import AtmosphereClient, AtpubWarning
from atpub.atproto.syntax import Nsid, Tid
from atpub.errors import InvalidArgument, InvalidRecord, NotLoggedIn, RecordNotFound
from atpub.generated.dev.atpub.inventory import Entry, Inventory
from atpub.generated.science.alt.dataset.label import Label

TEXT = {"type": "string", "maxLength": 100}
TIME = {"type": "string", "format": "datetime"}
STEP = {"type": "object", "required": ["text"], "properties": {"text": TEXT, "minutes": {"type": "integer"}}}
RECIPE: dict[str, Any] = {
    "type": "object",
    "required": ["title", "createdAt"],
    "properties": {
        "title": TEXT,
        "createdAt": TIME,
        "cookedAt": {"type": "array", "items": TIME},
        "steps": {"type": "array", "items": {"type": "ref", "ref": "#step"}},
        "source": {"type": "union", "refs": ["#step", "#book"]},
        "notes": {"type": "unknown"},
    },
}
NOON = datetime(2024, 5, 1, 14, 0, 0, 123456, timezone(timedelta(hours=2)))


def record(nsid: str, key: str, value: dict[str, Any], **others: Any) -> dict[str, Any]:
    return {"lexicon": 1, "id": nsid, "defs": {"main": {"type": "record", "key": key, "record": value}, **others}}


@pytest.fixture(scope="session")
def kitchen(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The package of a user's own lexicons."""
    book = {"type": "object", "required": ["isbn"], "properties": {"isbn": TEXT}}
    documents = {
        Nsid("org.kitchen.recipe"): record("org.kitchen.recipe", "tid", RECIPE, step=STEP, book=book),
        Nsid("org.kitchen.menu"): record(
            "org.kitchen.menu", "any", {"type": "object", "properties": {"title": TEXT, "uri": TEXT, "cid": TEXT}}
        ),
        Nsid("org.kitchen.profile"): record(
            "org.kitchen.profile", "literal:self", {"type": "object", "properties": {"title": TEXT}}
        ),
    }
    return generated(documents, "kitchen_records", tmp_path_factory.mktemp("kitchen")).module


@pytest.fixture
def recipes(kitchen: Any) -> Any:
    return kitchen("org.kitchen.recipe")


def test_put_get_list_delete(new_client: NewClient, recipes: Any, kitchen: Any) -> None:
    client, menu = new_client(), kitchen("org.kitchen.menu").Menu
    step = recipes.Step(text="Boil", minutes=9)
    made = recipes.Recipe(title="Eggs", created_at=NOON, steps=[step], cooked_at=[NOON], source=recipes.Book(isbn="1"))
    uri = client.put(made)
    assert Tid.accepts(str(uri.rkey))
    read = client.get(recipes.Recipe, uri.rkey)
    assert (read.uri, read.rkey, read.cid) == (uri, uri.rkey, client.get_record(uri).cid)
    assert read.value.created_at == "2024-05-01T12:00:00.123Z"
    assert read.value.cooked_at == ["2024-05-01T12:00:00.123Z"]
    assert (read.value.steps, read.value.source) == ([step], recipes.Book(isbn="1"))
    before = head(client)
    assert client.put(read.value, rkey=read.rkey) == uri
    assert head(client) == before  # the same record is not written again
    other = client.put(recipes.Recipe(title="Soup", created_at=datetime.now(UTC)))
    assert [item.value.title for item in client.list(recipes.Recipe)] == ["Soup", "Eggs"]
    assert [item.uri for item in client.list(recipes.Recipe, limit=1)] == [other]
    assert [item.uri for item in new_client().list(recipes.Recipe, repo=client.did)] == [other, uri]
    assert client.get(recipes.Recipe, other.rkey, repo=client.did).uri == other
    client.put(menu(title="Monday", uri="u", cid="c"), rkey="monday")  # fields of these names are the record's
    assert client.get(menu, "monday").value.uri == "u"
    for _ in range(2):
        client.delete(recipes.Recipe, other.rkey)
    assert [item.uri for item in client.list(recipes.Recipe)] == [uri]
    with pytest.raises(RecordNotFound, match=f"no record {other}"):
        client.get(recipes.Recipe, other.rkey)


def test_the_only_key_that_a_lexicon_allows(local: AtmosphereClient, kitchen: Any) -> None:
    profile = kitchen("org.kitchen.profile").Profile
    assert local.put(profile(title="Lab")).rkey == "self"
    assert local.get(profile).value.title == "Lab"
    assert (
        repr(local.get(profile))
        == "TypedRecord('at://did:web:local.invalid/org.kitchen.profile/self', Profile(title='Lab'))"
    )
    local.delete(profile)
    assert local.list(profile) == []


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"steps": ["Boil"]}, "$.steps[0]: expected Step, found str"),
        ({"steps": [{"text": "Boil"}]}, "$.steps[0]: expected Step, found dict"),
        ({"steps": "Boil"}, "$.steps: expected list or None, found str"),
        ({"title": 7}, "$.title: expected str, found int"),
        ({"title": None}, "$.title: expected str, found None"),
        ({"title": "x" * 101}, "$.title: "),
        ({"source": "book"}, "$.source: expected Step or Book or UnknownMember or None, found str"),
        ({"source": {"isbn": 1}}, "$.source: expected Step or Book or UnknownMember or None, found dict"),
        ({"cooked_at": [1]}, "$.cookedAt[0]: expected datetime or str, found int"),
        ({"cooked_at": [datetime(2024, 5, 1)]}, "$.cookedAt[0]: expected a datetime with a time zone"),
        ({"cooked_at": ["yesterday"]}, "$.cookedAt[0]: 'yesterday' is not a valid datetime"),
        ({"notes": {"a": {1}}}, "$.notes.a: expected JSON, found set"),
        ({"notes": {1: 2}}, "$.notes: expected keys of type str, found int"),
        ({"notes": {"a": 0.5}}, "$.notes.a: "),
    ],
)
def test_each_wrong_field_is_named(local: AtmosphereClient, recipes: Any, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRecord) as refused:
        local.put(recipes.Recipe(**{"title": "Eggs", "created_at": NOON, **fields}))
    assert [str(problem)[: len(message)] for problem in refused.value.problems] == [message]
    assert head(local) is None


def test_every_problem_at_any_depth(local: AtmosphereClient, recipes: Any) -> None:
    endless: list[Any] = []
    endless += [endless, endless]
    made = recipes.Recipe(title=1, created_at=NOON, steps=[recipes.Step(text=b"x"), recipes.Step(text="x", minutes="")])
    del made.title
    with pytest.raises(InvalidRecord) as refused:
        local.put(made.with_extra({"more": endless}))
    assert [problem.path[:3] for problem in refused.value.problems] == [
        ("title",),
        ("steps", 0, "text"),
        ("steps", 1, "minutes"),
        ("more", 0, 0),
    ]


def test_a_record_without_fields(local: AtmosphereClient, recipes: Any) -> None:
    with pytest.raises(InvalidRecord, match=r"\$\.title: it is not set"):
        local.put(recipes.Recipe.__new__(recipes.Recipe))


@pytest.mark.parametrize(
    ("moment", "message"),
    [
        (datetime(2024, 5, 1), "expected a datetime with a time zone, found 2024-05-01 00:00:00"),
        (
            datetime.min.replace(tzinfo=timezone(timedelta(hours=2))),
            r"0001-01-01 00:00:00\+02:00 is no datetime in",
        ),
    ],
)
def test_datetimes_that_records_cannot_have(
    local: AtmosphereClient, recipes: Any, moment: datetime, message: str
) -> None:
    with pytest.raises(InvalidArgument, match=message):
        recipes.Recipe(title="x", created_at=moment)
    made = recipes.Recipe(title="x", created_at=NOON)
    assert made.created_at == "2024-05-01T12:00:00.123Z"
    made.created_at = moment
    with pytest.raises(InvalidRecord, match=rf"\$\.createdAt: {message}"):
        local.put(made)


WRONG: list[tuple[str, tuple[Any, ...], dict[str, Any], str]] = [
    ("put", ("org.kitchen.recipe",), {}, "put(record=…): expected a generated record, found str"),
    ("put", (Label,), {}, "put(record=…): expected a generated record, found the class Label"),
    (
        "put",
        (Entry(cid="c", collection="c", id="i", rkey="r"),),
        {},
        "put(record=…): expected a generated record, found",
    ),
    ("put", (Inventory(project="x", entries=[]),), {}, "put(rkey=…): Inventory needs a record key of the type any"),
    ("put", (Inventory(project="x", entries=[]),), {"rkey": "a/b"}, "put(rkey=…): "),
    ("put", (Inventory(project="x", entries=[]),), {"rkey": 7}, "put(rkey=…): expected a str, found int"),
    ("get", ("org.kitchen.recipe", "x"), {}, "get(record_type=…): expected a generated record class, found str"),
    ("get", (int, "x"), {}, "get(record_type=…): expected a generated record class, found the class int"),
    ("get", (Label,), {}, "get(rkey=…): Label needs a record key of the type tid"),
    ("get", (Label, "x"), {}, "get(rkey=…): 'x' is not a record key of the type tid"),
    ("get", (Label, "3jzfcijpj2z2a"), {"repo": 7}, "get(repo=…): expected a str, found int"),
    ("list", (Entry,), {}, "list(record_type=…): expected a generated record class, found the class Entry"),
    ("list", (Label,), {"limit": "all"}, "list(limit=…): 'all' is not a number of records"),
    ("delete", (Label, 7), {}, "delete(rkey=…): expected a str, found int"),
    ("delete", (None, "x"), {}, "delete(record_type=…): expected a generated record class, found NoneType"),
]


@pytest.mark.parametrize(("name", "given", "named", "message"), WRONG)
def test_wrong_arguments(
    local: AtmosphereClient, name: str, given: tuple[Any, ...], named: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidArgument) as refused:
        getattr(local, name)(*given, **named)
    assert str(refused.value).startswith(message)
    assert head(local) is None


def test_records_of_others_that_break_their_lexicon(local: AtmosphereClient, recipes: Any) -> None:
    uri = local.put(recipes.Recipe(title="Eggs", created_at=NOON))
    bad = local.create_record("org.kitchen.recipe", {"title": 7}, validate=False)
    with pytest.warns(AtpubWarning, match=f"{bad} is left out: ") as warned:
        assert [item.uri for item in local.list(recipes.Recipe)] == [uri]
    assert warned[0].filename == __file__
    with pytest.raises(InvalidRecord):
        local.get(recipes.Recipe, bad.rkey)


def test_writing_takes_an_account(recipes: Any) -> None:
    with pytest.raises(NotLoggedIn):
        AtmosphereClient().put(recipes.Recipe(title="Eggs", created_at=NOON))
