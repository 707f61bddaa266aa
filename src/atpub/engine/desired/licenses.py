"""Checks of licences against SPDX: readers compare them as text."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any, Final

from atpub.problems import Problem
from atpub.suggest import nearest

_OTHERS: Final = ("LicenseRef-", "DocumentRef-")
"""How names of licences begin that SPDX has no list of (SPDX 2.3, annex D)."""


COMMON: Final = frozenset(
    [
        *("CC0-1.0", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC-BY-ND-4.0"),
        *("CC-BY-NC-3.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-3.0", "CC-BY-NC-SA-4.0", "CC-BY-NC-ND-4.0"),
        *(
            "ODC-By-1.0",
            "ODbL-1.0",
            "PDDL-1.0",
            "CDLA-Permissive-1.0",
            "CDLA-Permissive-2.0",
            "CDLA-Sharing-1.0",
            "C-UDA-1.0",
        ),
        *("C-UDA-1.0", "DL-DE-BY-2.0", "EUPL-1.2", "OGL-UK-3.0", "etalab-2.0"),
        *("Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0", "Unlicense"),
        *("AGPL-3.0-only", "GPL-2.0-only", "GPL-3.0-only", "GPL-3.0-or-later", "LGPL-3.0-only"),
    ]
)
"""The licences of most datasets, which need not wait for SPDX's list."""


@cache
def _spdx() -> tuple[Any, tuple[type[Exception], ...]]:
    """Load the SPDX licences, which takes a tenth of a second, and the exceptions of their parser."""
    from license_expression import (  # type: ignore[import-untyped]  # it has no types
        ExpressionError,
        ExpressionParseError,
        get_spdx_licensing,
    )

    return get_spdx_licensing(), (ExpressionError, ExpressionParseError)


@lru_cache(maxsize=1000)
def check_license(text: str) -> Problem | None:
    """Return a warning about a text that is neither an SPDX licence expression nor a URL, with a suggestion."""
    if text in COMMON or "://" in text:
        return None
    licensing, refusals = _spdx()
    try:
        parsed = licensing.parse(text, strict=True)
    except refusals:
        parsed = None
    keys: list[str] = [""] if parsed is None else licensing.unknown_license_keys(parsed)
    unknown = [key for key in keys if not key.startswith(_OTHERS)]
    if unknown:
        message = f"license: {text!r} is not an SPDX licence expression"
        return Problem("bad-license", message, None, _meant(unknown[0], licensing.known_symbols), "warning")
    if _bare(str(parsed)) == _bare(text):
        return None
    return Problem("bad-license", f"license: SPDX writes {text!r} otherwise", None, f"write {str(parsed)!r}", "warning")


def _bare(text: str) -> list[str]:
    return text.replace("(", " ").replace(")", " ").split()


def _meant(text: str, known: Iterable[str]) -> str:
    """Find the most similar licence, comparing letters and digits only."""
    plain = {_plain(name): name for name in sorted(known) if not name.startswith(_OTHERS)}
    close = nearest(_plain(text), plain)
    return f"did you mean {plain[close]!r}?" if close else "such as CC-BY-4.0 or MIT; or give the text's URL"


def _plain(text: str) -> str:
    return "".join(filter(str.isalnum, text.lower()))
