"""`atpub manifest-schema`."""

from __future__ import annotations

import click

from atpub.cli.output import print_json
from atpub.manifest.schema import manifest_schema


@click.command("manifest-schema")
def command() -> int:
    r"""Print the JSON Schema of a manifest, for editors and other tools.

    Save it beside the manifest and name it in the manifest's first line:

    \b
    # yaml-language-server: $schema=./atpub.schema.json
    """
    print_json(manifest_schema())
    return 0
