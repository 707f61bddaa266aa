"""What a login must permit: for a manifest's records, and for the writes of a plan."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from atpub.atproto.auth.oauth.scopes import ACTIONS, GENERIC, OAuthScope, parse_permission, scope_for
from atpub.engine.desired.model import Desired
from atpub.engine.inventory import COLLECTION
from atpub.engine.plan.model import Plan
from atpub.errors import InsufficientScope, Usage
from atpub.repository.pds import PdsRepository
from atpub.suggest import short_list


def manifest_scope(desired: Iterable[Desired]) -> OAuthScope:
    """Return the scope that permits to publish records, and to keep the inventory of them."""
    records = tuple(desired)
    types = {item.blob.mime_type for record in records for item in record.blobs}
    return scope_for({COLLECTION, *(record.path.collection for record in records)}, types)


def plan_scope(plan: Plan) -> OAuthScope:
    """Return the scope that permits to apply a plan."""
    written = {change.path.collection for change in plan.changes if change.writes}
    if plan.inventory_changes:
        written.add(COLLECTION)
    return scope_for(written, {upload.mime_type for upload in plan.uploads})


def parse_scopes(values: Iterable[str]) -> OAuthScope:
    """Return the scope that a user names; raises Usage for what is not about records or blobs."""
    found = tuple(values)
    for value in found:
        permission = parse_permission(value)
        if permission is None and value != GENERIC:
            hint = f"such as repo:org.lab.note, blob:image/*, or {GENERIC}"
            raise Usage(f"{value!r} is no permission to write records or upload blobs", hint=hint)
        if permission and permission.actions != ACTIONS:
            raise Usage(f"{value!r} permits too little: atpub creates, updates and deletes", hint="leave out ?action=")
    return OAuthScope.of(found)


def require_permission(plan: Plan, repository: PdsRepository, account: str) -> None:
    """Raise InsufficientScope if the stored login does not permit what a plan does; nothing is sent."""
    held = repository.login_scope()
    if held is None or not (missing := held.missing(plan_scope(plan))).values:
        return
    found = [parse_permission(value) for value in missing.values]
    collections = [name for item in found if item and item.resource == "repo" for name in item.names]
    types = [name for item in found if item and item.resource == "blob" for name in item.names]
    what = [f"write {short_list(collections)}"] if collections else []
    what += [f"upload {short_list(types)}"] if types else []
    options = " ".join(f"--scope {shlex.quote(value)}" for value in missing.values)
    hint = f"log in again with: atpub login --oauth --account {shlex.quote(account)} {options}"
    raise InsufficientScope(f"this login may not {' or '.join(what)}; nothing was sent", hint=hint)
