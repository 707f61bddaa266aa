"""`atpub login --oauth`: the browser, the terminal, and the scope of the manifest."""

from __future__ import annotations

import sys
import webbrowser
from typing import Final

from atpub.atproto.auth.oauth.scopes import ATPROTO, GENERIC, OAuthScope, describe_scope
from atpub.cli.connect import this_machine
from atpub.cli.options import environ
from atpub.cli.output import print_data, tell, tell_warnings
from atpub.cli.streams import undisturbed
from atpub.desired import read_manifest, usual_paths, validate
from atpub.errors import Usage
from atpub.login.model import VARIABLE
from atpub.login.oauth import Browser, log_in_with_browser
from atpub.login.permissions import manifest_scope, parse_scopes
from atpub.problems import Problem
from atpub.report.escape import escape_terminal
from atpub.report.style import PLAIN
from atpub.target import Target

_LONGEST_LINE: Final = 16_384


def log_in_by_oauth(
    target: Target,
    manifests: tuple[str, ...],
    environment: str | None,
    scopes: tuple[str, ...],
    *,
    uses_browser: bool,
    use_keyring: bool,
) -> None:
    """Log in with a browser, and print what the login permits and where the session is."""
    scope = _find_scope(manifests, environment, scopes)
    browser = Browser(_announce, _warn, _open if uses_browser else _show, None if uses_browser else _paste)
    credentials = this_machine()
    opened = log_in_with_browser(target, credentials, scope, browser, use_keyring=use_keyring)
    print_data(PLAIN(f"Logged in to {opened.server} as {opened.handle} ({opened.did})."))
    place = f"{opened.file}, with its key in the system's keyring" if use_keyring else str(opened.file)
    print_data(PLAIN(f"The session is in {place}; it permits {opened.scope}."))
    left_out = OAuthScope.parse(opened.scope or "").missing(scope)
    if left_out.values:
        message = f"{opened.server} did not grant all that was asked for: {left_out} is missing"
        hint = f"to ask for all that an app password may do: atpub login --oauth --scope {GENERIC}"
        _warn(Problem("scope-not-granted", message, None, hint, "warning"))
    if credentials.from_environment():
        tell(f"{VARIABLE} is set: runs use that password, and not this login, until you unset it.")


def _find_scope(manifests: tuple[str, ...], environment: str | None, scopes: tuple[str, ...]) -> OAuthScope:
    """Return the scope of the manifest, if there is one, and of the options; raises Usage if there is neither."""
    named = parse_scopes(scopes)
    if GENERIC in named.values:  # servers refuse it beside others, all of which it includes
        return OAuthScope.of((ATPROTO, GENERIC))
    if not (manifests or environment or usual_paths()):
        if not scopes:
            hint = "name the manifest, -m PATH, or each permission: --scope repo:org.lab.note"
            raise Usage("--oauth asks for the permissions that a manifest needs, and there is none here", hint=hint)
        return OAuthScope.of((ATPROTO, *named.values))
    records, _ = validate(read_manifest(manifests, environment, environ()))
    return OAuthScope.of((*manifest_scope(records).values, *named.values))


def _announce(issuer: str, scope: OAuthScope) -> None:
    tell(PLAIN(f"{issuer} will ask you to permit atpub to:"))
    for line in describe_scope(scope):
        tell(PLAIN(f"  - {line}"))


def _warn(problem: Problem) -> None:
    tell_warnings((problem,))


def _open(url: str) -> None:
    """Open a page in the browser, and show its address: the browser may be none that you see."""
    _show(url)
    if webbrowser.open(url):
        tell("Waiting for the browser…")
    else:
        tell("No browser could be opened: open the address yourself, or log in with --no-browser on another machine.")


def _show(url: str) -> None:
    tell("Open this address to log in:")
    tell(escape_terminal(url))


def _paste() -> str:
    """Ask for the address that the browser shows at the end, which leads nowhere."""
    tell("At the end, the browser shows a page that cannot be opened. Paste its address here:")
    with undisturbed():
        return sys.stdin.readline(_LONGEST_LINE)
