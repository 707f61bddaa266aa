"""The examples at the end of each command's help: lines to copy, which `tests/cli/test_examples_in_help.py` runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import click

EXAMPLES: Final[Mapping[str, tuple[str, ...]]] = {
    "pack": (
        "atpub pack pictures --out data && atpub init data",
        "atpub pack pictures --out shards --format msgpack --max-size 20MB",
    ),
    "inspect": ("atpub inspect data", "atpub inspect --samples all --json data > data.json"),
    "init": ("atpub init data && atpub apply --account local --yes",),
    "validate": ("atpub validate", "atpub validate -m manifests/datasets.yaml --samples all"),
    "plan": (
        "atpub plan --account local",
        "atpub plan --only datasets/digits --long",
        "atpub plan --locked --out plan.json && atpub apply plan.json",
    ),
    "apply": (
        "atpub apply --account local",
        "atpub apply plan.json",
        "ATPUB_PASSWORD=… atpub apply --account lab.example.org --yes --wait",
    ),
    "drift": ("atpub drift", "atpub drift --json --changes-only"),
    "undo": (
        "atpub undo --list",
        "atpub undo --account local",
    ),
    "list": ("atpub list", "atpub list --account lab.example.org"),
    "show": (
        "atpub show datasets/digits",
        "atpub show --raw at://lab.example.org/science.alt.dataset.entry/digits",
    ),
    "catalog": (
        "atpub catalog --out site",
        "atpub catalog --out site lab.example.org",
        "atpub catalog --account lab.example.org --samples 0",
    ),
    "open": ("atpub open datasets/digits",),
    "lock": ("atpub lock", "atpub lock --check"),
    "import": (
        "atpub import --account lab.example.org --all --project lab --out atpub.yaml",
        "atpub import at://lab.example.org/science.alt.dataset.entry/digits --adopt",
    ),
    "rename": ("atpub rename datasets/digits handwriting",),
    "pull": ("atpub pull at://lab.example.org/science.alt.dataset.entry/digits --out copy",),
    "verify": (
        "atpub verify",
        "atpub verify --deep datasets/digits",
        "atpub verify at://lab.example.org/science.alt.dataset.entry",
    ),
    "inventory verify": ("atpub inventory verify", "atpub inventory verify --project lab --account lab.example.org"),
    "inventory rebuild": ("atpub inventory rebuild",),
    "login": (
        "atpub login --account lab.example.org",
        "atpub login --account lab.example.org --keyring",
        "atpub login --account lab.example.org --oauth",
        "atpub login --account lab.example.org --oauth --keyring",
    ),
    "logout": ("atpub logout --account lab.example.org",),
    "whoami": ("atpub whoami", "atpub whoami --account lab.example.org --json"),
    "export": (
        "atpub export --format croissant datasets/digits --out croissant.json",
        "atpub export --car repository.car",
        "atpub export --account lab.example.org --car lab.car",
    ),
    "croissant": ("atpub croissant --check",),
    "serve": ("atpub serve", "atpub serve --repository .atpub/local --port 8000"),
    "mcp": ("atpub mcp", "atpub mcp -m /home/me/lab/atpub.yaml --account lab.example.org"),
    "approve": ("atpub approve $DIGEST", "atpub approve --for 15m $DIGEST"),
    "destroy": ("atpub destroy --account local",),
    "generate": (
        "atpub generate --out src/lab_records --package lab_records",
        "atpub generate --check",
    ),
    "lex lint": ("atpub lex lint", "atpub lex lint --strict --format github lexicons"),
    "lex format": ("atpub lex format", "atpub lex format --check lexicons"),
    "lex breaking": (
        "atpub lex breaking HEAD~1:lexicons",
        "atpub lex breaking published --against-data at://lab.example.org",
    ),
    "lex new": ("atpub lex new org.example.note",),
    "lex pull": (
        "atpub lex pull com.atproto.repo.strongRef",
        "atpub lex pull --for lexicons",
        "atpub lex pull --frozen",
        "atpub lex pull --from v1.2:lexicons org.example.note",
    ),
    "lex status": ("atpub lex status", "atpub lex status --account lab.example.org lexicons"),
    "lex schema": ("atpub lex schema > lexicon.schema.json",),
    "check": (
        "atpub check note.json",
        "atpub check --json records.jsonl",
        "atpub check at://lab.example.org/org.example.note",
    ),
    "explain": ("atpub explain not-owned", "atpub explain"),
    "manifest-schema": ("atpub manifest-schema > atpub.schema.json",),
    "completion": (
        'eval "$(atpub completion bash)"  # in ~/.bashrc',
        'eval "$(atpub completion zsh)"   # in ~/.zshrc',
        "atpub completion fish > ~/.config/fish/completions/atpub.fish",
    ),
}
"""Command lines by the name of the command."""


def add_examples(command: click.Command, name: str) -> None:
    """Put the examples of a command, or of each command of a group, at the end of its help."""
    if isinstance(command, click.Group):
        for below, item in command.commands.items():
            add_examples(item, f"{name} {below}")
    elif lines := EXAMPLES.get(name):
        title = "Example" if len(lines) == 1 else "Examples"
        shown = "\n".join(["\b", f"{title}:", *(f"  {line}" for line in lines)])
        command.epilog = f"{command.epilog}\n\n{shown}" if command.epilog else shown
