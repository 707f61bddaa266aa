"""Every manifest in manifests/ does what it says: validated, applied to a repository in a folder, and planned again."""

import importlib
import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from atpub.atmosphere import load
from atpub.atproto.data import JsonObject
from atpub.atproto.lexicon.link import link
from atpub.atproto.lexicon.model import Lexicons
from atpub.atproto.lexicon.validate import validate_record
from atpub.atproto.syntax import Cid, Nsid, RecordPath
from atpub.cli.main import run
from atpub.generated import LEXICONS
from atpub.generated.com.atproto.repo.strong_ref import StrongRef
from atpub.manifest.lexicon_files import read_lexicon
from atpub.repository.local import LocalRepository
from tests.cli.playground import Ran, tree
from tests.repository.samples import read

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent / "manifests"
EXAMPLES = sorted(path.parent.name for path in ROOT.glob("*/atpub.yaml"))
COLLECTIONS = {"schemas": "schema", "datasets": "entry", "labels": "label", "lenses": "lens"}


@pytest.fixture
def examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of manifests/, and the current folder."""
    shutil.copytree(ROOT, tmp_path / "manifests", ignore=shutil.ignore_patterns(".atpub"))
    monkeypatch.chdir(tmp_path / "manifests")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1714564800")
    return tmp_path / "manifests"


class Cli:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *args: str, code: int = 0) -> Ran:
        self._capsys.readouterr()
        found = run(list(args))
        printed = self._capsys.readouterr()
        assert found == code, printed.err
        return Ran(found, printed.out, printed.err)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(capsys)


def records(folder: Path, collections: set[Nsid]) -> dict[RecordPath, JsonObject]:
    repository = LocalRepository(folder)
    try:
        return {path: record.value for path, record in read(repository, *collections).items()}
    finally:
        repository.close()


def head(folder: Path) -> str:
    repository = LocalRepository(folder)
    try:
        found = repository.head()
        assert found is not None
        return found.cid
    finally:
        repository.close()


def lexicons(example: Path) -> Lexicons:
    """atpub's lexicons and the example's own."""
    own = [(str(path), read_lexicon(path, example).lexicon) for path in sorted(example.rglob("lexicons/**/*.json"))]
    return LEXICONS.lexicons.and_also(link(own, LEXICONS.lexicons))


def check_valid(known: Lexicons, uris: list[str], found: dict[RecordPath, JsonObject]) -> None:
    assert {str(path) for path in found} >= {uri.removeprefix("at://did:web:local.invalid/") for uri in uris}
    for path, value in found.items():
        assert validate_record(known, value) == (), path


def test_there_is_one_of_each_kind() -> None:
    assert EXAMPLES == ["lenses", "members", "quickstart", "records", "s3", "schemas", "urls"]
    readme = (ROOT / "README.md").read_text("utf-8")
    assert all(f"[{name}]({name}/atpub.yaml)" in readme for name in EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(name: str, examples: Path, cli: Cli) -> None:
    folder = examples / name
    before = tree(folder)
    valid = cli("validate", "-m", name)
    assert re.findall(r"\[([a-z-]+)\]", valid.err) == (["atdata-cannot-read"] if name == "members" else [])
    plan = cli("plan", "-m", name, "--json", "--detailed-exitcode", code=2).json
    assert {change["action"] for change in plan["changes"]} == {"create"}
    assert tree(folder) == before

    outcomes = cli("apply", "-m", name, "--yes", "--json").json["outcomes"]
    assert {outcome["status"] for outcome in outcomes} == {"applied"}
    kept = {path: digest for path, digest in tree(folder).items() if not path.startswith(".atpub")}
    assert kept == before

    again = cli("plan", "-m", name, "--json", "--detailed-exitcode").json
    assert {change["action"] for change in again["changes"]} == {"unchanged"}
    local = folder / ".atpub" / "local"
    first = head(local)
    cli("apply", "-m", name, "--yes")
    assert head(local) == first

    uris = [outcome["uri"] for outcome in outcomes]
    collections = {Nsid(uri.split("/")[3]) for uri in uris}
    check_valid(lexicons(folder), uris, records(local, collections))


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_same_plan_wherever_it_is_made(name: str, examples: Path, cli: Cli, tmp_path: Path) -> None:
    plan = cli("plan", "-m", name, "--json", "--reproducible").json
    elsewhere = cli("plan", "-m", name, "--json", "--reproducible", "--account", f"local:{tmp_path / 'other'}").json
    assert plan["digest"] == elsewhere["digest"]
    assert plan["changes"] == elsewhere["changes"]


def test_all_of_them_in_one_repository(examples: Path, cli: Cli, tmp_path: Path) -> None:
    account = f"local:{tmp_path / 'one'}"
    uris: list[str] = []
    for name in EXAMPLES:
        outcomes = cli("apply", "-m", name, "--yes", "--json", "--account", account).json["outcomes"]
        assert {outcome["status"] for outcome in outcomes} == {"applied"}
        uris += [outcome["uri"] for outcome in outcomes]
    assert len(set(uris)) == len(uris)
    for name in EXAMPLES:
        cli("plan", "-m", name, "--detailed-exitcode", "--account", account)
    found = records(tmp_path / "one", {Nsid(uri.split("/")[3]) for uri in uris})
    check_valid(lexicons(examples), uris, found)
    assert len(found) == len(uris)


def test_shards_are_published_byte_for_byte(examples: Path, cli: Cli) -> None:
    cli("apply", "-m", "quickstart", "--yes")
    repository = LocalRepository(examples / "quickstart" / ".atpub" / "local")
    (entry,) = read(repository, Nsid("science.alt.dataset.entry")).values()
    match entry.value["storage"]:
        case {"blobs": [*blobs]}:
            pass
        case storage:
            pytest.fail(f"{storage}")
    shards = sorted((examples / "quickstart" / "data").glob("*.tar"))
    assert len(blobs) == len(shards) == 6
    for shard, item in zip(shards, blobs, strict=True):
        match item:
            case {"blob": {"ref": {"$link": str(cid)}, "size": int(size), "mimeType": "application/x-tar"}}:
                assert b"".join(repository.get_blob(Cid(cid))) == shard.read_bytes()
                assert size == shard.stat().st_size
            case _:
                pytest.fail(f"{item}")
    assert entry.value["size"] == {"samples": 1797, "bytes": 1_894_400, "shards": 6}
    repository.close()


@pytest.fixture
def generated(examples: Path, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The classes of the records example, made and importable as `example_records`."""
    out = tmp_path / "classes" / "example_records"
    cli("generate", "--lexicons", "records/lexicons", "--out", str(out), "--package", "example_records")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "classes"), *sys.path])
    yield out
    for name in [name for name in sys.modules if name.split(".")[0] == "example_records"]:
        del sys.modules[name]


def test_classes_of_the_custom_lexicons_load_what_was_published(generated: Path, examples: Path, cli: Cli) -> None:
    cli("apply", "-m", "records", "--yes")
    local = examples / "records" / ".atpub" / "local"
    found = records(local, {Nsid("org.example.profile"), Nsid("org.example.note")})
    assert sorted(path.collection for path in found) == ["org.example.note", "org.example.profile"]
    for path, value in found.items():
        module = importlib.import_module(f"example_records.{path.collection}")
        made = getattr(module, path.collection.name.capitalize())
        loaded = made.from_json(value)
        assert loaded.check() is loaded
        assert json.loads(json.dumps(loaded.to_json())) == value
    profile = importlib.import_module("example_records.org.example.profile").Profile
    about = profile.from_json(next(value for path, value in found.items() if path.rkey == "self"))
    assert isinstance(about.pin, StrongRef)
    assert about.best.startswith("at://did:web:local.invalid/science.alt.dataset.entry/")
    cli(
        "generate", "--lexicons", "records/lexicons", "--out", str(generated), "--package", "example_records", "--check"
    )


@pytest.mark.parametrize("download", [False, True], ids=["by reference", "with blobs"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_imported_again_has_nothing_to_do(
    name: str, download: bool, examples: Path, cli: Cli, tmp_path: Path
) -> None:
    account = f"local:{tmp_path / 'one'}"
    for other in EXAMPLES:
        cli("apply", "-m", other, "--yes", "--account", account)
    new = tmp_path / "new"
    new.mkdir()
    flags = ["--download"] if download else []
    if (examples / name / "lexicons").exists():
        shutil.copytree(examples / name / "lexicons", new / "lexicons")
        flags += ["--lexicons", str(new / "lexicons")]
    out = new / "atpub.yaml"
    made = cli("import", "--all", "--project", name, "--account", account, "--out", str(out), "--json", *flags).json
    assert {problem["code"] for problem in made["warnings"]} <= {"foreign-owner"}

    before = cli("plan", "-m", name, "--account", account, "--json").json
    plan = cli("plan", "-m", str(new), "--account", account, "--json", "--detailed-exitcode").json
    assert {change["uri"]: change["after_cid"] for change in plan["changes"]} == {
        change["uri"]: change["after_cid"] for change in before["changes"]
    }
    assert not plan["pending"]
    assert {problem["code"] for problem in plan["warnings"]} == ({"atdata-cannot-read"} if name == "members" else set())

    if download:  # and all of it can go to another account
        elsewhere = f"local:{tmp_path / 'other'}"
        applied = cli("apply", "-m", str(new), "--account", elsewhere, "--yes", "--json").json
        assert {outcome["status"] for outcome in applied["outcomes"]} == {"applied"}
        assert len(applied["outcomes"]) == len(before["changes"])


def test_samples_of_members_are_read_back(examples: Path, cli: Cli) -> None:
    cli("validate", "-m", "members", "--samples", "all")
    outcomes = cli("apply", "-m", "members", "--yes", "--json").json["outcomes"]
    (uri,) = [outcome["uri"] for outcome in outcomes if "dataset.entry" in outcome["uri"]]
    swatches = list(load(uri, decode=True, repository=examples / "members" / ".atpub" / "local"))
    assert len(swatches) == 24
    assert swatches[8].json == {"name": "green", "rgb": [0, 255, 0]}
    assert (swatches[8].cls, swatches[8].feat_npy.tolist()) == (120, [0, 1, 0])
    assert swatches[8].png.getpixel((0, 0)) == (0, 255, 0)


def test_the_members_have_what_neurips_requires(examples: Path, cli: Cli) -> None:
    assert "every field that NeurIPS requires" in cli("croissant", "-m", "members", "--check").out
