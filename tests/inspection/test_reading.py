"""Surveys as workers send them back: nothing is lost, whatever a shard holds."""

from __future__ import annotations

import io
import json
import pickle
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from tests.shards.tars import Member, make_tar

from atpub.inspection.reading import InspectedSource, dump_surveys, load_surveys, survey_batch, survey_sources
from atpub.shards.survey import survey_shard

numpy: Any = import_module("numpy")
msgpack: Any = import_module("msgpack")


def array(*shape: int) -> bytes:
    stream = io.BytesIO()
    numpy.save(stream, numpy.zeros(shape, "float32"))
    return stream.getvalue()


TARS = {
    "fields": make_tar(
        [
            Member("0.json", json.dumps({"a": 1, "b": {"c": [1, None]}, "d": "x\ud800"}).encode()),
            Member("0.npy", array(2, 3)),
            Member("1.json", json.dumps({"a": 2.5, "e": None, "n": 1 << 70}).encode()),
            Member("1.npy", array(2, 4)),
            Member("1.cls", b"7"),
        ]
    ),
    "msgpack": make_tar([Member("0.msgpack", msgpack.packb({"f": float("nan"), "n": None, "l": [1, "a"]}))]),
    "damaged": make_tar(["0.txt", "1.txt"])[:700],
    "empty": b"",
    "none": b"text " * 200,
}


@pytest.mark.parametrize("name", TARS)
def test_blocks(name: str, tmp_path: Path) -> None:
    survey = survey_shard(io.BytesIO(TARS[name]), "a.tar", 100)
    assert list(load_surveys(dump_surveys([survey, survey]))) == [survey, survey]
    file = tmp_path / "a.tar"
    file.write_bytes(TARS[name])
    sources = [InspectedSource(file, "a.tar", 100), InspectedSource(tmp_path / "gone.tar", "gone.tar", 100)]
    function, batch = pickle.loads(pickle.dumps((survey_batch, sources)))
    found = list(load_surveys(function(batch)))
    assert found == [survey, *survey_sources(sources[1:])]
    assert found[1].problems[0].code == "file-unreadable"
