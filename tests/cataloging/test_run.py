"""A catalog of a repository: its files name blobs by URLs of their server, and by no path of this machine."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from pathlib import Path

import pytest

import atpub
from atpub.atproto.syntax import Cid
from atpub.cataloging.run import CatalogSource, write_catalog
from atpub.published.build import PUBLISHED, build_published
from atpub.published.model import PublisherView
from atpub.repository.local import LocalRepository

QUICKSTART = Path(__file__).parents[2] / "manifests" / "quickstart"


class HostedRepository(LocalRepository):
    """A repository whose blobs are at URLs."""

    def blob_source(self, cid: Cid) -> str:  # type: ignore[override]  # as that of a PDS
        return f"https://pds.example/xrpc/com.atproto.sync.getBlob?cid={cid}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with the datasets of the quickstart."""
    shutil.copytree(QUICKSTART, tmp_path / "manifest", ignore=shutil.ignore_patterns(".atpub"))
    atpub.apply(atpub.plan(tmp_path / "manifest" / "atpub.yaml", account=f"local:{tmp_path / 'repository'}"))
    return tmp_path / "repository"


def content_urls(folder: Path, kind: type[LocalRepository]) -> list[str]:
    """Return where the Croissant files of a catalog find their shards."""
    site = folder.parent / "site"
    with closing(kind(folder)) as repository:
        published = build_published(PublisherView(repository.did), repository.read(PUBLISHED).records.values())
        write_catalog([CatalogSource(published, repository)], site, samples=0, find_schema=lambda _: None)
    assert not [file for file in site.rglob("*") if file.is_file() and str(folder.parent) in file.read_text()]
    files = [json.loads(file.read_text()) for file in site.rglob("*.croissant.json")]
    return [item["contentUrl"] for file in files for item in file["distribution"] if "contentUrl" in item]


def test_blobs_of_a_server_are_at_urls(folder: Path) -> None:
    found = content_urls(folder, HostedRepository)
    assert found
    assert all(url.startswith("https://pds.example/") for url in found)


def test_blobs_of_a_folder_are_named_by_their_cids(folder: Path) -> None:
    found = content_urls(folder, LocalRepository)
    assert found
    assert all(url.startswith("urn:cid:") for url in found)
