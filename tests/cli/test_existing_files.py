"""Files that are there already: what a command replaces, and what it leaves as it is."""

import pytest
from tests.cli.lab import Lab
from tests.cli.playground import write_files

from atpub.atproto.syntax import Nsid
from atpub.lexicon_tools.starters import starter_text

MINE = "mine, and of no kind that atpub writes\n"
DATASET = "at://did:web:local.invalid/science.alt.dataset.entry/digits"
PACKAGE = "--lexicons lexicons --out package --package package"

NEVER = {
    "plan --out {file}": "mine.txt",
    "plan --html {file}": "mine.txt",
    "export --car {file}": "mine.txt",
    "export datasets/digits --format croissant --out {file}": "mine.txt",
    "croissant datasets/digits --out {file}": "mine.txt",
    "import --all --out {file}": "mine.txt",
    "init data --out {file}": "mine.yaml",
    "init data": "atpub.yaml",
    "lock": "atpub.lock",
    "lock --index wids": "digits.wids.json",
    "pack samples --out shards": "shards/samples-000000.tar",
    "lex new org.lab.note": "lexicons/org/lab/note.json",
    f"generate {PACKAGE}": "package/__init__.py",
    "catalog --out pages": "pages/index.html",
}
"""Commands, and a file that is not of the kind that they write."""

AGAIN = (
    "plan --out plan.json",
    "plan --html plan.html",
    "export --car all.car",
    "export datasets/digits --format croissant --out digits.json --overwrite",
    "croissant datasets/digits --out digits.json --overwrite",
    "lock --index wids",
    f"generate {PACKAGE}",
    "pack samples --out shards",
    "catalog --out pages --samples 0",
)
"""Commands that replace, or leave, what they have written before."""


@pytest.fixture
def applied(lab: Lab) -> Lab:
    lab.write(f"{lab.manifest.split('  cats:')[0]}")
    write_files(
        lab.folder, {"samples/1.txt": "one", "lexicons/n.json": starter_text(Nsid.parse("org.lab.n"), "object")}
    )
    assert lab.apply().code == 0
    return lab


@pytest.mark.slow
@pytest.mark.parametrize("line", NEVER)
def test_a_file_of_another_kind_is_not_replaced(line: str, applied: Lab) -> None:
    name = NEVER[line]
    write_files(applied.folder, {name: applied.manifest if name == "atpub.yaml" else MINE})
    before = (applied.folder / name).read_bytes()
    ran = applied.run(*line.format(file=name).split())
    assert ran.code in {1, 3}, ran.err
    assert "[in-the-way]" in ran.err or "[lock-header]" in ran.err
    assert (ran.out, (applied.folder / name).read_bytes()) == ("", before)


@pytest.mark.slow
@pytest.mark.parametrize("line", AGAIN)
def test_a_file_of_its_own_may_be_there(line: str, applied: Lab) -> None:
    for _ in range(2):
        ran = applied.run(*line.split())
        assert ran.code == 0, ran.err


@pytest.mark.parametrize("line", [line for line in AGAIN if "." in line])
def test_the_folder_of_a_file_is_made(line: str, applied: Lab) -> None:
    *args, file = line.removesuffix(" --overwrite").split()
    assert applied.run(*args, f"new/folder/{file}").code == 0
    assert (applied.folder / "new" / "folder" / file).is_file()


@pytest.mark.parametrize("line", [line for line in AGAIN if "--overwrite" in line])
def test_a_text_that_may_have_been_edited_is_replaced_only_when_told_to(line: str, applied: Lab) -> None:
    assert applied.run(*line.split()).code == 0
    ran = applied.run(*line.removesuffix(" --overwrite").split())
    assert (ran.code, ran.out) == (1, "")
    assert "[in-the-way]\n  hint: give another --out, or --overwrite" in ran.err
