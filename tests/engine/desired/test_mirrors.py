"""`mirrors:` of a dataset: in its contentMetadata, with URLs that are checked."""

from pathlib import Path

import pytest
from tests.engine.desired.manifests import build, problems
from tests.engine.desired.test_rai import SCHEMA, dataset

from atpub.storage.mirrors import KEY, read_mirrors


def test_they_are_in_the_content_metadata(folder: Path) -> None:
    records, _ = build(folder, dataset("metadata: {a: 1}, mirrors: ['https://m.test/x/', 'gs://b/x']"))
    metadata = records["datasets/x"].value["contentMetadata"]
    assert metadata == {"a": 1, KEY: {"urls": ["https://m.test/x/", "gs://b/x"]}}
    assert read_mirrors(metadata) == ("https://m.test/x/", "gs://b/x")


@pytest.mark.parametrize(
    ("mirror", "code"),
    [
        ("mirror.test", "url-scheme"),
        ("file:///data", "url-scheme"),
        ("https://m.test/a b", "url-blank"),
        ("https://m.test/*", "url-wildcard"),
        ("https://m.test/x?v=1", "url-path"),
        ("https://m.test/x?sig=abcdefghijklmnop", "signed-url"),
        ("https://me:secret@m.test/x", "credentials-in-url"),
        ("https://m.test/x#y", "url-fragment"),
    ],
)
def test_urls_that_are_no_folders(folder: Path, mirror: str, code: str) -> None:
    (problem,) = [item for item in problems(folder, dataset(f"mirrors: ['{mirror}']")) if item.severity == "error"]
    assert (problem.code, problem.place is not None) == (code, True)
    assert "secret" not in problem.message
    assert "abcdefghijklmnop" not in problem.message


def test_blobs_have_no_mirrors(folder: Path) -> None:
    text = f"datasets: {{x: {{schema: '{SCHEMA}', blobs: '*.tar', mirrors: ['https://m.test/']}}}}\n"
    assert "not-for-blobs" in [item.code for item in problems(folder, text)]
