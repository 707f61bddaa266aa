"""Publishing 1,000 dataset entries to the reference PDS, against bare httpx.

Peers: one createRecord for each record, and a bare loop of the very applyWrites calls that the apply makes. Each side
has a session to begin with; making the accounts and the plan does not count. The whole command, which reads YAML, plans
and logs in, is told beside it.
"""

import hashlib
import json
import os
import secrets
import tempfile
from collections.abc import Callable, Generator, Iterable
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import httpx

from atpub.atmosphere.accounts import PdsAccount
from atpub.atproto.xrpc.http import HttpClient
from atpub.cli.main import run
from atpub.engine.apply import apply_plan
from atpub.engine.desired.build import build_desired
from atpub.engine.owned_records import read_owned, records_around
from atpub.engine.plan.build import plan_manifest
from atpub.engine.plan.model import Plan
from atpub.manifest.load import load_manifest
from atpub.repository.interface import Repository
from atpub.repository.pds import connect
from atpub.shards.facts import gather
from tests.benchmarks.harness import compare_prepared
from tests.pds.reference import VERSIONS, Account, ReferencePds, serve

COUNT, RUNS = 1_000, 5
ENTRY = "science.alt.dataset.entry"


def manifest(folder: Path) -> Path:
    """A manifest of many datasets."""
    lines = ["atpub: 1", "project: bench", "schemas:"]
    lines += ["  s: {nsid: org.example.s, version: 1.0.0, fields: {image: ndarray}}", "datasets:"]
    for number in range(COUNT):
        digest = hashlib.sha256(str(number).encode()).hexdigest()
        url = f"https://cdn.example.org/{number}.tar"
        lines.append(f'  d{number}: {{schema: s, urls: "{url}", checksums: {{"{number}.tar": {digest}}}}}')
    path = folder / "atpub.yaml"
    path.write_text("\n".join(lines))
    return path


class Recording(httpx.BaseTransport):
    """The way to a server, which keeps the body of each applyWrites."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self._inner = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("applyWrites"):
            self.bodies.append(request.read())
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()


def fresh(pds: ReferencePds) -> Account:
    """A new account."""
    return pds.create_account(f"b{secrets.token_hex(6)}.test")


def planned(path: Path, repository: Repository) -> Plan:
    """The plan of the manifest."""
    loaded = load_manifest([path], environ={})
    desired, _ = build_desired(loaded, gather(loaded), repository.did)
    live = read_owned(repository, records_around(item.path for item in desired))
    return plan_manifest(desired, live, project="bench", account=repository.did, now=datetime.now(UTC))


def recorded(pds: ReferencePds, path: Path) -> tuple[str, list[bytes]]:
    """The bodies of an apply, and the DID that is in them."""
    account, way = fresh(pds), Recording()
    http = HttpClient(httpx.Client(transport=way))
    with closing(connect(account.did, pds=pds.url, password=account.password, http=http)) as repository:
        apply_plan(planned(path, repository), repository, {})
    return account.did, way.bodies


@contextmanager
def client(pds: ReferencePds, account: Account) -> Generator[Callable[[str, bytes | dict[str, Any]], Any]]:
    """Calls methods as a script would that has logged in."""
    headers = {"authorization": f"Bearer {account.access_jwt}"}
    with httpx.Client(base_url=f"{pds.url}/xrpc/", headers=headers, timeout=60) as http:

        def call(nsid: str, body: bytes | dict[str, Any]) -> Any:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            reply = http.post(nsid, headers={"content-type": "application/json"}, content=content)
            return reply.raise_for_status().json()

        yield call


def replay(pds: ReferencePds, account: Account, did: str, bodies: Iterable[bytes]) -> None:
    """The same applyWrites calls, each on top of the one before, with nothing around them."""
    with client(pds, account) as call:
        for body in bodies:
            swap, _, rest = body.rpartition(b',"swapCommit":"')
            assert swap
            assert rest.endswith(b'"}')
            call("com.atproto.repo.applyWrites", swap.replace(did.encode(), account.did.encode()) + b"}")


def one_by_one(pds: ReferencePds, account: Account, did: str, bodies: Iterable[bytes]) -> None:
    """One createRecord for each record, without an inventory."""
    with client(pds, account) as call:
        for body in bodies:
            for write in json.loads(body.replace(did.encode(), account.did.encode()))["writes"]:
                if write["collection"] == ENTRY:
                    record = {"repo": account.did, "collection": ENTRY, "record": write["value"]}
                    call("com.atproto.repo.createRecord", record)


def applies(pds: ReferencePds, path: Path) -> Generator[Callable[[], None]]:
    """Applies to new accounts, each planned before it is wanted."""
    while True:
        account = fresh(pds)
        opened = PdsAccount.connect(account.did, pds.url, account.password)
        with closing(opened.repository) as repository:
            opened.log_in()
            plan = planned(path, repository)
            yield lambda: _applied(plan, repository)  # noqa: B023 - called before the next is made


def _applied(plan: Plan, repository: Repository) -> None:
    apply_plan(plan, repository, {})


def command(pds: ReferencePds, path: Path, account: Account) -> None:
    """The whole command."""
    os.environ["ATPUB_PASSWORD"] = account.password
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        code = run(["apply", "-m", str(path), "--yes", "--account", account.did, "--pds", pds.url])
    assert code == 0


def bench() -> None:
    """Each version in turn."""
    for version in VERSIONS:
        with serve(version) as pds, tempfile.TemporaryDirectory() as folder:
            measure(pds, manifest(Path(folder)))


def measure(pds: ReferencePds, path: Path) -> None:
    """One server: all comparisons."""
    name = f"PDS {pds.version}: apply {COUNT:,} entries"
    did, bodies = recorded(pds, path)

    def ours() -> Callable[[], None]:
        return next(jobs)

    def theirs() -> Callable[[], None]:
        account = fresh(pds)
        return lambda: replay(pds, account, did, bodies)

    def slow() -> Callable[[], None]:
        account = fresh(pds)
        return lambda: one_by_one(pds, account, did, bodies)

    def whole() -> Callable[[], None]:
        account = fresh(pds)
        return lambda: command(pds, path, account)

    jobs = applies(pds, path)
    try:
        compare_prepared(name, ours, f"the same {len(bodies)} applyWrites", theirs, runs=RUNS)
        compare_prepared(f"{name}, from YAML on", whole, "the same applyWrites", theirs, runs=RUNS)
        found = compare_prepared(name, ours, "one createRecord for each", slow, runs=3)
        print(f"  {1 / found.ratio:.1f} times as fast as one createRecord for each")
    finally:
        jobs.close()
