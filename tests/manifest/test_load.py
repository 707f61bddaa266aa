"""What a manifest says, once it is read: every section, defaults, environments, and files beside it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from atpub.atproto.syntax import AtUri, Did, Nsid, Rkey
from atpub.errors import InvalidInput
from atpub.manifest.load import Loaded, load_manifest, load_valid_subset
from atpub.manifest.model import (
    Address,
    ChecksumFiles,
    ChecksumMap,
    DatasetEntry,
    FileShards,
    LabelEntry,
    LensEntry,
    LexiconEntry,
    Manifest,
    NoChecksums,
    Policy,
    RecordEntry,
    SchemaEntry,
    UrlShards,
    placeholder,
)
from atpub.storage.interface import Endpoint

HEAD = "atpub: 1\nproject: lab\n"
SCHEMAS = "schemas:\n  image: {nsid: org.lab.image, version: 1.0.0, fields: {image: ndarray}}\n"
NOTE = """\
{"lexicon": 1, "id": "org.lab.note", "defs": {"main": {"type": "record", "key": "any", "record": {"type": "object"}}}}
"""


WRONG = """
environments: {x: {foo: 1}, y: {bar: 1}}
datasets:
  a: {urls: x, blobs: y}
  b: {schema: nowhere, blobs: {a: b}}
  c: {schema: nowhere, blobs: {a: b}}
  d: {schema: nowhere, urls: "https://a.test/0.tar"}
labels: {y: {}, x: {version: 3}}
"""


def load(folder: Path, text: str, environment: str | None = None, **environ: str) -> Manifest:
    (folder / "atpub.yaml").write_text(HEAD + text)
    return load_manifest([folder / "atpub.yaml"], environ=environ, environment=environment)


def sound(folder: Path, text: str) -> Loaded:
    (folder / "atpub.yaml").write_text(HEAD + text)
    return load_valid_subset([folder / "atpub.yaml"], environ={})


def only(manifest: Manifest, kind: type) -> object:
    (found,) = [entry for entry in manifest.entries.values() if isinstance(entry, kind)]
    return found


def test_the_least(tmp_path: Path) -> None:
    manifest = load(tmp_path, "")
    assert (manifest.project, manifest.account, manifest.did, manifest.pds) == ("lab", None, None, None)
    assert (manifest.policy, manifest.entries, manifest.folder) == (Policy(0.3), {}, tmp_path)


def test_schemas(tmp_path: Path) -> None:
    (tmp_path / "audio.json").write_text('{"type": "object", "properties": {"wave": {"type": "string"}}}')
    text = """\
schemas:
  image: {nsid: org.lab.imageData, version: 1.0.0, description: A picture., fields: {image: ndarray, label: "integer?"}}
  audio: {nsid: org.lab.audio, version: 0.1.0-rc.1, name: Sound, file: audio.json, id: snd, rkey: sound, protect: true}
  text:
    nsid: org.lab.text
    version: 1.0.0
    json_schema: {type: object, properties: {text: {type: string}}}
    adopt: true
"""
    image, audio, words = load(tmp_path, text).entries.values()
    assert isinstance(image, SchemaEntry)
    assert (image.common.address, image.common.id, image.common.rkey) == (
        ("schemas", "image"),
        "org.lab.imageData:1.0.0",
        None,
    )
    assert (image.nsid, image.name, image.version) == ("org.lab.imageData", "ImageData", "1.0.0")
    assert image.fields == {"description": "A picture."}
    assert image.content["required"] == ["image"]
    assert str(image.content_place(("properties", "label"))).endswith(":4:109")
    assert isinstance(audio, SchemaEntry)
    assert (audio.name, audio.common.id, audio.common.rkey, audio.common.protect) == ("Sound", "snd", "sound", True)
    assert str(audio.content_place(("properties", "wave", "type"))) == f"{tmp_path / 'audio.json'}:1:52"
    assert isinstance(words, SchemaEntry)
    assert (words.name, words.common.adopt) == ("Text", True)
    assert str(words.content_place(("properties", "text"))).endswith(":9:52")


def test_datasets(tmp_path: Path) -> None:
    text = f"""\
{SCHEMAS}datasets:
  one: {{schema: image, blobs: a.tar, metadata: {{a: 1}}, metadata_schema: image}}
  two: {{schema: image, blobs: [a.tar, b.tar], name: Two, tags: [x], createdAt: 2024-01-01T00:00:00Z}}
  three: {{schema: image, blobs: {{files: "c-*.tar"}}, id: drei}}
  four: {{schema: image, urls: "https://x.example/{{0..2}}.tar", checksums: sums.txt}}
  five: {{schema: image, urls: [s3://b/1.tar], s3: {{region: r, endpoint: "https://e"}}, checksums: {{1.tar: abc}}}}
  six: {{schema: at://lab.example/science.alt.dataset.schema/x, urls: [https://x.example/1.tar], checksums: none}}
"""
    entries = [entry for entry in load(tmp_path, text).entries.values() if isinstance(entry, DatasetEntry)]
    one, two, three, four, five, six = entries
    assert (one.schema, one.shards, one.fields) == (
        Address("schemas", "image"),
        FileShards(("a.tar",)),
        {"name": "one"},
    )
    assert (one.metadata, one.metadata_schema) == ({"a": 1}, Address("schemas", "image"))
    assert two.shards == FileShards(("a.tar", "b.tar"))
    assert two.fields == {"name": "Two", "tags": ["x"], "createdAt": "2024-01-01T00:00:00Z"}
    assert (three.shards, three.common.id) == (FileShards(("c-*.tar",)), "drei")
    assert four.shards == UrlShards(("https://x.example/{0..2}.tar",), ChecksumFiles(("sums.txt",)))
    assert five.shards == UrlShards(("s3://b/1.tar",), ChecksumMap({"1.tar": "abc"}), Endpoint("r", "https://e"))
    assert six.schema == AtUri.parse("at://lab.example/science.alt.dataset.schema/x")
    assert isinstance(six.shards, UrlShards)
    assert six.shards.checksums == NoChecksums()


def test_labels_lenses_and_records(tmp_path: Path) -> None:
    (tmp_path / "note.json").write_text(NOTE)
    text = f"""\
lexicons: {{path: .}}
{SCHEMAS}datasets: {{d: {{schema: image, blobs: a.tar}}}}
labels:
  d: {{dataset: d}}
  other: {{name: best, dataset: at://lab.example/science.alt.dataset.entry/x, version: "1"}}
lenses:
  l:
    source: image
    target: image
    getter: {{repository: r, commit: c, path: p}}
    putter: {{repository: r, commit: c, path: q}}
records:
  r: {{collection: org.lab.note, rkey: self, value: {{a: {{$ref: datasets/d}}}}}}
"""
    manifest = load(tmp_path, text)
    plain, best = [entry for entry in manifest.entries.values() if isinstance(entry, LabelEntry)]
    assert (plain.common.id, plain.dataset, plain.fields) == ("d", Address("datasets", "d"), {"name": "d"})
    assert (best.common.id, best.fields) == ("best:1", {"name": "best", "version": "1"})
    lens = only(manifest, LensEntry)
    assert isinstance(lens, LensEntry)
    assert (lens.source, lens.target, lens.fields) == (Address("schemas", "image"),) * 2 + ({"name": "l"},)
    assert (lens.getter["path"], lens.putter["path"]) == ("p", "q")
    record = only(manifest, RecordEntry)
    assert isinstance(record, RecordEntry)
    assert (record.collection, record.common.rkey, record.value) == (
        "org.lab.note",
        "self",
        {"a": {"$ref": "datasets/d"}},
    )
    assert manifest.lexicons.record(Nsid("org.lab.note")) is not None


def test_schemas_come_before_what_refers_to_them_whatever_the_order(tmp_path: Path) -> None:
    manifest = load(
        tmp_path, f"labels: {{d: {{dataset: d}}}}\ndatasets: {{d: {{schema: image, blobs: a.tar}}}}\n{SCHEMAS}"
    )
    assert [address.section for address in manifest.entries] == ["schemas", "datasets", "labels"]


def test_defaults_are_for_what_an_entry_does_not_say(tmp_path: Path) -> None:
    text = f"""\
{SCHEMAS}defaults: {{datasets: {{schema: image, license: MIT, tags: [a], checksums: none}}}}
datasets:
  one: {{urls: [https://x.example/1.tar]}}
  two: {{urls: [https://x.example/1.tar], license: CC0-1.0, tags: []}}
"""
    one, two = [entry for entry in load(tmp_path, text).entries.values() if isinstance(entry, DatasetEntry)]
    assert one.fields == {"name": "one", "license": "MIT", "tags": ["a"]}
    assert two.fields == {"name": "two", "license": "CC0-1.0", "tags": []}


def test_where_to_publish(tmp_path: Path) -> None:
    text = """\
account: lab.example
did: did:web:lab.example
pds: https://pds.lab.example
environments:
  staging: {account: local, did: "did:web:staging.example"}
  same: {}
"""
    usual = load(tmp_path, text)
    assert (usual.account, usual.did, usual.pds) == (
        "lab.example",
        Did("did:web:lab.example"),
        "https://pds.lab.example",
    )
    staging = load(tmp_path, text, "staging")
    assert (staging.account, staging.did, staging.pds) == (
        "local",
        "did:web:staging.example",
        "https://pds.lab.example",
    )
    assert load(tmp_path, text, "same").account == "lab.example"


@pytest.mark.parametrize("account", ["local", "local:", "local:some/where", "did:plc:ewvi7nxzyoun6zhxrhs64oiz", "a.b"])
def test_accounts(tmp_path: Path, account: str) -> None:
    assert load(tmp_path, f"account: {account!r}\n").account == account


@pytest.mark.parametrize(
    ("limit", "policy"),
    [("5", Policy(5)), ("0", Policy(0)), ("50%", Policy(0.5)), ("100%", Policy(1.0)), ("0%", Policy(0.0))],
)
def test_policy(tmp_path: Path, limit: str, policy: Policy) -> None:
    found = load(tmp_path, f"policy: {{max_delete: {limit}}}\n").policy
    assert found == policy
    assert type(found.max_delete) is type(policy.max_delete)


def test_variables_fill_in_values_but_no_identity_and_no_file(tmp_path: Path) -> None:
    (tmp_path / "${X}.json").write_text('{"type": "object", "properties": {"a": {"type": "string"}}}')
    text = """\
account: "${X}.example"
schemas:
  ${X}: {nsid: org.lab.x, version: 1.0.0, id: "${X}", file: "${X}.json", description: "$X ${X:-y} ${Z:-z} $$"}
"""
    with pytest.raises(InvalidInput, match="cannot be a key"):
        load(tmp_path, text, X="lab", ATPUB_VARS="X,Z")
    manifest = load(tmp_path, text.replace("  ${X}:", "  x:"), X="lab", ATPUB_VARS="X,Z")
    entry = manifest.entries[Address("schemas", "x")]
    assert isinstance(entry, SchemaEntry)
    assert manifest.account == "lab.example"
    assert (entry.common.id, entry.fields) == ("${X}", {"description": "$X lab z $"})


def test_a_folder_of_files_is_one_manifest(tmp_path: Path) -> None:
    (tmp_path / "1.yaml").write_text(HEAD + SCHEMAS)
    (tmp_path / "2.yml").write_text("project: lab\ndatasets: {d: {schema: image, blobs: a.tar}}\n")
    (tmp_path / "notes.txt").write_text("not a manifest")
    manifest = load_manifest([tmp_path], environ={})
    assert [str(address) for address in manifest.entries] == ["schemas/image", "datasets/d"]
    assert manifest.folder == tmp_path
    assert str(manifest.place(("datasets", "d", "blobs"))) == f"{tmp_path / '2.yml'}:2:38"
    assert str(manifest.key_place(("schemas", "image"))) == f"{tmp_path / '1.yaml'}:4:3"


def test_lexicons_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "lexicons").mkdir()
    (tmp_path / "lexicons" / "note.json").write_text(NOTE)
    quiet = load(tmp_path, "lexicons: {path: lexicons}\n")
    assert quiet.entries == {}
    published = load(tmp_path, "lexicons: {path: lexicons/, publish: true}\n")
    (entry,) = published.entries.values()
    assert isinstance(entry, LexiconEntry)
    assert (entry.common.address, entry.common.rkey) == (("lexicons", "org.lab.note"), Rkey("org.lab.note"))
    assert entry.document["id"] == "org.lab.note"


def test_a_lexicon_that_atpub_has_itself_is_not_taken_from_a_file(tmp_path: Path) -> None:
    nsid = "science.alt.dataset.entry"
    (tmp_path / "entry.json").write_text(NOTE.replace("org.lab.note", nsid))
    manifest = load(tmp_path, "lexicons: {path: .}\n")
    (warning,) = manifest.warnings
    assert (warning.code, warning.severity) == ("builtin-lexicon", "warning")
    assert str(warning.place) == f"{tmp_path / 'entry.json'}:1:22"
    found = manifest.lexicons.record(Nsid(nsid))
    assert found is not None
    assert found.record.properties


def note_that_needs(nsid: str) -> str:
    properties = f'"properties": {{"z": {{"type": "ref", "ref": "{nsid}"}}}}'
    return NOTE.replace('"object"', f'"object", {properties}')


BAD_NEIGHBOURS = {
    "no lexicon": '{"lexicon": 1, "id": "org.lab.other", "defs": {"main": {"type": "record", "key": 5}}}',
    "no JSON": "{",
    "a reference to nothing": note_that_needs("org.lab.nothing").replace("org.lab.note", "org.lab.other"),
}


@pytest.mark.parametrize("neighbour", BAD_NEIGHBOURS.values(), ids=BAD_NEIGHBOURS)
def test_a_broken_lexicon_blocks_the_records_that_need_it_only(tmp_path: Path, neighbour: str) -> None:
    (tmp_path / "note.json").write_text(NOTE)
    (tmp_path / "other.json").write_text(neighbour)
    good = "records: {good: {collection: org.lab.note, value: {}}"
    manifest = load(tmp_path, f"lexicons: {{path: .}}\n{good}}}\n")
    assert [str(address) for address in manifest.entries] == ["records/good"]
    assert {warning.severity for warning in manifest.warnings} == {"warning"}
    assert {warning.place.file for warning in manifest.warnings if warning.place} == {str(tmp_path / "other.json")}
    for text in (
        f"lexicons: {{path: .}}\n{good}, bad: {{collection: org.lab.other, value: {{}}}}}}\n",
        f"lexicons: {{path: ., publish: true}}\n{good}}}\n",
    ):
        (problem, *_) = sound(tmp_path, text).problems
        assert problem.place is not None
        assert (problem.place.file, problem.severity) == (str(tmp_path / "other.json"), "error")


def test_a_lexicon_that_a_used_one_refers_to_is_used(tmp_path: Path) -> None:
    (tmp_path / "note.json").write_text(note_that_needs("org.lab.part"))
    (tmp_path / "part.json").write_text('{"lexicon": 1, "id": "org.lab.part", "defs": {"main": {"type": 5}}}')
    text = "lexicons: {path: .}\nrecords: {a: {collection: org.lab.note, value: {}}}\n"
    assert {problem.severity for problem in sound(tmp_path, text).problems} == {"error"}
    assert load(tmp_path, "lexicons: {path: .}\n").entries == {}


def test_problems_leave_the_rest_to_be_checked(tmp_path: Path) -> None:
    text = f"""\
{SCHEMAS}  broken: {{nsid: org.lab.x, version: 1, fields: {{a: string}}}}
datasets:
  good: {{schema: image, blobs: a.tar}}
  unsure: {{schema: broken, blobs: a.tar}}
  dangling: {{schema: nothing, blobs: a.tar}}
  mistyped: {{schema: image, blobs: a.tar, licence: MIT}}
  broken: {{schema: image}}
labels:
  one: {{dataset: good}}
  two: {{dataset: broken}}
"""
    loaded = sound(tmp_path, text)
    assert sorted(problem.code for problem in loaded.problems) == [
        "dangling-reference",
        "one-of",
        "unknown-key",
        "wrong-type",
    ]
    assert [str(address) for address in loaded.manifest.entries] == [
        "schemas/image",
        "datasets/good",
        "datasets/unsure",
        "datasets/dangling",
        "datasets/mistyped",
        "labels/one",
        "labels/two",
    ]


def test_what_refers_to_a_broken_entry_by_a_placeholder_waits(tmp_path: Path) -> None:
    (tmp_path / "note.json").write_text(NOTE)
    text = f"""\
lexicons: {{path: .}}
{SCHEMAS}datasets: {{broken: {{schema: image}}}}
records:
  good: {{collection: org.lab.note, value: {{a: [{{$ref: schemas/image}}]}}}}
  waits: {{collection: org.lab.note, value: {{a: [{{b: {{$strongRef: datasets/broken}}}}]}}}}
"""
    loaded = sound(tmp_path, text)
    assert [problem.code for problem in loaded.problems] == ["one-of"]
    assert [str(address) for address in loaded.manifest.entries] == ["schemas/image", "records/good"]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"$ref": "a/b"}, ("$ref", "a/b")),
        ({"$strongRef": 5}, ("$strongRef", 5)),
        ({"$blob": "x"}, ("$blob", "x")),
        ({"$ref": "a", "b": 1}, None),
        ({"$link": "x"}, None),
        ({}, None),
        ("$ref", None),
    ],
)
def test_placeholders(value: object, found: object) -> None:
    assert placeholder(value) == found  # type: ignore[arg-type]


def test_problems_come_in_the_order_of_their_places(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        load(tmp_path, WRONG)
    places = [problem.place for problem in caught.value.problems if problem.place]
    assert len(places) == len(caught.value.problems) > 8
    assert places == sorted(places, key=lambda place: (place.line, place.column))


@pytest.mark.slow
def test_problems_come_in_the_same_order_in_every_process(tmp_path: Path) -> None:
    (tmp_path / "atpub.yaml").write_text(HEAD + WRONG)
    program = """
import sys
from atpub.manifest.load import load_valid_subset
print(*load_valid_subset([sys.argv[1]], environ={}).problems, sep="\\n")
"""

    def told(seed: str) -> str:
        command = [sys.executable, "-c", program, str(tmp_path / "atpub.yaml")]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout

    assert len({told(str(seed)) for seed in range(4)}) == 1


def test_extensions_and_merge_keys(tmp_path: Path) -> None:
    text = """\
x-common: &common {license: CC0-1.0, x-note: ["${NOT_READ}"]}
environments: {test: {account: local, x-owner: us}}
defaults: {datasets: {x-a: 1, description: All.}}
datasets:
  x-ray: {<<: *common, schema: "at://lab.example.org/science.alt.dataset.schema/x", blobs: a.tar, x-b: {c: 1}}
"""
    (entry,) = load(tmp_path, text, "test").entries.values()
    assert entry.common.address == ("datasets", "x-ray")
    assert isinstance(entry, DatasetEntry)
    assert entry.fields == {"name": "x-ray", "license": "CC0-1.0", "description": "All."}


def test_files_may_repeat_extensions(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"x-a: 1\n{HEAD}")
    (tmp_path / "b.yaml").write_text("x-a: {b: 2}\n")
    assert load_manifest([tmp_path], environ={}).project == "lab"


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("x_a: 1", "3:1", "begins with x-"),
        ("common: {a: 1}", "3:1", "begins with x-"),
        ("policy: {x-a: 1}", "3:10", "begins with x-"),
        ("datasets: {a: {X-a: 1}}", "3:16", "begins with x-"),
        ("x-a: &a {licence: 1}\ndatasets: {a: {<<: *a}}", "3:10", "did you mean 'license'?"),
    ],
)
def test_a_mistyped_extension(tmp_path: Path, text: str, place: str, hint: str) -> None:
    problem = next(problem for problem in sound(tmp_path, text).problems if problem.code == "unknown-key")
    assert str(problem.place).endswith(place)
    assert hint in problem.hint


ENVIRONMENT = """\
account: lab.example.org
policy: {max_delete: 3}
defaults: {datasets: {license: CC0-1.0, tags: [a]}}
datasets:
  a: {schema: "at://lab.example.org/science.alt.dataset.schema/x", blobs: a.tar, tags: [own]}
  b: {schema: "at://lab.example.org/science.alt.dataset.schema/x", blobs: b.tar}
environments:
  test:
    account: local
    project: lab-test
    policy: {max_delete: 9}
    defaults: {datasets: {tags: [test]}}
    datasets:
      a: {name: "A of ${ATPUB_VAR_WHO}", id: "${ATPUB_VAR_WHO}"}
      b: null
      c: {schema: "at://lab.example.org/science.alt.dataset.schema/x", blobs: c.tar}
"""


def test_an_environment_overrides_every_part(tmp_path: Path) -> None:
    plain = load(tmp_path, ENVIRONMENT)
    assert (plain.project, plain.account, plain.policy, len(plain.entries)) == ("lab", "lab.example.org", Policy(3), 2)
    manifest = load(tmp_path, ENVIRONMENT, "test", ATPUB_VAR_WHO="x")
    assert (manifest.project, manifest.account, manifest.policy) == ("lab-test", "local", Policy(9))
    assert manifest.environments == ("test",)
    a, c = manifest.entries.values()
    assert isinstance(a, DatasetEntry)
    assert isinstance(c, DatasetEntry)
    assert a.fields == {"name": "A of x", "license": "CC0-1.0", "tags": ["own"]}
    assert (a.common.id, c.common.address.key) == ("${ATPUB_VAR_WHO}", "c")
    assert c.fields == {"name": "c", "license": "CC0-1.0", "tags": ["test"]}
    assert str(manifest.place(("datasets", "a", "name"))).endswith(":16:17")
    assert str(manifest.place(("datasets", "a", "tags"))).endswith(":7:88")
    assert str(manifest.key_place(("datasets", "c"))).endswith(":18:7")


@pytest.mark.parametrize(
    ("text", "environment", "expected"),
    [
        ("datsets: {a: {}}", None, ["unknown-key 3:26"]),
        ("datsets: {a: {}}", "test", ["unknown-key 3:26"]),
        ("datasets: {a: {licence: CC0-1.0}}", None, ["unknown-key 3:41"]),
        ("datasets: {a: {licence: CC0-1.0}}", "test", ["missing-key 3:37", "unknown-key 3:41"]),
        ("datasets: {a: null}", None, []),
        ("datasets: {a: null}", "test", ["wrong-type 3:40"]),
        ("datasets: [a]", "test", ["wrong-type 3:36"]),
        ("policy: 3", "test", ["wrong-type 3:34"]),
        ("did: x", "test", ["wrong-form 3:31"]),
        ("environments: {}", "test", ["unknown-key 3:26"]),
    ],
)
def test_problems_of_environments_have_their_place(
    tmp_path: Path, text: str, environment: str | None, expected: list[str]
) -> None:
    (tmp_path / "atpub.yaml").write_text(f"{HEAD}environments: {{test: {{   {text}}}}}\n")
    found = load_valid_subset([tmp_path / "atpub.yaml"], environ={}, environment=environment).problems
    assert sorted(f"{item.code} {item.place}".replace(f"{tmp_path}/atpub.yaml:", "") for item in found) == expected
