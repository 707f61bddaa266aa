"""`atpub login --oauth`: from an account to a stored session, with a browser in between."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from typing import Final

from atpub.atproto.auth.oauth.metadata import AuthorizationServer, parse_callback
from atpub.atproto.auth.oauth.scopes import ATPROTO, GENERIC, OAuthScope
from atpub.atproto.auth.oauth.server import UnknownScope, discover
from atpub.atproto.auth.oauth.session import Authorization, ask_authorization, open_session
from atpub.atproto.auth.session import access_of, account_of
from atpub.atproto.auth.session import log_out as end_session
from atpub.atproto.auth.session_store import SessionTokens, StoredSession
from atpub.atproto.identity.handles import ResolverConfig
from atpub.atproto.identity.resolve import Identity, resolve
from atpub.atproto.xrpc.client import XrpcClient
from atpub.atproto.xrpc.errors import printable
from atpub.atproto.xrpc.http import HttpClient
from atpub.errors import (
    AtpubError,
    AuthorizationDenied,
    AuthorizationMismatch,
    InsufficientScope,
    RepositoryError,
    UnconfirmedServer,
)
from atpub.login import keyring
from atpub.login.account import RemoteAccount, look_up
from atpub.login.callback import listening, pasted_query, reserving
from atpub.login.credentials import Credentials
from atpub.login.model import OpenedSession
from atpub.login.session import store_session
from atpub.problems import Problem
from atpub.redact import hide
from atpub.target import Target

WAIT_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True)
class Browser:
    """The way to the person who logs in.

    `announce` gets the authorization server and the scope, before anything else; `warn` gets what is out of the
    ordinary. `show` gets the URL of the page to confirm the login on. `paste` asks for what the browser shows
    afterwards, where it runs on another machine (None: it runs on this one).
    """

    announce: Callable[[str, OAuthScope], None]
    warn: Callable[[Problem], None]
    show: Callable[[str], None]
    paste: Callable[[], str] | None = None
    seconds: float = WAIT_SECONDS


def log_in_with_browser(
    target: Target, credentials: Credentials, scope: OAuthScope, browser: Browser, *, use_keyring: bool = False
) -> OpenedSession:
    """Open an OAuth session of an account, confirmed in a browser, and store it.

    With `use_keyring`, the file is encrypted with a key that the system's keyring has before the browser opens.
    Raises Usage if there is no place for the session or the key, AuthorizationDenied, AuthorizationMismatch,
    UnconfirmedServer, and whatever looking up the account raises.
    """
    sessions = credentials.require_sessions()
    with ExitStack() as stack:
        account = stack.enter_context(look_up(target, credentials.environ))
        identity = _confirm_identity(target, account, ResolverConfig.of(credentials.environ))
        server = discover(identity.pds, account.http)
        key = stack.enter_context(keyring.new_seal(identity.did)) if use_keyring else None
        _warn_of_loss(scope, sessions.find(identity.did, exposed=True), browser)
        asked, answer = _authorize(target, identity, server, scope, browser, account.http)
        tokens = open_session(asked, answer, account.http)
        try:
            tokens = replace(_with_handle(tokens, account.http), seal=key)
            store_session(tokens, sessions, account.http)
        except AtpubError:
            with suppress(AtpubError):  # an unused session expires
                end_session(account.http, tokens)
            raise
    assert tokens.grant is not None
    return OpenedSession(tokens.did, tokens.handle, tokens.server, sessions.path(tokens.did), tokens.grant.scope)


def _confirm_identity(target: Target, account: RemoteAccount, config: ResolverConfig) -> Identity:
    """Return the account with the server that its own document names.

    Raises AuthorizationMismatch for another server, and UnconfirmedServer if only the manifest names that.
    """
    identity = account.identity
    if target.pds is None:
        return identity  # looked up at its document, and not at a server
    name = target.account if target.is_pds_suggested else identity.did  # a handle's DID is what that server says
    named = resolve(name, account.http, config=config)
    if (named.did, named.pds) == (identity.did, identity.pds):
        return identity
    message = f"{name} is {named.did} at {named.pds}, and not {identity.did} at {identity.pds}"
    if named.did == identity.did:
        message = f"{named.did} is at {named.pds}, and not at {identity.pds}"
    if target.is_pds_suggested:
        raise UnconfirmedServer(f"{message}, as the manifest says", hint="remove `pds:` from the manifest")
    raise AuthorizationMismatch(message, hint="an OAuth login is for the account's own server: leave out --pds")


def _warn_of_loss(scope: OAuthScope, older: StoredSession | None, browser: Browser) -> None:
    """Warn where the login that is to be replaced permits more: another manifest may need it."""
    permitted = older.scope if older else None
    lost = OAuthScope(()) if permitted is None else scope.missing(OAuthScope.parse(permitted))
    if lost.values:
        hint = "to keep that: atpub login --oauth " + " ".join(f"--scope {shlex.quote(value)}" for value in lost.values)
        message = f"this login will not permit {lost}, as the last one does"
        browser.warn(Problem("narrower-scope", message, None, hint, "warning"))


def _with_handle(tokens: SessionTokens, http: HttpClient) -> SessionTokens:
    """Return the session with the handle of its account, as far as its server tells it to the holder of the tokens."""
    access = access_of(tokens)
    try:
        found = account_of(XrpcClient(access.server, http), access)
    except (InsufficientScope, RepositoryError):  # it need not: no permission is for that
        return tokens
    if found.did != tokens.did:
        raise AuthorizationMismatch(f"{tokens.server} takes the tokens for {printable(found.did)}, not {tokens.did}")
    return replace(tokens, handle=found.handle)


def _authorize(
    target: Target,
    identity: Identity,
    server: AuthorizationServer,
    scope: OAuthScope,
    browser: Browser,
    http: HttpClient,
) -> tuple[Authorization, str]:
    """Return the authorization that was asked for, and the code that confirms it."""
    browser.announce(server.issuer, scope)
    with ExitStack() as stack:
        listener = None if browser.paste else stack.enter_context(listening())
        redirect = listener.redirect if listener else stack.enter_context(reserving())

        def ask(wanted: OAuthScope) -> Authorization:
            return ask_authorization(identity, server, wanted, redirect, target.account, http)

        asked = _ask(ask, server, scope, browser)
        browser.show(asked.url)
        if listener:
            return asked, parse_callback(listener.wait(browser.seconds), state=asked.state, issuer=server.issuer)
        assert browser.paste is not None
        return asked, _pasted_code(browser.paste(), asked)


def _ask(
    ask: Callable[[OAuthScope], Authorization], server: AuthorizationServer, scope: OAuthScope, browser: Browser
) -> Authorization:
    """Ask for a scope; where the server knows none so narrow, say so and ask for that of an app password.

    `scopes_supported` does not tell: the reference PDS lists none of those with parameters, and knows them all.
    """
    try:
        return ask(scope)
    except UnknownScope:
        if GENERIC not in server.scopes or GENERIC in scope.values:
            raise
    message = f"{server.issuer} does not know these permissions: it can only permit all that an app password may do"
    browser.warn(Problem("broad-scope", message, None, "deny it in the browser if that is too much", "warning"))
    wide = OAuthScope((ATPROTO, GENERIC))
    browser.announce(server.issuer, wide)
    return ask(wide)


def _pasted_code(text: str, asked: Authorization) -> str:
    """Return the code in a pasted URL, or the pasted code: PKCE makes one of another login worthless."""
    query = pasted_query(text.strip())
    if query is not None:
        return parse_callback(query, state=asked.state, issuer=asked.server.issuer)
    code = text.strip()
    if not code or not code.isascii() or not code.isprintable() or " " in code:
        raise AuthorizationDenied("no code was given", hint="paste the whole address that the browser shows at the end")
    hide(code)
    return code
