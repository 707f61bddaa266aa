"""The pages in docs/: each path exists, each key of a manifest is described, and each example works."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from docs.reference_pages import reference

from atpub.cli.main import run
from atpub.manifest.fields import TYPES
from atpub.manifest.kinds import SECTIONS
from atpub.manifest.members import MEMBER_TYPES
from atpub.manifest.model import PLACEHOLDERS
from atpub.manifest.schema import manifest_schema

ROOT = Path(__file__).parents[1]
SCHEMA: Any = manifest_schema()
REFERENCE = (ROOT / "docs/manifest.md").read_text("utf-8")
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text("utf-8")
GLOSSARY = (ROOT / "docs/glossary.md").read_text("utf-8")
TERMS = {
    **{term: term.lower() for term in ("DID", "handle", "PDS", "blob", "lexicon", "shard", "drift", "adopt", "lens")},
    "record key": "record-key",
    "app password": "app-password",
    "label": "label",
    "inventory": "inventory",
}
COMMON = {"id", "rkey", "protect", "adopt"}


def tables(page: str, head: str) -> dict[str, dict[str, list[str]]]:
    """The rows of each table whose first column is `head`: by heading, then by first cell, without backticks."""
    found: dict[str, dict[str, list[str]]] = {}
    heading, inside = "", False
    for line in re.sub(r"^```.*?^```$", "", page, flags=re.DOTALL | re.MULTILINE).splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))]
        if line.startswith("#"):
            heading = line.lstrip("# ")
        if not line.startswith("|"):
            inside = False
        elif cells[0] == head:
            inside = True
        elif inside and not line.startswith("|---"):
            found.setdefault(heading, {})[cells[0].strip("`")] = cells[1:]
    return found


def properties(*names: str) -> Any:
    node = SCHEMA
    for name in names:
        node = node[name]
    return node["properties"]


def entry(section: str) -> Any:
    return properties("$defs", f"entry:{section}")


LENS_CODE = properties("$defs", "science.alt.dataset.lens:codeReference")
KEYS = {
    "Top level": set(SCHEMA["properties"]),
    "Environments": set(properties("properties", "environments", "additionalProperties")),
    "Policy": set(properties("properties", "policy")),
    "Defaults": set(properties("properties", "defaults")),
    "Every entry": COMMON,
    "Schemas": set(entry("schemas")) - COMMON,
    "Datasets": set(entry("datasets")) - COMMON,
    "Blobs": {name for kind in entry("datasets")["blobs"]["anyOf"] for name in kind.get("properties", ())},
    "Checksums": {name for kind in entry("datasets")["checksums"]["anyOf"] for name in kind.get("properties", ())},
    "S3": set(entry("datasets")["s3"]["properties"]),
    "RAI": set(properties("$defs", "dev.atpub.rai")),
    "Provenance": set(properties("$defs", "dev.atpub.rai:provenance")),
    "Labels": set(entry("labels")) - COMMON,
    "Lenses": set(entry("lenses")) - COMMON,
    "Code": set(LENS_CODE),
    "Lexicons": set(properties("properties", "lexicons")),
    "Records": set(entry("records")) - COMMON,
}

PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "manifests/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
GUIDES = [
    *(ROOT / name for name in ("README.md", "docs/index.md", "docs/tutorial.md")),
    *sorted((ROOT / "docs/how-to").glob("*.md")),
    *sorted((ROOT / "docs/explanation").glob("*.md")),
]
COMING = {
    *("src/atpub/login", "src/atpub/login/credentials.py", "src/atpub/login/status.py"),
    *("src/atpub/generation", "src/atpub/cli/run", "src/atpub/cli/run/plan.py"),
    *("src/atpub/cli/commands.py", "test-fast"),
}


# All pages


def anchors(page: Path) -> set[str]:
    """The headings of a page, as links name them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]+))?\)", page.read_text("utf-8")):
        linked = page.parent / target if target else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), f"{target}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_path_exists(page: Path) -> None:
    text = re.sub(r"^`.*`:$", "", page.read_text("utf-8"), flags=re.MULTILINE)  # the title of an example
    named = re.findall(r"`((?:codegen|docs|lexicons|manifests|src|tests)/[\w./-]*)`", text)
    assert {name for name in named if not (ROOT / name).exists()} <= COMING


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_target_of_make_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z-]+)(?:`|  )", page.read_text("utf-8"), re.MULTILINE)) <= targets | COMING


def tree() -> Iterator[str]:
    """The paths in the tree of the page on architecture; two more blanks are one folder further in."""
    (block,) = re.findall(r"^## The tree\n\n```\n(.*?)^```$", ARCHITECTURE, re.DOTALL | re.MULTILINE)
    folders: list[str] = []
    for indent, name in re.findall(r"^( *)(\S+)", block, re.MULTILINE):
        folders[len(indent) // 2 :] = [name]
        yield "".join(folders)


def test_the_tree_is_the_one_on_disk() -> None:
    paths = [path.rstrip("/") for path in tree()]
    listed = {*paths}
    assert len(paths) == len(listed)
    assert {path for path in listed if not (ROOT / path).exists()} <= COMING
    folders = {
        path.relative_to(ROOT).as_posix() for path in (ROOT / "src/atpub").iterdir() if (path / "__init__.py").exists()
    }
    assert folders <= listed


def test_glossary_entries_are_short_and_sorted() -> None:
    parts = re.split(r"^## ", GLOSSARY, flags=re.MULTILINE)[2:]  # the first is about accounts
    for entries in (re.findall(r"^### (.+)\n((?:.+\n)+)", part, re.MULTILINE) for part in parts):
        assert [term for term, text in entries if text.count("\n") > 3] == []
        assert [term.lower() for term, _ in entries] == sorted(term.lower() for term, _ in entries)


def test_glossary_has_the_terms_that_newcomers_ask_for() -> None:
    assert {*TERMS.values(), "nsid", "cid", "at-uri", "repository", "commit", "plan", "digest"} <= anchors(
        ROOT / "docs/glossary.md"
    )


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_each_term_is_linked_where_it_is_used_first(page: Path) -> None:
    glossary = os.path.relpath(ROOT / "docs/glossary.md", page.parent)
    elsewhere = rf"\[[^]]*\]\((?!{re.escape(glossary)})[^)]*\)"
    unlinked = rf"^```.*?^```$|^#+ [^\n]*$|`[^`]*`|<!--.*?-->|{elsewhere}"
    prose = re.sub(unlinked, "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    for term, anchor in TERMS.items():
        if found := re.search(rf"\b{term}(?:e?s)?\b(?:\]\(([^)]*)\))?", prose, 0 if term.isupper() else re.IGNORECASE):
            assert found[1] == f"{glossary}#{anchor}", prose[found.start() - 40 : found.end() + 40]


def test_reference_pages_are_up_to_date() -> None:
    """`make reference` writes them."""
    assert {path: path.read_text("utf-8") for path in (ROOT / "docs/reference").glob("*.md")} == reference()


# The manifest reference


def test_every_key_of_a_manifest_is_described() -> None:
    assert {heading: set(rows) for heading, rows in tables(REFERENCE, "key").items()} == KEYS
    assert all(set(entry(section)) >= COMMON for section in SECTIONS)


def test_required_keys_are_marked() -> None:
    nodes = {
        "Top level": SCHEMA,
        "Lexicons": SCHEMA["properties"]["lexicons"],
        "Code": SCHEMA["$defs"]["science.alt.dataset.lens:codeReference"],
        **{section.capitalize(): SCHEMA["$defs"][f"entry:{section}"] for section in SECTIONS},
    }
    for heading, node in nodes.items():
        rows = tables(REFERENCE, "key")[heading]
        marked = {key for key, (text, *_) in rows.items() if text.startswith("Required.")}
        assert marked == set(node["required"]), heading


def test_every_field_type_is_described() -> None:
    rows = tables(REFERENCE, "type")["Field types"]
    assert {name: json.loads(cells[1].strip("`")) for name, cells in rows.items()} == TYPES


def test_every_member_type_is_described_and_has_an_example() -> None:
    assert tables(REFERENCE, "type")["Member types"].keys() == MEMBER_TYPES.keys()
    given = [
        kind for block in yaml_blocks() for kind in re.findall(r"^      [\w.]+: \"?(\w+)\??\"?$", block, re.MULTILINE)
    ]
    assert MEMBER_TYPES.keys() <= {*given}


def test_every_placeholder_is_described() -> None:
    assert tables(REFERENCE, "placeholder")["Placeholders"].keys() == PLACEHOLDERS


def yaml_blocks() -> list[str]:
    return re.findall(r"^```yaml\n(.*?)^```$", REFERENCE, re.DOTALL | re.MULTILINE)


def shown() -> Iterator[tuple[str, str]]:
    """Each key of an example, with the heading of the table that describes it."""
    loader: Any = yaml.BaseLoader
    for document in (yaml.load(block, loader) for block in yaml_blocks()):
        yield from (("Top level", key) for key in document)
        for name in ("policy", "defaults", "lexicons"):
            yield from ((name.capitalize(), key) for key in document.get(name, ()))
        for target in document.get("environments", {}).values():
            yield from (("Environments", key) for key in target)
        for section in SECTIONS:
            for given in document.get(section, {}).values():
                yield from (("Every entry" if key in COMMON else section.capitalize(), key) for key in given)
                yield from (("S3", key) for key in given.get("s3", ()))
                yield from (("Code", key) for key in given.get("getter", ()))
                yield from (("Checksums", key) for key in ("file", "missing") if key in given.get("checksums", ()))
                yield from (("RAI", key) for key in given.get("rai", ()))
                yield from (("Provenance", key) for key in given.get("rai", {}).get("provenance", ()))
                if isinstance(given.get("blobs"), dict):
                    yield from (("Blobs", key) for key in given["blobs"])


def test_every_key_has_an_example() -> None:
    found = set(shown())
    missing = {(heading, key) for heading, keys in KEYS.items() for key in keys} - found
    assert missing == {("Top level", "did"), ("Top level", "pds")}  # both are among the environments


def test_every_field_type_and_placeholder_has_an_example() -> None:
    text = "\n".join(yaml_blocks())
    assert all(re.search(rf": \"?\[?{name}\b", text) for name in TYPES)
    assert all(f"{{{name}:" in text for name in PLACEHOLDERS)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the examples of the reference as its manifest, and the files that they name."""
    (tmp_path / "manifests").mkdir()
    for number, block in enumerate(yaml_blocks()):
        (tmp_path / "manifests" / f"{number:02d}.yaml").write_text(block)
    for name, text in re.findall(r"^`([\w./-]+)`:\n\n```\w+\n(.*?)^```$", REFERENCE, re.DOTALL | re.MULTILINE):
        file = tmp_path / "manifests" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    shutil.copytree(ROOT / "manifests/quickstart/data", tmp_path / "manifests/data")
    (tmp_path / "manifests/photo.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "manifests/summaries").mkdir()
    (tmp_path / "manifests/summaries/digits-000000.json").write_text("{}")
    (tmp_path / "manifests/summaries/digits-000000.parquet").write_bytes(b"PAR1")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PUBLISHER", "The lab")
    monkeypatch.setenv("ATPUB_VARS", "MIRROR,PUBLISHER")
    return tmp_path


@pytest.mark.slow
def test_the_examples_can_be_applied(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate"]) == 0, capsys.readouterr().err
    assert run(["validate", "--env", "staging"]) == 0, capsys.readouterr().err
    assert run(["apply", "--account", "local", "--yes"]) == 0, capsys.readouterr().err
    capsys.readouterr()
    assert run(["plan", "--account", "local", "--detailed-exitcode", "--json"]) == 0
    changes = json.loads(capsys.readouterr().out)["changes"]
    addresses = {
        f"{section}/{key}"
        for block in yaml_blocks()
        for section, entries in yaml.safe_load(block).items()
        if section in SECTIONS
        for key in entries
    }
    assert {change["address"] for change in changes} == {*addresses, "lexicons/org.example.profile"}
    assert {change["action"] for change in changes} == {"unchanged"}
