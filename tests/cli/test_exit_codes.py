"""Each exit code, as a person and as a program sees it: a run that ends with it, in text and in JSON."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

import pytest
from syrupy.assertion import SnapshotAssertion
from tests.cli.lab import CATS, Lab, edited, uploads_in_order
from tests.engine.apply.wrappers import Failing, Narrow

from atpub.cli import prepare
from atpub.cli.commands import cli
from atpub.cli.connect import open_repository
from atpub.errors import AtpubError, AuthenticationFailed, Interrupted, RateLimited, Unavailable
from atpub.repository.interface import Repository
from atpub.target import Target

Scene: TypeAlias = Callable[[Lab, pytest.MonkeyPatch], tuple[str, ...]]


def done(lab: Lab, patch: pytest.MonkeyPatch) -> tuple[str, ...]:
    return ("apply", "--yes", "--reproducible")


def error(lab: Lab, patch: pytest.MonkeyPatch) -> tuple[str, ...]:
    (lab.folder / ".atpub").write_text("not a folder")
    return ("apply", "--yes", "--reproducible", "--no-history")  # which would fail first, see test_undo.py


def pending(lab: Lab, patch: pytest.MonkeyPatch) -> tuple[str, ...]:
    return ("plan", "--detailed-exitcode", "--reproducible")


def invalid(lab: Lab, patch: pytest.MonkeyPatch) -> tuple[str, ...]:
    lab.change(("label: integer", "label: int"))
    return ("plan", "--reproducible")


def unauthenticated(lab: Lab, patch: pytest.MonkeyPatch) -> tuple[str, ...]:
    failing(patch, 0, AuthenticationFailed("a password is needed to write to it", hint="set ATPUB_PASSWORD"))
    return ("apply", "--yes", "--reproducible")


def stale(lab: Lab, patch: pytest.MonkeyPatch) -> tuple[str, ...]:
    assert lab.apply().code == 0
    lab.change(("checksums: none", "checksums: none\n    license: CC0-1.0"))
    assert lab.plan("--out", "plan.json").code == 0
    lab.write_elsewhere(edited(lab, CATS))
    return ("apply", "plan.json")


def partly(lab: Lab, patch: pytest.MonkeyPatch) -> tuple[str, ...]:
    failing(patch, 1, Unavailable("cannot reach https://pds.example: connection refused"))
    return ("apply", "--yes", "--reproducible")


def refused(lab: Lab, patch: pytest.MonkeyPatch) -> tuple[str, ...]:
    assert lab.apply().code == 0
    lab.change(("label: integer", "label: string"))
    return ("apply", "--yes", "--reproducible")


def limited(lab: Lab, patch: pytest.MonkeyPatch) -> tuple[str, ...]:
    failing(patch, 0, RateLimited("the rate limit of local is spent", reset=1_714_568_400))
    return ("apply", "--yes", "--reproducible")


def limited_halfway(lab: Lab, patch: pytest.MonkeyPatch) -> tuple[str, ...]:
    failing(patch, 1, RateLimited("the rate limit of local is spent", reset=1_714_568_400))
    return ("apply", "--yes", "--reproducible")


def misused(lab: Lab, patch: pytest.MonkeyPatch) -> tuple[str, ...]:
    return ("plan", "--only", "datasets/dogs", "--reproducible")


def interrupted_halfway(lab: Lab, patch: pytest.MonkeyPatch) -> tuple[str, ...]:
    failing(patch, 1, Interrupted("interrupted", hint="run it again: it goes on where it stopped"))
    return ("apply", "--yes", "--reproducible")


SCENES: dict[Scene, int] = {
    done: 0,
    error: 1,
    pending: 2,
    invalid: 3,
    unauthenticated: 4,
    stale: 5,
    partly: 6,
    refused: 7,
    limited: 8,
    limited_halfway: 8,
    misused: 64,
    interrupted_halfway: 130,
}


def failing(patch: pytest.MonkeyPatch, at: int, error: AtpubError) -> None:
    """The n-th commit of two records (from 0 on) fails."""

    def opened(where: Target, *, remember: bool = False) -> Repository:
        return Failing(Narrow(open_repository(where), 3), {at}, lambda: error)

    patch.setattr(prepare, "open_repository", opened)


@pytest.mark.parametrize("flags", [(), ("--json",)], ids=["text", "json"])
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_exit_code(
    scene: Scene, flags: tuple[str, ...], lab: Lab, monkeypatch: pytest.MonkeyPatch, snapshot: SnapshotAssertion
) -> None:
    ran = lab.run(*scene(lab, monkeypatch), *flags)
    assert ran.code == SCENES[scene]
    if flags:
        assert ran.json["format_version"] in ("1.0", "2.0")  # the second is that of plans
    assert f"{masked(ran.out, lab)}--- stderr\n{masked(ran.err, lab)}" == snapshot


def test_every_code_has_its_scene() -> None:
    listed = re.findall(r"^  (\d+) ", cli.epilog or "", re.MULTILINE)
    assert {*map(int, listed)} == {*SCENES.values()}


def masked(text: str, lab: Lab) -> str:
    """The text without what a random key, the clock or the folder's name decides."""
    text = re.sub(r'"head": "bafy[a-z2-7]+"', '"head": "(commit)"', text.replace(str(lab.folder), "(folder)"))
    return uploads_in_order(re.sub(r"(committed .* as )[2-7a-z]{13}", r"\1(rev)", text))
