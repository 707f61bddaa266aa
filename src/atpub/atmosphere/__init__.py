"""The Python API: a client of an account, publishers, and loaders."""

from atpub.atmosphere.client import AtmosphereClient, RecordValue
from atpub.atmosphere.dataset import Dataset
from atpub.atmosphere.dataset_publisher import DatasetPublisher
from atpub.atmosphere.declare import apply, load_manifest, plan, verify
from atpub.atmosphere.loaders import DatasetLoader, LabelLoader, LensLoader, SchemaLoader, load, pull
from atpub.atmosphere.outbox import Batch
from atpub.atmosphere.ready_plan import ReadyPlan
from atpub.atmosphere.record_publishers import LabelPublisher, LensPublisher, SchemaPublisher
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
    "ReadyPlan",
    "RecordValue",
    "SchemaLoader",
    "SchemaPublisher",
    "apply",
    "load",
    "load_manifest",
    "plan",
    "pull",
    "verify",
]
