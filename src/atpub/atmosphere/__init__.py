"""The Python API: a client of an account, publishers, and loaders."""

from atpub.atmosphere.client import AtmosphereClient
from atpub.atmosphere.dataset import Dataset
from atpub.atmosphere.dataset_publisher import DatasetPublisher
from atpub.atmosphere.declare import apply, load_manifest, plan, verify
from atpub.atmosphere.loaders import DatasetLoader, LabelLoader, LensLoader, SchemaLoader, load, open_fs, pull
from atpub.atmosphere.outbox import Batch
from atpub.atmosphere.ready_plan import Outcomes, ReadyPlan
from atpub.atmosphere.record_publishers import LabelPublisher, LensPublisher, SchemaPublisher
from atpub.atmosphere.records import RecordValue
from atpub.atmosphere.typed_records import TypedRecord
from atpub.atproto.syntax import AtUri
from atpub.engine.apply import Committed

__all__ = [
    "AtUri",
    "AtmosphereClient",
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
    "pull",
    "verify",
]
