"""Whatever was published comes back from the repository as a manifest with nothing to do."""

from __future__ import annotations

import json
import shutil
from collections.abc import Generator
from contextlib import chdir, closing, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.engine.apply.publishing import publish, put, scratch, sha256_of, write_lexicons, write_manifest, write_tar
from tests.property.manifests import SHARDS, TEXTS, Specs, manifest, specs
from tests.repository.samples import read

from atpub.atproto.syntax import Nsid, RecordPath, Rkey
from atpub.cli.main import run
from atpub.engine.inventory import COLLECTION
from atpub.repository.local import LocalRepository
from atpub.repository.model import Delete

POST = Nsid("com.example.post")


@pytest.fixture(scope="module")
def data() -> Generator[Path]:
    """The files that manifests name, and the lexicons."""
    with scratch() as folder:
        for number, name in enumerate(SHARDS):
            write_tar(folder / name, f"shard {number}")
        for number, name in enumerate(TEXTS):
            (folder / name).write_text(f"text {number}")
        (folder / "data/sums.sha256").write_text("".join(f"{sha256_of(str(n))}  s-{n}.tar\n" for n in range(4)))
        write_lexicons(folder)
        yield folder


def ran(*args: str) -> Any:
    out = StringIO()
    with redirect_stdout(out):
        code = run([*args, "--json"])
    assert code == 0, out.getvalue()
    return json.loads(out.getvalue())


@pytest.mark.slow
@settings(max_examples=40, phases=[Phase.generate])
@given(given_specs=specs(), renamed=st.booleans(), download=st.booleans(), owned=st.booleans())
def test_what_was_published_is_imported(
    data: Path, given_specs: Specs, renamed: bool, download: bool, owned: bool
) -> None:
    with scratch() as folder, chdir(folder), closing(LocalRepository(folder / "repo")) as repository:
        for part in ("data", "lexicons"):
            shutil.copytree(data / part, folder / part)
        put(repository, {RecordPath(POST, Rkey("a")): {"text": "another"}})
        published = publish(write_manifest(folder, manifest(given_specs, renamed=renamed)), repository)
        if not owned:  # as if each record had been written by hand
            head = repository.head()
            assert head is not None
            listed = read(repository, COLLECTION)
            repository.apply_writes([Delete(path) for path in listed], head.cid)

        (folder / "atpub.yaml").unlink()
        new = folder / "new"
        new.mkdir()
        shutil.copytree(data / "lexicons", new / "lexicons")
        target = ["--account", f"local:{folder / 'repo'}"]
        flags = ["--project", "ours", "--lexicons", str(new / "lexicons"), *(["--download"] if download else [])]
        made = ran("import", "--all", *target, *flags, "--out", str(new / "atpub.yaml"))
        assert [item["code"] for item in made["warnings"]] == ["unknown-lexicon"]
        uris = {str(change.uri) for change in published.plan.changes}
        assert {entry["uri"] for entry in made["entries"]} == uris
        if not uris:  # then there is no manifest either
            return
        plan = ran("plan", "-m", str(new), *target)
        assert {change["action"] for change in plan["changes"]} <= {"unchanged"}
        assert {change["uri"] for change in plan["changes"]} == uris
        assert not plan["pending"]
