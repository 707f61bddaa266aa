"""Lexicon files in a folder or at a git revision."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from atpub.atproto import data
from atpub.atproto.data import NotInDataModel
from atpub.atproto.syntax import Nsid
from atpub.errors import InvalidInput, RecordNotFound
from atpub.lexicon_resolution.sources import FoundLexicon, parse_named, record_cid
from atpub.lexicon_tools.git import read_revision
from atpub.manifest.lexicon_files import lexicon_files
from atpub.manifest.lexicon_lock import Resolution
from atpub.problems import Place, Problem
from atpub.text.files import read_source
from atpub.text.json_document import parse_json, place_problems
from atpub.text.paths import refuse
from atpub.text.source import Source, decode


@dataclass(frozen=True, slots=True)
class FilesSource:
    """Lexicon files by the NSIDs that they state; `name` is what `--from` named."""

    name: str
    files: Mapping[str, Source]

    def fetch(self, nsid: Nsid, known: Resolution | None) -> FoundLexicon:
        """Return the lexicon in one of the files."""
        del known
        if nsid not in self.files:
            hint = "pull it first, without --from or from where it is"
            raise RecordNotFound(f"there is no lexicon {nsid} in {self.name}", hint=hint)
        return read_found(nsid, self.files[nsid], self.name)


def read_found(nsid: Nsid, source: Source, name: str) -> FoundLexicon:
    """Return the lexicon in a file; raises InvalidInput with every problem."""
    document = parse_json(source)
    assert isinstance(document.value, dict)
    try:
        lexicon = parse_named(document.value, nsid, source.file)
        return FoundLexicon(document.value, lexicon, Resolution(record_cid(document.value), None, name))
    except InvalidInput as error:
        raise InvalidInput(place_problems(error.problems, document)) from None
    except NotInDataModel as error:
        problem = Problem("lexicon", f"it cannot be a record: {error}", Place(source.file))
        raise InvalidInput((problem,)) from None


def read_folder(folder: Path) -> FilesSource:
    """Read the lexicons in a folder; raises InvalidInput for a file that leads out of it."""
    return FilesSource(str(folder), dict(_find_lexicons(_in_folder(folder))))


def _in_folder(folder: Path) -> Iterator[Source]:
    for file in lexicon_files(folder):
        if refused := refuse(file, folder):
            raise InvalidInput((refused,))
        yield read_source(str(file))


def _find_lexicons(sources: Iterable[Source]) -> Iterator[tuple[str, Source]]:
    """Yield the lexicons among some files, each with its NSID; other JSON files are passed over."""
    seen = set[str]()
    for source in sources:
        with suppress(ValueError):
            value = data.loads(source.text)
            nsid = value.get("id") if isinstance(value, dict) and "lexicon" in value else None
            if isinstance(nsid, str) and nsid not in seen:
                seen.add(nsid)
                yield nsid, source


def read_revision_files(name: str) -> FilesSource:
    """Read the lexicons at a git revision, `REV:PATH`; raises Usage where there is none."""
    return FilesSource(name, dict(_find_lexicons(_in_revision(name))))


def _in_revision(name: str) -> Iterator[Source]:
    revision = name.partition(":")[0]
    for file, content in sorted(read_revision(name).items()):
        with suppress(InvalidInput):  # it is not text, hence no lexicon
            yield decode(content, f"{revision}:{file}")
