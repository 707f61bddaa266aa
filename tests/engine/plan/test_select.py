"""What --only and --exclude must name, and blobs that move while part of a plan is left out."""

from pathlib import Path

import pytest
from tests.engine.plan.worlds import live, plan, read, records

from atpub.engine.plan.model import Options
from atpub.errors import Usage


@pytest.mark.parametrize(
    "options",
    [Options(only=frozenset({"records/aa"})), Options(exclude=frozenset({"datasets/*"}))],
    ids=["only", "not"],
)
def test_an_unknown_address(folder: Path, options: Options) -> None:
    with pytest.raises(Usage, match="there is no such entry") as caught:
        plan(read(folder, {"a": "x"}), live({}), options=options)
    assert caught.value.hint


def test_a_near_miss_is_named(folder: Path) -> None:
    with pytest.raises(Usage) as caught:
        plan(read(folder, {"alpha": "x"}), live({}), options=Options(only=frozenset({"records/alpa"})))
    assert "records/alpha" in caught.value.hint


def test_the_digest_is_that_of_the_part(folder: Path) -> None:
    whole = plan(read(folder, {"a": "x", "b": "x"}), live({}))
    part = plan(read(folder, {"a": "x", "b": "x"}), live({}), options=Options(only=frozenset({"records/a"})))
    alone = plan(read(folder, {"a": "x"}), live({}))
    assert part.digest == alone.digest != whole.digest


def test_an_entry_of_the_part_may_be_anything_live(folder: Path) -> None:
    present = records(read(folder, {"a": "x", "b": "x"}).desired)
    made = plan(read(folder, {"a": "x", "b": "y"}), live(present), options=Options(only=frozenset({"records/a"})))
    assert [change.action for change in made.changes] == ["unchanged"]
    assert not made.refusals
