"""The table of all changes: what each is, the way out, and the names that `goat lex breaking` has for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class ChangeRule:
    """A kind of change: a line that explains it, what to do instead, and goat's names for it."""

    code: str
    summary: str
    way_out: str = ""
    goat: tuple[str, ...] = ()


_NEW_NSID: Final = "publish it under a new NSID"
_KEEP: Final = "keep the old limit, or give the field a new name"
_LENGTH: Final = ("string-length", "bytes-length", "array-length")
_ENUM: Final = ("enum-values",)
_NULLABLE: Final = ("object-nullable",)
_ADD: Final = "add a field with another name"
_RANGE: Final = ("integer-range",)
_GRAPHEMES: Final = ("string-length",)
_SIZE: Final = ("blob-size",)
_REQUIRED: Final = ("object-required", "params-required")


RULES: Final = (
    # Lexicons and definitions
    ChangeRule("lexicon-added", "A lexicon is new."),
    ChangeRule("lexicon-removed", "A lexicon is gone.", "keep it, and describe it as deprecated"),
    ChangeRule("definition-added", "A definition is new."),
    ChangeRule("definition-removed", "A definition is gone.", "keep it, and describe it as deprecated"),
    ChangeRule("kind-changed", "A definition is of another kind, such as a query.", _NEW_NSID, ("type-change",)),
    ChangeRule("key-changed", "Records have another type of key.", _NEW_NSID, ("record-key-type",)),
    ChangeRule("description-changed", "A description has other words."),
    # Objects and parameters
    ChangeRule("field-added", "An optional field is new."),
    ChangeRule("required-field-added", "A required field is new.", "make it optional", _REQUIRED),
    ChangeRule("field-removed", "An optional field is gone.", "keep it, and describe it as deprecated"),
    ChangeRule("required-field-removed", "A required field is gone.", "keep it, and go on writing it", _REQUIRED),
    ChangeRule("field-made-required", "An optional field is required.", "leave it optional", _REQUIRED),
    ChangeRule("field-made-optional", "A required field is optional.", "leave it required", _REQUIRED),
    ChangeRule(
        "field-made-nullable", "A field may be null.", "make it optional and leave it out", ("object-nullable",)
    ),
    ChangeRule(
        "field-made-not-nullable", "A field may not be null any more.", "leave it nullable", ("object-nullable",)
    ),
    # Types
    ChangeRule("type-changed", "A value has another type.", _ADD, ("type-change",)),
    ChangeRule("ref-changed", "A reference has another target.", _ADD, ("ref-change",)),
    ChangeRule("minimum-tightened", "The smallest value is larger, or new.", _KEEP, _RANGE),
    ChangeRule("minimum-loosened", "The smallest value is smaller, or gone.", _KEEP, _RANGE),
    ChangeRule("maximum-tightened", "The largest value is smaller, or new.", _KEEP, _RANGE),
    ChangeRule("maximum-loosened", "The largest value is larger, or gone.", _KEEP, _RANGE),
    ChangeRule("min-length-tightened", "The least length is larger, or new.", _KEEP, _LENGTH),
    ChangeRule("min-length-loosened", "The least length is smaller, or gone.", _KEEP, _LENGTH),
    ChangeRule("max-length-tightened", "The greatest length is smaller, or new.", _KEEP, _LENGTH),
    ChangeRule("max-length-loosened", "The greatest length is larger, or gone.", _KEEP, _LENGTH),
    ChangeRule("min-graphemes-tightened", "The least number of graphemes is larger, or new.", _KEEP, _GRAPHEMES),
    ChangeRule("min-graphemes-loosened", "The least number of graphemes is smaller, or gone.", _KEEP, _GRAPHEMES),
    ChangeRule("max-graphemes-tightened", "The greatest number of graphemes is smaller, or new.", _KEEP, _GRAPHEMES),
    ChangeRule("max-graphemes-loosened", "The greatest number of graphemes is larger, or gone.", _KEEP, _GRAPHEMES),
    ChangeRule("max-size-tightened", "The largest size of a blob is smaller, or new.", _KEEP, _SIZE),
    ChangeRule("max-size-loosened", "The largest size of a blob is larger, or gone.", _KEEP, _SIZE),
    ChangeRule("enum-added", "A value is one of a list.", "use knownValues, which stay open", _ENUM),
    ChangeRule("enum-removed", "A value is not one of a list any more.", _ADD, ("enum-values",)),
    ChangeRule("enum-value-added", "The enum has a value more.", _ADD, _ENUM),
    ChangeRule("enum-value-removed", "The enum has a value less.", "keep it, and write it no more", _ENUM),
    ChangeRule("known-value-added", "The known values are more."),
    ChangeRule("known-value-removed", "The known values are less."),
    ChangeRule("const-changed", "The only value is another.", _ADD, ("const-value",)),
    ChangeRule("default-changed", "An absent field means something else.", "keep the default"),
    ChangeRule("format-changed", "The format of a string is another.", _ADD, ("string-format",)),
    ChangeRule("accept-changed", "A blob has other MIME types.", "accept the old ones, too", ("blob-accept",)),
    # Unions
    ChangeRule("union-closed", "A union is closed.", "leave it open", ("union-open-closed",)),
    ChangeRule("union-opened", "A union is open.", _ADD, ("union-open-closed",)),
    ChangeRule("union-member-added", "An open union has a member more."),
    ChangeRule("union-member-removed", "An open union has a member less.", "keep it, and describe it as deprecated"),
    ChangeRule("closed-union-member-added", "A closed union has a member more.", _NEW_NSID, ("union-closed-refs",)),
    ChangeRule("closed-union-member-removed", "A closed union has a member less.", "keep it", ("union-closed-refs",)),
    # Methods
    ChangeRule("input-added", "A procedure takes a body.", "let parameters carry it, or add a method"),
    ChangeRule("input-removed", "A procedure takes no body.", "go on accepting it"),
    ChangeRule("output-added", "A method gives a body."),
    ChangeRule("output-removed", "A method gives no body.", "go on giving it"),
    ChangeRule("encoding-changed", "A body is of another MIME type.", "add a method", ("body-encoding",)),
    ChangeRule("error-added", "A method has an error more."),
    ChangeRule("error-removed", "A method has an error less."),
    # Permission sets
    ChangeRule("permission-added", "A permission set grants more."),
    ChangeRule("permission-removed", "A permission set grants less.", "keep it, and publish a smaller set beside it"),
    ChangeRule("title-changed", "What users read of a permission set has other words."),
)

BY_CODE: Final[Mapping[str, ChangeRule]] = {rule.code: rule for rule in RULES}
