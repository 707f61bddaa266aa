"""`--samples` of `validate`, `plan` and `apply`: samples after the first of a shard against the schema, in one pass."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
from tests.atmosphere.samples import msgpack
from tests.cli.playground import Ran
from tests.shards.tars import Member, make_tar

from atpub.atmosphere import plan
from atpub.atproto.data import JsonObject
from atpub.errors import InvalidArgument, InvalidInput
from atpub.manifest.fields import json_schema
from atpub.manifest.members import members_schema
from atpub.progress import Completed, Progress
from atpub.shards.file_facts import FileFacts
from atpub.shards.measure import measure_files
from atpub.shards.sample_types import SampleFilter, SampleTypes

Run = Callable[..., Ran]
FIELDS: JsonObject = {
    "label": "integer",
    "image": {"ndarray": {"dtype": "uint8", "shape": [2, 2]}},
    "caption": "string?",
}
MEMBERS: JsonObject = {
    "jpg": "image/jpeg",
    "cls": "integer",
    "json": {"id": "integer"},
    "feat.npy": "ndarray",
    "txt": "text?",
}
JPEG = b"\xff\xd8\xff\xe0"


def npy(array: Any) -> bytes:
    import io

    buffer = io.BytesIO()
    numpy.save(buffer, array)
    return buffer.getvalue()


IMAGE = npy(numpy.zeros((2, 2), "uint8"))


def packed(**changes: Any) -> dict[str, bytes]:
    fields = {"label": 1, "image": IMAGE, **changes}
    return {"msgpack": msgpack.packb({name: value for name, value in fields.items() if value is not ...})}


def files(**changes: bytes | None) -> dict[str, bytes]:
    members = {"jpg": JPEG, "cls": b"1", "json": b'{"id": 1}', "feat.npy": IMAGE}
    changed = {**members, **{name.replace("_", "."): data for name, data in changes.items()}}
    return {name: data for name, data in changed.items() if data is not None}


def shard(*samples: dict[str, bytes]) -> bytes:
    return make_tar(
        [Member(f"{n:03}.{name}", data) for n, sample in enumerate(samples) for name, data in sample.items()]
    )


def write(folder: Path, kind: str, declared: Any, *samples: dict[str, bytes]) -> None:
    schema = {"nsid": "org.lab.s", "version": "1.0.0", kind: declared}
    datasets = {"d": {"schema": "s", "blobs": "d.tar"}}
    manifest = {"atpub": 1, "project": "lab", "account": "local", "schemas": {"s": schema}, "datasets": datasets}
    (folder / "atpub.yaml").write_text(json.dumps(manifest))
    (folder / "d.tar").write_bytes(shard(*samples))


@pytest.mark.parametrize(
    ("wrong", "message", "hint"),
    [
        (packed(label=...), "has no field 'label'", "`fields: {label: 'integer?'}`"),
        (packed(more=1.5), "has the field 'more', which its schema lacks", "`fields: {more: number}`"),
        (packed(label="x"), "has a string as 'label', and its schema wants an integer", "`fields: {label: string}`"),
        (packed(label=1.0), "has a float as 'label', and its schema wants an integer", "`fields: {label: number}`"),
        (packed(label=None), "has null as 'label'", "`fields: {label: 'integer?'}`"),
        (
            packed(image=npy(numpy.zeros((2, 3), "uint8"))),
            "has an ndarray of uint8 [2, 3] as 'image', and its schema wants an ndarray of uint8 [2, 2]",
            "shape: [2, 3]}}}`, with `null` for a length that varies",
        ),
        (packed(image=npy(numpy.zeros((2, 2)))), "has an ndarray of float64 [2, 2]", "dtype: float64"),
        (packed(image=b"raw"), "has bytes as 'image'", "`fields: {image: bytes}`"),
        (
            files(),
            "holds members (cls, feat.npy, jpg, json), and its schema describes one msgpack map",
            "`members: {jpg",
        ),
        ({"msgpack": b"\x01"}, "holds a `.msgpack` member that is no msgpack map", "msgpack.packb"),
    ],
)
def test_fields(folder: Path, atpub: Run, wrong: dict[str, bytes], message: str, hint: str) -> None:
    sound = [packed(), packed(caption="x"), packed(caption=None)]
    write(folder, "fields", FIELDS, *sound, wrong, packed())
    check_found(atpub, message, hint)


@pytest.mark.parametrize(
    ("wrong", "message", "hint"),
    [
        (files(cls=None), "has no member 'cls'", "`members: {cls: 'integer?'}`"),
        (files(json=None), "has no member 'json'", "`members: {json: {'json?': {id: integer}}}`"),
        (files(feat_npy=None), "has no member 'feat.npy'", "`members: {feat.npy: 'ndarray?'}`"),
        (files(jpg=None), "has no member 'jpg'", "`members: {jpg: 'image/jpeg?'}`"),
        (files(cls=b"1.0"), "has a float as 'cls', and its schema wants an integer", "`members: {cls: json}`"),
        (files(jpg=b"\x89PNG\r\n\x1a\n"), "has image/png as 'jpg'", "`members: {jpg: image/png}`"),
        (files(json=b'{"id": "x"}'), "has JSON of {id: string} as 'json'", "`members: {json: {id: string}}`"),
        (files(feat_npy=b"x"), "has text that is no JSON as 'feat.npy'", "`members: {feat.npy: text}`"),
        (packed(), "holds one msgpack map, and its schema describes members", "`fields: {label: integer"),
    ],
)
def test_members(folder: Path, atpub: Run, wrong: dict[str, bytes], message: str, hint: str) -> None:
    write(folder, "members", MEMBERS, files(), files(txt=b"x"), files(), wrong, files())
    check_found(atpub, message, hint)


def check_found(atpub: Run, message: str, hint: str) -> None:
    assert atpub("validate").code == 0
    assert atpub("validate", "--samples", "3").code == 0
    for most in ("4", "all"):
        ran = atpub("validate", "--samples", most)
        assert ran.code == 3
        assert f"d.tar: the sample '003' {message}" in ran.err
        assert hint in ran.err
        assert "[schema-mismatch]" in ran.err


def test_one_problem_for_many_samples_and_three_for_a_field(folder: Path, atpub: Run) -> None:
    arrays = [packed(image=npy(numpy.zeros((n, 1), "uint8"))) for n in range(1, 20)]
    write(folder, "fields", FIELDS, packed(), *[packed(label=0.5)] * 12, *arrays)
    ran = atpub("validate", "--samples", "all", "--json")
    problems = [problem["message"] for problem in ran.json["error"]["problems"]]
    (label,) = [problem for problem in problems if "'label'" in problem]
    assert label.startswith("d.tar: the sample '001' has a float as 'label'")
    assert label.endswith("(schemas/s), as in 11 other samples")
    assert len(problems) == 4


@pytest.mark.slow
def test_the_cache_hides_nothing_and_each_byte_is_read_once(tmp_path: Path) -> None:
    write(tmp_path, "fields", FIELDS, packed(), packed(caption="x" * 3_000_000), packed(label=0.5))
    time.sleep(2.05)  # for so long, the cache trusts no file
    path, content = tmp_path / "d.tar", json_schema(FIELDS).content

    def run(most: int | None) -> tuple[int, int]:
        read: list[int] = []

        def add(event: Progress) -> None:
            if isinstance(event, Completed):
                read.append(event.size)

        found = filters(path, content, most)
        measured = measure_files([path], cache=tmp_path / "cache", samples=found, on_progress=add)[path]
        assert isinstance(measured, FileFacts)
        return len(measured.others), sum(read)

    size = path.stat().st_size
    assert [run(1), run(None), run(2), run(3), run(1)] == [(0, size), (1, size), (0, size), (1, size), (0, size)]


def filters(path: Path, content: Any, most: int | None) -> dict[Path, SampleFilter]:
    from atpub.engine.desired.sample_check import check_sample

    def accepts(sample: SampleTypes) -> bool:
        return any(check_sample(content, sample))

    return {} if most == 1 else {path: SampleFilter(most, accepts)}


@pytest.mark.parametrize("command", [("plan",), ("apply", "--yes")])
def test_plan_and_apply_look_at_as_many(folder: Path, atpub: Run, command: tuple[str, ...]) -> None:
    """Nothing is planned or written with a wrong sample among those looked at; a plan looks at one unless asked."""
    write(folder, "fields", FIELDS, packed(), packed(label=0.5))
    ran = atpub(*command, "--samples", "2")
    assert ran.code == 3
    assert "d.tar: the sample '001' has a float as 'label'" in ran.err
    assert not (folder / ".atpub").exists()
    assert atpub(*command).code == 0
    assert atpub(*command, "--samples", "all").code == 3


def test_a_saved_plan_is_not_measured_again(folder: Path, atpub: Run) -> None:
    write(folder, "fields", FIELDS, packed())
    assert atpub("plan", "--samples", "all", "--out", "saved.plan").code == 0
    ran = atpub("apply", "saved.plan", "--samples", "all")
    assert (ran.code, "a saved plan is applied unchanged" in ran.err) == (64, True)
    assert atpub("apply", "saved.plan").code == 0


def test_the_plan_of_python(folder: Path) -> None:
    write(folder, "fields", FIELDS, packed(), packed(label=0.5))
    assert plan(folder).pending
    for samples in (2, None):
        with pytest.raises(InvalidInput) as raised:
            plan(folder, samples=samples)
        assert [problem.code for problem in raised.value.problems] == ["schema-mismatch"]
    with pytest.raises(InvalidArgument, match="0 is no number of samples"):
        plan(folder, samples=0)


@pytest.mark.parametrize("value", ["0", "-1", "many", ""])
@pytest.mark.parametrize("command", ["validate", "plan", "apply"])
def test_wrong_numbers(folder: Path, atpub: Run, command: str, value: str) -> None:
    assert atpub(command, "--samples", value).code == 64


def test_a_large_sample_has_no_missing_members() -> None:
    from atpub.engine.desired.sample_check import check_sample

    declared: JsonObject = {f"m{n}": "integer" for n in range(150)}
    sample = SampleTypes("0", {f"m{n}": "integer" for n in range(100)}, is_complete=False)
    assert not list(check_sample(members_schema(declared).content, sample))
