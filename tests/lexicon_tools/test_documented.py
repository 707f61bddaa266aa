"""docs/lexicon-tools.md: every rule, its severity, its explanation, and the names that goat has for it."""

import re
from pathlib import Path

from atpub.lexicon_tools.rules import RULES

PAGE = (Path(__file__).parents[2] / "docs/lexicon-tools.md").read_text("utf-8")
GOAT = {  # of `goat lex lint`
    *("schema-json-parse", "invalid-nsid", "lexicon-version", "lexicon-schema", "non-main-primary", "unexpected-field"),
    *("unspecified-encoding", "def-name-syntax", "field-name-syntax", "defs-main-definition", "undescribed-token"),
    *("missing-primary-description", "endpoint-output-undefined", "subscription-no-messages", "nullable-and-optional"),
    *("permissionset-no-title", "permissionset-no-permissions", "unlimited-string", "large-string", "unlimited-bytes"),
    *("large-bytes", "known-string-local-ref"),
}


def test_the_table_has_every_rule() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (error|warning) \| (.+?) \| `(.+)` \| (.+) \|$", PAGE, re.MULTILINE)
    listed = [(code, severity, summary, example, names) for code, severity, summary, example, names in rows]
    assert listed == [
        (rule.code, rule.severity, rule.summary, rule.example, ", ".join(f"`{name}`" for name in rule.goat) or "–")
        for rule in RULES
    ]


def test_every_rule_of_goat_has_one_here() -> None:
    assert {name for rule in RULES for name in rule.goat} == GOAT
