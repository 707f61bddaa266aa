"""The lexicons keep the structure of their originals exactly, in descriptions of our own.

`structure.json` and `descriptions.json` hold hashes of the originals, so that the test needs none of them. Both are
made with `python -m tests.lexicons.test_structure FOLDER…`, given the folders of the originals.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

import pytest
from tests.pds.reference import VERSIONS, Unreachable, install, node

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | bool | None"
Lexicon: TypeAlias = dict[str, Json]

HERE = Path(__file__).parent
LEXICONS = HERE.parents[1] / "lexicons"
OF_THIS_PROJECT = {"dev.atpub.inventory", "dev.atpub.mirrors", "dev.atpub.parts", "dev.atpub.rai", "cx.vmx.matadisco"}

NEW_SINCE = "the canonical lexicon has gained it since atdata 0.7"
MOVED_SINCE = "atdata 0.7 has the JSON Schema's own fields here; the canonical lexicon has moved them into `content`"
RENAMED_SINCE = "atdataSchemaVersion in atdata 0.7, $atdataSchemaVersion in the canonical lexicon"
# Where another copy differs from ours: the path of the difference, and its reason.
KNOWN_DIFFERENCES = {
    "lexrpc": dict[str, str](),
    "atdata": {
        "science.alt.dataset.entry/defs/main/record/properties/manifests": NEW_SINCE,
        "science.alt.dataset.entry/defs/shardManifestRef": NEW_SINCE,
        "science.alt.dataset.resolveLabel/defs/main/errors": NEW_SINCE,
        "science.alt.dataset.resolveLabel/defs/main/output/schema/properties/label/ref": "the same, spelled with #main",
        "science.alt.dataset.resolveLabel/defs/main/parameters/properties/name/maxLength": NEW_SINCE,
        "science.alt.dataset.resolveLabel/defs/main/parameters/properties/version/maxLength": NEW_SINCE,
        "science.alt.dataset.schema/defs/jsonSchemaFormat/properties/$schema": MOVED_SINCE,
        "science.alt.dataset.schema/defs/jsonSchemaFormat/properties/$type": MOVED_SINCE,
        "science.alt.dataset.schema/defs/jsonSchemaFormat/properties/content": MOVED_SINCE,
        "science.alt.dataset.schema/defs/jsonSchemaFormat/properties/draft": MOVED_SINCE,
        "science.alt.dataset.schema/defs/jsonSchemaFormat/properties/properties": MOVED_SINCE,
        "science.alt.dataset.schema/defs/jsonSchemaFormat/properties/type": MOVED_SINCE,
        "science.alt.dataset.schema/defs/jsonSchemaFormat/required": MOVED_SINCE,
        "science.alt.dataset.schema/defs/main/record/properties/$atdataSchemaVersion": RENAMED_SINCE,
        "science.alt.dataset.schema/defs/main/record/properties/atdataSchemaVersion": RENAMED_SINCE,
    },
    "pds 0.4": {
        "com.atproto.server.describeServer/defs/main/output/schema/properties/blobUploadLimit": "new in PDS 0.5",
    },
    "pds 0.5": dict[str, str](),
}


def read(path: Path) -> Lexicon:
    lexicon: Lexicon = json.loads(path.read_text("utf-8"))
    return lexicon


def read_folder(folder: Path) -> dict[str, Lexicon]:
    return {str(lexicon["id"]): lexicon for lexicon in map(read, sorted(folder.rglob("*.json")))}


def compact(value: Json) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def structure(value: Json) -> Json:
    """A lexicon without its descriptions, and with its lists sorted: each of them is a set."""
    match value:
        case dict():
            return {key: structure(each) for key, each in value.items() if not is_description(key, each)}
        case list():
            return sorted(map(structure, value), key=compact)
        case _:
            return value


def is_description(key: str, value: Json) -> bool:
    """Whether it is documentation: a property that is named description holds an object."""
    return key == "description" and isinstance(value, str)


def descriptions(value: Json) -> Iterator[str]:
    match value:
        case dict():
            yield from (str(each) for key, each in value.items() if is_description(key, each))
            for each in value.values():
                yield from descriptions(each)
        case list():
            for each in value:
                yield from descriptions(each)
        case _:
            pass


def digest(lexicon: Lexicon) -> str:
    return hashlib.sha256(compact(structure(lexicon)).encode()).hexdigest()


def fingerprint(description: str) -> str:
    """A short hash that case, white space and a closing stop do not change."""
    words = " ".join(description.casefold().split()).rstrip(".")
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def differences(ours: Json, theirs: Json, path: str) -> Iterator[str]:
    """The paths at which two structures differ, each as deep as both still have it."""
    if not (isinstance(ours, dict) and isinstance(theirs, dict)):
        yield from [] if ours == theirs else [path]
        return
    for key in sorted(ours.keys() | theirs.keys()):
        if key in ours and key in theirs:
            yield from differences(ours[key], theirs[key], f"{path}/{key}")
        else:
            yield f"{path}/{key}"


OURS = read_folder(LEXICONS)


def test_lexicons_are_those_of_the_table() -> None:
    table = json.loads((HERE / "structure.json").read_text("utf-8"))
    assert {nsid: digest(lexicon) for nsid, lexicon in OURS.items() if nsid not in OF_THIS_PROJECT} == table
    assert OURS.keys() - table.keys() == OF_THIS_PROJECT


@pytest.mark.parametrize("path", sorted(LEXICONS.rglob("*.json")), ids=lambda path: str(path.relative_to(LEXICONS)))
def test_file_stands_at_its_nsid_in_one_form(path: Path) -> None:
    lexicon = read(path)
    assert path == LEXICONS.joinpath(*str(lexicon["id"]).split(".")).with_suffix(".json")
    assert path.read_text("utf-8") == json.dumps(lexicon, indent=2, ensure_ascii=False) + "\n"
    assert list(lexicon) == [key for key in ("lexicon", "id", "description", "defs") if key in lexicon]
    assert {next(iter(each)) for _, each in definitions(lexicon)} == {"type"}


def test_property_named_description_is_structure() -> None:
    lexicon: Lexicon = {
        "description": "prose",
        "properties": {"description": {"type": "string", "description": "prose"}},
    }
    assert structure(lexicon) == {"properties": {"description": {"type": "string"}}}


def test_descriptions_are_not_copied() -> None:
    theirs = set(json.loads((HERE / "descriptions.json").read_text("utf-8")))
    ours = {text for lexicon in OURS.values() for text in descriptions(lexicon)}
    assert [text for text in sorted(ours) if fingerprint(text) in theirs] == []


def test_every_reference_resolves() -> None:
    at_hand = {f"{nsid}#{name}": each["type"] for nsid, lexicon in OURS.items() for name, each in definitions(lexicon)}
    targets = {ref for nsid, lexicon in OURS.items() for ref in references(lexicon, nsid)}
    assert targets <= at_hand.keys()
    assert not [target for target in targets if at_hand[target] in ("token", "ref", "union")]


def definitions(lexicon: Lexicon) -> Iterator[tuple[str, Lexicon]]:
    defs = lexicon["defs"]
    assert isinstance(defs, dict)
    for name, each in defs.items():
        assert isinstance(each, dict)
        yield name, each


def references(value: Json, nsid: str) -> Iterator[str]:
    """What the refs and unions of a lexicon name, each as nsid#name."""
    match value:
        case {"type": "ref", "ref": ref}:
            yield absolute(str(ref), nsid)
        case {"type": "union", "refs": list(refs)}:
            yield from (absolute(str(ref), nsid) for ref in refs)
        case dict():
            for each in value.values():
                yield from references(each, nsid)
        case list():
            for each in value:
                yield from references(each, nsid)
        case _:
            pass


def absolute(ref: str, nsid: str) -> str:
    whole = nsid + ref if ref.startswith("#") else ref
    return whole if "#" in whole else f"{whole}#main"


@pytest.mark.parametrize(("package", "namespace"), [("lexrpc", "com.atproto."), ("atdata", "science.alt.dataset.")])
def test_python_package_agrees(package: str, namespace: str) -> None:
    theirs = read_folder(package_folder(package) / "lexicons" / Path(*namespace.split(".")))
    assert_agree(package, namespace, theirs, lambda lexicon, _: structure(lexicon))
    foreign = {fingerprint(text) for lexicon in theirs.values() for text in descriptions(lexicon)}
    assert foreign.isdisjoint(fingerprint(text) for lexicon in OURS.values() for text in descriptions(lexicon))


@pytest.mark.pds
@pytest.mark.parametrize("version", VERSIONS)
def test_reference_pds_agrees(version: str) -> None:
    folder = modules_of(version) / "@atproto/pds/dist/lexicons"
    nsids = [nsid for nsid in OURS if nsid.startswith("com.atproto.")]
    script = [str(node()), str(HERE / "pds_lexicons.cjs"), str(folder), *nsids]
    lexicons = json.loads(subprocess.run(script, check=True, capture_output=True).stdout)
    assert_agree(f"pds {version}", "com.atproto.", dict(zip(nsids, lexicons, strict=True)), generated)


def modules_of(version: str) -> Path:
    """The node_modules of a reference PDS, installed if they are not."""
    try:
        return install(version)
    except Unreachable as reason:
        if os.environ.get("ATPUB_REQUIRE_PDS") == "1":
            raise
        pytest.skip(f"reference PDS {version}: {reason}")


def package_folder(name: str) -> Path:
    """Where a package is installed, found without importing it."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        pytest.skip(f"{name} is not installed")
    return Path(spec.submodule_search_locations[0])


def assert_agree(source: str, namespace: str, theirs: dict[str, Lexicon], view: Callable[[Lexicon, str], Json]) -> None:
    """Hold our lexicons of a namespace against another copy: they differ where it is known, and nowhere else."""
    ours = {nsid: lexicon for nsid, lexicon in OURS.items() if nsid.startswith(namespace)}
    assert ours.keys() <= theirs.keys()
    found = [path for nsid in ours for path in differences(view(ours[nsid], nsid), view(theirs[nsid], nsid), nsid)]
    assert sorted(found) == sorted(KNOWN_DIFFERENCES[source])


def generated(lexicon: Lexicon, nsid: str) -> Json:
    """The structure that survives in code generated by @atproto/lex."""
    return structure(survivors(lexicon, nsid))


def survivors(value: Json, nsid: str) -> Json:
    """What generated code keeps: not knownValues, nor whether something empty is there, nor how a ref is spelled."""
    match value:
        case dict():
            kept = {key: survivor(key, each, nsid) for key, each in value.items() if key != "knownValues"}
            return {key: each for key, each in kept.items() if each not in ([], {}, {"type": "params"})}
        case list():
            return [survivors(each, nsid) for each in value]
        case _:
            return value


def survivor(key: str, value: Json, nsid: str) -> Json:
    match key, value:
        case "ref", str(ref):
            return absolute(ref, nsid)
        case "refs", list(refs):
            return [absolute(str(ref), nsid) for ref in refs]
        case _:
            return survivors(value, nsid)


def write_tables(folders: list[str]) -> None:
    originals = {nsid: lexicon for folder in folders for nsid, lexicon in read_folder(Path(folder)).items()}
    texts = {fingerprint(text) for lexicon in originals.values() for text in descriptions(lexicon)}
    tables: dict[str, Json] = {
        "structure.json": {nsid: digest(originals[nsid]) for nsid in sorted(originals)},
        "descriptions.json": [*sorted(texts)],
    }
    for name, table in tables.items():
        (HERE / name).write_text(json.dumps(table, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    write_tables(sys.argv[1:])
