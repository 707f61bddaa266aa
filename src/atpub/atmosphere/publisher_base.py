"""The base class of publishers, and the schema entry of a sample class."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Final, ParamSpec

from atpub.atmosphere.arguments import Call
from atpub.atmosphere.client import AtmosphereClient
from atpub.atmosphere.outbox import Batch, QueuedRecord
from atpub.atmosphere.ready_plan import OnProgress, ReadyPlan, ignore
from atpub.atproto.data import JsonObject
from atpub.atproto.syntax import AtUri, Nsid
from atpub.engine.plan.publication import IfExists, PublishRequest
from atpub.errors import InvalidArgument
from atpub.generated.science.alt.dataset import schema
from atpub.manifest.model import (
    Entry,
    SchemaEntry,
)
from atpub.repository.interface import BlobSource
from atpub.shards.facts import Facts
from atpub.shards.samples import sample_content

P = ParamSpec("P")

IF_EXISTS: Final[tuple[IfExists, ...]] = ("update", "error", "skip")
_NOTHING: Final = Facts({}, {}, ())


class Publisher:
    """The base of all publishers: the client, the project that owns the records, and the progress callback."""

    def __init__(self, client: AtmosphereClient, *, project: str | None = None, on_event: OnProgress = ignore) -> None:
        """Take the client; `project` owns the records, as in a manifest (None: no project).

        Changes to another project's records are refused. `on_event` is told of uploads, commits, and the
        progress of bytes that are read; `atpub.progress_bar` yields one that shows it.
        """
        self.client = client
        self._project = project or ""
        self._on_event = on_event

    def __repr__(self) -> str:
        project = f", project={self._project!r}" if self._project else ""
        return f"{type(self).__name__}({self.client!r}{project})"

    def batch(self, *, on_event: OnProgress | None = None) -> AbstractContextManager[Batch]:
        """Publish what all publishers of the client publish in the block in one atomic commit at its end.

        Where it does not fit in one (200 writes, or the server's limit of bytes), in as few as it takes. Nothing is
        published where the block fails.
        """
        return self.client.batch(on_event=on_event or self._on_event)

    def plan(self, publish: Callable[P, AtUri], /, *args: P.args, **named: P.kwargs) -> ReadyPlan:
        """Plan one of the publisher's calls, such as `plan(publisher.publish, …)`; writes nothing."""
        with self.client.outbox.collecting() as batch:
            publish(*args, **named)
            return batch.plan()

    def _post(
        self,
        call: Call,
        entries: Sequence[Entry],
        facts: Facts = _NOTHING,
        *,
        if_exists: IfExists,
        sources: Mapping[str, BlobSource] | None = None,
        mime_types: Mapping[str, str] | None = None,
    ) -> AtUri:
        """Publish the record of the last entry, with those before it where they are not there yet.

        Of a dataset in parts, the first record is the last one, and its URI is returned.
        """
        call.choice("if_exists", if_exists, IF_EXISTS)
        desired, problems = call.desired(call.manifest(entries), facts)
        call.check(problems)
        about = entries[-1].common.address
        before = [PublishRequest(item, "skip") for item in desired if item.address != about]
        own = [PublishRequest(item, if_exists) for item in reversed(desired) if item.address == about]
        requests = (*before, *own)
        queued = QueuedRecord(requests, self._project, sources or {}, mime_types or {})
        self.client.outbox.post(queued, self._on_event)
        return queued.uri(call.did)


def schema_entry(
    call: Call,
    sample_type: object,
    name: str | None,
    version: str,
    own: JsonObject,
    *,
    rkey: str | None = None,
    nsid: str | None = None,
) -> SchemaEntry:
    """Return the manifest entry for the schema of a sample class; raises InvalidArgument."""
    if not isinstance(sample_type, type):
        raise call.refuse("sample_type", f"expected a class, found {type(sample_type).__name__}")
    if nsid is not None and not Nsid.accepts(nsid):
        raise call.refuse("nsid", f"{nsid!r} is not an NSID", "a domain name backwards, then a name: org.lab.image")
    title = sample_type.__name__ if name is None else call.text("name", name)
    if not title.isidentifier():
        raise call.refuse("name", f"{title!r} cannot name a Python class, which readers make of it")
    try:
        content = sample_content(sample_type)
    except InvalidArgument as error:
        call.check(error.problems)
        raise
    common = call.common("schemas", schema.NSID, f"{nsid or title}:{call.text('version', version)}", rkey)
    place = call.manifest(()).place
    return SchemaEntry(
        common,
        None if nsid is None else Nsid(nsid),
        title,
        version,
        content,
        own,
        lambda _: place(common.address.steps),
    )
