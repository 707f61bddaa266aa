"""`atpub lex status`: lexicons in files, compared with the published ones and with what the DNS says of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from atpub.atproto.identity.dns import Unresolved
from atpub.atproto.identity.lexicons import authority_of
from atpub.atproto.syntax import Did, Nsid
from atpub.lexicon_resolution.closure import HeldLexicon
from atpub.lexicon_resolution.publishers import Ask, txt_record
from atpub.lexicon_tools.versions import list_published
from atpub.repository.interface import Repository
from atpub.repository.model import Record

RecordState: TypeAlias = Literal["same", "differs", "not-published", "no-file", "invalid"]
"""How a file and the account's record compare; there may be no file, or an invalid one."""
DnsState: TypeAlias = Literal["account", "missing", "other-account", "not-asked"]
"""Whom the DNS names as publisher; for a repository in a folder it is not asked."""


@dataclass(frozen=True, slots=True)
class LexiconStatus:
    """A lexicon, its file if there is one, and its states; `reason` explains that of the DNS."""

    nsid: Nsid
    file: str | None
    record: RecordState
    dns: DnsState = "not-asked"
    reason: str = ""

    @property
    def authority(self) -> str:
        """The domain whose DNS names the publisher."""
        return authority_of(self.nsid)

    @property
    def is_well(self) -> bool:
        """Whether there is nothing to do: a published lexicon that has no file here may be another project's."""
        return self.record == "no-file" or (self.record == "same" and self.dns in ("account", "not-asked"))


def read_status(held: Mapping[Nsid, HeldLexicon], repository: Repository, ask: Ask | None) -> tuple[LexiconStatus, ...]:
    """Return the status of each lexicon in a file, and of the account's others of the same authorities, sorted.

    Without `ask`, the DNS is not asked. Raises RepositoryError.
    """
    return compare(held, list_published(repository), repository.did, ask)


def compare(
    held: Mapping[Nsid, HeldLexicon], records: Mapping[Nsid, Record], did: Did, ask: Ask | None
) -> tuple[LexiconStatus, ...]:
    """Return the status of each lexicon in a file, and of the records of the same authorities."""
    own = {authority_of(nsid) for nsid in held}
    names = {*held, *(nsid for nsid in records if authority_of(nsid) in own)}
    return tuple(_status(nsid, held.get(nsid), records.get(nsid), did, ask) for nsid in sorted(names))


def _status(nsid: Nsid, held: HeldLexicon | None, record: Record | None, did: Did, ask: Ask | None) -> LexiconStatus:
    file = held.file if held else None
    state = _record_state(held, record)
    if ask is None or state == "no-file":
        return LexiconStatus(nsid, file, state)
    return LexiconStatus(nsid, file, state, *_dns_state(nsid, did, ask(nsid)))


def _record_state(held: HeldLexicon | None, record: Record | None) -> RecordState:
    if held is None:
        return "no-file"
    if held.found is None:
        return "invalid"
    if record is None:
        return "not-published"
    return "same" if held.found.resolution.cid == record.cid else "differs"


def _dns_state(nsid: Nsid, did: Did, named: Did | Unresolved) -> tuple[DnsState, str]:
    if named == did:
        return "account", ""
    if isinstance(named, Unresolved):
        return "missing", f"{named.reason}; set the record: {txt_record(nsid, did)}"
    return "other-account", f"it names {named}"
