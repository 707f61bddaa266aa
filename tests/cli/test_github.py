"""`atpub plan --github`: annotations at lines of the manifest, and the job's summary."""

from pathlib import Path

import pytest
from tests.cli.lab import Lab

COMMAND = "::"


@pytest.fixture
def summary(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = lab.folder / "summary.md"
    file.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(file))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(lab.folder.parent))
    return file


def commands(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(COMMAND)]


def test_a_plan(lab: Lab, summary: Path) -> None:
    lab.apply()
    lab.change(
        ('  cats:\n    schema: image\n    urls: "https://cdn.lab.example/cats-{0..2}.tar"\n    checksums: none\n', "")
    )
    ran = lab.plan("--github")
    assert (ran.code, ran.out.splitlines()[0]) == (0, "lab → local (did:web:local.invalid)")
    (line,) = commands(ran.out)
    assert line.startswith(
        f"::warning file={lab.folder.name}/atpub.yaml,line=12,col=1,title=record-deleted::datasets/cats"
    )
    text = summary.read_text("utf-8")
    assert text.startswith("before\n<!-- atpub-plan: lab -->\n")
    assert "<summary>1 to delete</summary>" in text


@pytest.mark.parametrize("form", ["--json", "--markdown"])
def test_a_document_on_stdout_stays_one(lab: Lab, summary: Path, form: str) -> None:
    lab.apply()
    lab.without("labels:")
    lab.change(("project: lab", "project: lab\npolicy: {max_delete: 0}"))
    lab.without("datasets:")
    ran = lab.plan("--github", form)
    assert ran.code == 7
    assert not commands(ran.out)
    assert [line.partition(" ")[0] for line in commands(ran.err)] == ["::error", "::warning", "::warning"]
    assert "1 refused: this plan cannot be applied" in summary.read_text("utf-8")


def test_an_invalid_manifest(lab: Lab, summary: Path) -> None:
    lab.change(("    tags: [digits]", "    tags: 5"))
    ran = lab.plan("--github")
    assert ran.code == 3
    (line,) = commands(ran.out)
    assert line.startswith(f"::error file={lab.folder.name}/atpub.yaml,line=17,col=11,title=")
    assert "### atpub: no plan" in summary.read_text("utf-8")
    assert not commands(ran.err)


def test_outside_of_github(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    lab.change(("    tags: [digits]", "    tags: 5"))
    assert commands(lab.plan("--github").out)[0].startswith("::error file=atpub.yaml,line=17")
