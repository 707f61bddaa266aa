"""Damaged input of every kind, in search of a traceback, a hang or a full memory: `python -m tests.fuzz --minutes 30`.

Each case damages a valid text with what has broken parsers before. It may raise an error for users, and nothing else;
it may take neither 10 seconds nor the process more than 500 MB. A failure prints its seed, which `--seed` runs again.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from atpub.atproto.auth.session_store import SessionStore
from atpub.atproto.data import JsonObject
from atpub.atproto.syntax import Did
from atpub.engine.plan.model import Options
from atpub.engine.plan.serialize import read_plan, saved_document, seal
from atpub.errors import AtpubError, InternalError
from atpub.pipeline import measure_data, plan_records, read_manifest, validate
from atpub.repository.local import LocalRepository
from atpub.shards.cache import Entry, FileIdentity, dump_entries, load_entries
from atpub.shards.checksums import parse_checksums
from atpub.shards.lock import Lock, LockedFile, dump_lock, read_lock
from atpub.shards.notes import Note
from atpub.shards.sample_types import SampleTypes
from atpub.shards.survey import survey_shard
from atpub.shards.tar import read_tar
from atpub.text.interpolate import declare_variables
from tests.fuzz_servers import damage_car, run_car, run_server, valid_car
from tests.memory import peak_memory
from tests.shards.tars import Member, make_tar

DID = Did("did:web:x.org")
VARIABLES = declare_variables({}, ["NAME"])
SECONDS = 10
MEGABYTES = 500

MANIFEST = """\
atpub: 1
project: fuzz
account: local
lexicons: {path: lexicons/}
schemas:
  s: {nsid: org.test.s, version: 1.0.0, members: {npy: ndarray, cls: integer, json: {a: [integer], b: "string?"}}}
  f: {nsid: org.test.f, version: 1.0.0, fields: {label: integer, tags: "[string]", text: string}}
  j:
    nsid: org.test.j
    version: 1.0.0
    json_schema: {type: object, properties: {a: {type: string, pattern: "^a+$", maxLength: 5}}, required: [a]}
datasets:
  packed: {schema: f, name: Packed, license: MIT, blobs: data/1.tar}
  local: {schema: s, name: Local, license: MIT, blobs: "data/{0..0}.tar", metadata: {a: [1, {b: c}]}}
  remote: {schema: s, name: Remote, license: MIT, urls: "https://x.org/a-{000..009}.tar", checksums: sums.sha256}
records:
  r: {collection: org.test.r, rkey: r, value: {text: "${NAME:-x}", file: {$blob: note.txt}, see: {$ref: schemas/s}}}
"""
LEXICON = json.dumps({
    "lexicon": 1,
    "id": "org.test.r",
    "defs": {
        "main": {
            "type": "record",
            "key": "any",
            "record": {
                "type": "object",
                "required": ["text"],
                "properties": {
                    "text": {"type": "string", "maxLength": 300},
                    "see": {"type": "string", "format": "at-uri"},
                    "file": {"type": "blob", "accept": ["text/*"]},
                    "again": {"type": "ref", "ref": "#part"},
                },
            },
        },
        "part": {"type": "object", "properties": {"more": {"type": "array", "items": {"type": "ref", "ref": "#part"}}}},
    },
})  # fmt: skip
SUMS = "".join(f"{'ab' * 32}  a-{number:03}.tar\n" for number in range(10))
ARRAY = (
    b"\x93NUMPY\1\0\x76\0" + b"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }".ljust(117) + b"\n" + bytes(8)
)
TAR = make_tar([
    Member(f"{number}.{extension}", data)
    for number in range(2)
    for extension, data in (("npy", ARRAY), ("cls", b"7"), ("json", b'{"a": [1, 2], "b": "x"}'))
])  # fmt: skip
PACKED = make_tar([Member("0.msgpack", b"\x83\xa5label\x01\xa4tags\x91\xa1a\xa4text\xa2hi")])
TYPES = SampleTypes("0", {"cls": "integer"})
CACHE = dump_entries({"/a": Entry(FileIdentity(1, 2, 3, 4), "ab" * 32, 5, (Note("link-member", "0.x"),), TYPES)})
LOCK = dump_lock(Lock({"data/0.tar": LockedFile(10, "ab" * 32, 2), "note.txt": LockedFile(4, "cd" * 32)}, {}))

SESSION = json.dumps({
    "did": DID, "handle": "x.org", "login": "https://x.org", "server": "https://x.org",
    "access": "a.b.c", "refresh": "a.b.c",
})  # fmt: skip

NASTY = (
    *("9" * 5000, "-" + "9" * 5000, "0x" + "f" * 5000, "1e999", "-0", ".inf", "1.5", "null", "true", "''", '""'),
    *("[" * 3000, "{" * 3000, "[" * 200 + "]" * 200, '{"a":' * 1500, "(" * 3000, "- " * 3000, "? " * 2000),
    *(
        "{0..999999999}",
        "{a,b}" * 40,
        "{a," * 49 + "b" + "}" * 49,
        "{" + "0" * 9000 + "1..99999}",
        "{a..Z}",
        "{1..9..0}",
    ),
    *(
        "**/" * 60,
        "*a" * 60,
        "[a-z" * 500,
        "{*,?}" * 16,
        "&a [*a]",
        "*a",
        "<<: *a",
        "!!python/object:os x",
        "${",
    ),
    *(
        "${A:-" * 2000,
        "^(a+)+$",
        "(a|a)*" * 50,
        "a" * 40 + "!",
        "((a{1,99}){1,99}){1,99}",
        "k" * 100_000,
        "\t",
        "\r",
    ),
    *(
        "\0",
        "\ufeff",
        "\ud7ff",
        "\u2028",
        "\x85",
        "\U0010ffff",
        "é" * 300,
        "\\",
        '"',
        "'",
        "#",
        ": ",
        ",",
        "|",
        ">",
        "%",
    ),
    *('{"$ref": "#"}', '{"$ref": "#/properties/a"}', '{"$blob": 5}', '{"$blob": {"file": "note.txt"}}', "..", "/", "~"),
    *("2024-13-99T99:99:99Z", "0000-00-00", "at://", "did:", "pipe:cat x", "http://[", "s3://", "file:///dev/zero"),
)


def damage(text: bytes, chance: random.Random) -> bytes:
    """Return the text with one to four places cut, doubled, swapped or filled with something nasty."""
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(text) + 1)
        end = min(len(text), start + chance.choice((0, 0, 1, 3, 10, 60)))
        other = chance.randrange(len(text) + 1)
        part: bytes = chance.choice((
            b"",
            text[start:end] * chance.randint(2, 50),
            text[other : other + 30],
            chance.choice(NASTY).encode(),
            chance.choice(NASTY).encode(),
            chance.randbytes(chance.randint(1, 8)),
        ))  # fmt: skip
        text = text[:start] + part + text[end:]
    return text


def fill(folder: Path, **files: bytes) -> None:
    """Write the valid project, with these files in the place of its own."""
    names = {
        "manifest": "atpub.yaml",
        "lexicon": "lexicons/org.test.r.json",
        "sums": "sums.sha256",
        "tar": "data/0.tar",
        "packed": "data/1.tar",
    }
    valid = {"manifest": MANIFEST.encode(), "lexicon": LEXICON.encode(), "sums": SUMS.encode()}
    valid |= {"tar": TAR, "packed": PACKED}
    for name, content in (valid | files).items():
        file = folder / names.get(name, name)
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_bytes(content)
    (folder / "note.txt").write_text("note")


def run_project(kind: str) -> Callable[[Path, bytes], object]:
    """Return what validates the project with one of its files damaged."""

    def run(folder: Path, content: bytes) -> object:
        fill(folder, **{kind: content})
        return validate(read_manifest([folder / "atpub.yaml"], None, VARIABLES))

    return run


@cache
def valid_plan() -> bytes:
    """Return the saved plan of the whole project for an empty repository."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder)
        manifest = read_manifest([folder / "atpub.yaml"], None, VARIABLES)
        with closing(LocalRepository(folder / "repo", DID)) as repository:
            facts, now = measure_data(manifest), datetime(2026, 1, 1, tzinfo=UTC)
            plan = plan_records(manifest, facts, repository, account="local", now=now, options=Options())
    return json.dumps(saved_document(plan, Path("/a"))).encode()


def run_sealed_plan(_: Path, content: bytes) -> object:
    """Read a plan with a checksum that fits, whatever the damage."""
    try:
        document: Any = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    found: JsonObject = document  # pyright: ignore[reportUnknownVariableType]
    return read_plan(json.dumps(seal(found)), "plan.json")


def run_cache(_: Path, content: bytes) -> object:
    try:
        return load_entries(content.decode("utf-8", "replace"))
    except ValueError:
        return None  # which measuring takes for no cache


def run_lock(folder: Path, content: bytes) -> object:
    (folder / "atpub.lock").write_bytes(content)
    try:
        return read_lock(folder)
    finally:
        (folder / "atpub.lock").unlink()


def run_session(folder: Path, content: bytes) -> object:
    store = SessionStore(folder / "sessions")
    file = store.path(DID)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.write_bytes(content)
    file.chmod(0o600)
    return store.read(DID)


TARGETS: Mapping[str, tuple[bytes, Callable[[Path, bytes], Any]]] = {
    "manifest": (MANIFEST.encode(), run_project("manifest")),
    "lexicon": (LEXICON.encode(), run_project("lexicon")),
    "sums of a project": (SUMS.encode(), run_project("sums")),
    "tar of a project": (TAR, run_project("tar")),
    "packed tar of a project": (PACKED, run_project("packed")),
    "tar": (TAR, lambda _, content: read_tar(io.BytesIO(content), "x.tar")),
    "survey": (TAR, lambda _, content: survey_shard(io.BytesIO(content), "x.tar")),
    "packed survey": (PACKED, lambda _, content: survey_shard(io.BytesIO(content), "x.tar")),
    "checksums": (SUMS.encode(), lambda _, content: parse_checksums(content.decode("utf-8", "replace"), "sums")),
    "cache": (CACHE.encode(), run_cache),
    "plan": (valid_plan(), lambda _, content: read_plan(content, "plan.json")),
    "sealed plan": (valid_plan(), run_sealed_plan),
    "session": (SESSION.encode(), run_session),
    "lock": (LOCK.encode(), run_lock),
    "car": (valid_car(), run_car),
}
_SEALED_CAR, _SERVER = "car with right CIDs", "server"


class Hang(BaseException):
    """A case that took too long."""


def stop(*_: object) -> None:
    raise Hang


def run_case(name: str, folder: Path, chance: random.Random) -> None:
    if name == _SERVER:
        run_server(folder, chance, damage)
    elif name == _SEALED_CAR:
        run_car(folder, damage_car(valid_car(), chance, damage))
    else:
        content, run = TARGETS[name]
        run(folder, damage(content, chance))


def attempt(folder: Path, seed: int) -> str | None:
    """Run the case of a seed; return what is wrong with it."""
    chance = random.Random(seed)
    name = chance.choice([*TARGETS, _SEALED_CAR, _SERVER])
    signal.alarm(SECONDS)
    try:
        run_case(name, folder, chance)
    except AtpubError as error:
        if isinstance(error, InternalError):
            return f"{name}, seed {seed}: {error}"
    except Hang:
        return f"{name}, seed {seed}: more than {SECONDS} s"
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return f"{name}, seed {seed}: {type(error).__name__}: {str(error)[:300]}"
    finally:
        signal.alarm(0)
    used = peak_memory() >> 20
    return f"{name}, seed {seed}: {used} MB" if used > MEGABYTES else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=0.2)
    parser.add_argument("--seed", type=int, help="run one case")
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    asked = parser.parse_args()
    signal.signal(signal.SIGALRM, stop)
    resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
    end, seed, failures = time.monotonic() + asked.minutes * 60, asked.start, 0
    with tempfile.TemporaryDirectory() as folder:
        if asked.seed is not None:
            print(attempt(Path(folder), asked.seed) or "fine")
            return 0
        while time.monotonic() < end:
            if problem := attempt(Path(folder), seed):
                failures += 1
                print(problem, flush=True)
                if problem.endswith("MB"):
                    break  # so would all that follow
            seed += 1
    print(f"{seed - asked.start:,} cases, {failures:,} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
