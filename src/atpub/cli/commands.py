"""The command `atpub`, and all its commands in the order of a user's work.

What a command does is loaded from `atpub.cli.run` when it is run: these modules import click alone, so that help is
quick. `tests/cli/test_imports.py` holds that.
"""

from __future__ import annotations

from typing import Final

import click

from atpub.cli.account_commands import croissant, export, login, logout, serve, whoami
from atpub.cli.agent_commands import approve, mcp
from atpub.cli.catalog_commands import catalog, open_command
from atpub.cli.data_commands import import_command, init, inspect, list_command, lock, pack, pull, show, verify
from atpub.cli.examples import add_examples
from atpub.cli.groups import OrderedGroup
from atpub.cli.lexicon_commands import check, lex
from atpub.cli.options import display_options
from atpub.cli.publishing_commands import (
    apply,
    completion,
    destroy,
    drift,
    explain,
    generate,
    inventory,
    manifest_schema,
    plan,
    rename,
    undo,
    validate,
)

_EPILOG: Final = """\b
Exit codes:
  0    done, or nothing to do
  1    error, or declined; verify: something could not be checked
  2    differences: drift, plan --detailed-exitcode, lock --check, verify
  3    the manifest, a lexicon or a record is invalid
  4    authentication failed
  5    the plan is stale, or another writer was first
  6    partly applied: run again
  7    refused: protected, too many deletes, another project or identity
  8    rate-limited: run again after the time named
  64   wrong usage
  130  interrupted: Ctrl-C, SIGTERM or SIGHUP"""


@click.group(cls=OrderedGroup, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="atpub", message="%(prog)s %(version)s")
def cli() -> None:
    """Publish datasets to the AT Protocol from YAML manifests.

    Write a manifest, review the plan, apply it. The repository then matches the manifest, and applying it again changes
    nothing.
    """


cli.params += display_options(hidden=False)
for _command in (
    pack,
    inspect,
    init,
    validate,
    lock,
    plan,
    apply,
    drift,
    undo,
    rename,
    destroy,
    import_command,
    inventory,
    list_command,
    show,
    open_command,
    catalog,
    pull,
    verify,
    export,
    croissant,
    serve,
    mcp,
    approve,
    login,
    logout,
    whoami,
    generate,
    lex,
    check,
    manifest_schema,
    explain,
    completion,
):
    cli.add_command(_command)
add_examples(cli)

COMMANDS: Final = {name: command.short_help or "" for name, command in cli.commands.items()}
"""The summary of each command, by its name."""
