"""`atpub rename`."""

from __future__ import annotations

from pathlib import Path

from atpub.atomic_files import edit_texts
from atpub.cli.options import environ
from atpub.cli.output import print_data, print_json
from atpub.desired import named_paths
from atpub.errors import Usage
from atpub.manifest.files import read_documents
from atpub.manifest.load import ManifestSource
from atpub.manifest.model import Address
from atpub.manifest.rename import rename_entry
from atpub.report.results import renamed_json, renamed_text
from atpub.text.files import STDIN


def run(address: str, new: str, manifests: tuple[str, ...], environment: str | None, *, as_json: bool) -> None:
    """Rename an entry in the files of its manifest, and print what changed."""
    old = _parse(address)
    section, slash, key = new.rpartition("/")
    if slash and section != old.section:
        raise Usage(f"{old} stays in its section", hint=f"write {old.section}/{key}, or {key}")
    paths = named_paths(manifests)
    documents = read_documents(paths)
    if any(document.file == STDIN for document in documents):
        raise Usage("a manifest on stdin cannot be edited", hint="name its file: -m PATH")
    renamed = rename_entry(documents, old, key, ManifestSource(paths, environ(), environment))
    edit_texts({Path(file): text for file, text in renamed.texts.items()})
    if as_json:
        print_json(renamed_json(renamed))
    else:
        print_data(renamed_text(renamed))


def _parse(address: str) -> Address:
    section, slash, key = address.partition("/")
    if not slash:
        raise Usage(f"{address!r} is not an address", hint="give section and key, such as datasets/digits")
    return Address(section, key)
