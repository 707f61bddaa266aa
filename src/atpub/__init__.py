"""Publish datasets to the AT Protocol: from YAML manifests (`atpub --help`), or from Python.

>>> import atpub
>>> client = atpub.AtmosphereClient()  # doctest: +SKIP
>>> client.login("lab.example.org", "app-password")  # doctest: +SKIP
>>> atpub.DatasetPublisher(client).publish_with_blobs(["0.tar"], schema_uri, name="Cats")  # doctest: +SKIP

- An account: `AtmosphereClient`. Its `put`, `get`, `list` and `delete` take generated record classes (`TypedRecord`),
  its `create_record`, `list_records` and so on take and return dicts (`RecordValue`).
- Publishing: `DatasetPublisher`, `SchemaPublisher`, `LabelPublisher` and `LensPublisher`, several calls in one `Batch`.
- A manifest: `load_manifest`, `plan` (a `ReadyPlan`), and `apply` (`Outcomes`; it tells of each commit: `Committed`).
- Reading: `load` (samples, a `Dataset`), `pull` (files), `open_fs` (fsspec); records: `DatasetLoader`, `SchemaLoader`,
  `LabelLoader` and `LensLoader`.

Sizes are in bytes, times in UTC, checksums hexadecimal SHA-256. Each error is an `AtpubError`; its `hint` says what to
do.

Nothing is imported before it is asked for.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from atpub.atmosphere import AtmosphereClient as AtmosphereClient
    from atpub.atmosphere import Batch as Batch
    from atpub.atmosphere import Committed as Committed
    from atpub.atmosphere import Dataset as Dataset
    from atpub.atmosphere import DatasetLoader as DatasetLoader
    from atpub.atmosphere import DatasetPublisher as DatasetPublisher
    from atpub.atmosphere import LabelLoader as LabelLoader
    from atpub.atmosphere import LabelPublisher as LabelPublisher
    from atpub.atmosphere import LensLoader as LensLoader
    from atpub.atmosphere import LensPublisher as LensPublisher
    from atpub.atmosphere import Outcomes as Outcomes
    from atpub.atmosphere import ReadyPlan as ReadyPlan
    from atpub.atmosphere import RecordValue as RecordValue
    from atpub.atmosphere import SchemaLoader as SchemaLoader
    from atpub.atmosphere import SchemaPublisher as SchemaPublisher
    from atpub.atmosphere import TypedRecord as TypedRecord
    from atpub.atmosphere import apply as apply
    from atpub.atmosphere import load as load
    from atpub.atmosphere import load_manifest as load_manifest
    from atpub.atmosphere import open_fs as open_fs
    from atpub.atmosphere import plan as plan
    from atpub.atmosphere import pull as pull
    from atpub.atmosphere import verify as verify
    from atpub.atproto.syntax import AtUri as AtUri
    from atpub.errors import AtpubError as AtpubError
    from atpub.errors import AtpubWarning as AtpubWarning
    from atpub.progress_display import progress_bar as progress_bar

_MODULES = {
    "AtUri": "atpub.atproto.syntax",
    "AtmosphereClient": "atpub.atmosphere",
    "AtpubError": "atpub.errors",
    "AtpubWarning": "atpub.errors",
    "Batch": "atpub.atmosphere",
    "Committed": "atpub.atmosphere",
    "Dataset": "atpub.atmosphere",
    "DatasetLoader": "atpub.atmosphere",
    "DatasetPublisher": "atpub.atmosphere",
    "LabelLoader": "atpub.atmosphere",
    "LabelPublisher": "atpub.atmosphere",
    "LensLoader": "atpub.atmosphere",
    "LensPublisher": "atpub.atmosphere",
    "Outcomes": "atpub.atmosphere",
    "ReadyPlan": "atpub.atmosphere",
    "RecordValue": "atpub.atmosphere",
    "SchemaLoader": "atpub.atmosphere",
    "SchemaPublisher": "atpub.atmosphere",
    "TypedRecord": "atpub.atmosphere",
    "apply": "atpub.atmosphere",
    "load": "atpub.atmosphere",
    "load_manifest": "atpub.atmosphere",
    "open_fs": "atpub.atmosphere",
    "plan": "atpub.atmosphere",
    "progress_bar": "atpub.progress_display",
    "pull": "atpub.atmosphere",
    "verify": "atpub.atmosphere",
}
__all__ = [
    "AtUri",
    "AtmosphereClient",
    "AtpubError",
    "AtpubWarning",
    "Batch",
    "Committed",
    "Dataset",
    "DatasetLoader",
    "DatasetPublisher",
    "LabelLoader",
    "LabelPublisher",
    "LensLoader",
    "LensPublisher",
    "Outcomes",
    "ReadyPlan",
    "RecordValue",
    "SchemaLoader",
    "SchemaPublisher",
    "TypedRecord",
    "apply",
    "load",
    "load_manifest",
    "open_fs",
    "plan",
    "progress_bar",
    "pull",
    "verify",
]


def __getattr__(name: str) -> object:
    """Import a name of the Python API on first access (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module 'atpub' has no attribute {name!r}")
    from importlib import import_module

    found: object = getattr(import_module(_MODULES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """Return the public names, including those that are not imported yet."""
    return sorted({*globals(), *__all__})
