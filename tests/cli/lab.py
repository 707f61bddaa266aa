"""A small project in a folder, and what may happen to it: the states that plans and reports are tried in."""

import re
from collections.abc import Callable
from pathlib import Path

from tests.cli.playground import Ran, write_files
from tests.repository.samples import read

from atpub.atproto.data import JsonObject
from atpub.atproto.syntax import Nsid, RecordPath, Rkey, deterministic_tid
from atpub.repository.local import LocalRepository
from atpub.repository.model import Update, Write

TIME = "1714564800"  # 2024-05-01T12:00:00Z

MANIFEST = """\
atpub: 1
project: lab
account: local

schemas:
  image:
    nsid: org.lab.image
    version: 1.0.0
    description: A picture.
    fields: {image: ndarray, label: integer}

datasets:
  digits:
    schema: image
    name: Digits
    description: Ten of them.
    tags: [digits]
    blobs: data/digits-*.tar
  cats:
    schema: image
    urls: "https://cdn.lab.example/cats-{0..2}.tar"
    checksums: none

labels:
  digits-1: {name: digits, dataset: digits, version: 1.0.0}
"""

_UPLOADED = re.compile(r"uploaded +\d+/\d+: ")


class Lab:
    """The project; `run` is the command line, with times pinned."""

    def __init__(self, folder: Path, run: Callable[..., Ran]) -> None:
        self.folder = folder
        self.run = run
        write_files(folder, {"data/digits-0.tar": {"tar": 2}, "data/digits-1.tar": {"tar": 3}})
        self.manifest = MANIFEST
        self.write()

    def write(self, manifest: str | None = None) -> None:
        self.manifest = manifest or self.manifest
        (self.folder / "atpub.yaml").write_text(self.manifest)

    def change(self, *pairs: tuple[str, str]) -> None:
        """Replace text in the manifest."""
        for old, new in pairs:
            assert self.manifest.count(old) == 1, old
            self.manifest = self.manifest.replace(old, new)
        self.write()

    def without(self, *sections: str) -> None:
        """Leave out paragraphs of the manifest that begin like this."""
        paragraphs = self.manifest.split("\n\n")
        self.write("\n\n".join(text for text in paragraphs if not text.startswith(sections)))

    def plan(self, *args: str) -> Ran:
        return self.run("plan", "--reproducible", *args)

    def apply(self, *args: str) -> Ran:
        return self.run("apply", "--reproducible", "--yes", *args)

    def write_elsewhere(self, *writes: Write) -> None:
        """Another client writes to the repository."""
        repository = self.repository()
        head = repository.head()
        repository.apply_writes(writes, head.cid if head else None)
        repository.close()

    def repository(self) -> LocalRepository:
        return LocalRepository(self.folder / ".atpub" / "local")

    def live(self, collection: str) -> dict[RecordPath, JsonObject]:
        repository = self.repository()
        try:
            return {path: record.value for path, record in read(repository, Nsid(collection)).items()}
        finally:
            repository.close()


SCHEMA = "science.alt.dataset.schema"
ENTRY = "science.alt.dataset.entry"
LABEL = "science.alt.dataset.label"


def edited(lab: Lab, path: RecordPath) -> Update:
    """Another client's edit of a record."""
    return Update(path, {**lab.live(path.collection)[path], "description": "Edited by hand."})


def path(collection: str, rkey: str) -> RecordPath:
    return RecordPath(Nsid(collection), Rkey(rkey))


DIGITS = path(ENTRY, deterministic_tid(Nsid(ENTRY), "digits"))
CATS = path(ENTRY, deterministic_tid(Nsid(ENTRY), "cats"))


def uploads_in_order(text: str) -> str:
    """The text with the lines about uploads sorted, and before those about commits: uploads run beside both."""
    lines = text.split("\n")
    sent = sorted(line.partition(": ")[2] for line in lines if _UPLOADED.match(line))
    first = next((index for index, line in enumerate(lines) if _UPLOADED.match(line) or line[:10] == "committed "), 0)
    uploads = [f"uploaded {number}/{len(sent)}: {what}" for number, what in enumerate(sent, 1)]
    return "\n".join([*lines[:first], *uploads, *(line for line in lines[first:] if not _UPLOADED.match(line))])
