"""An account, its PDS and its authorization server in one, on the loopback: as honest as a test lets it be."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.atproto.auth.oauth.test_proofs import verified
from tests.servers import QuietHandler, serving

Fields: TypeAlias = dict[str, str]
Answer: TypeAlias = tuple[int, object, Mapping[str, str]]
"""A status, a body (JSON unless it is bytes, None for one without end), and headers."""

RESOURCE = "/.well-known/oauth-protected-resource"
SERVER = "/.well-known/oauth-authorization-server"
SESSION = "/xrpc/com.atproto.server.getSession"


@dataclass
class Playground:
    """What the servers answer and were asked; `answers` replaces the answer of a path."""

    url: str = ""
    scope: str = ""
    answers: dict[str, Callable[[Fields], Answer]] = field(default_factory=dict[str, Callable[[Fields], Answer]])
    asked: list[tuple[str, Fields]] = field(default_factory=list[tuple[str, Fields]])
    nonce: str = "nonce-1"
    life: int = 300
    refresh: str = ""
    proofs: set[str] = field(default_factory=set[str])
    failing: Callable[[str], Answer | None] = lambda _: None

    @property
    def did(self) -> str:
        return f"did:web:localhost%3A{urlsplit(self.url).port}"

    def count(self, path: str) -> int:
        return sum(found == path for found, _ in self.asked)

    @property
    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "pushed_authorization_request_endpoint": f"{self.url}/par",
            "revocation_endpoint": f"{self.url}/revoke",
            "scopes_supported": ["atproto", "transition:generic"],
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
            "dpop_signing_alg_values_supported": ["ES256"],
            "authorization_response_iss_parameter_supported": True,
            "require_pushed_authorization_requests": True,
        }

    def tokens(self, **changes: object) -> Answer:
        """New tokens, as the token endpoint gives them, with these changes."""
        self.refresh = f"refresh-{secrets.token_hex(8)}"
        found = {
            "access_token": f"access-{secrets.token_hex(8)}",
            "refresh_token": self.refresh,
            "token_type": "DPoP",
            "scope": self.scope,
            "sub": self.did,
            "expires_in": self.life,
        }
        changed = {name: value for name, value in {**found, **changes}.items() if value is not None}
        return 200, changed, {"DPoP-Nonce": self.nonce}

    def redirect(self, **changes: str) -> Callable[[str], None]:
        """A browser that is sent back at once, with these changes to what it brings."""

        def show(url: str) -> None:
            del url
            asked = next(fields for path, fields in reversed(self.asked) if path == "/par")
            brought = {"state": asked["state"], "iss": self.url, "code": "code-1"} | changes
            visit(f"{asked['redirect_uri']}?{urlencode({name: text for name, text in brought.items() if text})}")

        return show

    def answer(self, path: str, fields: Fields, proof: str) -> Answer:
        self.asked.append((path, fields))
        if path in self.answers:
            return self.answers[path](fields)
        if path in ("/par", "/token", SESSION):
            claims = verified(proof)[1]
            given = {"DPoP-Nonce": self.nonce}
            if claims["jti"] in self.proofs or claims["htu"] != f"{self.url}{path}":
                return 401, {"error": "invalid_dpop_proof"}, given
            self.proofs.add(claims["jti"])
            if claims.get("nonce") != self.nonce:
                return 400, {"error": "use_dpop_nonce"}, given
            if failure := self.failing(path):
                return failure
        return self._honest(path, fields)

    def _honest(self, path: str, fields: Fields) -> Answer:
        given = {"DPoP-Nonce": self.nonce}
        match path:
            case "/.well-known/did.json":
                service = {"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": self.url}
                return 200, {"id": self.did, "service": [service]}, {}
            case "/.well-known/oauth-protected-resource":
                return 200, {"resource": self.url, "authorization_servers": [self.url]}, {}
            case "/.well-known/oauth-authorization-server":
                return 200, self.metadata, {}
            case "/par":
                self.scope = fields["scope"]
                return 201, {"request_uri": "urn:ietf:params:oauth:request_uri:req-1", "expires_in": 60}, given
            case "/token" if fields["grant_type"] == "authorization_code":
                return self.tokens()
            case "/token" if fields["refresh_token"] == self.refresh:
                return self.tokens()
            case "/token":
                return 400, {"error": "invalid_grant", "error_description": "replayed"}, given
            case "/revoke":
                return 200, {}, {}
            case "/xrpc/com.atproto.server.getSession":
                return 200, {"did": self.did, "handle": "alice.example", "active": True}, given
            case _:
                return 404, {}, {}


def visit(url: str) -> int:
    """Request a page of this machine, and return the status."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=10)
    connection.request("GET", f"{parts.path}?{parts.query}")
    try:
        return connection.getresponse().status
    finally:
        connection.close()


@contextmanager
def playground() -> Generator[Playground]:
    """The servers, until the block ends."""
    found = Playground()

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            path = self.path.partition("?")[0]
            status, said, headers = found.answer(path, dict(parse_qsl(body)), self.headers.get("DPoP", ""))
            content = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            if said is not None:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            try:
                while said is None:
                    self.wfile.write(b" " * 65_536)
                self.wfile.write(content)
            except OSError:
                self.close_connection = True

        do_POST = do_GET

    with serving(Handler) as url:
        found.url = url.replace("127.0.0.1", "localhost")
        yield found
