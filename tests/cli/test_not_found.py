"""What is not there: the hint names what is, or the next step."""

from functools import partial

import pytest
from tests.cli.lab import ENTRY, Lab, path

from atpub.repository.model import Create

LOCAL = "at://did:web:local.invalid"
UNPUBLISHED = "publish it with `atpub apply`, or name the account that has it: --account"


@pytest.fixture
def applied(lab: Lab) -> Lab:
    assert lab.apply("--exclude", "datasets/cats").code == 0
    return lab


def test_a_record_whose_key_is_misspelt(applied: Lab) -> None:
    (entry,) = applied.live(ENTRY)
    uri = f"{LOCAL}/{ENTRY}/{entry.rkey}"
    for line in ("show {}", "pull {} --out there", "export {} --format croissant", "open --print {}", "inspect {}"):
        ran = applied.run(*line.format(f"{uri}x").split())
        assert (ran.code, ran.out) == (1, "")
        assert ran.err == f"error: there is no record {uri}x [record-not-found]\n  hint: did you mean '{entry.rkey}'?\n"


def test_a_record_like_no_other(applied: Lab) -> None:
    (entry,) = applied.live(ENTRY)
    pull = partial(applied.run, "pull", "--out", "there")
    assert f"  hint: {ENTRY} has {entry.rkey}\n" in pull(f"{LOCAL}/{ENTRY}/nope").err
    assert "  hint: the account has no records in org.lab.note\n" in applied.run("show", f"{LOCAL}/org.lab.note/1").err


def test_a_record_to_import(applied: Lab) -> None:
    (entry,) = applied.live(ENTRY)
    for uri, hint in (
        (f"{ENTRY}/{entry.rkey}x", f"did you mean '{entry.rkey}'?"),
        (f"{ENTRY}/nope", f"{ENTRY} has {entry.rkey}"),
        (
            "org.lab.note",
            "the account has no records in org.lab.note: check the URI, or import --all",
        ),
    ):
        ran = applied.run("import", f"{LOCAL}/{uri}")
        assert (ran.code, ran.out) == (1, "")
        assert ran.err == f"error: there is no record at {LOCAL}/{uri} [record-not-found]\n  hint: {hint}\n"


def test_an_entry_that_is_not_published(applied: Lab) -> None:
    for line in ("show datasets/cats", "export datasets/cats --format croissant", "open datasets/cats --print"):
        ran = applied.run(*line.split())
        assert (ran.code, ran.out) == (1, "")
        assert "error: datasets/cats is not published: there is no record at://" in ran.err
        assert f"  hint: {UNPUBLISHED}\n" in ran.err


def test_an_entry_that_the_manifest_does_not_have(applied: Lab) -> None:
    for line in ("show {}", "verify {}", "rename {} new", "plan --only {}", "import --take {}"):
        for name, hint in (("datasets/digit", "did you mean 'datasets/digits'?"), ("labels/nope", "")):
            ran = applied.run(*line.format(name).split())
            assert ran.code in {1, 3, 64}, line
            assert ran.out == ""
            assert f"  hint: {hint}" in ran.err, line


def test_a_record_that_is_no_dataset(applied: Lab) -> None:
    applied.write_elsewhere(Create(path("org.lab.note", "1"), {"$type": "org.lab.note"}))
    for line in ("export --format croissant", "croissant", "open --print"):
        ran = applied.run(*line.split(), f"{LOCAL}/org.lab.note/1")
        assert (ran.code, ran.out) == (1, "")
        assert f"error: {LOCAL}/org.lab.note/1 is no dataset that can be read [record-not-found]\n" in ran.err
