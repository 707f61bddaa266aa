"""The run of `atpub init`: survey local shards, draft a manifest, and write it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from atpub.atomic_files import write_text
from atpub.atproto.data import Json
from atpub.atproto.syntax import Nsid, SyntaxViolation
from atpub.errors import FileConflict, InvalidInput, Usage
from atpub.generated import LEXICONS
from atpub.inspection.declare import NotDeclarable, is_utf8
from atpub.inspection.draft import DatasetDraft, Draft, draft_manifest
from atpub.inspection.files import find_checksums, find_shards, survey_files
from atpub.inspection.manifest_text import file_pattern, manifest_text
from atpub.manifest.record_schema import schema_with_records
from atpub.problems import Problem
from atpub.shards.braces import escape
from atpub.shards.files import expand_files
from atpub.shards.survey import ShardSurvey

STDOUT: Final = Path("-")
SCHEMA_FILE: Final = "atpub.schema.json"
SCHEMA_LINE: Final = f"# yaml-language-server: $schema=./{SCHEMA_FILE}"


@dataclass(frozen=True, slots=True)
class InitOutcome:
    """The manifest that was written, its text, what it describes, the checksum files beside the data, and warnings.

    `editor_schema` is the JSON Schema that was written beside it; None where there was one already, or for stdout.
    """

    out: Path
    text: str
    draft: Draft
    checksums: tuple[str, ...]
    warnings: tuple[Problem, ...]
    editor_schema: Path | None = None


def init_manifest(paths: Sequence[str], out: Path, nsid: str | None = None, most: int | None = None) -> InitOutcome:
    """Write a first manifest for local shards, from the values of at most `most` samples of each.

    Beside it goes its JSON Schema for editors, which its first line names, unless there is one already. With `-` as
    `out`, the manifest is for the current folder, and nothing is written. Raises FileConflict where there is a manifest
    already, and InvalidInput with every problem of the shards.
    """
    if out != STDOUT and (out.exists() or out.is_symlink()):
        raise FileConflict(f"{out} already exists", hint="give another --out, or change that manifest")
    if nsid is not None:
        _check_nsid(nsid)
    folder = out.absolute().parent
    found = find_shards(paths)
    surveys = [_relative(survey, folder) for survey in survey_files(found.files, most)]
    errors = [*found.problems, *(error for survey in surveys for error in _errors(survey)), *_mixtures(surveys)]
    if errors:
        raise InvalidInput(tuple(errors))
    try:
        draft = draft_manifest(folder.name, surveys, nsid)
    except NotDeclarable as error:
        hint = "rename them in the shards"
        raise InvalidInput((Problem("bad-field", f"{', '.join(paths)}: {error}", hint=hint),)) from None
    checksums = _checksums([Path(file) for file in found.files], folder)
    text = manifest_text(draft, lambda dataset: _blobs(dataset, folder), checksums)
    warnings = tuple(problem for survey in surveys for problem in survey.problems)
    outcome = InitOutcome(out, text, draft, checksums, warnings)
    return outcome if out == STDOUT else _write(outcome)


def _write(outcome: InitOutcome) -> InitOutcome:
    """Write a manifest and, unless there is one, the JSON Schema that its first line names."""
    text = f"{SCHEMA_LINE}\n{outcome.text}"
    schema = outcome.out.with_name(SCHEMA_FILE)
    is_new = not os.path.lexists(schema)
    schema.parent.mkdir(parents=True, exist_ok=True)
    write_text(outcome.out, text, overwrite=False)
    if is_new:
        write_text(schema, f"{json.dumps(schema_with_records(LEXICONS.lexicons), indent=2)}\n")
    return replace(outcome, text=text, editor_schema=schema if is_new else None)


def _check_nsid(nsid: str) -> None:
    try:
        Nsid.parse(nsid)
    except SyntaxViolation as error:
        raise Usage(f"--nsid: {error}", hint="a domain of yours, reversed, and a name: org.example.photo") from None


def _relative(survey: ShardSurvey, folder: Path) -> ShardSurvey:
    """Name a survey by the path from the manifest's folder, with `/`."""
    return replace(survey, name=Path(os.path.relpath(survey.name, folder)).as_posix())


def _errors(survey: ShardSurvey) -> list[Problem]:
    errors = [] if survey.is_publishable else [replace(problem, severity="error") for problem in survey.problems]
    if survey.name.startswith("../"):
        hint = "write the manifest above the data (--out), or make a symlink to the data beside it"
        errors.append(Problem("outside-folder", f"{survey.name} is outside of the manifest's folder", hint=hint))
    if not is_utf8(survey.name):
        message = f"the name of {survey.name!r} is not UTF-8, and a manifest is"
        errors.append(Problem("not-utf8", message, hint="rename the file or its folder"))
    if survey.format == "none" and not errors:
        errors.append(Problem("no-samples", f"{survey.name}: no sample can be read", hint="see atpub inspect"))
    return errors


def _mixtures(surveys: Sequence[ShardSurvey]) -> list[Problem]:
    mixed = next((survey for survey in surveys if survey.format == "mixed"), None)
    if mixed is None:
        return []
    message = f"{mixed.name} mixes msgpack with other members, and a schema describes one of them"
    return [Problem("mixed-formats", message, hint="write one format")]


def _blobs(dataset: DatasetDraft, folder: Path) -> Json:
    """Return the pattern that names exactly these shards, or the list of them."""
    pattern = file_pattern(dataset)
    files = expand_files([pattern], folder, shards=True).files
    if {*files} == {folder / shard for shard in dataset.shards}:
        return pattern
    return [escape(shard) for shard in dataset.shards]


def _checksums(files: Sequence[Path], folder: Path) -> tuple[str, ...]:
    folders = dict.fromkeys(file.parent for file in files)
    found = [file for parent in folders for file in find_checksums(parent)]
    return tuple(Path(os.path.relpath(file, folder)).as_posix() for file in found)
