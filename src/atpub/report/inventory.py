"""The audit and the rebuild of an inventory, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from atpub.atproto.data import JsonObject
from atpub.atproto.syntax import AtUri, Did
from atpub.engine.audit.rebuild import Rebuild
from atpub.engine.audit.verify import Audit, InventoryFinding, readable
from atpub.report.problems import FORMAT_VERSION
from atpub.report.style import BOLD, CYAN, GREEN, PLAIN, RED, YELLOW, Style
from atpub.repository.model import Head
from atpub.suggest import pluralize


def audit_text(audit: Audit, account: str, did: str, style: Style = PLAIN) -> str:
    """Return each finding with its effect on a plan, then the unowned records and the verdict."""
    lines = [f"{style(audit.project, BOLD)} → {style(account, BOLD)} ({style(did)})", ""]
    lines += [line for item in audit.findings for line in _finding(item, style)]
    lines += [""] if audit.findings else []
    lines += [f"Also in the repository: {style(', '.join(also))}."] if (also := [*_others(audit)]) else []
    what = pluralize(audit.owned, "record")
    if audit.exact:
        return "\n".join([*lines, style(f"The inventory is correct: {what} owned.", GREEN)])
    return "\n".join([*lines, style(f"{pluralize(len(audit.findings), 'finding')}; {what} owned.", BOLD, RED)])


def _finding(item: InventoryFinding, style: Style) -> Iterator[str]:
    yield style.hang(f"{item.uri}: {item.message}", (item.code, (BOLD, RED)), (": ", ()))
    yield style.hang(item.effect, ("  ", ()), ("effect", (YELLOW,)), (": ", ()), indent="    ")
    yield style.hang(item.hint, ("  ", ()), ("hint", (CYAN,)), (": ", ()), indent="    ")


def _others(audit: Audit) -> Iterator[str]:
    for name, count in audit.others.items():
        yield f"{pluralize(count, 'record')} of the project {name!r}"
    if audit.unowned:
        listed = ", ".join(f"{count:,} {collection}" for collection, count in audit.unowned.items())
        yield f"{pluralize(sum(audit.unowned.values()), 'record')} that no project owns ({listed})"


def audit_json(audit: Audit, account: str, did: str) -> JsonObject:
    """Return the audit as JSON."""
    return {
        "format_version": FORMAT_VERSION,
        "project": audit.project,
        "account": account,
        "did": did,
        "exact": audit.exact,
        "owned": audit.owned,
        "findings": [
            {
                "code": item.code,
                "uri": str(item.uri),
                "message": item.message,
                "effect": item.effect,
                "hint": item.hint,
            }
            for item in audit.findings
        ],
        "others": [{"project": name, "records": count} for name, count in audit.others.items()],
        "unowned": [{"collection": name, "records": count} for name, count in audit.unowned.items()],
    }


def rebuild_text(rebuild: Rebuild, account: str, did: Did, style: Style = PLAIN) -> str:
    """Return the planned change to each listing, and the unreadable entries of damaged records."""
    lines = [f"{style(rebuild.project, BOLD)} → {style(account, BOLD)} ({style(did)})", ""]
    lines += [style(f"  + list     {AtUri.of(did, item.path)}", GREEN) for item in rebuild.listed]
    lines += [
        style(f"  - drop     {AtUri.of(did, item.path)}: the record does not exist", RED) for item in rebuild.dropped
    ]
    lines += [
        style(f"    keep     {AtUri.of(did, item.path)}: it differs from the listed {item.cid}", YELLOW)
        for item in rebuild.drifted
    ]
    lines += [
        style(f"  ~ replace  {AtUri.of(did, item.record.path)}: it is damaged; {readable(item)}", YELLOW)
        for item in rebuild.damaged
    ]
    lines += [
        style(f"  ! lost     {name}: it cannot be read, and no live record equals its manifest entry", RED)
        for name in rebuild.lost
    ]
    lines += [""] if len(lines) > 2 else []
    if not rebuild.writes:
        return "\n".join([*lines, style(f"Nothing to do: {pluralize(rebuild.owned, 'record')} owned.", GREEN)])
    done = f"{len(rebuild.listed)} to list, {len(rebuild.dropped)} to drop"
    written = pluralize(len(rebuild.writes), "inventory record")
    return "\n".join(
        [*lines, f"{style(done, BOLD)}; {written} to write; then {pluralize(rebuild.owned, 'record')} owned."]
    )


def rebuilt_text(rebuild: Rebuild, commits: Sequence[Head], style: Style = PLAIN) -> str:
    """Return a line about the finished rebuild."""
    made = pluralize(len(commits), "commit")
    return style(f"Rebuilt in {made}; {rebuild.project} owns {pluralize(rebuild.owned, 'record')}.", BOLD, GREEN)


def rebuild_json(rebuild: Rebuild, account: str, did: Did, commits: Sequence[Head]) -> JsonObject:
    """Return the rebuild and its commits as JSON."""
    return {
        "format_version": FORMAT_VERSION,
        "project": rebuild.project,
        "account": account,
        "did": did,
        "owned": rebuild.owned,
        "listed": [str(AtUri.of(did, item.path)) for item in rebuild.listed],
        "dropped": [str(AtUri.of(did, item.path)) for item in rebuild.dropped],
        "drifted": [{"uri": str(AtUri.of(did, item.path)), "listed_cid": item.cid} for item in rebuild.drifted],
        "damaged": [
            {"uri": str(AtUri.of(did, item.record.path)), "read": len(item.owned), "unreadable": len(item.lost)}
            for item in rebuild.damaged
        ],
        "lost": [*rebuild.lost],
        "written": len(rebuild.writes) if commits else 0,
        "commits": [{"cid": head.cid, "rev": head.rev} for head in commits],
    }
