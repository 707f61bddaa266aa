"""Findings of verify and of an inventory fit the terminal, without a word cut."""

import pytest
from rich.cells import cell_len

from atpub.atproto.syntax import AtUri
from atpub.engine.audit.verify import Audit, InventoryFinding
from atpub.report.inventory import audit_text
from atpub.report.style import Style
from atpub.report.verified import verification_text
from atpub.verifying.model import Finding, Verification

URI = "at://did:web:local.invalid/org.lab.note/one"
WORDS = "the shard's bytes are not those that the record's checksum says " * 3


@pytest.mark.parametrize("width", [60, 80, 120])
def test_findings_fit(width: int) -> None:
    found = Verification(1, 1, 0, 0, [Finding("bad-shard", URI, WORDS, WORDS, ("storage", 0), address="datasets/a")])
    audit = Audit("lab", 1, (InventoryFinding("missing", AtUri.parse(URI), WORDS, WORDS, WORDS),), {}, {})
    style, plain = Style(colour=False, width=width), Style()
    for narrow, whole in (
        (verification_text(found, style), verification_text(found, plain)),
        (audit_text(audit, "local", "did:web:local.invalid", style), audit_text(audit, "local", "x", plain)),
    ):
        lines = narrow.splitlines()[1:]  # the first names the record or the account
        assert max(map(cell_len, lines)) <= width
        assert " ".join(narrow.split()[4:]) == " ".join(whole.split()[4:])
