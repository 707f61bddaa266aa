"""Datasets for the tests of metadata formats: of the example manifests, and one whose texts are hostile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from shutil import copytree, ignore_patterns

import atpub
from atpub.atproto.syntax import AtUri, Cid
from atpub.generated.dev.atpub import rai
from atpub.published.build import PUBLISHED, build_published
from atpub.published.model import DatasetView, FieldView, LabelView, PublisherView, SchemaView, ShardView, Size
from atpub.repository.local import LocalRepository
from atpub.repository.model import LOCAL_DID

MANIFESTS = Path(__file__).parents[2] / "manifests"
CID = Cid("bafyreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm")
URI = AtUri.parse("at://did:web:local.invalid/science.alt.dataset.entry/3jqfcqzm3fo2j")
SCHEMA_URI = AtUri.parse("at://did:web:local.invalid/science.alt.dataset.schema/org.test.x:1.0.0")
PUBLISHER = PublisherView(LOCAL_DID, "lab.example")
RAI = rai.Rai(
    limitations="Indoors only.",
    biases="Students.",
    personal_sensitive_information="None.",
    use_cases="Tests.",
    social_impact="None.",
    has_synthetic_data=False,
    provenance=rai.Provenance(derived_from=["https://example.org/a"], generated_by="By hand."),
)

HOSTILE = (
    "</script><script>alert(1)</script> <!-- --> &amp; ]]> ${x} {{ x }} {% x %}\n---\n- a: !!python/object:os.system\n"
    "# heading\n[x](javascript:alert(1)) ![x](https://evil.example/) <img src=x onerror=alert(1)> www.evil.example\n"
    "https://evil.example/ a@evil.example @user #1 | a | b |\n|---|\n1. x\n2) x\n+ x\n===\n```\n~~~\n    code\n\ttab\n"
    "* * *\n: &anchor *alias 'quote\" \\ % ? ! `tick`\n\u202e\u2028\ud7ff\x1b[31m\x00\x7f\x85\N{GRINNING FACE}\n...\n"
    "::error::x"
)


def dataset(**changes: object) -> DatasetView:
    """Return a dataset of two shards at URLs, with members and RAI."""
    fields = [
        FieldView("jpg", "image/jpeg", member="jpg"),
        FieldView("cls", "integer", member="cls", description="The class."),
        FieldView("webp", "image/webp", is_optional=True, member="webp"),
    ]
    schema = SchemaView(SCHEMA_URI, "X", "1.0.0", "", "members", fields, "2024-05-01T00:00:00.000Z", {})
    shards = [ShardView(f"x-{n}.tar", f"https://cdn.example.org/x-{n}.tar", None, f"{n}" * 64, 512) for n in (0, 1)]
    label = LabelView(URI, "x", "1.2.0", "", str(URI), "2024-05-02T00:00:00.000Z")
    made = DatasetView(
        publisher=PUBLISHER,
        uri=URI,
        cid=CID,
        title="Portraits",
        description="Faces of people.",
        license="CC-BY-4.0",
        tags=("faces", "images"),
        created_at="2024-05-01T12:00:00.000Z",
        storage="http",
        shards=shards,
        size=Size(2000, 1024, 2),
        schema_uri=str(SCHEMA_URI),
        schema=schema,
        labels=(label,),
        lenses=(),
        metadata={rai.NSID: RAI.to_json()},
        record={},
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # any of its fields


def hostile() -> DatasetView:
    """Return a dataset all of whose texts try to break out of a format."""
    stated = {
        "limitations": HOSTILE,
        "biases": HOSTILE,
        "useCases": HOSTILE,
        "provenance": {"derivedFrom": ["javascript:alert(1)", "https://a.test/</script>"], "generatedBy": HOSTILE},
    }
    fields = [FieldView(HOSTILE, HOSTILE, description=HOSTILE, member=HOSTILE), FieldView("*", "x/y", member="*")]
    schema = SchemaView(SCHEMA_URI, HOSTILE, HOSTILE, HOSTILE, "members", fields, "2024-05-01T00:00:00.000Z", {})
    shard = ShardView(HOSTILE, "https://a.test/</script><x>\"'.tar", None, None, None)
    label = LabelView(URI, HOSTILE, HOSTILE, HOSTILE, str(URI), "2024-05-02T00:00:00.000Z")
    return dataset(
        title=HOSTILE,
        description=HOSTILE,
        license=HOSTILE,
        tags=(HOSTILE, "", "a", "a"),
        shards=(shard, shard),
        schema=schema,
        labels=(label,),
        metadata={rai.NSID: stated},
    )


def example_datasets(example: str, folder: Path) -> Iterator[DatasetView]:
    """Publish an example manifest to a repository in a folder; yield its datasets, with the files of their blobs."""
    copytree(MANIFESTS / example, folder / example, ignore=ignore_patterns(".atpub"))
    yield from published_datasets(folder / example / "atpub.yaml", folder / "repository")


def published_datasets(manifest: Path, repository: Path) -> Iterator[DatasetView]:
    """Publish a manifest to a repository in a folder; yield its datasets, with the files of their blobs."""
    atpub.apply(atpub.plan(manifest, account=f"local:{repository}"))
    with closing(LocalRepository(repository)) as made:
        found = build_published(PUBLISHER, made.read(PUBLISHED).records.values())
        for item in found.datasets:
            yield item.with_blob_sources(lambda cid: str(made.blob_source(cid)))
