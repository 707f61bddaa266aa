"""Integers beyond 2^53-1: no PDS takes them, and a repository in a folder does, whatever account the manifest names."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.cli.playground import Ran
from tests.engine.apply.publishing import write_lexicons

from atpub.atmosphere import AtmosphereClient
from atpub.engine.plan.model import Options
from atpub.errors import InvalidInput
from atpub.pipeline import measure_data, plan_records, read_manifest
from atpub.repository.local import LocalRepository
from atpub.repository.model import LOCAL_DID

MANIFEST = """\
atpub: 1
project: lab
account: {account}
lexicons: {{path: lexicons}}
records: {{n: {{collection: org.test.note, value: {{text: x, extra: 9007199254740992}}}}}}
"""


def write(folder: Path, account: str) -> None:
    write_lexicons(folder)
    (folder / "atpub.yaml").write_text(MANIFEST.format(account=account))


@pytest.mark.parametrize("account", ["local", "local:elsewhere"])
def test_an_account_in_a_folder_takes_them(folder: Path, atpub: Callable[..., Ran], account: str) -> None:
    write(folder, "alice.test")
    refused = atpub("validate")
    assert refused.code == 3
    assert "[large-integer]" in refused.err
    made = atpub("plan", "--account", account)
    assert (made.code, made.err) == (0, "")
    assert "1 to create" in made.out


def test_the_account_of_the_plan_decides(folder: Path) -> None:
    write(folder, "local")
    manifest = read_manifest(("atpub.yaml",), None, {})
    facts, now, options = measure_data(manifest), datetime(2024, 5, 1, tzinfo=UTC), Options()
    with closing(LocalRepository(Path("repository"), LOCAL_DID)) as repository:
        plan_records(manifest, facts, repository, account="local", now=now, options=options)
        with pytest.raises(InvalidInput) as raised:
            plan_records(manifest, facts, repository, account="alice.test", now=now, options=options)
    (problem,) = raised.value.problems
    assert problem.code == "large-integer"
    assert problem.place is not None
    assert problem.place.line == 5


def test_a_client_of_a_folder_takes_them(folder: Path) -> None:
    with AtmosphereClient.local(folder) as client:
        assert client.create_record("org.test.note", {"extra": 2**53})
