"""Authorization of requests: the one interface between ways to log in and the rest.

A session opened with a password is the only way so far. OAuth would be another `Authorizer`: its `Access` would make
the headers of each request from the request's method and URL (DPoP, RFC 9449) in place of one bearer token.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

T = TypeVar("T")


_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")


@dataclass(frozen=True, slots=True)
class Access:
    """A bearer token and the URL of the server that it is for, which need not be the one that was logged in at."""

    server: str
    token: str = field(repr=False)


class Authorizer(Protocol):
    """A login that authorizes requests of one account."""

    def authorized(self, send: Callable[[Access], T]) -> T:
        """Return what `send` returns; call it again, with another access, where the server refuses the first.

        Any number of threads may call it. Raises AuthenticationFailed.
        """
        ...


def is_token(text: str) -> bool:
    """Whether a header can carry the text as a bearer token (RFC 6750, section 2.1)."""
    return _TOKEN.fullmatch(text) is not None
