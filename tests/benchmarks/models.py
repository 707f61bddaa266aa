"""Models of pydantic, generated from the lexicons that lexrpc ships, against MarshalX's `atproto`, which has such too.

Bounds: all record models imported in at most half of the time that its models take, and a post of 1.1 kB validated at
least as fast as by its strict models, which check less.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.benchmarks.generate import BIN, CLEAN, LEXICONS, MODELS, run
from tests.benchmarks.harness import Run, compare
from tests.benchmarks.validate import POST, generated_class, per_second, repeated

FIRST = f"from posts.app.bsky.feed.post import Post; Post.model_validate({POST!r})"
FIRST_OF_PEER = f"""
import atproto_client.models as models
from atproto_client.models.utils import get_or_create
get_or_create({POST!r}, models.AppBskyFeedPost.Record, strict_string_format=True)
"""


def bench() -> None:
    """Whole processes that import them, then one that validates."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for package, more in (("models", ()), ("posts", ("--include", "app.bsky.feed.post"))):
            options = ("--style", "pydantic", "--lexicons", LEXICONS, "--package", package, "--out", folder / package)
            run(BIN / "atpub", "generate", *options, *more)
        names = records(folder / "models")
        imports = f"import importlib; [importlib.import_module(name) for name in {names!r}]"
        side_by_side(folder, f"import {len(names)} record models", imports, "import atproto_client.models", MODELS)
        side_by_side(folder, "import and validate the first post", FIRST, "atproto", FIRST_OF_PEER)
        validate(folder)


def records(package: Path) -> Sequence[str]:
    """The modules of a generated package that have a record."""
    found = [
        path for path in package.rglob("*.py") if "Record):" in path.read_text("utf-8") and path.name != "_runtime.py"
    ]
    parts = [path.relative_to(package.parent).with_suffix("").parts for path in found]
    return sorted(".".join(part for part in path if part != "__init__") for path in parts)


def side_by_side(folder: Path, name: str, ours: str, other: str, theirs: str) -> None:
    """Both programs in processes of their own."""

    def runner(program: str) -> Run:
        return lambda: subprocess.run([sys.executable, "-c", program], cwd=folder, env=CLEAN, check=True)

    found = compare(name, runner(ours), other, runner(theirs), runs=7)
    print(f"  bound: ratio 0.50, with the start of Python, found {found.ratio:.2f}")


def validate(folder: Path) -> None:
    """The same post, many times."""
    sys.path.append(str(folder))
    model: Any = import_module("posts.app.bsky.feed.post").Post
    assert json.loads(json.dumps(model.model_validate(POST).to_json())) == POST
    models: Any = import_module("atproto_client.models")
    utils: Any = import_module("atproto_client.models.utils")

    def peer(record: Any) -> object:
        return utils.get_or_create(record, models.AppBskyFeedPost.Record, strict_string_format=True)

    ours = repeated(model.model_validate)
    found = compare("model_validate", ours, "atproto's strict models", repeated(peer), runs=15)
    print(f"  {per_second(found.ours):,.0f} records/s, peer {per_second(found.theirs):,.0f} (bound: ratio 1.00)")
    with tempfile.TemporaryDirectory() as name:
        for module in [module for module in sys.modules if module.partition(".")[0] == "posts"]:
            del sys.modules[module]
        sys.path.remove(str(folder))
        classes = generated_class(Path(name))
        found = compare("model_validate", ours, "from_json of the classes", repeated(classes.from_json), runs=9)
        print(f"  {per_second(found.theirs):,.0f} records/s of the classes")
