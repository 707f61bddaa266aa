"""The METHOD of queries and procedures: what they take, how their output is read, which errors they name."""

from typing import Any, get_args

import pytest
from tests.codegen.packages import GeneratedPackage

from atpub.atproto.data import Json
from atpub.atproto.runtime import MethodError, Nothing, Procedure, Query, Subscription, UnknownMember, raw
from atpub.errors import InvalidRecord


def load(everything: GeneratedPackage, name: str) -> Any:
    return everything.module(f"com.example.{name}")


def refusal(read: Any, value: object) -> str:
    with pytest.raises(InvalidRecord) as caught:
        read(value)
    return caught.value.problems[0].message


def test_a_query(everything: GeneratedPackage) -> None:
    find = load(everything, "find")
    method: Any = find.METHOD
    assert method.__class__ is Query
    assert (method.nsid, method.errors) == ("com.example.find", (find.NotFound, find.BadName))
    assert (find.NotFound.code, find.BadName.code) == ("NotFound", 'Bad"Name\\')
    with pytest.raises(MethodError, match="no such thing"):
        raise find.NotFound("no such thing")
    assert method.parameters is find.FindParams
    assert method.parameters(name="n", limit=1, tags=["a"]).check().to_json() == {
        "name": "n",
        "limit": 1,
        "tags": ["a"],
    }
    assert refusal(method.parameters.from_json, {"limit": 101, "name": ""}) == (
        "$.limit: 101 is outside 1..100 (range; com.example.find)"
    )
    output = method.output({"found": [{"x": 1, "y": 2}], "first": {"name": "one"}})
    assert isinstance(output, find.FindOutput2)  # the lexicon has a definition of that name as well
    assert output.first.name == "one"
    assert refusal(method.output, {"found": [{"y": 1}]}) == (
        "$.found[0].x: is required and missing (required; com.example.everything#point)"
    )
    assert refusal(output.first.from_json, {}) == "$.name: is required and missing (required; com.example.find)"


def test_methods_without_bodies(everything: GeneratedPackage) -> None:
    ping, poke = load(everything, "ping").METHOD, load(everything, "poke").METHOD
    assert ping.parameters is Nothing is poke.input
    assert ping.output({"a": 1}) == poke.output(None) == Nothing()
    assert Nothing().to_json() == {}


def test_a_method_with_bytes(everything: GeneratedPackage) -> None:
    get, upload = load(everything, "get_bytes"), load(everything, "upload")
    assert get.METHOD.parameters is get.GetBytesParams
    assert get.METHOD.output is raw
    with pytest.raises(TypeError, match="the output of this method is bytes, not dict: stream it"):
        get.METHOD.output({})
    method: Any = upload.METHOD
    assert method.__class__ is Procedure
    assert (method.input, method.encoding, method.parameters) == (Nothing, "image/*", upload.UploadParams)
    assert refusal(method.parameters.from_json, {"part": -1}) == "$.part: -1, at least 0 (range; com.example.upload)"
    assert method.output({"left": "l"}) == load(everything, "defs").Pair(left="l")
    assert refusal(method.output, {}) == "$.left: is required and missing (required; com.example.defs#pair)"


def test_a_procedure(everything: GeneratedPackage) -> None:
    put = load(everything, "put")
    assert (put.METHOD.input, put.METHOD.encoding) == (put.PutInput, "application/json")
    assert put.METHOD.parameters is Nothing
    assert put.PutInput.__doc__ == "What to put."
    assert put.METHOD.input(record={}, mode="a", swap=None).check().to_json() == {
        "record": {},
        "mode": "a",
        "swap": None,
    }
    assert refusal(put.PutInput.from_json, {"record": {}, "mode": "c"}) == (
        "$.mode: 'c' is not one of 'a', 'b' (enum; com.example.put)"
    )
    assert put.METHOD.output({"uri": "at://lab.example"}) == put.Result(uri="at://lab.example")


def test_unions_as_bodies(everything: GeneratedPackage) -> None:
    pick, defs = load(everything, "pick"), load(everything, "defs")
    given = pick.METHOD.input(pick.One(x=1))
    assert given.check().to_json() == {"$type": "com.example.pick#one", "x": 1}
    assert repr(given) == "PickInput(member=One(x=1))"
    assert pick.PickInput.from_json({"$type": "com.example.defs#pair", "left": "l"}).member == defs.Pair(left="l")
    assert refusal(pick.PickInput.from_json, {"$type": "com.example.unheard"}) == (
        "$.$type: 'com.example.unheard' is not one of com.example.pick#one, com.example.defs#pair"
        " (union; com.example.pick)"
    )
    assert pick.METHOD.output({"$type": "com.example.pick#one", "x": 0}) == pick.One(x=0)
    assert pick.METHOD.output({"$type": "com.example.unheard"}) == UnknownMember({"$type": "com.example.unheard"})
    assert refusal(pick.METHOD.output, {"$type": "com.example.pick#one", "x": -1}) == (
        "$.x: -1, at least 0 (range; com.example.pick#one)"
    )


def test_bodies_that_are_defined_elsewhere(everything: GeneratedPackage) -> None:
    move, moves, say = load(everything, "move"), load(everything, "moves"), load(everything, "say")
    assert move.METHOD.input is moves.Move
    value: Json = [{"steps": [{"by": {"steps": []}}]}]
    assert [item.to_json() for item in move.METHOD.output(value)] == value
    assert (
        refusal(move.METHOD.output, [*value, *value, *value])
        == "$: 3 items, at most 2 (maxLength; com.example.moves#list)"
    )
    assert say.METHOD.output("abc") == "abc"
    assert refusal(say.METHOD.output, "abcd") == "$: 4 bytes, at most 3 (maxLength; com.example.moves#word)"


def test_known_values_are_open_and_enums_are_not(everything: GeneratedPackage) -> None:
    main = load(everything, "everything")
    assert get_args(main.EverythingColour) == ("red", "green")
    known, other = get_args(main.EverythingMood)
    assert get_args(known) == ("good", "bad", load(everything, "tokens").CALM)
    assert other is str


def test_a_subscription(everything: GeneratedPackage) -> None:
    subscribe = load(everything, "subscribe")
    assert subscribe.__all__ == [
        *("Event", "FutureCursor", "METHOD", "NSID", "Notice", "NoticeName", "SubscribeMessage", "SubscribeParams")
    ]
    method: Any = subscribe.METHOD
    assert method.__class__ is Subscription
    assert method.parameters is subscribe.SubscribeParams
    assert method.errors == (subscribe.FutureCursor,)
    assert subscribe.FutureCursor.__doc__ == "The cursor is ahead of the stream."
    event = method.message({"$type": "com.example.subscribe#event", "seq": 1})
    assert isinstance(event, subscribe.Event)
    assert isinstance(method.message({"$type": "com.example.subscribe#unheard"}), UnknownMember)
    assert refusal(method.message, {"$type": "com.example.subscribe#event"}) == (
        "$.seq: is required and missing (required; com.example.subscribe#event)"
    )


def test_permission_sets_leave_nothing_behind(everything: GeneratedPackage) -> None:
    assert "com.example.permissions" not in everything.modules
    assert "com.example.permissions" in everything.module().LEXICONS.documents
