"""`atpub manifest-schema`."""

from __future__ import annotations

import click

_EPILOG = """\
Save it beside the manifest, and name it in the manifest's first line:

\b
    atpub manifest-schema > atpub.schema.json
    # yaml-language-server: $schema=./atpub.schema.json"""


@click.command("manifest-schema", epilog=_EPILOG)
def command() -> int:
    """Print the JSON Schema of a manifest, for editors and other tools."""
    # Help does not wait for these.
    from atpub.cli.output import print_json
    from atpub.manifest.schema import manifest_schema

    print_json(manifest_schema())
    return 0
