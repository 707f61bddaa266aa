"""New versions of sample schemas that break readers of the version before."""

from pathlib import Path
from typing import Any

import pytest
from tests.engine.plan.worlds import Wanted, live, owning, plan, read, records

from atpub.engine.plan.resolve import sort_by_references
from atpub.engine.plan.schema_versions import find_breaks

STRING = {"type": "string"}


def schema(required: str = "", **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required.split(), "properties": properties}


@pytest.mark.parametrize(
    ("old", "new", "broken"),
    [
        (schema(a=STRING), schema(a=STRING, b=STRING), []),
        (schema(a=STRING), schema("b", a=STRING, b=STRING), []),
        (schema("a", a=STRING), schema(), ["the field 'a' is gone"]),
        (schema(a=STRING), schema(), []),
        (schema("a", a=STRING), schema(a=STRING), ["the field 'a' may be absent"]),
        (schema(a=STRING), schema("a", a=STRING), []),
        (schema(a=STRING), schema(a={"type": "integer"}), ["the field 'a' has another type"]),
        (schema(a=STRING), schema(a={**STRING, "description": "A name."}), []),
        (schema(a={"type": "array", "items": STRING}), schema(a={"type": "array", "items": {"type": "number"}}), 1),
    ],
)
def test_what_breaks_readers(old: Any, new: Any, broken: Any) -> None:
    found = [*find_breaks(old, new)]
    assert found == broken or len(found) == broken


@pytest.mark.parametrize(
    ("before", "after", "field", "fitting"),
    [
        ("1.0.0", "1.1.0", "string", "2.0.0"),
        ("1.0.0", "1.0.1", "string", "2.0.0"),
        ("1.9.0", "1.10.0", "string", "2.0.0"),
        ("0.1.0", "0.1.1", "string", "0.2.0"),
        ("1.0.0", "2.0.0", "string", None),
        ("0.1.0", "0.2.0", "string", None),
        ("0.1.0", "1.0.0", "string", None),
        ("1.0.0", "1.1.0", "integer", None),
        ("2.0.0", "1.1.0", "string", None),
    ],
)
def test_the_plan_names_the_version_that_fits(
    folder: Path, before: str, after: str, field: str, fitting: str | None
) -> None:
    def image(version: str, kind: str) -> Wanted:
        return read(
            folder, {"schemas": {"image": {"nsid": "org.test.image", "version": version, "fields": {"x": kind}}}}
        )

    old = sort_by_references(image(before, "integer").desired)
    found = plan(image(after, field), live(records(old), owning("ours", old)))
    hints = [problem.hint for problem in found.warnings if problem.code == "minor-version"]
    assert hints == ([f"publish it as version {fitting}"] if fitting else [])
