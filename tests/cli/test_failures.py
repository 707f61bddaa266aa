"""Whatever stops a command: its exit code, a message for people, and JSON where that was asked for."""

import json
import re
import warnings

import click
import pytest

from atpub import errors
from atpub.cli.commands import cli
from atpub.cli.failures import report
from atpub.cli.main import main
from atpub.cli.run.apply import RefusedPlan
from atpub.engine.plan.model import Refusal
from atpub.errors import AtpubError, AtpubWarning, Declined, Interrupted, InvalidInput, RateLimited
from atpub.problems import Place, Problem

REFUSAL = Refusal("datasets/x", None, "protected", "datasets/x is protected", "leave it alone")
SIMPLE = [
    item
    for item in vars(errors).values()
    if isinstance(item, type) and issubclass(item, AtpubError) and not issubclass(item, InvalidInput | RateLimited)
]
CASES: list[tuple[BaseException, int, str]] = [
    *((kind("it broke", hint="mend it"), kind.exit_code, kind.code) for kind in SIMPLE),
    (RateLimited("too many", reset=1_800_000_000), 8, "rate-limited"),
    (InvalidInput((Problem("x", "wrong", Place("a.yaml", 1, 2, "text")),)), 3, "invalid-input"),
    (RefusedPlan([REFUSAL]), 7, "refused"),
    (Declined("nothing was applied"), 1, "declined"),
    (Interrupted("interrupted"), 130, "interrupted"),
    (KeyboardInterrupt(), 130, "interrupted"),
    (click.Abort(), 130, "interrupted"),
    (click.UsageError("Wrong."), 64, "usage"),
    (click.NoSuchOption("--jsn", ctx=click.Context(cli, info_name="atpub")), 64, "usage"),
    (click.BadParameter("no such thing"), 64, "usage"),
    (PermissionError(13, "Permission denied", "/root/x"), 1, "system-error"),
    (OSError("odd"), 1, "system-error"),
    (ZeroDivisionError("division by zero"), 1, "internal-error"),
    (RecursionError("too deep"), 1, "internal-error"),
    (UnicodeEncodeError("ascii", "ü", 0, 1, "not in range"), 1, "internal-error"),
]


@pytest.mark.parametrize(("error", "code", "name"), CASES, ids=lambda item: type(item).__name__)
def test_every_failure(error: BaseException, code: int, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(error, as_json=False) == code
    told = capsys.readouterr()
    assert told.out == ""
    if name not in ("invalid-input", "declined"):
        assert re.search(rf"^error: .+ \[{name}\]$", told.err, re.MULTILINE)

    assert report(error, as_json=True) == code
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert found["format_version"] == "1.0"
    assert found["error"]["code"] == name
    assert found["error"]["message"]
    assert "hint" in found["error"]
    assert told.err


def test_a_bug_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        raise ZeroDivisionError("division by zero")
    assert report(caught.value, as_json=False) == 1
    told = capsys.readouterr().err
    assert "test_failures.py" in told
    assert told.splitlines()[-2:] == [
        "error: this is a bug in atpub: ZeroDivisionError: division by zero [internal-error]",
        "  hint: please report it, with the output above",
    ]


def test_the_operating_systems_words(capsys: pytest.CaptureFixture[str]) -> None:
    report(PermissionError(13, "Permission denied", "/root/x"), as_json=False)
    assert capsys.readouterr().err.splitlines() == [
        "error: /root/x: Permission denied [system-error]",
        "  hint: check the path, its permissions and the disk",
    ]


def test_refusals_are_in_the_json(capsys: pytest.CaptureFixture[str]) -> None:
    report(RefusedPlan([REFUSAL, REFUSAL]), as_json=True)
    told = capsys.readouterr()
    assert [item["code"] for item in json.loads(told.out)["refusals"]] == ["protected", "protected"]
    assert "resolve the 2 refusals above" in told.err


def test_a_warning_shows_no_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)  # to be put back
    with pytest.raises(SystemExit):
        main(["--version"])
    assert warnings.formatwarning("it is doubtful", AtpubWarning, "x.py", 1) == "warning: it is doubtful\n"
