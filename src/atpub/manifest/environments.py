"""Environments: parts of a manifest that one of its targets has otherwise, laid over the rest of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from atpub.manifest.kinds import SECTIONS
from atpub.text.merge import ENVIRONMENTS, MergedDocument
from atpub.text.spans import Steps, Value

_DEPTHS: Final[Mapping[str, int]] = {
    **dict.fromkeys(("project", "account", "did", "pds"), 0),
    **dict.fromkeys(("policy", "lexicons"), 1),
    **dict.fromkeys(("defaults", *sorted(SECTIONS)), 2),
}
"""The keys that an environment may set: below each, the values of so many levels of maps are replaced one by one."""


def lay_over(bundle: MergedDocument, environment: str | None) -> MergedDocument:
    """Return the manifest as an environment has it; places are those of the environment's own parts.

    An entry that is null there is left out. What an environment may not set stays where it is, to be reported there.
    """
    environments = bundle.value.get(ENVIRONMENTS)
    chosen = environments.get(environment) if isinstance(environments, dict) and environment is not None else None
    if not isinstance(chosen, dict) or not isinstance(environments, dict) or environment is None:
        return bundle
    moved: dict[Steps, Steps] = {}
    value = dict(bundle.value)
    for key, depth in _DEPTHS.items():
        if key in chosen:
            source = (ENVIRONMENTS, environment, key)
            value[key] = _lay(value.get(key), chosen[key], depth, (key,), source, moved)
    rest = {key: item for key, item in chosen.items() if key not in _DEPTHS}
    value[ENVIRONMENTS] = {**environments, environment: rest}
    return replace(bundle, value=value, moved=moved)


def _lay(base: Value, over: Value, depth: int, steps: Steps, source: Steps, moved: dict[Steps, Steps]) -> Value:
    """Return a value with another one laid over it; note in `moved` where its parts stand."""
    if not depth or not isinstance(base, dict) or not isinstance(over, dict):
        moved[steps] = source
        return over
    made = dict(base)
    for key, item in over.items():
        if item is None and key in base and len(steps) == 1 and steps[0] in SECTIONS:
            del made[key]
        else:
            made[key] = _lay(base.get(key), item, depth - 1, (*steps, key), (*source, key), moved)
    return made
