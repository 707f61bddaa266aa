"""SchemaPublisher, LabelPublisher and LensPublisher."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from atpub.atmosphere.arguments import Call, fields
from atpub.atmosphere.publisher_base import Publisher, schema_entry
from atpub.atproto.syntax import AtUri
from atpub.engine.plan.publication import IfExists
from atpub.generated.science.alt.dataset import label, lens
from atpub.manifest.model import (
    LabelEntry,
    LensEntry,
)


class SchemaPublisher(Publisher):
    """Publishes what a sample class holds; a version, once published, never changes."""

    def publish(
        self,
        sample_type: type[object],
        *,
        name: str | None = None,
        version: str = "1.0.0",
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        rkey: str | None = None,
        nsid: str | None = None,
        if_exists: IfExists = "update",
    ) -> AtUri:
        """Publish the schema of a sample class; return its URI.

        Its identity is `{nsid}:{version}`, as in a manifest; without an `nsid`, `{name}:{version}`. Raises
        InvalidArgument, and Refused where the version is published with another content.
        """
        call = Call("SchemaPublisher.publish", self.client.did)
        own = fields(description=description, metadata=call.json("metadata", metadata))
        made = schema_entry(call, sample_type, name, version, own, rkey=rkey, nsid=nsid)
        return self._post(call, [made], if_exists=if_exists)


class LabelPublisher(Publisher):
    """Publishes the names under which datasets are found: one record for each name and version."""

    def publish(
        self,
        name: str,
        dataset_uri: str | AtUri,
        *,
        version: str | None = None,
        description: str | None = None,
        rkey: str | None = None,
        if_exists: IfExists = "update",
    ) -> AtUri:
        """Publish a label; return its URI. Raises InvalidArgument or Refused."""
        call = Call("LabelPublisher.publish", self.client.did)
        own = fields(name=call.text("name", name), version=version, description=description)
        identity = f"{name}:{version}" if version else name
        common = call.common("labels", label.NSID, identity, rkey)
        made = LabelEntry(common, call.uri("dataset_uri", dataset_uri), own)
        return self._post(call, [made], if_exists=if_exists)


class LensPublisher(Publisher):
    """Publishes which code turns samples of one schema into those of another, and back; never the code itself."""

    def publish(
        self,
        *,
        name: str,
        source_schema_uri: str | AtUri,
        target_schema_uri: str | AtUri,
        description: str | None = None,
        code_repository: str | None = None,
        code_commit: str | None = None,
        getter_path: str | None = None,
        putter_path: str | None = None,
        rkey: str | None = None,
        language: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        id: str | None = None,
        if_exists: IfExists = "update",
    ) -> AtUri:
        """Publish a lens, whose code must be named; return its URI. Raises InvalidArgument."""
        call = Call("LensPublisher.publish", self.client.did)
        own = fields(
            name=call.text("name", name),
            description=description,
            language=language,
            metadata=call.json("metadata", metadata),
        )
        common = call.common("lenses", lens.NSID, name if id is None else call.text("id", id), rkey)
        code = {
            "repository": call.text("code_repository", code_repository),
            "commit": call.text("code_commit", code_commit),
        }
        made = LensEntry(
            common,
            call.uri("source_schema_uri", source_schema_uri),
            call.uri("target_schema_uri", target_schema_uri),
            {**code, "path": call.text("getter_path", getter_path)},
            {**code, "path": call.text("putter_path", putter_path)},
            own,
        )
        return self._post(call, [made], if_exists=if_exists)

    def publish_from_lens(
        self,
        lens_obj: Any,
        *,
        name: str,
        source_schema_uri: str | AtUri,
        target_schema_uri: str | AtUri,
        code_repository: str,
        code_commit: str,
        description: str | None = None,
        rkey: str | None = None,
        language: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        id: str | None = None,
        if_exists: IfExists = "update",
    ) -> AtUri:
        """Publish a lens with the paths of an atdata Lens's own two functions; return its URI."""
        return self.publish(
            name=name,
            source_schema_uri=source_schema_uri,
            target_schema_uri=target_schema_uri,
            description=description,
            code_repository=code_repository,
            code_commit=code_commit,
            getter_path=_path_of(lens_obj, "_getter"),
            putter_path=_path_of(lens_obj, "_putter"),
            rkey=rkey,
            language=language,
            metadata=metadata,
            id=id,
            if_exists=if_exists,
        )


def _path_of(lens_obj: object, name: str) -> str:
    function = getattr(lens_obj, name, None)
    module, title = getattr(function, "__module__", ""), getattr(function, "__name__", "")
    return f"{module}:{title}" if module else title
