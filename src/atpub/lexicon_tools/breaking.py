"""`atpub lex breaking`: two versions of lexicons → changes at their places, without those that are approved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from atpub.atproto.evolution.compare import compare_versions
from atpub.atproto.evolution.model import Bump, LexiconChange, largest
from atpub.atproto.lexicon.model import Lexicons
from atpub.atproto.syntax import Nsid
from atpub.lexicon_tools.against_data import DataResult
from atpub.lexicon_tools.versions import VersionFiles, files_by_nsid, link_versions
from atpub.manifest.lexicon_files import find_places
from atpub.problems import Place, Problem
from atpub.text.document import Document
from atpub.text.source import Source


@dataclass(frozen=True, slots=True)
class PlacedChange:
    """A change, its place in the new file (else in the old one), and whether it is approved."""

    change: LexiconChange
    place: Place
    is_approved: bool = False

    @property
    def is_breaking(self) -> bool:
        """Whether the change breaks someone, and is not approved."""
        return self.change.is_breaking and not self.is_approved


@dataclass(frozen=True, slots=True)
class BreakingResult:
    """What two versions differ in: the number of lexicons that were compared, and the changes in their order."""

    lexicons: int
    changes: tuple[PlacedChange, ...]
    warnings: tuple[Problem, ...] = ()
    data: DataResult | None = None

    @property
    def breaking(self) -> Sequence[PlacedChange]:
        """The changes that break someone, and are not approved."""
        return [item for item in self.changes if item.is_breaking]

    @property
    def bump(self) -> Bump | None:
        """The change of version that the lexicons need; None where nothing differs."""
        return largest(item.change.bump for item in self.changes) if self.changes else None


def find_breaking(
    old: VersionFiles, new: VersionFiles, known: Lexicons, approved: frozenset[str] = frozenset()
) -> BreakingResult:
    """Compare two versions; raises InvalidInput where the new one is invalid."""
    nsids = compared_nsids(old, new)
    linked = link_versions(old, new, known, nsids)
    changes = [*compare_versions(linked.old, linked.new)]
    places = _Places(old, new)
    placed = tuple(PlacedChange(change, places.find(change), change.approval in approved) for change in changes)
    unused = sorted(approved - {change.approval for change in changes})
    hint = "remove it from [tool.atpub.breaking]: a change of something else has another digest"
    idle = [Problem("unused-approval", f"no change is {line!r}", None, hint, "warning") for line in unused]
    return BreakingResult(len(nsids), placed, (*linked.warnings, *idle))


def compared_nsids(old: VersionFiles, new: VersionFiles) -> frozenset[Nsid]:
    """Return the lexicons to compare: where a version is partial, one that is not in the new one need not be gone."""
    return new.nsids if old.partial or new.partial else old.nsids | new.nsids


class _Places:
    """The places of changes; each file is parsed once."""

    def __init__(self, old: VersionFiles, new: VersionFiles) -> None:
        self._files = {True: files_by_nsid(new), False: files_by_nsid(old)}
        self._documents: dict[Source, Document | None] = {}

    def find(self, change: LexiconChange) -> Place:
        """Return the place of a change."""
        source = self._files[change.is_in_new][change.nsid].source
        if source not in self._documents:
            self._documents[source] = find_places(source)
        document = self._documents[source]
        return document.place(change.path, of="key") if document else Place(source.file)
