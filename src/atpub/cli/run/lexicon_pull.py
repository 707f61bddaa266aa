"""`atpub lex pull`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from atpub.atproto.identity.handles import ResolverConfig
from atpub.atproto.syntax import Nsid
from atpub.atproto.xrpc.http import HttpClient
from atpub.atproto.xrpc.transport import new_client
from atpub.cli.output import print_data, print_json, style_for, tell_warnings
from atpub.errors import Usage
from atpub.generation.settings import lexicon_folders
from atpub.lexicon_resolution.closure import PullOptions
from atpub.lexicon_resolution.origins import open_source
from atpub.lexicon_resolution.run import PullResult, pull
from atpub.lexicon_resolution.shelf import Shelf, check_frozen, needed_by
from atpub.report.lexicons import frozen_json, frozen_text, pulled_json, pulled_text


def run(
    nsids: tuple[str, ...],
    needed_for: tuple[Path, ...],
    source: str | None,
    lexicons: Path | None,
    lock: Path | None,
    *,
    frozen: bool,
    update: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Pull lexicons, or check those that were pulled, and print the result."""
    shelf = Shelf.of(lexicons or lexicon_folders()[0], lock)
    if frozen and (update or force or source):
        raise Usage("--frozen writes nothing", hint="leave out --update, --force and --from")
    wanted = _parse(nsids) | needed_by(needed_for, shelf)
    if not (wanted or needed_for or shelf.lock.exists()):
        hint = "name lexicons: atpub lex pull NSID; or pull what others refer to: --for DIR"
        raise Usage(f"nothing to pull: there is no lock {shelf.lock}", hint=hint)
    if frozen:
        checked = check_frozen(shelf, wanted)
        if as_json:
            print_json(frozen_json(checked))
        else:
            print_data(frozen_text(checked, style_for(sys.stdout)))
        return
    result = _pull(shelf, PullOptions(wanted, update, force), source)
    tell_warnings(result.warnings)
    if as_json:
        print_json(pulled_json(result))
    else:
        print_data(pulled_text(result, style_for(sys.stdout)))


def _pull(shelf: Shelf, options: PullOptions, source: str | None) -> PullResult:
    with new_client() as client:
        opened = open_source(source, options.names, HttpClient(client), ResolverConfig.of(os.environ))
        return pull(shelf, options, opened)


def _parse(nsids: tuple[str, ...]) -> frozenset[Nsid]:
    for nsid in nsids:
        if not Nsid.accepts(nsid):
            raise Usage(f"{nsid!r} is not a valid NSID", hint="a domain in reverse order and a name: org.example.note")
    return frozenset(map(Nsid, nsids))
