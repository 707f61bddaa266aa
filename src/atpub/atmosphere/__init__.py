"""The Python API: a client of one's account, publishers of what atpub publishes, and loaders that read it back."""

from atpub.applying import Committed, Uploaded
from atpub.atmosphere.checksums import Fetched
from atpub.atmosphere.client import AtmosphereClient, RecordValue
from atpub.atmosphere.dataset import Dataset
from atpub.atmosphere.datasets import DatasetPublisher
from atpub.atmosphere.declare import apply, load_manifest, plan
from atpub.atmosphere.loaders import DatasetLoader, LabelLoader, LensLoader, SchemaLoader, load
from atpub.atmosphere.outbox import Batch
from atpub.atmosphere.publishers import LabelPublisher, LensPublisher, SchemaPublisher
from atpub.atmosphere.ready import ReadyPlan
from atpub.syntax import AtUri

__all__ = [
    "AtUri",
    "AtmosphereClient",
    "Batch",
    "Committed",
    "Dataset",
    "DatasetLoader",
    "DatasetPublisher",
    "Fetched",
    "LabelLoader",
    "LabelPublisher",
    "LensLoader",
    "LensPublisher",
    "ReadyPlan",
    "RecordValue",
    "SchemaLoader",
    "SchemaPublisher",
    "Uploaded",
    "apply",
    "load",
    "load_manifest",
    "plan",
]
