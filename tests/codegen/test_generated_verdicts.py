"""Generated classes and the validator give one verdict, and what is loaded and written again is the same record."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, SearchStrategy
from tests.codegen.edges import edges, named
from tests.codegen.packages import GeneratedPackage
from tests.codegen.values import changed

from atpub.atproto import data
from atpub.atproto.data import Json, NotInDataModel
from atpub.atproto.lexicon.model import Name
from atpub.atproto.lexicon.validate import judge, validate
from atpub.atproto.lexicon.violation import Violation
from atpub.atproto.runtime import RecordBase, Value
from atpub.atproto.syntax import Nsid
from atpub.errors import InvalidRecord
from atpub.testing import documents

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]


def name_of(kind: type[Value]) -> Name:
    nsid, _, fragment = kind.NSID.partition("#")
    return Name(Nsid(nsid), fragment) if fragment else Name(Nsid(nsid))


def model_of(package: GeneratedPackage, kind: type[Value]) -> Any:
    """The type that a class was generated from."""
    found: Any = package.lexicons.find(name_of(kind))
    steps = iter(kind.WITHIN)
    for step in steps:
        found = getattr(found, step)
        if step == "properties":
            found = found[next(steps)]
    return found


def violations(package: GeneratedPackage, kind: type[Value], value: Json) -> tuple[Violation, ...]:
    if issubclass(kind, RecordBase) or not kind.WITHIN:
        return validate(package.lexicons, name_of(kind), value)
    return judge(package.lexicons, kind.NSID, model_of(package, kind), value)


def cid(value: Json) -> str:
    try:
        return data.cid_of(value)
    except NotInDataModel as error:
        return str(error)


def classes(package: GeneratedPackage) -> SearchStrategy[type[Value]]:
    """Any class; every other time the one with every construct."""
    main = next(kind for kind in package.classes if kind.__name__ == "Everything")
    return st.one_of(st.just(main), st.sampled_from(package.classes))


def check(package: GeneratedPackage, kind: type[Value], value: Json) -> bool:
    """Whether the value is valid, on which the class and the validator agree."""
    expected = violations(package, kind, value)
    if expected:
        with pytest.raises(InvalidRecord) as caught:
            kind.from_json(value)
        assert sorted(map(str, caught.value.problems)) == sorted(str(fault.problem()) for fault in expected)
        return False
    loaded = kind.from_json(value)
    assert cid(loaded.to_json()) == cid(value)
    assert loaded == kind.from_json(loaded.to_json())
    assert loaded.check() is loaded
    return True


@pytest.mark.slow
def test_they_agree_at_every_edge_of_every_type(everything: GeneratedPackage) -> None:
    verdicts = [
        check(everything, kind, value)
        for kind in everything.classes
        for value in (
            named(name_of(kind), everything.lexicons)
            if issubclass(kind, RecordBase)
            else edges(model_of(everything, kind), everything.lexicons)
        )
    ]
    assert verdicts.count(True) > 1000
    assert verdicts.count(False) > 5000


@pytest.mark.slow
@settings(max_examples=200, suppress_health_check=SLOW, deadline=None)
@given(drawn=st.data())
def test_they_agree_on_any_value(everything: GeneratedPackage, drawn: DataObject) -> None:
    kind = drawn.draw(classes(everything), label="class")
    value = drawn.draw(documents(kind), label="value")
    if drawn.draw(st.booleans(), label="change it"):
        value = drawn.draw(changed(value), label="changed")
    check(everything, kind, value)


@pytest.mark.slow
@settings(max_examples=100, suppress_health_check=SLOW, deadline=None)
@given(drawn=st.data())
def test_the_strategy_draws_values_that_keep_their_type(everything: GeneratedPackage, drawn: DataObject) -> None:
    kind = drawn.draw(classes(everything).filter(lambda found: found.__name__ != "Dollars"), label="class")
    assert violations(everything, kind, drawn.draw(documents(kind), label="value")) == ()
