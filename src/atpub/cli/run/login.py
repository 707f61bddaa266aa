"""`atpub login`, `atpub logout` and `atpub whoami`."""

from __future__ import annotations

import sys
from contextlib import closing

from atpub.cli.connect import TargetOptions, find_account, find_remote, open_repository, this_machine
from atpub.cli.output import print_data, print_json, style_for
from atpub.errors import AuthenticationFailed, Usage
from atpub.login.model import AccountStatus, LoginStatus
from atpub.login.session import log_in, log_out
from atpub.login.status import read_status
from atpub.report.account import account_json, account_text
from atpub.report.style import PLAIN
from atpub.target import Target


def run_login(
    manifests: tuple[str, ...],
    environment: str | None,
    account: str | None,
    pds: str | None,
    *,
    keyring: bool,
    oauth: bool,
    no_browser: bool,
    scopes: tuple[str, ...],
) -> None:
    """Log in, and print where the session is."""
    target = find_remote(manifests, TargetOptions(account, pds, environment))
    if oauth:
        from atpub.cli.run.oauth import log_in_by_oauth  # cryptography

        log_in_by_oauth(target, manifests, environment, scopes, uses_browser=not no_browser, use_keyring=keyring)
        return
    if no_browser or scopes:
        raise Usage(f"{'--no-browser' if no_browser else '--scope'} is an option of --oauth", hint="add --oauth")
    opened = log_in(target, this_machine(), use_keyring=keyring)
    print_data(PLAIN(f"Logged in to {opened.server} as {opened.handle} ({opened.did})."))
    password = "the password is in the system's keyring" if keyring else "the password is not stored"
    print_data(PLAIN(f"The session is in {opened.file}; {password}."))


def run_logout(manifests: tuple[str, ...], environment: str | None, account: str | None, pds: str | None) -> None:
    """Log out, and print what was ended and removed."""
    target = find_remote(manifests, TargetOptions(account, pds, environment))
    result = log_out(target, this_machine())
    removed = f"The password of {result.forgotten} was removed from the keyring." if result.forgotten else ""
    if ended := result.ended:
        line = f"Logged out of {ended.server}: the session of {ended.handle} ({ended.did}) has ended."
        print_data(PLAIN(f"{line} {removed}".rstrip()))
    else:
        print_data(PLAIN(removed or f"There is no session of {target.account}."))


def run_whoami(
    manifests: tuple[str, ...], environment: str | None, account: str | None, pds: str | None, *, as_json: bool
) -> int:
    """Print the status of an account; return the exit code."""
    target = find_account(manifests, TargetOptions(account, pds, environment))
    status = _local_status(target) if target.folder else read_status(target, this_machine())
    if as_json:
        print_json(account_json(status))
    else:
        print_data(account_text(status, style_for(sys.stdout)))
    return 0 if status.login.is_good else AuthenticationFailed.exit_code


def _local_status(target: Target) -> AccountStatus:
    with closing(open_repository(target)) as repository:
        return AccountStatus(target.account, repository.did, None, str(target.folder), LoginStatus("nothing", True))
