"""The documented example, and what the page on migration says, are run."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest
from tests.atmosphere.conftest import EVERYWHERE
from tests.atmosphere.samples import MySample
from tests.repository.pds_servers import Servers, new_account

import atpub
from atpub.atmosphere import AtmosphereClient
from atpub.errors import AtpubWarning
from atpub.repository.model import Head

PAGE = (Path(__file__).parents[2] / "docs/migration.md").read_text("utf-8")
(EXAMPLE,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
AS_DOCUMENTED = """
dataset = atdata.Dataset[MySample]("s3://bucket/data-{000000..000009}.tar")
client = AtmosphereClient()
client.login("handle", "password")
publisher = DatasetPublisher(client)
uri = publisher.publish(
    dataset,
    name="My Training Data",
    description="Training data for my model",
    tags=["computer-vision", "training"],
)
"""


def test_it_is_the_documented_one() -> None:
    lines = [line[4:] for line in EXAMPLE.splitlines() if line.startswith((">>> ", "... "))]
    ours = [line for line in lines if "import" not in line and "print" not in line]
    assert ours == AS_DOCUMENTED.replace("atdata.", "atpub.").strip().splitlines()


@pytest.mark.parametrize("where", EVERYWHERE)
def test_it_works_as_it_stands(where: str, servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handle, password = f"local:{tmp_path / 'repository'}", ""
    if where != "local":
        server = servers(where)
        account = new_account(server)
        handle, password = account.handle, account.password
        monkeypatch.setenv("ATPUB_PDS", server.url)
    text = EXAMPLE.replace('"handle", "password"', f"{handle!r}, {password!r}")
    heads: list[Head | None] = []
    for _ in range(2):  # running it again changes nothing
        names: dict[str, object] = {"MySample": MySample}
        test = doctest.DocTestParser().get_doctest(text, names, "example", "docs/migration.md", 0)
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.REPORT_NDIFF)
        with pytest.warns(AtpubWarning, match="10 of 10 shards have no checksum|endpoint is given") as warned:
            done = runner.run(test, clear_globs=False)
        client = test.globs["client"]
        assert isinstance(client, AtmosphereClient)
        with client:
            assert done == doctest.TestResults(failed=0, attempted=8)
            assert len(warned) == 2  # the other one: that atdata needs to know the endpoint of S3
            heads.append(client.account.repository.head())
            (record,) = client.list_datasets()
            assert record["storage"]["bucket"] == "bucket"
            assert len(client.list_schemas()) == 1
    assert heads[0] == heads[1]


def test_every_call_that_the_page_names_is_there() -> None:
    table = PAGE.partition("## Call by call")[2].partition("\n## ")[0]
    rows = [row.split(" | ") for row in table.splitlines() if row.startswith("| ") and not row.startswith("| atdata")]
    kinds = [getattr(atpub, name) for name in atpub.__all__ if isinstance(getattr(atpub, name), type)]
    offered = {name for kind in kinds for name in dir(kind)} | set(atpub.__all__)
    for theirs, ours, *_ in rows:
        said = theirs if ours.startswith("the same") else ours
        for name in re.findall(r"`(?:[a-z]+\.)?(\w+)", f"{said} {ours if 'or `' in ours else ''}"):
            assert name in offered, name
