"""Lexicons to be published, held against the DNS: it names the one account whose lexicons of an authority count."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TypeAlias

from atpub.atproto.identity.dns import Unresolved
from atpub.atproto.identity.lexicons import authority_of, txt_name
from atpub.atproto.syntax import Did, Nsid
from atpub.engine.plan.digest import plan_digest
from atpub.engine.plan.model import Change, Plan, Refusal
from atpub.manifest.lexicon_lock import COLLECTION
from atpub.problems import Problem
from atpub.suggest import short_list

Ask: TypeAlias = Callable[[Nsid], Did | Unresolved]
"""Takes the NSID of a lexicon, and returns the account that the DNS names for it."""


def txt_record(nsid: Nsid, did: Did) -> str:
    """Return the TXT record that names an account as the publisher of a lexicon, as a zone file has it."""
    return f'{txt_name(nsid)}. TXT "did={did}"'


def check_publishers(plan: Plan, ask: Ask) -> Plan:
    """Return a plan with a refusal of each lexicon that the DNS gives to another account, and warnings.

    A warning tells the TXT record that is missing. The DNS is asked only for lexicons that are to be written.
    """
    written = [change for change in plan.changes if change.path.collection == COLLECTION and change.after is not None]
    found = {str(change.path.rkey): ask(Nsid(change.path.rkey)) for change in written}
    refusals = (*plan.refusals, *_refusals(plan.did, written, found))
    warnings = (*plan.warnings, *_warnings(plan.did, found))
    if (refusals, warnings) == (plan.refusals, plan.warnings):
        return plan
    digest = plan_digest(plan.did, plan.project, plan.changes, refusals, plan.rules, plan.uploads)
    return replace(plan, refusals=refusals, warnings=warnings, digest=digest)


def _refusals(did: Did, written: list[Change], found: Mapping[str, Did | Unresolved]) -> Iterator[Refusal]:
    for change in written:
        nsid = Nsid(change.path.rkey)
        other = found[nsid]
        if isinstance(other, Did) and other != did:
            message = f"the DNS names {other} as the publisher of {authority_of(nsid)}, not {did}"
            hint = f"publish it with that account, or set the record: {txt_record(nsid, did)}"
            yield Refusal(change.address, change.uri, "lexicon-publisher", message, hint)


def _warnings(did: Did, found: Mapping[str, Did | Unresolved]) -> Iterator[Problem]:
    """Yield a warning for each TXT record that is missing."""
    missing: dict[str, list[Nsid]] = {}
    for name, answer in found.items():
        if isinstance(answer, Unresolved):
            missing.setdefault(txt_name(Nsid(name)), []).append(Nsid(name))
    for nsids in missing.values():
        reason = found[nsids[0]]
        assert isinstance(reason, Unresolved)
        message = f"{short_list(nsids)}: not to be found by name: {reason.reason}"
        hint = f"set the record: {txt_record(nsids[0], did)}"
        yield Problem("lexicon-dns", message, None, hint, "warning")
