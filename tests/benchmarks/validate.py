"""Loading and validating a post of 1.1 kB, against MarshalX's strict models and @atproto/lexicon on Node.

Bounds: at least twice as fast as the first, and at least as fast as the second. The lexicons of all are those that
lexrpc ships.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from atpub.atproto import data
from atpub.atproto.data import JsonObject
from atpub.atproto.lexicon.link import link
from atpub.atproto.lexicon.parse import parse
from atpub.atproto.lexicon.validate import validate_record
from tests.benchmarks.harness import Comparison, compare
from tests.pds.reference import VERSIONS, Unreachable, install, node

LEXICONS = Path(str(import_module("lexrpc").__file__)).parent / "lexicons"
HERE = Path(__file__).parent
POST: JsonObject = json.loads((HERE / "post.json").read_text("utf-8"))
TIMES = 2_000
NEEDED = ("app/bsky", "com/atproto")


def bench() -> None:
    """The same record, many times."""
    size = len(json.dumps(POST, separators=(",", ":"), ensure_ascii=False).encode())
    print(f"a post of {size:,} bytes, {TIMES:,} times")
    with tempfile.TemporaryDirectory() as name:
        ours = generated_class(Path(name)).from_json
        models: Any = import_module("atproto_client.models")
        utils: Any = import_module("atproto_client.models.utils")

        def peer(record: JsonObject) -> object:
            return utils.get_or_create(record, models.AppBskyFeedPost.Record, strict_string_format=True)

        found = compare("from_json", repeated(ours), "atproto's strict models", repeated(peer), runs=15)
        print(f"  {per_second(found.ours):,.0f} records/s, peer {per_second(found.theirs):,.0f} (bound: ratio 0.50)")
        for version in VERSIONS:
            on_node(version, per_second(found.ours))
        lexrpc: Any = import_module("lexrpc.base")
        base = lexrpc.Base([json.loads(file.read_bytes()) for file in lexicon_files()])
        linked = link((str(file), parse(data.loads(file.read_bytes()), str(file))) for file in lexicon_files())

        def by_model(record: JsonObject) -> object:
            return validate_record(linked, record)

        def other(record: JsonObject) -> object:
            return base.validate("app.bsky.feed.post", "record", record)

        print_rate(compare("validate_record, with no code generated", repeated(by_model), "lexrpc", repeated(other)))
        print_rate(compare("JSON to CID", repeated(data.cid_of), "from_json", repeated(ours), runs=9))


def lexicon_files() -> list[Path]:
    return [file for folder in NEEDED for file in sorted((LEXICONS / folder).rglob("*.json"))]


def generated_class(folder: Path) -> Any:
    """The class of posts, generated for this."""
    package = folder / "posts"
    command = ["generate", "--lexicons", str(LEXICONS), "--include", "app.bsky.feed.post", "--package", "posts"]
    atpub = Path(sys.executable).with_name("atpub")
    subprocess.run([str(atpub), *command, "--out", str(package)], check=True, capture_output=True)
    sys.path.append(str(folder))
    module: Any = import_module("posts.app.bsky.feed.post")
    assert module.Post.from_json(POST).to_json() == POST
    return module.Post


def repeated(judge: Any) -> Any:
    def run() -> None:
        for _ in range(TIMES):
            judge(POST)

    return run


def on_node(version: str, ours: float) -> None:
    """@atproto/lexicon of a reference PDS, measured by itself, in the same run."""
    try:
        modules = install(version)
    except Unreachable as reason:
        print(f"@atproto/lexicon of PDS {version}: {reason}")
        return
    lexicons = [json.loads(file.read_bytes()) for file in lexicon_files()]
    asked = json.dumps({"lexicons": lexicons, "record": POST, "times": TIMES})
    done = subprocess.run([node(), HERE / "post.mjs", modules], input=asked, capture_output=True, text=True, check=True)
    rates = {name: TIMES / seconds for name, seconds in json.loads(done.stdout).items()}
    print(
        f"@atproto/lexicon of PDS {version}: {rates['loaded']:,.0f} records/s loaded from JSON and judged, "
        f"{rates['judged']:,.0f} judged only (bound: at most ours, {ours:,.0f}); {rates['cid']:,.0f} CIDs/s"
    )


def per_second(seconds: tuple[float, ...]) -> float:
    return TIMES / statistics.median(seconds)


def print_rate(found: Comparison) -> None:
    print(f"  {per_second(found.ours):,.0f} records/s")
