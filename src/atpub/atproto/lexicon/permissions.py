"""Permission sets: what each permission needs in order to grant anything (specification: Permission Requests)."""

from __future__ import annotations

from typing import Final

from atpub.atproto.lexicon.formats import is_language
from atpub.atproto.lexicon.json_node import JsonNode, kind_of
from atpub.atproto.syntax import Nsid

ACTIONS: Final = ("create", "update", "delete")
ANY: Final = "*"
RESOURCE_NAMES: Final = {"repo": "collection", "rpc": "lxm"}


def check_permission_set(node: JsonNode, nsid: Nsid) -> None:
    """Report what is wrong with a bundle of permissions, whose lexicon has the NSID."""
    for key in ("title", "detail"):
        node.text(key)
        if f"{key}:lang" in node:
            _check_translations(node[f"{key}:lang"])
    for item in node["permissions"]:
        _check_permission(item, nsid)


def _check_translations(node: JsonNode) -> None:
    for language, item in node.fields():
        if not is_language(language):
            item.problem(f"{language[:80]!r} is not a valid language")
        if not isinstance(item.value, str):
            item.problem(f"expected a string, found {kind_of(item.value)}")


def _check_permission(node: JsonNode, nsid: Nsid) -> None:
    if node["type"].value != "permission":
        node["type"].problem("expected permission")
    resource = node.text("resource")
    if not resource:
        node["resource"].problem("expected the name of a resource")
    if resource in RESOURCE_NAMES:
        _check_names(node[RESOURCE_NAMES[resource]], node.texts(RESOURCE_NAMES[resource]), nsid)
    if resource == "repo":
        _check_actions(node)
    if resource == "rpc":
        _check_audience(node)


def _check_names(node: JsonNode, names: tuple[str, ...], nsid: Nsid) -> None:
    if not names:
        node.problem("expected a list that is not empty")
    if ANY in names and len(names) > 1:
        node.problem("'*' stands for all, and grants nothing beside others", hint="leave out '*', or all the others")
    namespace = f"{nsid.rpartition('.')[0]}."
    for name in names:
        if name != ANY and not Nsid.accepts(name):
            node.problem(f"{name[:80]!r} is not a valid NSID")
        elif name != ANY and not name.startswith(namespace):
            hint = "servers drop it: name it in a permission set of its own namespace"
            message = f"{name[:80]!r} is outside the namespace {namespace}* of the permission set: it grants nothing"
            node.warn(message, "outside-namespace", hint)


def _check_actions(node: JsonNode) -> None:
    actions = node.texts("action")
    if "action" in node and not actions:
        node["action"].problem("an empty list grants nothing", hint="leave it out to allow every action")
    for action in actions:
        if action not in ACTIONS:
            hint = f"there are {', '.join(ACTIONS)}"
            node["action"].problem(f"{action[:80]!r} is not an action: it grants nothing", hint=hint)


def _check_audience(node: JsonNode) -> None:
    audience = node.text("aud")
    if not audience and not node.flag("inheritAud"):
        node["aud"].problem("is required and missing: it grants nothing", hint="a service, '*', or inheritAud: true")
    if audience == ANY and node["lxm"].value == [ANY]:
        node["aud"].problem("'*' for both lxm and aud grants nothing", hint="name the methods, or the service")
