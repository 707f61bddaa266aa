"""`atpub generate`: what it writes, leaves alone and removes; atpub's own classes restored in a broken source tree."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.playground import Ran, tree, write_files

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
NOTE = json.dumps(
    {
        "lexicon": 1,
        "id": "org.lab.note",
        "defs": {
            "main": {
                "type": "record",
                "key": "any",
                "record": {
                    "type": "object",
                    "required": ["text"],
                    "properties": {
                        "text": {"type": "string"},
                        "about": {"type": "ref", "ref": "com.atproto.repo.strongRef"},
                        "size": {"type": "ref", "ref": "science.alt.dataset.entry#datasetSize"},
                    },
                },
            }
        },
    }
)
OTHER = json.dumps({"lexicon": 1, "id": "org.lab.deep.other", "defs": {"main": {"type": "token"}}})
CID = "bafyreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm"
Generate = Callable[..., Ran]


@pytest.fixture
def generate(atpub: Callable[..., Ran], folder: Path) -> Generate:
    """Runs `atpub generate` for two lexicons, into src/lab/records."""
    write_files(folder, {"lexicons/org/lab/note.json": NOTE, "lexicons/org/lab/deep/other.json": OTHER})

    def generate(*args: str) -> Ran:
        return atpub("generate", "--out", "src/lab/records", "--package", "lab.records", *args)

    return generate


def test_a_package_that_imports(generate: Generate, folder: Path) -> None:
    ran = generate()
    assert (ran.code, ran.err) == (0, "")
    files = [name for name, held in tree(folder / "src/lab/records").items() if held != "folder"]
    assert files == [
        "__init__.py",
        "_lexicons.py",
        "org/__init__.py",
        "org/lab/__init__.py",
        "org/lab/deep/__init__.py",
        "org/lab/deep/other.py",
        "org/lab/note.py",
    ]
    assert ran.out == "src/lab/records: 7 files, 7 written.\n"
    program = f"""
from lab.records.org.lab.note import Note
from atpub.generated.com.atproto.repo.strong_ref import StrongRef
note = Note.from_json({{"$type": "org.lab.note", "text": "hello", "size": {{"shards": 3}},
                        "about": {{"uri": "at://lab.example/org.lab.note/x", "cid": "{CID}"}}}})
assert isinstance(note.about, StrongRef)
print(note.size.shards, note.to_json()["text"])
"""
    found = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(folder / "src")},
        check=False,
    )
    assert (found.stdout, found.stderr) == ("3 hello\n", "")


def test_again_touches_nothing(generate: Generate, folder: Path) -> None:
    generate()
    package = folder / "src/lab/records"
    times = {path: path.stat().st_mtime_ns for path in package.rglob("*")}
    ran = generate()
    assert ran.out == "src/lab/records: 7 files, all up to date.\n"
    assert {path: path.stat().st_mtime_ns for path in package.rglob("*")} == times
    assert generate("--check").code == 0


def test_a_change_touches_only_what_it_changes(generate: Generate, folder: Path) -> None:
    generate()
    package = folder / "src/lab/records"
    before = {path: path.stat().st_mtime_ns for path in package.rglob("*") if path.is_file()}
    write_files(
        folder, {"lexicons/org/lab/note.json": NOTE.replace('"text": {"type"', '"text": {"maxLength": 9, "type"')}
    )
    assert generate("--json").json["written"] == ["_lexicons.py", "org/lab/note.py"]
    after = {path: path.stat().st_mtime_ns for path in package.rglob("*") if path.is_file()}
    touched = sorted(path.name for path, time in after.items() if before[path] != time)
    assert touched == ["_lexicons.py", "note.py"]


def test_packages_inside_a_package_are_let_be(generate: Generate, folder: Path, atpub: Callable[..., Ran]) -> None:
    schema = "schemas: {image: {nsid: org.lab.image, version: 1.0.0, fields: {image: ndarray}}}"
    write_files(folder, {"atpub.yaml": f"atpub: 1\nproject: lab\n{schema}\n"})
    generate()
    shutil.move(folder / "lexicons", folder / "kept")
    flags = ("--samples", "atpub.yaml", "--out", "src/lab/samples", "--package", "lab.samples")
    assert atpub("generate", *flags).code == 0
    before = tree(folder / "src")
    ran = atpub("generate", "--lexicons", "kept", "--out", "src", "--package", "src", "--json")
    assert ran.code == 0
    assert ran.json["removed"] == []
    after = tree(folder / "src")
    assert {name: after[name] for name in before} == before


def test_check_names_stale_missing_and_orphaned_files(generate: Generate, folder: Path) -> None:
    generate()
    package = folder / "src/lab/records"
    (package / "org/lab/note.py").write_text((package / "org/lab/note.py").read_text() + "# more\n")
    (package / "org/__init__.py").unlink()
    (folder / "lexicons/org/lab/deep/other.json").unlink()
    before = tree(folder)
    ran = generate("--check")
    assert ran.code == 1
    assert ran.err.splitlines() == [
        "error: 5 files are out of date: [stale]",
        "  src/lab/records/_lexicons.py is stale",
        "  src/lab/records/org/__init__.py is missing",
        "  src/lab/records/org/lab/note.py is stale",
        "  src/lab/records/org/lab/deep/__init__.py is orphaned: no lexicon defines it",
        "  src/lab/records/org/lab/deep/other.py is orphaned: no lexicon defines it",
        "  hint: run `atpub generate` with the same options, and commit the result",
    ]
    error = json.loads(generate("--check", "--json").out)["error"]
    assert error["files"] == [line.split()[0] for line in ran.err.splitlines()[1:-1]]
    assert tree(folder) == before
    made = generate("--json").json
    assert made["written"] == ["_lexicons.py", "org/__init__.py", "org/lab/note.py"]
    assert made["removed"] == ["org/lab/deep/__init__.py", "org/lab/deep/other.py"]
    assert not (package / "org/lab/deep").exists()
    assert generate("--check").code == 0


def test_check_names_the_changes_that_break_others(generate: Generate, folder: Path) -> None:
    write_files(folder, {"lexicons/org/lab/note.json": NOTE})
    generate()
    write_files(folder, {"lexicons/org/lab/note.json": NOTE.replace('["text"]', '["text", "size"]')})
    ran = generate("--check")
    assert ran.code == 1
    assert "org.lab.note $.defs.main.record.properties.size" in ran.err
    assert "[field-made-required]" in ran.err


def test_removes_only_what_it_made(generate: Generate, folder: Path) -> None:
    generate()
    mine = {
        "src/lab/records/mine.py": "# mine\n",
        "src/lab/records/org/lab/deep/mine.py": "print('mine')\n",
        "src/lab/records/org/lab/deep/notes.txt": "mine\n",
        "src/lab/records/empty": {"folder": True},
        "src/lab/other.py": "# Mine: Generated by atpub\n",
    }
    write_files(folder, mine)
    (folder / "lexicons/org/lab/deep/other.json").unlink()
    assert generate("--json").json["removed"] == ["org/lab/deep/__init__.py", "org/lab/deep/other.py"]
    for name, text in mine.items():
        assert (folder / name).is_dir() if isinstance(text, dict) else (folder / name).read_text() == text


def test_folders_that_become_empty_go_with_what_python_compiled(generate: Generate, folder: Path) -> None:
    generate()
    deep = folder / "src/lab/records/org/lab/deep"
    write_files(deep, {"__pycache__/other.cpython-311.pyc": "compiled"})
    (folder / "lexicons/org/lab/deep/other.json").unlink()
    assert generate().code == 0
    assert not deep.exists()


def test_files_that_it_has_not_made_are_in_the_way(generate: Generate, folder: Path) -> None:
    write_files(folder, {"src/lab/records/__init__.py": "# mine\n", "src/lab/records/org/lab/note.py": "# mine\n"})
    before = tree(folder)
    ran = generate()
    assert ran.code == 1
    assert "it has not written: src/lab/records/__init__.py, src/lab/records/org/lab/note.py" in ran.err
    assert tree(folder) == before


def test_a_damaged_file_of_its_own_is_made_again(generate: Generate, folder: Path) -> None:
    generate()
    package = folder / "src/lab/records"
    good = tree(package)
    (package / "org/lab/note.py").write_text("def broken(:\n")
    (package / "_lexicons.py").write_text("{")
    assert generate("--json").json["written"] == ["_lexicons.py", "org/lab/note.py"]
    assert tree(package) == good


def test_lexicons_in_any_folder_and_order_give_the_same(
    generate: Generate, atpub: Callable[..., Ran], folder: Path
) -> None:
    generate()
    write_files(folder, {"flat/b.json": NOTE, "flat/a.json": OTHER})
    assert atpub("generate", "--lexicons", "flat", "--out", "flat-out", "--package", "lab.records").code == 0
    assert tree(folder / "flat-out") == tree(folder / "src/lab/records")


# atpub's own source tree


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what generating atpub's classes takes, with the classes brought up to date."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in ("src/atpub", "codegen", "lexicons"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    assert in_checkout(copy, "generate").returncode == 0
    return copy


@pytest.fixture
def checkout(original: Path, tmp_path: Path) -> Path:
    """A copy of that copy, for one test to break."""
    return Path(shutil.copytree(original, tmp_path / "checkout", ignore=shutil.ignore_patterns("__pycache__")))


def in_checkout(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join((str(folder / "src"), str(folder / "codegen")))
    program = "import sys; from atpub.cli import main; main(sys.argv[1:])"
    return subprocess.run(
        [sys.executable, "-B", "-c", program, *args],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_committed_classes_are_those_of_the_lexicons(original: Path) -> None:
    assert in_checkout(original, "generate", "--check").returncode == 0


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("", None, id="all gone"),
        pytest.param("__init__.py", "def broken(:", id="root broken"),
        pytest.param("science/alt/dataset/entry.py", "x = = 1\n", id="module broken"),
        pytest.param("_lexicons.py", "{", id="lexicons broken"),
        pytest.param("_lexicons.py", None, id="lexicons gone"),
        pytest.param("com/__init__.py", None, id="package gone"),
    ],
)
def test_restores_its_own_classes_byte_for_byte(name: str, text: str | None, checkout: Path) -> None:
    generated = checkout / "src/atpub/generated"
    good = tree(generated)
    if text is not None:
        (generated / name).write_text(text)
    elif name:
        (generated / name).unlink()
    else:
        shutil.rmtree(generated)
    check = in_checkout(checkout, "generate", "--check")
    assert check.returncode == 1, check.stderr
    assert "src/atpub/generated/" in check.stderr
    ran = in_checkout(checkout, "generate")
    assert ran.returncode == 0, ran.stderr
    assert tree(generated) == good


def test_the_data_file_of_an_older_package_is_removed(generate: Generate, folder: Path) -> None:
    generate()
    package = folder / "src/lab/records"
    (package / "lexicons.json").write_text('{\n"org.lab.note": {}\n}\n')
    assert "lexicons.json is orphaned" in generate("--check").err
    assert generate("--json").json["removed"] == ["lexicons.json"]
    assert generate("--check").code == 0
    (package / "lexicons.json").write_text('{"made": "by hand"}\n')
    assert generate("--check").code == 0


def test_a_broken_lexicon_that_nothing_selected_needs_is_a_warning(generate: Generate, folder: Path) -> None:
    write_files(folder, {"lexicons/com/bad.json": '{"lexicon": 1, "id": "com.lab.bad", "defs": {}}'})
    assert generate().code == 3
    ran = generate("--include", "org.lab.*")
    assert ran.code == 0
    assert "expected at least one definition" in ran.err
    assert generate("--exclude", "com.lab.*").code == 0
    assert generate("--include", "com.lab.*").code == 3
