"""Headers of tar members as `tarfile` reads them, with a bound on their size and no damage that ends an archive."""

from __future__ import annotations

import tarfile
from typing import Final

_LONGEST: Final = 1 << 20
_EXTENDED: Final = frozenset(
    (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
)
"""The types of headers whose data `tarfile` reads into memory."""
_DAMAGED: Final[tuple[type[Exception], ...]] = tuple(
    getattr(tarfile, name)  # typeshed leaves them out
    for name in ("InvalidHeaderError", "TruncatedHeaderError")
)
"""What ends an archive without an error, unless it is the first header."""

NONSENSE: Final = (tarfile.TarError, ValueError, ArithmeticError, LookupError, EOFError, RecursionError)
"""What `tarfile` raises where a header makes no sense."""


class BoundedTarInfo(tarfile.TarInfo):
    """A member whose header is at most 1 MiB; raises ReadError for another one, and where it is damaged."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str | None, errors: str) -> BoundedTarInfo:
        try:
            found = super().frombuf(buf, encoding, errors)  # type: ignore[arg-type]  # as `tarfile` calls it
        except _DAMAGED as error:
            raise tarfile.ReadError(str(error)) from None
        if found.type in _EXTENDED and found.size > _LONGEST:
            raise tarfile.ReadError(f"a header has {found.size:,} bytes")
        return found
