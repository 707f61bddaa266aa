"""The tree of exceptions is the one that the docstring draws."""

import re
import traceback
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from atpub import errors
from atpub.errors import AtpubError, InvalidInput, InvalidRecord, RateLimited
from atpub.problems import Place, Problem
from atpub.redact import LONGEST
from tests.test_problems import LONG

LINE = re.compile(r"    (?P<indent>[│ ├└─]*)(?P<name>[A-Z]\w+)(?: +exit (?P<code>\d+))?")


def drawn() -> Iterator[tuple[str, str, int | None]]:
    """Each class of the drawing, with its base and the exit code that its line states."""
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        found = LINE.match(line)
        if found:
            depth = len(found["indent"]) // 4
            above[depth:] = [found["name"]]
            yield (
                found["name"],
                above[depth - 1] if depth else "Exception",
                int(found["code"]) if found["code"] else None,
            )


def classes() -> dict[str, type[AtpubError]]:
    found = [item for item in vars(errors).values() if isinstance(item, type)]
    return {item.__name__: item for item in found if issubclass(item, AtpubError)}


def test_the_drawing_holds_every_class_once() -> None:
    assert sorted(name for name, _, _ in drawn()) == sorted(classes())


def test_no_other_class_has_a_code_of_its_own() -> None:
    package = Path(errors.__file__).parent
    for path in package.rglob("*.py"):
        name = ".".join(path.relative_to(package.parent).with_suffix("").parts)
        if not name.startswith("atpub.generated"):
            import_module(name.removesuffix(".__init__"))
    parts = [(item, item.__module__.split(".")) for item in below(AtpubError)]
    others = [item for item, (top, part, *_) in parts if top == "atpub" and part not in ("errors", "generated")]
    assert [item.__name__ for item in others if "code" in vars(item) or item.__name__ in classes()] == []


def below(base: type[AtpubError]) -> Iterator[type[AtpubError]]:
    for item in base.__subclasses__():
        yield item
        yield from below(item)


def test_each_class_stands_under_its_base() -> None:
    bases = {name: item.__mro__[1].__name__ for name, item in classes().items()}
    assert {name: base for name, base, _ in drawn()} == bases


def test_each_exit_code_is_the_one_drawn_or_that_of_the_base() -> None:
    code = {"Exception": 1}
    for name, base, stated in drawn():
        code[name] = code[base] if stated is None else stated
        assert classes()[name].exit_code == code[name], name


def test_each_class_has_a_code_of_its_own() -> None:
    codes = [item.code for item in classes().values()]
    assert len({*codes}) == len(codes)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in codes)


def test_an_invalid_record_is_a_value_error_as_well() -> None:
    assert issubclass(InvalidRecord, ValueError)
    assert issubclass(InvalidRecord, InvalidInput)


def test_an_error_carries_its_message_and_hint() -> None:
    error = AtpubError("it broke", hint="mend it")
    assert (str(error), error.message, error.hint) == ("it broke", "it broke", "mend it")
    assert traceback.format_exception(error)[-2:] == ["atpub.errors.AtpubError: it broke\n", "hint: mend it\n"]
    limited = RateLimited("too many", reset=1_700_000_000)
    assert (limited.reset, limited.hint) == (1_700_000_000, "run again after 2023-11-14 22:13:20 UTC")


@pytest.mark.parametrize("reset", [None, 0, 1_700_000_000_000, 10**20, -(10**20)])
def test_a_time_that_is_none_is_not_known(reset: int | None) -> None:
    error = RateLimited("too many", reset=reset)
    assert error.reset is None
    assert error.hint == "run again later; the server does not say when"


def test_invalid_input_shows_all_of_its_problems() -> None:
    problems = (
        Problem("a", "first", Place("x.yaml", 2, 3)),
        Problem("b", "second", Place("x.yaml")),
        Problem("c", "third"),
    )
    error = InvalidInput(problems)
    assert error.problems == problems
    assert not hasattr(error, "__notes__")
    assert str(error) == "x.yaml:2:3: first [a]\nx.yaml: second [b]\nthird [c]"


def test_a_traceback_ends_with_the_hint_that_all_problems_have() -> None:
    first, second, third = Problem("a", "1", hint="mend it"), Problem("b", "2", hint="mend it"), Problem("c", "3")
    assert traceback.format_exception(InvalidInput((first, second)))[-1] == "hint: mend it\n"
    assert InvalidInput((first, second)).__notes__ == ["hint: mend it"]
    assert not hasattr(InvalidInput((first, third)), "__notes__")


@pytest.mark.parametrize("text", LONG)
def test_a_message_has_a_limit(text: str) -> None:
    error = AtpubError(f"first line\n{text!r} is wrong", hint=f"instead of {text} write")
    for shown in (*error.message.split("\n"), error.hint, str(error).split("\n")[1]):
        assert len(shown) <= LONGEST


def test_a_list_of_short_lines_is_whole() -> None:
    listed = "\n".join(f"file {number} is stale" for number in range(1000))
    assert AtpubError(listed).message == listed
