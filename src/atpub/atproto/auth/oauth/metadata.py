"""What servers state about an OAuth login, checked: their metadata, and the end of an authorization.

The account's own server names the authorization server, and each later statement has to agree with that: whoever sends
it could otherwise have another server's login taken for this account's (AT Protocol specification: OAuth).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit

from atpub.atproto.auth.access import is_token
from atpub.atproto.auth.oauth.scopes import ATPROTO, OAuthScope
from atpub.atproto.data import Json, JsonObject
from atpub.atproto.syntax import Did
from atpub.atproto.xrpc.errors import printable
from atpub.atproto.xrpc.exchange import is_loopback
from atpub.atproto.xrpc.transport import base_url
from atpub.errors import AuthorizationDenied, AuthorizationMismatch, Usage
from atpub.redact import hide

REDIRECT_PATH: Final = "/callback"

_REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "response_types_supported": ("code",),
    "grant_types_supported": ("authorization_code", "refresh_token"),
    "code_challenge_methods_supported": ("S256",),
    "token_endpoint_auth_methods_supported": ("none",),
    "dpop_signing_alg_values_supported": ("ES256",),
    "scopes_supported": (ATPROTO,),
}
_URL: Final = re.compile(r"[!-~]{1,2000}")
_LONGEST_CALLBACK: Final = 8192
_LONGEST_TOKEN: Final = 16_384
_SHORTEST_LIFE: Final = 60
_USUAL_LIFE: Final = 300  # seconds; what the specification recommends
_LONGEST_LIFE: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class AuthorizationServer:
    """An authorization server: its origin, and the URLs of its endpoints."""

    issuer: str
    authorization: str
    token: str
    pushed: str
    revocation: str | None
    scopes: frozenset[str]

    def authorization_url(self, client: str, request_uri: str) -> str:
        """Return the URL of the page on which the account's owner confirms a pushed request."""
        separator = "&" if urlsplit(self.authorization).query else "?"
        return self.authorization + separator + urlencode({"client_id": client, "request_uri": request_uri})


@dataclass(frozen=True, slots=True)
class TokenResponse:
    """The tokens of an account, what they permit, and for how many seconds."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    scope: OAuthScope
    seconds: int


def client_id(scope: OAuthScope) -> str:
    """Return the identifier of this client, which needs no page on the web (OAuth: Localhost Client)."""
    return "http://localhost?" + urlencode({"redirect_uri": f"http://127.0.0.1{REDIRECT_PATH}", "scope": str(scope)})


def is_private(url: str) -> bool:
    """Return whether what goes to a URL cannot be overheard: HTTPS, or this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))


def parse_resource(pds: str, document: Json) -> str:
    """Return the authorization server of a PDS (protected resource metadata); raises AuthorizationMismatch."""
    match document:
        case {"resource": resource, "authorization_servers": [str(issuer)]} if _is_origin(resource, pds):
            return _check_origin(pds, issuer)
        case {"resource": str(resource), "authorization_servers": [str()]}:
            raise AuthorizationMismatch(f"{pds} states that it is {printable(resource)}")
        case _:
            raise AuthorizationMismatch(f"{pds} does not name its one authorization server")


def _is_origin(value: Json, origin: str) -> bool:
    return isinstance(value, str) and value.removesuffix("/") == origin


def _check_origin(pds: str, issuer: str) -> str:
    try:
        origin = base_url(issuer)
    except Usage:
        origin = ""
    if (
        origin != issuer
        or not is_private(issuer)
        or (urlsplit(pds).scheme, urlsplit(issuer).scheme) == ("https", "http")
    ):
        raise AuthorizationMismatch(f"{pds} names an authorization server that is no HTTPS origin: {printable(issuer)}")
    return issuer


def parse_server(issuer: str, pds: str, document: Json) -> AuthorizationServer:
    """Return the authorization server of a PDS by its metadata (RFC 8414); raises AuthorizationMismatch."""
    if not isinstance(document, dict):
        raise AuthorizationMismatch(f"{issuer}: the metadata is no JSON object")
    if document.get("issuer") != issuer:
        raise AuthorizationMismatch(f"{issuer} states that it is {printable(str(document.get('issuer')))}")
    resources = document.get("protected_resources", [pds])
    if not isinstance(resources, list) or not any(_is_origin(resource, pds) for resource in resources):
        raise AuthorizationMismatch(f"{pds} names the authorization server {issuer}, which is not for {pds}")
    for name, values in _REQUIRED.items():
        supported = document.get(name)
        if not isinstance(supported, list) or not all(value in supported for value in values):
            raise AuthorizationMismatch(
                f"{issuer} does not support what a login needs: {name} lacks {' or '.join(values)}"
            )
    for name in ("authorization_response_iss_parameter_supported", "require_pushed_authorization_requests"):
        if document.get(name) is not True:
            raise AuthorizationMismatch(f"{issuer} does not support what a login needs: {name} is not true")
    scopes = document["scopes_supported"]
    assert isinstance(scopes, list)
    return AuthorizationServer(
        issuer,
        _endpoint(issuer, document, "authorization_endpoint"),
        _endpoint(issuer, document, "token_endpoint"),
        _endpoint(issuer, document, "pushed_authorization_request_endpoint"),
        _endpoint(issuer, document, "revocation_endpoint") if document.get("revocation_endpoint") else None,
        frozenset(scope for scope in scopes if isinstance(scope, str)),
    )


def _endpoint(issuer: str, document: JsonObject, name: str) -> str:
    url = document.get(name)
    if isinstance(url, str) and _URL.fullmatch(url) and _is_endpoint(issuer, url):
        return url
    raise AuthorizationMismatch(f"{issuer}: {name} is no HTTPS URL: {printable(str(url))}")


def _is_endpoint(issuer: str, url: str) -> bool:
    """Return whether a URL has the scheme of the issuer, a host, and neither credentials nor a fragment."""
    try:
        parts = urlsplit(url)
        has_own_address = not (parts.username or parts.password or parts.fragment) and bool(parts.hostname)
    except ValueError:
        return False
    return has_own_address and parts.scheme == urlsplit(issuer).scheme and is_private(url)


def parse_callback(query: str, *, state: str, issuer: str) -> str:
    """Return the code in the query of a redirect; `state` and `issuer` are those of the request.

    Raises AuthorizationMismatch for an answer to another request or of another server, and AuthorizationDenied.
    """
    if len(query) > _LONGEST_CALLBACK:
        raise AuthorizationMismatch("the answer from the browser is too long")
    try:
        found = parse_qs(query, max_num_fields=20)
    except ValueError:
        found = {}
    once = {name: values[0] for name, values in found.items() if len(values) == 1}
    if not compare_digest(once.get("state", "").encode(errors="replace"), state.encode()):
        raise AuthorizationMismatch("the answer from the browser belongs to another login: its state differs")
    if once.get("iss") != issuer:
        message = f"the answer from the browser is of {printable(once.get('iss', 'no server'))}, not of {issuer}"
        raise AuthorizationMismatch(message)
    if "error" in once:
        said = " ".join(filter(None, (once["error"], once.get("error_description", ""))))
        raise AuthorizationDenied(f"{issuer} did not authorize the login: {printable(said)}")
    code = once.get("code", "")
    if not code or not code.isprintable():
        raise AuthorizationDenied(f"{issuer} did not authorize the login: it gave no code")
    hide(code)
    return code


def parse_tokens(issuer: str, did: Did, document: Json) -> TokenResponse:
    """Return the tokens of an account that a token endpoint answers with; raises AuthorizationMismatch."""
    if not isinstance(document, dict):
        raise AuthorizationMismatch(f"{issuer}: the answer is no JSON object")
    access, refresh = document.get("access_token"), document.get("refresh_token")
    hide(*(token for token in (access, refresh) if isinstance(token, str)))
    if document.get("sub") != did:
        raise AuthorizationMismatch(f"{issuer} authorized {printable(str(document.get('sub')))}, not {did}")
    if str(document.get("token_type")).lower() != "dpop":
        raise AuthorizationMismatch(f"{issuer} gave tokens that are not bound to this machine's key")
    if not (isinstance(access, str) and isinstance(refresh, str) and _fits(access) and _fits(refresh)):
        raise AuthorizationMismatch(f"{issuer} gave no two tokens that requests can carry")
    return TokenResponse(access, refresh, _granted_scope(issuer, document.get("scope")), _life(document))


def _fits(token: str) -> bool:
    return len(token) <= _LONGEST_TOKEN and is_token(token)


def _granted_scope(issuer: str, text: Json) -> OAuthScope:
    try:
        scope = OAuthScope.parse(text) if isinstance(text, str) and len(text) <= _LONGEST_TOKEN else OAuthScope(())
    except ValueError:
        scope = OAuthScope(())
    if ATPROTO not in scope.values:
        raise AuthorizationMismatch(f"{issuer} gave tokens without the scope {ATPROTO}")
    return scope


def _life(document: JsonObject) -> int:
    match document.get("expires_in"):
        case int() as seconds if not isinstance(seconds, bool):
            return min(max(seconds, _SHORTEST_LIFE), _LONGEST_LIFE)
        case _:
            return _USUAL_LIFE
