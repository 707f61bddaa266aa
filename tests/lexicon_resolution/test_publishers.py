"""Lexicons to be published and the DNS: plans, `atpub lex status`, and the Python API."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.playground import Ran, write_files
from tests.lexicon_resolution.network import ALICE, BOB, Network, lexicon, record

from atpub.atproto.identity.dns import Unresolved
from atpub.atproto.identity.lexicons import authority_of, txt_name
from atpub.atproto.syntax import Did, Nsid
from atpub.lexicon_resolution.publishers import PublisherLookup
from atpub.lexicon_resolution.status import compare

Atpub = Callable[..., Ran]
