"""Permissions: those that a manifest and a plan need, and those that a user may name."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from atpub.atproto.auth.oauth.scopes import OAuthScope
from atpub.desired import desired_records, measure_data, read_manifest
from atpub.engine.plan.model import Options, Plan
from atpub.errors import InsufficientScope, Usage
from atpub.login.permissions import manifest_scope, parse_scopes, plan_scope, require_permission
from atpub.manifest.model import Manifest
from atpub.pipeline import plan_records, plan_removal
from atpub.repository.local import LocalRepository
from atpub.repository.model import LOCAL_DID

MANIFESTS = Path(__file__).parents[2] / "manifests"
NOW = datetime(2024, 5, 1, tzinfo=UTC)


def plan_of(manifest: Manifest, folder: Path) -> Plan:
    """The first plan for an empty repository."""
    with closing(LocalRepository(folder, LOCAL_DID)) as repository:
        facts = measure_data(manifest)
        return plan_records(manifest, facts, repository, account="lab.example", now=NOW, options=Options())


@dataclass
class Login:
    """As much of a repository as tells what the login permits."""

    held: OAuthScope | None

    def login_scope(self) -> OAuthScope | None:
        return self.held


def require(plan: Plan, held: OAuthScope | None) -> None:
    require_permission(plan, cast("Any", Login(held)), "lab.example")


@pytest.mark.parametrize("example", ["quickstart", "records", "schemas", "urls"])
def test_the_login_of_a_manifest_permits_its_plan_and_no_more(example: str, tmp_path: Path) -> None:
    manifest = read_manifest([str(MANIFESTS / example)], None, {})
    records, _ = desired_records(manifest, measure_data(manifest), LOCAL_DID)
    plan = plan_of(manifest, tmp_path)
    assert manifest_scope(records) == plan_scope(plan)
    require(plan, manifest_scope(records))


def test_what_is_missing_is_named_with_the_command_that_asks_for_it(tmp_path: Path) -> None:
    plan = plan_of(read_manifest([str(MANIFESTS / "quickstart")], None, {}), tmp_path)
    require(plan, None)
    require(plan, OAuthScope.parse("atproto transition:generic"))
    with pytest.raises(InsufficientScope, match=r"may not upload application/x-tar; nothing was sent") as caught:
        require(plan, OAuthScope.parse("atproto repo:*"))
    assert caught.value.hint.endswith("atpub login --oauth --account lab.example --scope blob:application/x-tar")
    with pytest.raises(InsufficientScope, match=r"may not write dev\.atpub\.inventory, .* or upload application/x-tar"):
        require(plan, OAuthScope.parse("atproto"))


def test_nothing_to_do_needs_no_permission(tmp_path: Path) -> None:
    manifest = read_manifest([str(MANIFESTS / "quickstart")], None, {})
    with closing(LocalRepository(tmp_path, LOCAL_DID)) as repository:
        plan = plan_removal(manifest, repository, account="lab.example", now=NOW, delete_drifted=False)
    assert plan_scope(plan) == OAuthScope.parse("atproto")
    require(plan, OAuthScope.parse("atproto"))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("org.lab.note", "no permission to write records or upload blobs"),
        ("atproto", "no permission"),
        ("transition:email", "no permission"),
        ("repo:org.lab.note repo:org.lab.other", "no permission"),
        ("rpc:*?aud=*", "no permission"),
        ("repo:org.lab.note?action=create", "permits too little"),
    ],
)
def test_only_what_atpub_does_can_be_asked_for(value: str, message: str) -> None:
    with pytest.raises(Usage, match=message):
        parse_scopes(["blob:image/*", value])
