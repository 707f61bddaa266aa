"""Wrong arguments: named, all at once, before anything is read, asked or written."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import pytest
from tests.atmosphere.samples import SCHEMA, URL, MySample, shard
from tests.shards.tars import make_tar

from atpub.atmosphere import (
    AtmosphereClient,
    Dataset,
    DatasetLoader,
    DatasetPublisher,
    LabelLoader,
    LabelPublisher,
    LensLoader,
    LensPublisher,
    SchemaLoader,
    SchemaPublisher,
    load,
)
from atpub.atmosphere.blobs import LARGEST
from atpub.atproto.data import cid_of
from atpub.errors import AtpubWarning, InvalidArgument

URLS: Mapping[str, tuple[dict[str, Any], str]] = {
    "long-name": ({"name": "é" * 101}, "name=….*202 bytes, at most 200"),
    "empty-name": ({"name": " "}, "name=….*it is empty"),
    "name-of-a-number": ({"name": 7}, "name=….*expected a str, found int"),
    "long-description": ({"description": "x" * 5001}, "description=….*5001 bytes, at most 5000"),
    "many-tags": ({"tags": [str(number) for number in range(31)]}, "tags=….*31 items, at most 30"),
    "long-tag": ({"tags": ["x" * 151]}, "tags=….*151 bytes, at most 150"),
    "one-tag": ({"tags": "cats"}, "tags=….*found a str"),
    "tag-of-a-number": ({"tags": [1]}, "tags=….*expected a string"),
    "long-license": ({"license": "https://x.test/" + "x" * 200}, "license=….*at most 200"),
    "float": ({"metadata": {"a": [{"b": 0.5}]}}, "metadata=….*0.5 is a float"),
    "no-json": ({"metadata": {"a": {1, 2}}}, r"metadata=….*metadata\['a'\] is of the type set"),
    "key-of-a-number": ({"metadata": {1: 2}}, "metadata=….*the key 1"),
    "no-mapping": ({"metadata": [1]}, "metadata=….*expected a dict"),
    "no-tid": ({"rkey": "self"}, "rkey=….*not a record key of the type tid"),
    "no-rkey": ({"rkey": "a/b"}, "rkey=….*not a record key"),
    "empty-id": ({"id": ""}, "id=….*it is empty"),
    "no-uri": ({"schema_uri": "org.lab.image"}, "schema_uri=….*not the at:// URI of a record"),
    "uri-of-an-account": ({"schema_uri": "at://lab.test"}, "schema_uri=….*not the at:// URI of a record"),
    "no-metadata-uri": ({"metadata_schema_uri": "x"}, "metadata_schema_uri=…"),
    "no-urls": ({"urls": []}, "urls=….*it is empty"),
    "local-file": ({"urls": ["data/0.tar"]}, "urls=….*it has no scheme"),
    "braces": ({"urls": ["https://a.test/{0..3.tar"]}, "urls=….*never closed"),
    "password": ({"urls": ["https://me:secret@a.test/0.tar"]}, "urls=….*holds a user name"),
    "kinds": ({"urls": ["https://a.test/0.tar", "s3://lab/1.tar"]}, "urls=….*different kinds of storage"),
    "unreadable": ({"urls": ["https://a.test/1.tar", "https://a.test/11.tar"]}, "urls=….*at the same width"),
    "if-exists": ({"if_exists": "overwrite"}, "if_exists=….*none of 'update', 'error', 'skip'"),
}

CID = cid_of({})


@pytest.fixture
def nothing_is_sent(local: AtmosphereClient, monkeypatch: pytest.MonkeyPatch) -> AtmosphereClient:
    """The client, whose repository and stores may not be asked for anything."""

    def fail(*_: object, **__: object) -> NoReturn:
        pytest.fail("something was asked for")

    for name in ("head", "read", "get_record", "list_records", "get_blob", "upload_blob", "apply_writes"):
        monkeypatch.setattr(type(local.account.repository), name, fail)
    monkeypatch.setattr("atpub.measuring.lookup.new_client", fail)
    return local


@pytest.mark.parametrize("name", URLS)
def test_urls(name: str, nothing_is_sent: AtmosphereClient) -> None:
    given, message = URLS[name]
    arguments: dict[str, Any] = {"urls": [URL], "schema_uri": SCHEMA, "name": "x", **given}
    with pytest.raises(InvalidArgument, match=rf"publish_with_urls\({message}"):
        DatasetPublisher(nothing_is_sent).publish_with_urls(**arguments)


def test_all_at_once(nothing_is_sent: AtmosphereClient) -> None:
    with pytest.raises(ValueError, match="name") as wrong:
        DatasetPublisher(nothing_is_sent).publish_with_urls(
            ["https://a.test/1.tar"], SCHEMA, name="x" * 201, tags=["x" * 151], metadata={"a": 0.5}
        )
    assert isinstance(wrong.value, InvalidArgument)
    assert {str(problem.place) for problem in wrong.value.problems} == {
        f"publish_with_urls({name}=…)" for name in ("name", "tags", "metadata")
    }


def sparse(folder: Path) -> Path:
    file = folder / "big.tar"
    with file.open("wb") as stream:
        os.ftruncate(stream.fileno(), LARGEST + 1)
    return file


BLOBS: Mapping[str, tuple[Callable[[Path], Any], str]] = {
    "not-a-list": (lambda _: b"bytes", "found bytes"),
    "empty": (lambda _: [], r"found \[\]"),
    "not-a-tar": (lambda _: [b"x" * 2000], r"blobs\[0\] is not a tar archive"),
    "gzip": (lambda _: [shard("a"), b"\x1f\x8b" + b"x" * 600], r"blobs\[1\] is gzip-compressed"),
    "empty-tar": (lambda _: [make_tar([])], r"blobs\[0\] holds nothing"),
    "cut-off": (lambda _: [io.BytesIO(shard("a")[:700])], r"blobs\[0\] is cut off"),
    "no-file": (lambda folder: [folder / "no.tar"], r"blobs\[0\]: .*no.tar cannot be read"),
    "folder": (lambda folder: [folder], "not a regular file"),
    "number": (lambda _: [7], r"blobs\[0\] is int"),
    "text-file": (lambda _: [io.StringIO("x")], r"blobs\[0\] is a text file"),
    "large-file": (lambda folder: [sparse(folder)], "52,428,801 bytes; .* at most 52,428,800"),
    "large-bytes": (lambda _: [bytes(LARGEST + 1)], "52,428,801 bytes"),
}


@pytest.mark.parametrize("name", BLOBS)
def test_blobs(name: str, nothing_is_sent: AtmosphereClient, tmp_path: Path) -> None:
    make, message = BLOBS[name]
    given: Any = make(tmp_path)
    with pytest.raises(InvalidArgument, match=message) as wrong:
        DatasetPublisher(nothing_is_sent).publish_with_blobs(given, SCHEMA, name="x")
    assert "blobs" in str(wrong.value)
    assert len(wrong.value.problems) == 1  # and not that a dataset has to have shards


def test_a_type_that_the_lexicon_does_not_accept(nothing_is_sent: AtmosphereClient) -> None:
    old = bytearray(shard("a"))
    old[257:265] = bytes(8)  # a tar from before POSIX: no server knows it by its bytes
    old[148:156] = b"%06o\0 " % sum(old[:148] + b" " * 8 + old[156:512])
    with pytest.raises(InvalidArgument, match=r"mime_type: blobs\[0\] would be stored as text/plain"):
        DatasetPublisher(nothing_is_sent).publish_with_blobs([bytes(old)], SCHEMA, name="x", mime_type="text/plain")


class NoFields:
    pass


class Nested:
    inner: MySample


class Ordered:
    a: str | None
    label: str


SAMPLES: Mapping[str, tuple[type[object], str]] = {
    "no-fields": (NoFields, "NoFields has no fields"),
    "nested": (Nested, "Nested.inner: a schema has no type for MySample"),
    "order": (Ordered, "'a' is stored before the required 'label'"),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_types(name: str, nothing_is_sent: AtmosphereClient) -> None:
    kind, message = SAMPLES[name]
    with pytest.raises(InvalidArgument, match=message) as wrong:
        SchemaPublisher(nothing_is_sent).publish(kind)
    assert "sample_type" in str(wrong.value)
    with pytest.raises(InvalidArgument, match=message):
        DatasetPublisher(nothing_is_sent).publish(Dataset[object](URL, sample_type=kind), name="x")


def test_other_calls(nothing_is_sent: AtmosphereClient) -> None:
    schemas, labels = SchemaPublisher(nothing_is_sent), LabelPublisher(nothing_is_sent)
    with pytest.raises(InvalidArgument, match=r"SchemaPublisher.publish\(sample_type=…\).*expected a class"):
        schemas.publish(MySample("a", 1))  # type: ignore[arg-type]  # the point
    with pytest.raises(InvalidArgument, match=r"nsid=….*'image' is not an NSID"):
        schemas.publish(MySample, nsid="image")
    with pytest.raises(InvalidArgument, match=r"name=….*cannot name a Python class"):
        schemas.publish(MySample, name="my sample")
    with pytest.raises(InvalidArgument, match=r"dataset_uri=…"):
        labels.publish("mnist", "x")
    with pytest.raises(InvalidArgument, match=r"version=….*51 bytes"):
        labels.publish("mnist", SCHEMA, version="1" * 51)
    with pytest.raises(InvalidArgument, match=r"code_commit=….*found NoneType"):
        LensPublisher(nothing_is_sent).publish(
            name="x", source_schema_uri=SCHEMA, target_schema_uri=SCHEMA, code_repository="https://x.test"
        )
    with pytest.raises(InvalidArgument, match=r"publish\(dataset=…\).*neither a url nor list_shards"):
        DatasetPublisher(nothing_is_sent).publish(object(), name="x", schema_uri=SCHEMA)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match=r"publish\(dataset=…\).*does not know its sample_type"):
        DatasetPublisher(nothing_is_sent).publish(Untyped(), name="x")
    untyped: Dataset[object] = Dataset(URL)
    with pytest.raises(InvalidArgument, match=r"publish\(dataset=…\).*does not know its sample_type"):
        DatasetPublisher(nothing_is_sent).publish(untyped, name="x")


class Untyped:
    url = URL


NOTE = "org.test.note"
RECORDS: Mapping[str, tuple[Callable[[AtmosphereClient], object], str]] = {
    "get": (lambda client: DatasetLoader(client).get("x"), r"DatasetLoader\.get\(uri=…\).*at:// URI of a record"),
    "get-of-a-number": (lambda client: LensLoader(client).get_typed(7), r"LensLoader\.get\(uri=…\)"),  # type: ignore[arg-type]
    "blobs": (lambda client: DatasetLoader(client).get_blob_urls("x"), r"DatasetLoader\.get\(uri=…\)"),
    "load": (lambda client: load("x", client=client), r"load\(uri=…\).*at:// URI of a record"),
    "get-record": (lambda client: client.get_record("at://x y"), r"get_record\(uri=…\)"),
    "list": (lambda client: client.list_records("x"), r"list_records\(collection=…\).*'x' is not a valid NSID"),
    "list-of-a-number": (lambda client: client.list_records(7), r"list_records\(collection=…\).*found int"),  # type: ignore[arg-type]
    "none": (lambda client: client.list_records(NOTE, limit=0), r"list_records\(limit=…\).*0 is not a number"),
    "less": (lambda client: client.list_labels(limit=-1), r"list_records\(limit=…\).*-1 is not a number"),
    "cursor": (lambda client: client.list_records(NOTE, cursor=7), r"list_records\(cursor=…\)"),  # type: ignore[arg-type]
    "repo": (lambda client: client.list_datasets(repo="x y"), r"list_records\(repo=…\).*neither a handle nor a DID"),
    "all": (lambda client: SchemaLoader(client).list_all("did:x"), r"list_records\(repo=…\).*neither"),
    "label": (lambda client: LabelLoader(client).resolve("lab", "x"), r"list_records\(repo=…\).*'lab' is neither"),
    "put": (
        lambda client: client.put_record(NOTE, "a/b", {}),
        r"put_record\(rkey=…\).*'a/b' is not a valid record key",
    ),
    "put-nowhere": (lambda client: client.put_record("note", "a", {}), r"put_record\(collection=…\)"),
    "create": (lambda client: client.create_record(NOTE, {}, rkey="."), r"create_record\(rkey=…\)"),
    "swap": (lambda client: client.put_record(NOTE, "a", {}, swap_commit="zz"), r"put_record\(swap_commit=…\).*'zz'"),
    "delete": (
        lambda client: client.delete_record(f"at://{client.did}/{NOTE}/a", swap_commit="zz"),
        r"delete_record\(swap_commit=…\)",
    ),
    "blob": (lambda client: client.get_blob(client.did, "x"), r"get_blob\(cid=…\).*'x' is not a valid CID"),
    "blob-without-account": (lambda client: client.get_blob("x", CID), r"get_blob\(did=…\).*'x' is neither"),
    "blob-url": (lambda client: client.get_blob_url(client.did, "x"), r"get_blob_url\(cid=…\)"),
    "local": (lambda _: AtmosphereClient.local(did="x"), r"AtmosphereClient\.local\(did=…\).*'x' is not a valid DID"),
}


@pytest.mark.parametrize("name", RECORDS)
def test_records(name: str, nothing_is_sent: AtmosphereClient) -> None:
    call, message = RECORDS[name]
    with pytest.raises(InvalidArgument, match=message) as wrong:
        call(nothing_is_sent)
    assert all(problem.hint or "expected a str" in problem.message for problem in wrong.value.problems)


LICENSES = {
    "Apache 2.0": "did you mean 'Apache-2.0'",
    "CC-BY-4": "did you mean 'CC-BY-4.0'",
    "mit": "write 'MIT'",
    "GPL-3.0": "write 'GPL-3.0-only'",
    "MIT AND": "such as CC-BY-4.0",
    "do what you like": "such as CC-BY-4.0",
}


@pytest.mark.parametrize("text", LICENSES)
def test_licences_that_spdx_does_not_know(text: str, local: AtmosphereClient) -> None:
    with pytest.warns(AtpubWarning, match=LICENSES[text]) as warned:
        uri = DatasetPublisher(local).publish_with_urls([URL], SCHEMA, name="x", license=text, checksums="none")
    assert (len(warned), warned[0].filename) == (1, __file__)
    assert local.get_record(uri)["license"] == text


@pytest.mark.parametrize(
    "text",
    [
        "MIT",
        "CC-BY-4.0 OR MIT",
        "(GPL-2.0-only WITH Classpath-exception-2.0)",
        "LicenseRef-lab",
        "https://lab.test/terms",
    ],
)
def test_licences_that_are_well(text: str, local: AtmosphereClient) -> None:
    DatasetPublisher(local).publish_with_urls([URL], SCHEMA, name="x", license=text, checksums="none")
