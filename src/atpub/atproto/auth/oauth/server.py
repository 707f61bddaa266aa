"""The requests of an OAuth login: metadata, the pushed request, tokens and their end. None follows a redirect.

A request to a token endpoint is sent once: a refresh token, like a code, is good for one use.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from atpub.atproto.auth.oauth.metadata import (
    AuthorizationServer,
    TokenResponse,
    is_private,
    parse_resource,
    parse_server,
    parse_tokens,
)
from atpub.atproto.auth.oauth.proofs import DpopKey, DpopSigner
from atpub.atproto.data import Json, loads
from atpub.atproto.syntax import Did
from atpub.atproto.xrpc.errors import breach, printable
from atpub.atproto.xrpc.exchange import HttpRequest, Timeouts
from atpub.atproto.xrpc.http import HttpClient, NoResponse, Outcome, Reply, ResponseTooLarge
from atpub.errors import (
    AuthenticationFailed,
    AuthorizationDenied,
    AuthorizationMismatch,
    OversizedResponse,
    RepositoryError,
    Unavailable,
)
from atpub.redact import hide

_LONGEST: Final = 64 * 1024
_TIMEOUTS: Final = Timeouts.of(20.0)
_RESOURCE: Final = "/.well-known/oauth-protected-resource"
_SERVER: Final = "/.well-known/oauth-authorization-server"


_UNKNOWN_SCOPE: Final = ("invalid_scope", "invalid_client_metadata")  # of a server before granular scopes: the latter


class UnknownScope(AuthorizationDenied):
    """A scope that the authorization server does not know."""


def discover(pds: str, http: HttpClient) -> AuthorizationServer:
    """Return the authorization server of a PDS, checked on both sides; raises AuthorizationMismatch or Unavailable."""
    if not is_private(pds):
        raise AuthenticationFailed(f"tokens are not sent to {pds}: others could read them on the way")
    return read_server(parse_resource(pds, _get(pds, _RESOURCE, http)), pds, http)


def read_server(issuer: str, pds: str, http: HttpClient) -> AuthorizationServer:
    """Return the authorization server of a PDS by its origin; raises AuthorizationMismatch or Unavailable."""
    return parse_server(issuer, pds, _get(issuer, _SERVER, http))


def push_request(server: AuthorizationServer, fields: Mapping[str, str], key: DpopKey, http: HttpClient) -> str:
    """Push an authorization request (RFC 9126) and return its URI; raises UnknownScope, AuthorizationDenied."""
    match _post(server.pushed, fields, key, http):
        case {"request_uri": str(uri)} if uri.isprintable() and 0 < len(uri) <= 1024:
            hide(uri)
            return uri
        case _:
            raise AuthorizationMismatch(f"{server.pushed}: the answer has no request_uri")


def request_tokens(
    server: AuthorizationServer, did: Did, fields: Mapping[str, str], key: DpopKey, http: HttpClient
) -> TokenResponse:
    """Return tokens of an account, for a code or a refresh token; raises AuthorizationDenied, AuthorizationMismatch."""
    return parse_tokens(server.issuer, did, _post(server.token, fields, key, http))


def revoke_token(server: AuthorizationServer, client: str, token: str, key: DpopKey, http: HttpClient) -> None:
    """End the session of a token (RFC 7009); one that has ended will do. Raises Unavailable, AuthorizationDenied."""
    if server.revocation is None:
        raise Unavailable(f"{server.issuer} cannot end sessions")
    _post(server.revocation, {"client_id": client, "token": token}, key, http, needs_nonce=False)


def _get(origin: str, path: str, http: HttpClient) -> Json:
    request = HttpRequest("GET", origin + path, timeouts=_TIMEOUTS, redirects=False)
    reply = _reply(request.url, http.send(request, retry="if-failed", longest=_LONGEST))
    if reply.status == 404:
        hint = "log in with an app password instead: atpub login"
        raise Unavailable(f"{origin} does not offer OAuth: {request.url} answers 404", hint=hint)
    if reply.status != 200:
        raise Unavailable(f"{request.url} answers {reply.status}", hint="metadata is not read from elsewhere")
    return _json(request.url, reply)


def _post(url: str, fields: Mapping[str, str], key: DpopKey, http: HttpClient, *, needs_nonce: bool = True) -> Json:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    signer = DpopSigner(key)
    request = HttpRequest("POST", url, headers, None, urlencode(fields).encode(), _TIMEOUTS, signer)
    reply = _reply(url, http.send(request, retry="if-unsent", longest=_LONGEST))
    if not 200 <= reply.status < 300:
        raise _refusal(url, reply)
    if needs_nonce and not reply.headers.get("dpop-nonce"):
        raise AuthorizationMismatch(f"{url} gives no nonce, so that it cannot tell a copied request from this one")
    return _json(url, reply) if reply.body else None


def _reply(url: str, outcome: Outcome) -> Reply:
    match outcome:
        case Reply():
            return outcome
        case NoResponse(reason=reason, code=code):
            raise breach(code)(f"no answer from {url}: {reason}", hint="try again")
        case ResponseTooLarge(longest=longest):
            raise OversizedResponse(f"{url}: the answer has more than {longest:,} bytes")


def _refusal(url: str, reply: Reply) -> RepositoryError | AuthenticationFailed:
    if 300 <= reply.status < 400:
        return AuthorizationMismatch(f"{url} redirects, and no login goes elsewhere")
    if reply.status >= 500 or reply.status == 429:
        return Unavailable(f"{url} answers {reply.status}", hint="try again later")
    error, said = _error(reply)
    text = f"{url} refuses the login: {printable(f'{error} {said}'.strip()) or reply.status}"
    return UnknownScope(text) if error in _UNKNOWN_SCOPE else AuthorizationDenied(text)


def _error(reply: Reply) -> tuple[str, str]:
    """Return the error and its description (RFC 6749, section 5.2), as sent; empty where there is none."""
    try:
        match loads(reply.body):
            case {"error": str(error), "error_description": str(description)}:
                return error, description
            case {"error": str(error)}:
                return error, ""
            case _:
                return "", ""
    except ValueError:
        return "", ""


def _json(url: str, reply: Reply) -> Json:
    try:
        return loads(reply.body)
    except ValueError:
        raise AuthorizationMismatch(f"{url}: the answer is no JSON") from None
