"""The manifest that imported entries are for: the one that is here, or a new one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from atpub.atproto.data import JsonObject
from atpub.atproto.syntax import AtUri, SyntaxViolation
from atpub.desired import usual_paths
from atpub.engine.inventory import COLLECTION
from atpub.errors import Usage
from atpub.manifest.files import read_documents, require_one_project
from atpub.manifest.kinds import SECTIONS
from atpub.manifest.load import fill_variables, folder_of, load_documents
from atpub.manifest.model import Manifest
from atpub.target import Target, require_target
from atpub.text.document import Document, parse
from atpub.text.yaml_writer import with_dollars_kept, yaml_text


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """The records to import, and how: `out` is the manifest to write; `everything` means all records of the account."""

    uris: tuple[str, ...]
    everything: bool = False
    out: Path | None = None
    overwrite: bool = False
    adopt: bool = False
    download: bool = False

    def parse_uris(self) -> tuple[AtUri, ...]:
        """Parse the URIs; raises Usage if there are none, or if one names neither a record nor a collection."""
        if bool(self.uris) == self.everything:
            hint = "give at:// URIs of records or collections, or --all"
            raise Usage("nothing to import is named" if not self.uris else "--all takes no URIs", hint=hint)
        return tuple(map(_parse_uri, self.uris))


def _parse_uri(text: str) -> AtUri:
    try:
        uri = AtUri.parse(text)
    except SyntaxViolation as violation:
        raise Usage(str(violation), hint="for example at://lab.example/org.lab.note/3jzfcijpj2z2a") from None
    if uri.collection is None:
        hint = f"for everything: --all --account {uri.authority}"
        raise Usage(f"{uri} names neither a record nor a collection", hint=hint)
    if uri.collection == COLLECTION:
        raise Usage(f"{uri} is an inventory, which atpub manages itself", hint="import the records that it lists")
    return uri


@dataclass(frozen=True, slots=True)
class ImportBase:
    """The manifest that the entries are for, its documents, the header of the new file, and the repository."""

    manifest: Manifest
    documents: tuple[Document, ...]
    header: JsonObject
    target: Target


def find_base(
    manifests: Sequence[str],
    environment: str | None,
    project: str | None,
    lexicons: Path | None,
    options: ImportOptions,
    account: tuple[str | None, str | None],
    environ: Mapping[str, str],
) -> ImportBase:
    """Find the manifest that the entries are for, or make a new one; raises InvalidInput or Usage.

    `account` holds the account and the PDS that the caller names; `environ` fills in what it leaves open.
    """
    uris = options.parse_uris()
    if options.download and options.out is None:
        raise Usage("--download saves files beside the manifest", hint="name the manifest: --out FILE")
    paths = manifests or usual_paths()
    found = fill_variables(read_documents(paths), environ, environment)
    require_one_project(paths, found)
    known = load_documents(found, _folder(paths), environment=environment).require_valid() if found else None
    if known is not None and project not in (None, known.project):
        if manifests:
            raise Usage(f"the manifest's project is {known.project}, not {project}", hint="leave out --project")
        found, known = (), None  # the manifest in this folder belongs to another project
    # The file that is replaced contributes its header, not its entries.
    documents = tuple(document for document in found if not _is_same(document.file, options.out))
    replaced = [document for document in found if document not in documents]
    folder = _folder(paths) if documents else _folder_of(options.out)
    name, pds = account
    named = Target.resolve(None, name, pds, environ)
    owner = named.account if named else known.account if known else None
    owner = owner or (str(uris[0].authority) if uris else None)
    header = _build_header(replaced, project, None if documents else owner, known, environment)
    if lexicons is not None:
        header["lexicons"] = {"path": _relative(lexicons, folder)}
    own = parse(yaml_text({"atpub": 1, **header}), "--project")
    manifest = load_documents((*documents, own), folder, environment=environment).require_valid()
    return ImportBase(manifest, documents, header, require_target(manifest, owner, pds, environ))


def _build_header(
    replaced: Iterable[Document],
    project: str | None,
    account: str | None,
    known: Manifest | None,
    environment: str | None,
) -> JsonObject:
    """Build the new file's keys other than entries; `account` is None if another file has it."""
    name = known.project if known else project
    if name is None:
        raise Usage("there is no manifest here, and no project is named", hint="name the project: --project NAME")
    header: JsonObject = {}
    for document in replaced:
        values = document.value if isinstance(document.value, dict) else {}
        filled = {key: item for key, item in values.items() if key not in {*SECTIONS, "atpub", "environments"}}
        header |= {key: with_dollars_kept(item) for key, item in filled.items()}
        if isinstance(others := values.get("environments"), dict):  # not interpolated, except for the chosen one
            chosen = {name: with_dollars_kept(item) for name, item in others.items() if name == environment}
            header["environments"] = {**others, **chosen}
    if known is None and account is None:
        raise Usage("no account is given", hint="name it: --account HANDLE")
    return {"project": name, **({"account": account} if account else {}), **header}


def _folder(paths: Sequence[str]) -> Path:
    return folder_of(paths) if paths else Path()


def _folder_of(out: Path | None) -> Path:
    return out.parent if out else Path()


def _is_same(file: str, out: Path | None) -> bool:
    return out is not None and out.exists() and Path(file).exists() and out.samefile(file)


def _relative(lexicons: Path, folder: Path) -> str:
    # Symlinks are not resolved: the folder of lexicons may be one.
    if ".." not in lexicons.parts and lexicons.absolute().is_relative_to(folder.absolute()):
        return lexicons.absolute().relative_to(folder.absolute()).as_posix()
    hint = f"keep them in {folder.absolute()}, or write the manifest beside them with --out"
    raise Usage(f"{lexicons} is outside the manifest's folder", hint=hint)
