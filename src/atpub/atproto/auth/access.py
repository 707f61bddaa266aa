"""Authorization of requests: the one interface between ways to log in and the rest."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

from atpub.atproto.auth.oauth.scopes import OAuthScope
from atpub.atproto.xrpc.exchange import RequestSigner

T = TypeVar("T")

_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")


@dataclass(frozen=True, slots=True)
class Access:
    """A token and the URL of the server that it is for, which need not be the one that was logged in at.

    It is a bearer token, unless a `signer` shows with each request who holds it (OAuth: DPoP).
    """

    server: str
    token: str = field(repr=False)
    signer: RequestSigner | None = field(default=None, repr=False)


class Authorizer(Protocol):
    """A login that authorizes requests of one account."""

    def authorized(self, send: Callable[[Access], T]) -> T:
        """Return what `send` returns; call it again, with another access, where the server refuses the first.

        Any number of threads may call it. Raises AuthenticationFailed.
        """
        ...

    def scope(self) -> OAuthScope | None:
        """Return what the login permits, as far as that is known without a request; None where it is not limited."""
        ...


def is_token(text: str) -> bool:
    """Whether a header can carry the text as a bearer token (RFC 6750, section 2.1)."""
    return _TOKEN.fullmatch(text) is not None
