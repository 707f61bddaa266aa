"""The tables of cases: YAML in `cases/`, in which «a63» stands for 63 times the letter a."""

import re
from pathlib import Path
from typing import Any

import yaml

from atpub.atproto.data import Json
from atpub.atproto.lexicon.link import link
from atpub.atproto.lexicon.model import Lexicons, Name
from atpub.atproto.lexicon.parse import parse
from atpub.atproto.syntax import Nsid

THING = Nsid("com.example.thing")
MAIN = Name(THING)


def read_yaml(file: Path) -> Any:
    """Return the content of a table; the parser in C reads it ten times as fast as `yaml.safe_load`."""
    return yaml.load(file.read_bytes(), yaml.CSafeLoader)


def table(name: str) -> dict[str, Any]:
    found: dict[str, Any] = read_yaml(Path(__file__).parent / "cases" / name)
    return found


def written_out(text: str) -> str:
    return re.sub(r"«(.)(\d+)»", lambda match: match[1] * int(match[2]), text)


def lexicon(defs: Json) -> Json:
    """A lexicon file with these definitions."""
    return {"lexicon": 1, "id": str(THING), "defs": defs}


def linked(defs: Json) -> Lexicons:
    """The lexicons of a single file with these definitions."""
    return link([("thing.json", parse(lexicon(defs), "thing.json"))])
