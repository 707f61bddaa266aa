"""A manifest of 10,000 datasets: reading its YAML against PyYAML's own C loader, validating it, and an empty plan."""

import hashlib
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from atpub.text.document import parse
from tests.benchmarks.harness import compare

COUNT = 10_000


def text() -> str:
    """The manifest, of 3.8 MB."""
    lines = ["atpub: 1", "project: big", "account: local", "schemas:"]
    lines += ["  s: {nsid: org.example.s, version: 1.0.0, fields: {image: ndarray, label: integer}}", "datasets:"]
    for number in range(COUNT):
        digests = [hashlib.sha256(f"{number} {shard}".encode()).hexdigest() for shard in range(2)]
        lines += [
            f"  d{number}:",
            "    schema: s",
            f"    name: Dataset {number}",
            f"    description: The dataset number {number} of a long series",
            "    tags: [a, b, c]",
            "    license: CC-BY-4.0",
            f'    urls: "https://cdn.example.org/d{number}/x-{{000..001}}.tar"',
            "    checksums:",
            *(f"      x-{shard:03}.tar: {digest}" for shard, digest in enumerate(digests)),
        ]
    return "\n".join(lines) + "\n"


def run(folder: str, *arguments: str) -> None:
    """The whole command, as a user runs it."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [str(Path(sys.executable).with_name("atpub")), *arguments]
    subprocess.run(command, cwd=folder, env=clean, stdout=subprocess.DEVNULL, check=True)


def bench() -> None:
    """Reading, then the command (bounds: 6 s and 400 MB)."""
    content = text()
    compare("read 10,000 entries", lambda: parse(content, "x.yaml"), "yaml.CSafeLoader", lambda: load(content), runs=3)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "atpub.yaml").write_text(content)
        yaml_name, yaml_load = "yaml.CSafeLoader", lambda: load(content)
        compare("atpub validate", lambda: run(folder, "validate"), yaml_name, yaml_load, runs=3)
        run(folder, "apply", "--yes")
        compare("atpub plan, nothing to do", lambda: run(folder, "plan"), yaml_name, yaml_load, runs=3)
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000
    print(f"  {largest:.0f} MB at most (bound: 400 MB)")


def load(content: str) -> object:
    """What a script would do."""
    return yaml.load(content, yaml.CSafeLoader)
