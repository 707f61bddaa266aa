"""`atpub lex`, and `atpub manifest-schema`, which reads lexicons too."""

from __future__ import annotations

import sys
from pathlib import Path

from atpub.atproto.syntax import Nsid
from atpub.cli.output import chosen_format, print_data, print_json, print_source, style_for, tell_warnings
from atpub.desired import usual_paths
from atpub.errors import StaleFiles, Usage
from atpub.generated import LEXICONS
from atpub.generation.settings import lexicon_folders
from atpub.lexicon_tools.file_schema import lexicon_schema
from atpub.lexicon_tools.files import (
    files_beside,
    find_files,
    format_files,
    leave_out_pulled,
    write_formatted,
    write_new,
)
from atpub.lexicon_tools.lint import Ignored, lint
from atpub.lexicon_tools.rules import RULES
from atpub.lexicon_tools.settings import read_ignored
from atpub.manifest.lexicon_files import read_unlinked
from atpub.manifest.load import find_lexicons
from atpub.manifest.record_schema import schema_with_records
from atpub.report.github import annotation_lines
from atpub.report.lint import (
    formatted_json,
    formatted_text,
    lint_json,
    lint_sarif,
    lint_text,
    rules_json,
    rules_text,
)
from atpub.report.style import PLAIN
from atpub.suggest import pluralize


def run_lint(
    paths: tuple[Path, ...], ignore: tuple[str, ...], form: str | None, *, rules: bool, strict: bool, as_json: bool
) -> int:
    """Print what is wrong with lexicons, or the rules; return the exit code."""
    chosen = chosen_format(form, as_json=as_json)
    if rules:
        if chosen not in ("text", "json"):
            raise Usage("--rules prints text or JSON", hint="leave out --format, or give --json")
        if chosen == "json":
            print_json(rules_json(RULES))
        else:
            print_data(rules_text(RULES, style_for(sys.stdout)))
        return 0
    folders = lexicon_folders()
    named = find_files(paths) if paths else leave_out_pulled(find_files(folders))
    result = lint(named, files_beside(named, folders), LEXICONS.lexicons, read_ignored(ignore))
    match chosen:
        case "json":
            print_json(lint_json(result))
        case "sarif":
            print_json(lint_sarif(result, RULES))
        case "github":
            if result.problems:
                print_source(annotation_lines(result.problems))
        case _:
            print_data(lint_text(result, style_for(sys.stdout)))
    return int(bool(result.errors or (strict and result.problems)))


def run_format(paths: tuple[Path, ...], *, check: bool, as_json: bool) -> None:
    """Write lexicon files in the one layout, or check it; raises StaleFiles."""
    files = format_files(find_files(paths or lexicon_folders()))
    changed = [str(found.file) for found in files if found.new_text is not None]
    if check and changed:
        listed = "".join(f"\n  {name}" for name in changed)
        hint = "run `atpub lex format`, and commit the result"
        raise StaleFiles(f"{pluralize(len(changed), 'file')} to format:{listed}", hint=hint, files=tuple(changed))
    write_formatted(files)
    if as_json:
        print_json(formatted_json(len(files), changed))
    else:
        print_data(formatted_text(len(files), changed))


def run_new(nsid: str, kind: str, lexicons: Path | None, *, as_json: bool) -> None:
    """Write a new lexicon, and tell what the linter says about its name."""
    if not Nsid.accepts(nsid):
        raise Usage(f"{nsid!r} is not a valid NSID", hint="a domain in reverse order and a name: org.example.note")
    folder = lexicons or lexicon_folders()[0]
    file = write_new(Nsid(nsid), kind, folder)
    found = lint({file: folder}, {}, LEXICONS.lexicons, Ignored()).problems
    tell_warnings(found)
    if as_json:
        print_json(formatted_json(1, [str(file)], found))
    else:
        print_data(PLAIN(f"{file}: a new {kind}."))


def run_schema() -> None:
    """Print the JSON Schema of lexicon files."""
    print_json(lexicon_schema())


def run_manifest_schema(manifests: tuple[str, ...], lexicons: tuple[Path, ...]) -> None:
    """Print the JSON Schema of the manifest, with the records of its lexicons and of those in some folders."""
    named = list(manifests) or usual_paths()
    own, warnings = read_unlinked({**(find_lexicons(named) if named else {}), **find_files(lexicons)})
    tell_warnings(warnings)
    print_json(schema_with_records(own.and_also(LEXICONS.lexicons)))
