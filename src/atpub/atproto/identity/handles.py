"""From a handle to the DID that it claims (AT Protocol specification: Handle, "Handle Resolution").

Its own domain is asked first, in the DNS and then over HTTPS; where neither names a DID, a public resolver, which may
reach servers that are out of reach here. In each case the DID's document has to claim the handle back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from atpub.atproto.identity.dns import Unresolved, did_in_dns
from atpub.atproto.syntax import Did, Handle
from atpub.atproto.xrpc.client import XrpcClient
from atpub.atproto.xrpc.errors import InvalidRequest
from atpub.atproto.xrpc.exchange import HttpRequest, Timeouts
from atpub.atproto.xrpc.http import HttpClient, NoResponse, Reply, ResponseTooLarge
from atpub.atproto.xrpc.transport import base_url
from atpub.errors import RepositoryNotFound, Unavailable, Usage
from atpub.generated.com.atproto.identity import resolve_handle

LOOKUP_TIMEOUTS = Timeouts.of(4.0)
"""Those of one of three tries to look up a name: a directory that is up answers in a fraction of a second."""
_WELL_KNOWN_TIMEOUTS = Timeouts.of(5.0)  # most handles have no web server of their own, and some have a silent one


@dataclass(frozen=True, slots=True)
class ResolverConfig:
    """The servers that names are looked up at.

    These are the PLC directory, a server that resolves handles, a handle's own page, and a DNS server (None: the
    system's).
    """

    plc: str = "https://plc.directory"
    resolver: str = "https://public.api.bsky.app"
    well_known: str = "https://{handle}/.well-known/atproto-did"
    dns: str | None = None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> ResolverConfig:
        """Return the servers that the environment names; raises Usage for what is no address of a server."""
        return cls(
            plc=server_in("ATPUB_PLC", environ, cls().plc),
            resolver=server_in("ATPUB_RESOLVER", environ, cls().resolver),
            dns=environ.get("ATPUB_DNS") or None,
        )


def server_in(variable: str, environ: Mapping[str, str], default: str = "") -> str:
    """Return the server that a variable names; raises Usage, which names the variable."""
    try:
        return base_url(environ.get(variable) or default)
    except Usage as error:
        raise Usage(f"{variable}: {error.message}", hint=error.hint) from None


def did_of(handle: Handle, http: HttpClient, config: ResolverConfig) -> Did:
    """Return the DID that a handle claims; raises RepositoryNotFound where there is none, and Unavailable."""
    in_dns = did_in_dns(handle, config.dns)
    if isinstance(in_dns, Did):
        return in_dns
    on_page = _on_page(handle, http, config)
    if isinstance(on_page, Did):
        return on_page
    asked = f"{in_dns.reason}; {on_page.reason}"
    try:
        return did_at_server(handle, config.resolver, http)
    except RepositoryNotFound as error:
        hint = "check the spelling; a new handle may take a while to be known, the DID works at once"
        raise RepositoryNotFound(f"{error.message}; {asked}", hint=hint) from None
    except Unavailable as error:
        hint = "try again, name the account by its DID, or set ATPUB_RESOLVER to another resolver"
        raise Unavailable(f"the handle {handle} cannot be looked up: {error.message}; {asked}", hint=hint) from None


def did_at_server(handle: Handle, server: str, http: HttpClient) -> Did:
    """Return the DID that a server knows the handle to lead to (com.atproto.identity.resolveHandle)."""
    params = resolve_handle.ResolveHandleParams(handle=handle)
    try:
        return Did(XrpcClient(server, http, timeouts=LOOKUP_TIMEOUTS).query(resolve_handle.METHOD, params).did)
    except (RepositoryNotFound, InvalidRequest) as error:  # the reference PDS names no better error
        raise RepositoryNotFound(f"the handle {handle} leads to no account: {error.message}") from None


def _on_page(handle: Handle, http: HttpClient, config: ResolverConfig) -> Did | Unresolved:
    """Return the DID on the handle's own page (Handle: "HTTPS well-known Method")."""
    url = config.well_known.format(handle=handle)
    match http.send(HttpRequest("GET", url, timeouts=_WELL_KNOWN_TIMEOUTS), retry="never"):
        case Reply(status=200, body=body):
            text = body[:2048].decode(errors="replace").strip()
            return Did(text) if Did.accepts(text) else Unresolved(f"{url} is no DID")
        case Reply(status=status):
            return Unresolved(f"{url} answers {status}")
        case NoResponse(reason=reason):
            return Unresolved(f"{url} cannot be reached: {reason}")
        case ResponseTooLarge():
            return Unresolved(f"{url} is too large")
