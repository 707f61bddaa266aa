"""The DID that a domain names in the DNS.

For a handle (AT Protocol specification: Handle, "DNS TXT method"), or for lexicons (Lexicon, "Lexicon Publication and
Resolution").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from atpub.atproto.syntax import Did, Handle, SyntaxViolation
from atpub.atproto.xrpc.errors import printable
from atpub.errors import RepositoryNotFound, Usage
from atpub.suggest import short_list

if TYPE_CHECKING:
    from dns.resolver import Resolver

SECONDS: Final = 3.0  # for all tries together
_PORT: Final = 53
_ADDRESS: Final = re.compile(r"\[([^]]+)\](?::([0-9]{1,5}))?|([^][:]+)(?::([0-9]{1,5}))?|([^][]+)")


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A domain that names no DID, with the reason."""

    reason: str


def did_in_dns(handle: Handle, server: str | None = None) -> Did | Unresolved:
    """Return the DID in the TXT record of `_atproto.HANDLE`, as `did_in_txt` does."""
    return did_in_txt(f"_atproto.{handle}", server, hint="leave one of them, or name the account by its DID")


def did_in_txt(name: str, server: str | None, *, hint: str) -> Did | Unresolved:
    """Return the DID in the TXT record of a name.

    The system's servers are asked, or the one at `server`: an IP address, with or without a port. Raises
    RepositoryNotFound, with the hint, where several DIDs are named, and Usage for what is no server.
    """
    import dns.exception  # a plan for a DID or a cached identity needs no DNS
    import dns.resolver

    try:
        resolver = _resolver(server)
        answer = resolver.resolve(name, "TXT", lifetime=SECONDS, search=False)
    except dns.resolver.NXDOMAIN:
        return Unresolved(f"DNS has no {name}")
    except dns.resolver.NoAnswer:
        return Unresolved(f"DNS has no TXT record of {name}")
    except dns.resolver.LifetimeTimeout:
        return Unresolved(f"DNS gives no answer for {name} within {SECONDS:.0f} seconds")
    except (dns.exception.DNSException, OSError) as error:
        return Unresolved(f"DNS fails for {name}: {printable(str(error))}")
    return _only_did(name, [b"".join(record.strings).decode(errors="replace") for record in answer], hint)


def _only_did(name: str, texts: list[str], hint: str) -> Did | Unresolved:
    """Return the DID that the records name; those without `did=` serve other purposes."""
    named = sorted({text.removeprefix("did=") for text in texts if text.startswith("did=")})
    dids: list[Did] = []
    for text in named:
        try:
            dids.append(Did.parse(text))
        except SyntaxViolation:
            continue
    match dids:
        case [did]:
            return did
        case []:
            return Unresolved(f"the TXT record of {name} names no DID")
        case _:
            raise RepositoryNotFound(f"the TXT records of {name} name several DIDs: {short_list(dids)}", hint=hint)


def _resolver(server: str | None) -> Resolver:
    from dns.resolver import Resolver

    if server is None:
        return Resolver()
    address, port = _address(server)
    resolver = Resolver(configure=False)
    resolver.nameservers = [address]
    resolver.port = port
    return resolver


def _address(server: str) -> tuple[str, int]:
    """Return an IP address and a port: `9.9.9.9`, `127.0.0.1:5353`, `::1` or `[::1]:5353`."""
    found = _ADDRESS.fullmatch(server)
    host, port = (found[1] or found[3] or found[5], int(found[2] or found[4] or _PORT)) if found else ("", 0)
    try:
        address = str(ip_address(host))
    except ValueError:
        address = ""
    if not address or not 0 < port < 65536:
        hint = "for example ATPUB_DNS=9.9.9.9 or ATPUB_DNS=127.0.0.1:5353"
        raise Usage(f"{server!r} is not the address of a DNS server", hint=hint)
    return address, port
