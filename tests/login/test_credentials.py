"""The order of the sources of credentials, without a terminal and without a keyring."""

from pathlib import Path

import pytest

from atpub.atproto.syntax import Did
from atpub.errors import Usage
from atpub.login.credentials import Credentials

DID = Did("did:plc:ewvi7nxzyoun6zhxrhs64oiz")


def credentials(environ: dict[str, str], state: Path | None = None, answer: str | None = None) -> Credentials:
    return Credentials(environ, state, lambda account, server: answer, lambda: None, answer is not None)


def test_the_environment_takes_precedence(tmp_path: Path) -> None:
    found = credentials({"ATPUB_PASSWORD": "from-environment"}, tmp_path, "typed")
    assert found.find_password(DID, "https://pds.example") == "from-environment"
    assert found.usable_sessions() is None
    assert found.stored_sessions() is not None


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_line_break_after_the_password_is_left_out(end: str) -> None:
    assert credentials({"ATPUB_PASSWORD": f" from a file {end}"}).from_environment() == " from a file "


def test_a_line_break_alone_is_no_password() -> None:
    assert credentials({"ATPUB_PASSWORD": "\n"}).from_environment() is None


def test_the_question_comes_last() -> None:
    assert credentials({}, answer="typed").find_password(DID, "https://pds.example") == "typed"
    assert credentials({"ATPUB_PASSWORD": ""}).find_password(DID, "https://pds.example") is None


def test_sessions_need_a_folder(tmp_path: Path) -> None:
    assert credentials({}, tmp_path).require_sessions().path(DID).is_relative_to(tmp_path)
    with pytest.raises(Usage, match="no home folder"):
        credentials({}).require_sessions()
