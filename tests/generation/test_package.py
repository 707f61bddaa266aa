"""Generating a package from Python: the files, and the state of the folder that holds them."""

import json
import shutil
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from atpub.errors import FileConflict, StaleFiles
from atpub.generation.package import compare, generate_package, update
from atpub.generation.settings import OWN_PACKAGE, Settings

NOTE: dict[str, object] = {
    "lexicon": 1,
    "id": "org.lab.note",
    "defs": {"main": {"type": "record", "key": "any", "record": {"type": "object", "properties": {}}}},
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    folder = tmp_path / "lexicons" / "org" / "lab"
    folder.mkdir(parents=True)
    (folder / "note.json").write_text(json.dumps(NOTE))
    return Settings((tmp_path / "lexicons",), tmp_path / "records", "records")


def test_update_and_check(settings: Settings) -> None:
    package = generate_package(settings, {})
    assert PurePosixPath("org/lab/note.py") in package.files
    missing = compare(package.files, settings.out)
    with pytest.raises(StaleFiles):
        missing.check()
    update(missing)
    compare(package.files, settings.out).check()


@pytest.mark.parametrize("link", ["org", "org/lab"])
def test_a_symlinked_folder_in_the_package_is_not_written_through(
    settings: Settings, tmp_path: Path, link: str
) -> None:
    package = generate_package(settings, {})
    outside = tmp_path / "outside"
    outside.mkdir()
    (settings.out / link).parent.mkdir(parents=True)
    (settings.out / link).symlink_to(outside)
    with pytest.raises(FileConflict, match="outside the package's folder"):
        compare(package.files, settings.out)
    assert [*outside.iterdir()] == []


def test_a_new_package_is_made_in_a_folder_that_no_one_else_can_prepare(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, int]] = []
    make = Path.mkdir

    def watch(path: Path, *args: Any, **options: Any) -> None:
        if path.name == settings.out.name and path.parent != settings.out.parent:
            seen.append((path.parent.name, path.parent.stat().st_mode & 0o777))
        make(path, *args, **options)

    monkeypatch.setattr(Path, "mkdir", watch)
    for _ in range(2):
        update(compare(generate_package(settings, {}).files, settings.out))
        shutil.rmtree(settings.out)
    assert {mode for _, mode in seen} == {0o700}
    assert len({name for name, _ in seen}) == 2


def test_an_orphaned_file_is_removed(settings: Settings) -> None:
    package = generate_package(settings, {})
    update(compare(package.files, settings.out))
    rest = {name: text for name, text in package.files.items() if name.name != "note.py"}
    state = compare(rest, settings.out)
    assert state.orphaned == (PurePosixPath("org/lab/note.py"),)
    update(state)
    assert not (settings.out / "org/lab/note.py").exists()


def test_other_files_are_not_overwritten(settings: Settings) -> None:
    settings.out.mkdir()
    (settings.out / "__init__.py").write_text("mine = True\n")
    with pytest.raises(FileConflict):
        compare(generate_package(settings, {}).files, settings.out)


LEXICONS = Path(__file__).parents[2] / "lexicons"


def test_words_in_published_lexicons_are_no_warnings(settings: Settings, tmp_path: Path) -> None:
    own = Settings((LEXICONS,), tmp_path / "own", OWN_PACKAGE, strict=True)
    vendored = Settings((LEXICONS,), settings.out, "records", strict=True)
    assert generate_package(own, {}).warnings == generate_package(vendored, {}).warnings == ()


def test_a_word_of_json_schema_in_ones_own_lexicon_is_a_warning(settings: Settings) -> None:
    note = {**NOTE, "defs": {"main": {"type": "string", "pattern": "a+"}}}
    (settings.lexicons[0] / "org" / "lab" / "note.json").write_text(json.dumps(note))
    assert [warning.code for warning in generate_package(settings, {}).warnings] == ["unknown-word"]


def test_fields_keep_their_names_when_the_package_is_generated_again(settings: Settings) -> None:
    for fields in (("ban_type",), ("banType", "ban_type")):
        record = {"type": "object", "properties": {name: {"type": "string"} for name in fields}}
        note = {**NOTE, "defs": {"main": {"type": "record", "key": "any", "record": record}}}
        (settings.lexicons[0] / "org" / "lab" / "note.json").write_text(json.dumps(note))
        update(compare(generate_package(settings, {}).files, settings.out))
        compare(generate_package(settings, {}).files, settings.out).check()
        source = (settings.out / "org" / "lab" / "note.py").read_text()
        assert 'out["ban_type"] = self.ban_type\n' in source
    assert 'out["banType"] = self.ban_type_2\n' in source
