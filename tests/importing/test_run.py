"""An import from Python: it prints nothing, and calls back with what it warns of."""

from __future__ import annotations

from pathlib import Path

import pytest

import atpub
from atpub.errors import FileConflict
from atpub.importing.base import ImportOptions, find_base
from atpub.importing.run import ImportHooks, import_records
from atpub.problems import Problem
from atpub.repository.interface import Repository
from atpub.repository.local import LocalRepository
from atpub.repository.model import LOCAL_DID
from atpub.target import Target

MANIFEST = """\
atpub: 1
project: lab
account: local
schemas: {image: {nsid: org.lab.image, version: 1.0.0, fields: {label: integer}}}
datasets: {digits: {schema: image, name: Digits, urls: ["https://data.example/digits-0.tar"], checksums: none}}
"""


def connect(target: Target) -> Repository:
    assert target.folder is not None
    return LocalRepository(target.folder, target.did or LOCAL_DID)


@pytest.mark.filterwarnings("ignore::atpub.AtpubWarning")
def test_import_of_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("atpub.yaml").write_text(MANIFEST)
    atpub.apply(atpub.plan("atpub.yaml"))
    Path("atpub.yaml").rename("old.yaml")
    options = ImportOptions((), everything=True, out=Path("new.yaml"))
    told: list[Problem] = []
    base = find_base((), None, "lab", None, options, ("local", None), {})
    outcome = import_records(base, options, connect, ImportHooks(on_warnings=told.extend))
    assert [str(entry.address) for entry in outcome.result.entries] == ["schemas/image", "datasets/digits"]
    assert tuple(told) == outcome.result.warnings
    assert outcome.out == Path("new.yaml")
    assert Path("new.yaml").read_text() == outcome.result.text
    assert capsys.readouterr() == ("", "")
    with pytest.raises(FileConflict):
        import_records(base, options, connect)
