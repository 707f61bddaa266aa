"""What a survey of a shard finds: counts, types, ranges, examples, and what readers would misread."""

import io
import json
import os
import pickle
import tarfile
import tracemalloc
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from tests.shards.tars import FORMATS, Member, make_tar

from atpub.shards.field_summary import FieldSummary
from atpub.shards.survey import ShardSurvey, SurveyTotal, survey_shard, total_surveys

msgpack: Any = import_module("msgpack")  # it has no types


def survey(*members: Member, most: int | None = None, format: int = FORMATS[0]) -> ShardSurvey:
    return survey_shard(io.BytesIO(make_tar(members, format)), "a.tar", most)


def codes(found: ShardSurvey) -> list[tuple[str, str]]:
    return [(problem.code, problem.severity) for problem in found.problems]


@pytest.mark.parametrize("format", FORMATS)
def test_members(format: int) -> None:
    found = survey(
        *(Member(f"a/{number}.{name}", text) for number in range(3) for name, text in (("CLS", b"%d" % number),)),
        format=format,
    )
    assert (found.samples, found.looked_at, found.format, found.problems) == (3, 3, "members", ())
    assert found.fields == {"cls": FieldSummary(3, ("integer",), 0, (1, 1), (0, 2), (0, 1, 2))}


def test_json_is_summarized_by_field() -> None:
    texts = [{"id": 1, "name": "a"}, {"id": 2.5, "name": None}, {"id": -1, "tags": ["a"]}]
    found = survey(*(Member(f"{number}.json", json.dumps(text).encode()) for number, text in enumerate(texts)))
    fields = found.fields["json"].fields
    assert found.fields["json"].types == ("object",)
    assert (fields["id"].types, fields["id"].numbers, fields["id"].count) == (("number",), (-1, 2.5), 3)
    assert (fields["name"].types, fields["name"].nulls, fields["name"].count) == (("string",), 1, 2)
    assert fields["tags"].count == 1


def test_msgpack_values() -> None:
    values = [0, 127, -1, -33, 200, 70_000, 2**40, -(2**40), 2**63, 1.5]
    packed = [msgpack.packb({"n": value, "s": "x" * number, "b": True}) for number, value in enumerate(values)]
    found = survey(*(Member(f"{number}.msgpack", data) for number, data in enumerate(packed)))
    assert found.format == "msgpack"
    assert found.fields["n"].numbers == (-(2**40), 2**63)
    assert found.fields["n"].types == ("number",)
    assert found.fields["s"].examples == ("", "x", "xx")
    assert found.fields["b"].examples == (True,)


def test_only_so_many_samples_are_looked_at_and_all_are_counted() -> None:
    members = [Member(f"{number}.cls", b"%d" % number) for number in range(10)]
    found = survey(*members, most=4)
    assert (found.samples, found.looked_at) == (10, 4)
    assert found.fields["cls"].numbers == (0, 3)
    assert survey(*members, most=10).looked_at == 10
    assert survey(*members, most=11).looked_at == 10


def test_examples_are_short_finite_and_without_secrets() -> None:
    url = "https://example.org/a?X-Amz-Signature=" + "a" * 64
    found = survey(Member("0.txt", url.encode()), Member("1.json", b"Infinity"), Member("2.txt", b"a" * 1000))
    assert "aaaa" not in str(found.fields["txt"].examples[0])
    assert len(str(found.fields["txt"].examples[1])) == 61
    assert found.fields["json"].examples == ("inf",)
    assert found.fields["json"].numbers is None


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("bomb",)


def test_nothing_is_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = ["pyd", "pickle", "npy", "json", "msgpack", "txt"]
    members = [Member(f"0.{name}", pickle.dumps(Bomb(), protocol)) for protocol in (0, 4) for name in names]
    survey(*members[:6])
    survey(*members[6:])
    assert list(tmp_path.iterdir()) == []


PROBLEMS: dict[str, tuple[list[Member], list[tuple[str, str]], int | None]] = {
    "scattered": (
        [Member("0.a"), Member("1.a"), Member("0.b"), Member("1.b")],
        [("scattered-samples", "warning"), ("differing-fields", "warning")],
        2,
    ),
    "links": ([Member("0.a"), Member("0.b", kind=tarfile.SYMTYPE)], [("link-member", "warning")], 1),
    "twice": ([Member("0.a"), Member("0.A")], [("tar-duplicate", "warning")], None),
    "differing": (
        [Member("0.a"), Member("1.b")],
        [("huggingface-cannot-read", "warning"), ("differing-fields", "warning")],
        2,
    ),
    "mixed": ([Member("0.msgpack", b"\x81\xa1a\x07"), Member("0.b")], [("mixed-formats", "warning")], 1),
    "empty": ([], [("tar-empty", "warning")], 0),
    "no sample": ([Member("README")], [("tar-empty", "warning")], 0),
    "good": ([Member("0.a"), Member("__meta__"), Member(".DS_Store"), Member("._0.a")], [], 1),
}


@pytest.mark.parametrize("case", PROBLEMS)
def test_problems(case: str) -> None:
    members, expected, samples = PROBLEMS[case]
    found = survey(*members)
    assert (codes(found), found.samples, found.is_readable) == (expected, samples, True)


def test_a_broken_tar_is_shown_as_far_as_it_goes() -> None:
    whole = make_tar([Member(f"{number}.cls", b"%d" % number) for number in range(3)])
    found = survey_shard(io.BytesIO(whole[:2560]), "a.tar")
    assert codes(found) == [("tar-damaged", "error")]
    assert "at byte 2,560 of 2,560" in found.problems[0].message
    assert not found.is_readable
    assert found.samples is None
    assert found.fields["cls"].examples[:2] == (0, 1)


@pytest.mark.parametrize("size", range(0, 4096, 100))
def test_a_tar_cut_off_anywhere_is_no_bug(size: int) -> None:
    whole = make_tar([Member(f"{number}.msgpack", b"\x81\xa1a\x07" + bytes(number)) for number in range(3)])
    found = survey_shard(io.BytesIO(whole[:size]), "a.tar")
    assert found.size == size


def test_memory_does_not_grow_with_samples_and_values() -> None:
    big = b'{"text": "%s"}' % (b"a" * 500_000)
    stream = io.BytesIO(make_tar([Member(f"{number}.json", big) for number in range(60)]))
    tracemalloc.start()
    survey_shard(stream, "a.tar")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000


def test_fields_and_types_are_bounded() -> None:
    many = json.dumps({f"key{number}": number for number in range(1000)}).encode()
    found = survey(*(Member(f"0.e{number:04d}", b"1") for number in range(300)), Member("1.json", many))
    assert len(found.fields) <= 200
    assert len(found.fields["json"].fields) <= 200


def test_totals() -> None:
    one, other = survey(Member("0.cls", b"1")), survey(Member("0.cls", b"7"), Member("1.txt", b"a"))
    total = total_surveys([one, other])
    assert (total.shards, total.samples, total.looked_at) == (2, 3, 3)
    assert total.fields["cls"].numbers == (1, 7)
    assert total_surveys([]) == SurveyTotal()
