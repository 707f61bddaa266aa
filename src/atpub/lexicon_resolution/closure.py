"""Lexicons and all that they refer to, near or far: what is at hand stays, what is locked is held to its CID.

`collect` asks the source for the others and writes nothing: a pull that fails leaves every file as it was.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from atpub.atproto.data import Json
from atpub.atproto.lexicon.link import references
from atpub.atproto.syntax import Nsid
from atpub.errors import (
    AtpubError,
    FileConflict,
    InvalidInput,
    OversizedResponse,
    RecordNotFound,
    RepositoryError,
    RepositoryNotFound,
    SlowResponse,
)
from atpub.lexicon_resolution.sources import FoundLexicon, LexiconSource
from atpub.manifest.lexicon_lock import LexiconLock, Resolution
from atpub.problems import Problem

MOST_LEXICONS: Final = 2_000
"""The most lexicons of one pull."""
MOST_STEPS: Final = 64
"""The most references from a lexicon that is named to one that is pulled for it."""
MOST_SECONDS: Final = 600.0
"""The most seconds of one pull."""

State: TypeAlias = Literal["new", "changed", "unchanged"]


@dataclass(frozen=True, slots=True)
class HeldLexicon:
    """A lexicon file that is at hand: its path, and what was read from it (None: it is invalid)."""

    file: str
    found: FoundLexicon | None


@dataclass(frozen=True, slots=True)
class PulledLexicon:
    """A lexicon that was pulled now or before; `held` is the file that has it, or an earlier one, already."""

    found: FoundLexicon
    state: State
    held: HeldLexicon | None


@dataclass(frozen=True, slots=True)
class PullOptions:
    """The lexicons that a pull is for, and what it may do.

    `update` asks for locked lexicons again, for those named or else for all; `force` replaces files that were changed,
    or not pulled.
    """

    names: frozenset[Nsid] = frozenset()
    update: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True)
class CollectedLexicons:
    """Lexicons that were pulled, and why some could not be that others only mention."""

    pulled: Mapping[Nsid, PulledLexicon]
    missing: Mapping[Nsid, RepositoryError]


@dataclass(frozen=True, slots=True)
class _Step:
    """A lexicon to take, the one that refers to it, and how many references are between it and one that was named."""

    nsid: Nsid
    referrer: str = ""
    distance: int = 0
    is_needed: bool = True


@dataclass(slots=True)
class _Collector:
    held: Mapping[Nsid, HeldLexicon]
    lock: LexiconLock
    source: LexiconSource
    options: PullOptions
    seconds: Callable[[], float]
    pulled: dict[Nsid, PulledLexicon] = field(default_factory=dict[Nsid, PulledLexicon])
    missing: dict[Nsid, RepositoryError] = field(default_factory=dict[Nsid, RepositoryError])
    _seen: set[Nsid] = field(default_factory=set[Nsid])

    def run(self) -> None:
        """Pull what was named first, as it may be asked for again, then the rest of the lock."""
        again = self.options.update
        names = self.options.names
        self._follow(sorted(names), again=again)
        self._follow(sorted(self.lock.roots - names), again=again and not names)

    def _follow(self, names: Iterable[Nsid], *, again: bool) -> None:
        waiting = deque(_Step(nsid) for nsid in names)
        while waiting:
            step = waiting.popleft()
            if step.nsid in self._seen:
                continue
            self._seen.add(step.nsid)
            self._check_limits(step)
            try:
                lexicon = self._take(step, again=again)
            except (RepositoryNotFound, RecordNotFound) as error:
                if step.is_needed:
                    raise
                self.missing[step.nsid] = error
                self._seen.remove(step.nsid)  # another lexicon may need it
                continue
            if lexicon is not None:
                self.pulled[step.nsid] = lexicon
                waiting.extend(self._steps_from(step, lexicon, again=again))

    def _steps_from(self, step: _Step, lexicon: PulledLexicon, *, again: bool) -> Iterator[_Step]:
        """Yield what a lexicon refers to; what it only mentions was asked for when it was pulled."""
        needed, mentioned = references_of(lexicon.found)
        if lexicon.state == "unchanged" and not again:
            mentioned &= self.lock.resolutions.keys()
        for name in (*sorted(needed), *sorted(mentioned - needed)):
            yield _Step(name, step.nsid, step.distance + 1, is_needed=name in needed)

    def _check_limits(self, step: _Step) -> None:
        if len(self._seen) > MOST_LEXICONS:
            raise OversizedResponse(f"{step.nsid}: these are more than {MOST_LEXICONS:,} lexicons")
        if step.distance > MOST_STEPS:
            raise OversizedResponse(f"{step.nsid}: more than {MOST_STEPS} references lead to it, one after another")

    def _take(self, step: _Step, *, again: bool) -> PulledLexicon | None:
        """Return a lexicon, from its file where that is as locked; None for one of the user's own."""
        nsid = step.nsid
        held, locked = self.held.get(nsid), self.lock.resolutions.get(nsid)
        if locked is None and held is not None and step.referrer:
            return None
        if locked is not None and not again:
            if held and held.found and held.found.resolution.cid == locked.cid:
                return PulledLexicon(FoundLexicon(held.found.value, held.found.lexicon, locked), "unchanged", held)
            if held and not self.options.force:
                raise _changed_here(nsid, held, locked)
        found = self._fetch(step, None if again else locked)
        if locked is not None and not again and found.resolution.cid != locked.cid:
            raise _changed_there(nsid, found.resolution, locked)
        if held is None:
            return PulledLexicon(found, "new", None)
        if held.found and held.found.resolution.cid == found.resolution.cid:
            return PulledLexicon(found, "unchanged", held)
        if not self.options.force and not (locked and held.found and held.found.resolution.cid == locked.cid):
            raise _in_the_way(nsid, held, found.resolution)
        return PulledLexicon(found, "changed", held)

    def _fetch(self, step: _Step, known: Resolution | None) -> FoundLexicon:
        if self.seconds() > MOST_SECONDS:
            raise SlowResponse(
                f"{step.nsid}: the pull has taken more than {MOST_SECONDS:.0f} seconds; nothing was written"
            )
        try:
            return self.source.fetch(step.nsid, known)
        except RepositoryError as error:
            wanted = f"{step.nsid}, which {step.referrer} refers to" if step.referrer else step.nsid
            raise type(error)(f"{wanted}: {error.message}", hint=error.hint) from None


def collect(
    held: Mapping[Nsid, HeldLexicon],
    lock: LexiconLock,
    source: LexiconSource,
    options: PullOptions,
    seconds: Callable[[], float],
) -> CollectedLexicons:
    """Return the lexicons named and locked, and all that they refer to, except those that are the user's own.

    `seconds` tells how long the pull has taken. Raises InvalidInput where a CID is not the locked one, FileConflict
    where a file would be overwritten, and what the source raises.
    """
    collector = _Collector(held, lock, source, options, seconds)
    collector.run()
    missing = {nsid: error for nsid, error in collector.missing.items() if nsid not in collector.pulled}
    return CollectedLexicons(collector.pulled, missing)


def references_of(found: FoundLexicon) -> tuple[frozenset[Nsid], frozenset[Nsid]]:
    """Return the other lexicons that one needs: the targets of refs and unions; and those that it mentions.

    `lex install` follows both: mentioned are tokens among known values, and methods and collections of permissions.
    """
    own = {found.nsid}
    needed = frozenset(name.nsid for _, name, _ in references(found.lexicon))
    return needed - own, frozenset(_find_mentions(found.value.get("defs"))) - own


def _find_mentions(value: Json) -> Iterator[Nsid]:
    match value:
        case {"type": "string", "knownValues": list(values)}:
            pairs = (item.split("#") for item in values if isinstance(item, str))
            yield from (Nsid(pair[0]) for pair in pairs if len(pair) == 2 and pair[1] and Nsid.accepts(pair[0]))
        case {"type": "permission", "resource": "rpc", "lxm": list(values)}:
            yield from _nsids(values)
        case {"type": "permission", "resource": "repo", "collection": list(values)}:
            yield from _nsids(values)
        case dict():
            for item in value.values():
                yield from _find_mentions(item)
        case list():
            for item in value:
                yield from _find_mentions(item)
        case _:
            pass


def _nsids(values: list[Json]) -> Iterator[Nsid]:
    return (Nsid(item) for item in values if isinstance(item, str) and Nsid.accepts(item))


def _changed_here(nsid: Nsid, held: HeldLexicon, locked: Resolution) -> AtpubError:
    cid = f"the CID {held.found.resolution.cid}" if held.found else "no valid lexicon"
    return FileConflict(
        f"{held.file} was changed after it was pulled: it has {cid}, and the lock {locked.cid} for {nsid}",
        hint="--force replaces it by the locked one; or move it away",
    )


def _changed_there(nsid: Nsid, found: Resolution, locked: Resolution) -> InvalidInput:
    message = f"{nsid} has changed: {found.origin} has the CID {found.cid}, and the lock {locked.cid}"
    return InvalidInput((Problem("lexicon-changed", message, None, "--update takes the newer one"),))


def _in_the_way(nsid: Nsid, held: HeldLexicon, found: Resolution) -> FileConflict:
    cid = f"the CID {held.found.resolution.cid}" if held.found else "no valid lexicon"
    return FileConflict(
        f"{held.file} is another lexicon {nsid}: it has {cid}, and {found.origin} has {found.cid}",
        hint="move it away, or replace it: --force",
    )
