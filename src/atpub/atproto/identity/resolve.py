"""From the name of an account to its DID and its server (AT Protocol specification: Handle, DID).

A DID names its server in its document. Where the user names the server, only that server is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from atpub.atproto.data import Json, JsonObject, loads
from atpub.atproto.identity.handles import LOOKUP_TIMEOUTS, ResolverConfig, did_at_server, did_of
from atpub.atproto.syntax import Did, Handle, SyntaxViolation, parse_at_identifier
from atpub.atproto.xrpc.errors import breach, printable
from atpub.atproto.xrpc.exchange import HttpRequest, is_loopback
from atpub.atproto.xrpc.http import HttpClient, NoResponse, Reply, ResponseTooLarge
from atpub.atproto.xrpc.transport import base_url
from atpub.errors import OversizedResponse, RepositoryNotFound, Unavailable, Usage

_PLC = re.compile(r"did:plc:[a-z2-7]{24}")
_WEB = re.compile(r"did:web:(?P<host>[a-zA-Z0-9.-]+)(?:%3[Aa](?P<port>[0-9]{1,5}))?")
_LONGEST_DOCUMENT = 1024 * 1024
_AGAIN = "try again; or name the account's server yourself, with --pds"


@dataclass(frozen=True, slots=True)
class Identity:
    """An account: its DID, the URL of its server, and the handle where it was named by one."""

    did: Did
    pds: str
    handle: Handle | None = None


def resolve(
    account: str, http: HttpClient, *, pds: str | None = None, config: ResolverConfig | None = None
) -> Identity:
    """Who and where an account is; `pds` is the URL of its server, where the user says it.

    Raises Usage for what is neither a handle nor a DID, RepositoryNotFound for one that leads nowhere, and Unavailable.
    """
    config = config or ResolverConfig()
    name = parse_account(account)
    if pds is not None:
        server = base_url(pds)
        did = name if isinstance(name, Did) else did_at_server(name, server, http)
        return Identity(did, server, name if isinstance(name, Handle) else None)
    if isinstance(name, Did):
        return Identity(name, server_named(name, read_document(name, http, config)))
    return _of_handle(name, http, config)


def parse_account(account: str) -> Did | Handle:
    """Return the name of an account as users write it; raises Usage."""
    try:
        name = parse_at_identifier(account.removeprefix("@"))
    except SyntaxViolation:
        raise Usage(f"{account!r} is not an account", hint="give a handle such as lab.example.org, or a DID") from None
    return name if isinstance(name, Did) else Handle(name.lower())


def _of_handle(handle: Handle, http: HttpClient, config: ResolverConfig) -> Identity:
    did = did_of(handle, http, config)
    document = read_document(did, http, config)
    if handle not in _handles(document):
        raise RepositoryNotFound(
            f"{handle} leads to {did}, which does not claim that handle", hint="name the account by its DID"
        )
    return Identity(did, server_named(did, document), handle)


def read_document(did: Did, http: HttpClient, config: ResolverConfig) -> JsonObject:
    """Return the DID's document, from the PLC directory or the domain of a did:web (DID page)."""
    url = _document_url(did, config)
    outcome = http.send(HttpRequest("GET", url, timeouts=LOOKUP_TIMEOUTS), retry="if-failed", longest=_LONGEST_DOCUMENT)
    match outcome:
        case Reply(status=200, body=body):
            return _check(did, url, body)
        case Reply(status=404 | 410):
            raise RepositoryNotFound(f"there is no account {did}: {url} does not have it", hint="check the DID")
        case Reply(status=status):
            raise Unavailable(f"the document of {did} cannot be read: {url} answers {status}", hint=_AGAIN)
        case NoResponse(reason=reason, code=code):
            raise breach(code)(f"cannot reach {url}: {reason}", hint=_AGAIN)
        case ResponseTooLarge(longest=longest):
            raise OversizedResponse(f"{url} has more than {longest:,} bytes", hint=_AGAIN)


def _document_url(did: Did, config: ResolverConfig) -> str:
    """Where the document is, for the DIDs that the AT Protocol has (DID page: blessed methods)."""
    if _PLC.fullmatch(did):
        return f"{config.plc.rstrip('/')}/{did}"
    if found := _WEB.fullmatch(did):
        host, port = found["host"], found["port"]
        if is_loopback(host):
            return f"http://{host}{f':{port}' if port else ''}/.well-known/did.json"
        if Handle.accepts(host) and not port:
            return f"https://{host}/.well-known/did.json"
    hint = "one is did:plc: and 24 of the characters a-z and 2-7, or did:web: and a domain, with no path and no port"
    raise RepositoryNotFound(f"{did} is not a did:plc or did:web of the AT Protocol", hint=hint)


def _check(did: Did, url: str, body: bytes) -> JsonObject:
    try:
        document = loads(body)
    except ValueError as error:
        raise Unavailable(f"{url} is no DID document: {error}") from None
    if not isinstance(document, dict) or document.get("id") != did:
        raise Unavailable(f"{url} is not the document of {did}")
    return document


def _handles(document: JsonObject) -> Iterator[str]:
    """Yield the handles that a document claims (DID page: alsoKnownAs)."""
    for name in _items(document, "alsoKnownAs"):
        if isinstance(name, str) and name.startswith("at://"):
            yield name.removeprefix("at://").lower()


def server_named(did: Did, document: JsonObject) -> str:
    """Return the URL of the server that a document names (DID page: the service with the id `#atproto_pds`).

    Raises RepositoryNotFound where it names none, and Unavailable where that is no URL of a server.
    """
    for service in _items(document, "service"):
        match service:
            case {"id": str(name), "type": "AtprotoPersonalDataServer", "serviceEndpoint": str(url)}:
                if name in ("#atproto_pds", f"{did}#atproto_pds"):
                    return _usable(did, url)
            case _:
                pass
    hint = "if it has one, name it: ATPUB_PDS, --pds, or in Python pds= or AtmosphereClient(base_url)"
    raise RepositoryNotFound(f"{did} has no server: its DID document names none", hint=hint)


def _usable(did: Did, url: str) -> str:
    try:
        return base_url(url)
    except Usage:
        raise Unavailable(f"the DID document of {did} names no usable server: {printable(url)}") from None


def _items(document: JsonObject, key: str) -> list[Json]:
    found = document.get(key)
    return found if isinstance(found, list) else []
