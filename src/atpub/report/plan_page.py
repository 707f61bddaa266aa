"""A plan as one HTML file, for a review in a browser: it holds no script and asks for nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from atpub.engine.plan.model import Change, Plan
from atpub.report.escape import escape_html
from atpub.report.html import fields_html
from atpub.report.plan import cost_text, notes, protection, upload_size
from atpub.report.problems import placed_message
from atpub.report.review import rate_limit_note, sections, totals
from atpub.report.three_way import describe_drift
from atpub.suggest import pluralize, size

PAGE_START: Final = "<!doctype html>\n<!-- atpub plan -->"
"""The beginning of each page, by which atpub knows its own."""

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE: Final = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
html { background: light-dark(#fff, #0d1117); color: light-dark(#1f2328, #f0f6fc) }
body { margin: 0 auto; max-width: 60rem; padding: 1rem }
code, ins, del { font-family: ui-monospace, monospace; font-size: .875em }
summary { cursor: pointer; font-weight: bold; padding: .25rem 0 }
li { margin: .5rem 0 }
ins, del { padding: 0 .25rem; white-space: pre-wrap }
ins { background: light-dark(#dafbe1, #12261e); text-decoration: none }
del { background: light-dark(#ffebe9, #2d1519) }
.urgent { border-inline-start: .25rem solid light-dark(#b3261e, #ff8a80); padding-inline-start: .75rem }
.faint { color: light-dark(#59636e, #9198a1) }
"""


def plan_page(plan: Plan) -> str:
    """Return a whole page with every change of a plan, in the order of a review."""
    title = escape_html(f"Plan: {plan.project} → {plan.account}" if plan.project else f"Plan: {plan.account}")
    return (
        f'{PAGE_START}\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head>\n<body><main><h1>{title}</h1>\n{''.join(_parts(plan))}</main></body></html>\n"
    )


def _parts(plan: Plan) -> Iterator[str]:
    yield f'<p class="faint"><code>{escape_html(plan.did)}</code></p><p><b>{", ".join(totals(plan))}.</b></p>\n'
    for line in (*protection(plan), rate_limit_note(plan.cost)):
        yield f"<p>{escape_html(line)}</p>\n" if line else ""
    if plan.refusals:
        items = (_message(item.code, item.message, item.hint) for item in plan.refusals)
        yield _section(f"{len(plan.refusals):,} refused: this plan cannot be applied", items, is_urgent=True)
    refused = {refusal.uri for refusal in plan.refusals}
    for part in sections(plan):
        items = (_change(change, is_refused=change.uri in refused) for change in part.changes)
        yield _section(part.title, items, is_urgent=part.is_urgent)
    if plan.warnings:
        items = (_message(item.code, placed_message(item), item.hint) for item in plan.warnings)
        yield _section(pluralize(len(plan.warnings), "warning"), items)
    if plan.uploads:
        files = (f"<code>{escape_html(item.source)}</code> ({upload_size(item)})" for item in plan.uploads)
        total = size(sum(item.size for item in plan.uploads))
        yield _section(f"{pluralize(len(plan.uploads), 'blob')} to upload, {total}", files)
    if plan.unmanaged:
        listed = (f"<code>{escape_html(uri)}</code>" for uri in plan.unmanaged)
        yield _section(f"{pluralize(len(plan.unmanaged), 'record')} that no project owns", listed)
    if plan.pending:
        yield f'<p class="faint">{cost_text(plan.cost)}<br>Digest: <code>{escape_html(plan.digest)}</code></p>\n'


def _section(title: str, items: Iterable[str], *, is_urgent: bool = False) -> str:
    attributes = ' class="urgent" open' if is_urgent else ""
    listed = "".join(f"<li>{item}</li>\n" for item in items)
    return f"<details{attributes}><summary>{title}</summary>\n<ul>\n{listed}</ul></details>\n"


def _message(code: str, message: str, hint: str) -> str:
    more = f'<br><span class="faint">{escape_html(hint)}</span>' if hint else ""
    return f"{escape_html(message)} [{escape_html(code)}]{more}"


def _change(change: Change, *, is_refused: bool) -> str:
    refused = " <b>refused</b>" if is_refused else ""
    drift = f"<br>{change.word}: {escape_html(describe_drift(change.drift))}" if change.drift else ""
    fields = fields_html(change, most=None)
    uri = f'<br><code class="faint">{escape_html(change.uri)}</code>'
    name = escape_html(f"{change.address}{notes(change)}")
    return f"<b>{name}</b>{refused}{uri}{drift}{fields}"
