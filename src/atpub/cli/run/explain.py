"""`atpub explain`."""

from __future__ import annotations

import sys

from atpub.cli.output import print_data, print_json, style_for
from atpub.errors import Usage
from atpub.explanations.table import explanations, normalize_code
from atpub.report.explanations import codes_json, codes_text, explanation_text
from atpub.suggest import suggest


def run(name: str | None, *, as_json: bool) -> None:
    """Print the explanation of a code, or all codes."""
    table = explanations()
    wanted = None if name is None else normalize_code(name)
    if wanted is not None and wanted not in table:
        raise Usage(f"there is no code {wanted!r}", hint=suggest(wanted, table) or "atpub explain lists all codes")
    items = tuple(table.values()) if wanted is None else (table[wanted],)
    if as_json:
        print_json(codes_json(items))
    elif wanted is None:
        print_data(codes_text(items, style_for(sys.stdout)))
    else:
        print_data(explanation_text(table[wanted], style_for(sys.stdout)))
