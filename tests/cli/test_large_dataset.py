"""A dataset of 100,000 shards in parts: a plan takes seconds and little memory, from a checksum file or the lock."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

HTTPS, PORT = "https://cdn.lab.example/data", "http://127.0.0.1:40123"
MANIFEST = """\
atpub: 1
project: lab
account: local
schemas: {{image: {{nsid: org.lab.image, version: 1.0.0, fields: {{label: integer}}}}}}
datasets:
  big: {{schema: image, urls: "{url}/s-{{000000..{last:06}}}.tar", parts: 1000, checksums: {checksums}}}
"""
CHILD = """\
import resource, sys
from pathlib import Path
from atpub.cli.main import run
code = run(["plan"])
used = resource.getrusage(resource.RUSAGE_SELF)
status = Path("/proc/self/status").read_text().splitlines()
memory = int(next(line.split()[1] for line in status if line.startswith("VmHWM"))) * 1024
print(code, used.ru_utime, memory >> 20, file=sys.stderr)
"""
MOST_SECONDS, MOST_MIB = 10.0, 400
"""Twice what it takes on a machine that does nothing else."""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs getrusage")
@pytest.mark.parametrize(
    ("count", "url", "checksums"),
    [
        (100_000, HTTPS, "s.sha256"),
        (100_000, PORT, "{missing: fetch}"),
        (10_000, HTTPS, "{missing: fetch}"),
        (10_000, PORT, "s.sha256"),
    ],
)
def test_a_plan_of_many_shards(count: int, url: str, checksums: str, tmp_path: Path) -> None:
    (tmp_path / "atpub.yaml").write_text(MANIFEST.format(url=url, checksums=checksums, last=count - 1))
    digests = [sha256(b"%d" % number).hexdigest() for number in range(count)]
    names = [f"s-{number:06}.tar" for number in range(count)]
    if checksums == "s.sha256":
        rows = [f"{digest}  {name}\n" for digest, name in zip(digests, names, strict=True)]
        (tmp_path / "s.sha256").write_text("".join(rows))
    else:
        rows = ['{"atpub.lock": 2}\n']
        for digest, name in zip(digests, names, strict=True):
            rows.append(f'{{"url": "{url}/{name}", "sha256": "{digest}", "size": 10240, "etag": "\\"{name}\\""}}\n')
        (tmp_path / "atpub.lock").write_text("".join(rows))
    done = subprocess.run([sys.executable, "-c", CHILD], cwd=tmp_path, capture_output=True, text=True, check=True)
    code, seconds, mib = done.stderr.splitlines()[-1].split()
    assert code == "0"
    assert f"(part {count // 1000} of {count // 1000})" in done.stdout
    assert (float(seconds) <= MOST_SECONDS, int(mib) <= MOST_MIB) == (True, True), done.stderr[-100:]
