"""`atpub lex breaking`."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Final

from atpub.atproto.syntax import AtUri
from atpub.cli.connect import TargetOptions, find_account, open_repository
from atpub.cli.output import chosen_format, print_data, print_json, print_source, style_for, tell_warnings
from atpub.errors import Usage
from atpub.generated import LEXICONS
from atpub.generation.pyproject import read_approved
from atpub.generation.settings import lexicon_folders
from atpub.lexicon_tools.against_data import check_data
from atpub.lexicon_tools.breaking import compared_nsids, find_breaking
from atpub.lexicon_tools.versions import VersionFiles, link_versions, read_paths, read_published, read_version
from atpub.report.breaking import breaking_github, breaking_json, breaking_markdown, breaking_text
from atpub.repository.interface import Repository
from atpub.target import Target

PUBLISHED: Final = "published"


def run(
    old: str,
    new: str | None,
    manifests: tuple[str, ...],
    environment: str | None,
    account: str | None,
    pds: str | None,
    *,
    examples: bool,
    everything: bool,
    against_data: str | None,
    form: str | None,
    as_json: bool,
) -> int:
    """Print the changes between two versions of lexicons; return the exit code."""
    chosen, approved = chosen_format(form, as_json=as_json), read_approved()
    options = TargetOptions(account, pds, environment)
    before, after = _read(old, manifests, options), _read(new, manifests, options)
    result = find_breaking(before, after, LEXICONS.lexicons, approved)
    if against_data:
        linked = link_versions(before, after, LEXICONS.lexicons, before.nsids & compared_nsids(before, after))
        with _open(against_data, manifests, options) as repository:
            result = replace(result, data=check_data(against_data, linked.old, linked.new, repository))
    tell_warnings(result.warnings)
    match chosen:
        case "json":
            print_json(breaking_json(result))
        case "markdown":
            print_data(breaking_markdown(result))
        case "github":
            if result.breaking:
                print_source(breaking_github(result))
        case _:
            print_data(breaking_text(result, style_for(sys.stdout), examples=examples, everything=everything))
    return int(bool(result.breaking))


def _read(named: str | None, manifests: tuple[str, ...], options: TargetOptions) -> VersionFiles:
    if named is None:
        return read_paths(lexicon_folders())
    with _open(named, manifests, options) as repository:
        if repository is None:
            return read_version(named)
        return read_published(repository, "the account" if named == PUBLISHED else named)


@contextmanager
def _open(named: str, manifests: tuple[str, ...], options: TargetOptions) -> Generator[Repository | None]:
    """Open the repository that `published` or an at:// URI names, to be read; None for anything else."""
    target = _target(named, manifests, options)
    if target is None:
        yield None
        return
    with closing(open_repository(target, remember=True)) as repository:
        target.check_exists(repository)
        yield repository


def _target(named: str, manifests: tuple[str, ...], options: TargetOptions) -> Target | None:
    if named == PUBLISHED:
        return find_account(manifests, options)
    if not named.startswith("at://"):
        return None
    if not AtUri.accepts(named) or "/" in named.removeprefix("at://"):
        raise Usage(f"{named!r} names no account", hint="at:// and a handle or a DID: at://lab.example.org")
    return Target.of_authority(str(AtUri.parse(named).authority), options.pds, environ=os.environ)
