"""The command `atpub`, and all its commands in the order of a user's work.

A command is declared in a module beside this one, which imports click alone and is loaded when the command is named;
what it does is loaded from `atpub.cli.run` when it is run. So help is quick: `tests/cli/test_imports.py` holds that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import click

from atpub.cli.groups import LazyGroup
from atpub.cli.options import display_options

_COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "pack": ("data_commands:pack", "Pack files into deterministic tar shards."),
    "inspect": ("data_commands:inspect", "Show the samples and fields of tar shards."),
    "init": ("data_commands:init", "Write a first manifest for local tar shards."),
    "validate": ("publishing_commands:validate", "Check a manifest, its data and records; needs no network."),
    "lock": ("data_commands:lock", "Record file sizes and checksums in atpub.lock."),
    "plan": ("publishing_commands:plan", "Show the changes that an apply would make; writes nothing."),
    "apply": ("publishing_commands:apply", "Apply the manifest to the repository."),
    "drift": ("publishing_commands:drift", "Show what was changed outside the project; writes nothing."),
    "undo": ("publishing_commands:undo", "Undo an apply: restore what it has replaced."),
    "rename": ("publishing_commands:rename", "Rename an entry, and keep its record."),
    "destroy": ("publishing_commands:destroy", "Delete all records that the manifest's project owns."),
    "import": ("data_commands:import_command", "Write manifest entries for records that are published."),
    "inventory": ("publishing_commands:inventory", "Verify or rebuild the project's ownership inventory."),
    "list": ("data_commands:list_command", "List the datasets of a manifest, or of an account."),
    "show": ("data_commands:show", "Show a published record as people read it."),
    "open": ("catalog_commands:open_command", "Show a published dataset in a web browser."),
    "catalog": ("catalog_commands:catalog", "Write web pages of published datasets."),
    "pull": ("data_commands:pull", "Download and verify the shards of a published dataset."),
    "verify": ("data_commands:verify", "Check that published records, blobs and shards are intact."),
    "export": ("account_commands:export", "Export a dataset's metadata, or a repository as a CAR file."),
    "croissant": ("account_commands:croissant", "Export a Croissant file, or check a dataset for NeurIPS."),
    "serve": ("account_commands:serve", "Serve the local repository to programs on this machine."),
    "mcp": ("agent_commands:mcp", "Serve a project's tools to an AI agent over MCP."),
    "approve": ("agent_commands:approve", "Approve a plan, so that an AI agent may apply it once."),
    "login": ("account_commands:login", "Log in to an account's server, and store the session."),
    "logout": ("account_commands:logout", "End the stored session."),
    "whoami": ("account_commands:whoami", "Show the account, its server, and the login that is used."),
    "generate": ("publishing_commands:generate", "Generate typed Python classes from Lexicon JSON."),
    "lex": ("lexicon_commands:lex", "Write, lint, format, compare and pull Lexicon JSON."),
    "check": ("lexicon_commands:check", "Check records against their lexicons."),
    "manifest-schema": ("publishing_commands:manifest_schema", "Print the JSON Schema of the manifest."),
    "explain": ("publishing_commands:explain", "Explain a code that atpub has printed."),
    "completion": ("publishing_commands:completion", "Print the script with which a shell completes commands."),
}
"""Where each command is declared, and its summary."""
COMMANDS: Final = {name: summary for name, (_, summary) in _COMMANDS.items()}
"""The summary of each command, by its name."""

_EPILOG: Final = """\b
Exit codes:
  0    done, or nothing to do
  1    error, or declined; verify: something could not be checked
  2    differences: drift, plan --detailed-exitcode, lock --check, verify
  3    the manifest, a lexicon, a record or a shard is invalid
  4    authentication failed
  5    the plan is stale, or another writer was first
  6    partly applied: run again
  7    refused: protected, too many deletes, another project or identity
  8    rate-limited: run again after the time named
  64   wrong usage
  130  interrupted: Ctrl-C, SIGTERM or SIGHUP"""


@click.group(cls=LazyGroup, table=_COMMANDS, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="atpub", message="%(prog)s %(version)s")
def cli() -> None:
    """Publish datasets to the AT Protocol from YAML manifests.

    Write a manifest, review the plan, apply it. The repository then matches the manifest, and applying it again changes
    nothing.
    """


cli.params += display_options(hidden=False)
