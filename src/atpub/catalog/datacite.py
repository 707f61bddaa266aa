"""DataCite metadata (schema 4.5, JSON): what a repository needs to register a DOI for a dataset."""

from __future__ import annotations

from typing import Final

from atpub.atproto.data import Json, JsonObject
from atpub.catalog import facts
from atpub.catalog.links import license_url, spdx_id
from atpub.published.model import DatasetView
from atpub.report.published import extent

_SPDX: Final = {"rightsIdentifierScheme": "SPDX", "schemeUri": "https://spdx.org/licenses/"}


def build_datacite(dataset: DatasetView) -> JsonObject:
    """Build the metadata of a dataset; it has no DOI yet."""
    return facts.present(
        {
            "schemaVersion": "http://datacite.org/schema/kernel-4",
            "types": {"resourceTypeGeneral": "Dataset", "resourceType": "WebDataset"},
            "creators": [_creator(dataset)],
            "titles": [{"title": facts.title(dataset)}],
            "publisher": {"name": str(dataset.publisher)},
            "publicationYear": facts.year(dataset),
            "dates": [{"date": facts.date(dataset), "dateType": "Issued"}],
            "version": facts.version(dataset),
            "subjects": [{"subject": tag} for tag in dict.fromkeys(dataset.tags) if tag],
            "rightsList": [_rights(dataset.license)] if dataset.license else [],
            "descriptions": _descriptions(dataset),
            "sizes": [*extent(dataset)],
            "formats": ["application/x-tar"],
            "alternateIdentifiers": [
                {"alternateIdentifier": str(dataset.uri), "alternateIdentifierType": "AT URI"},
                {"alternateIdentifier": str(dataset.cid), "alternateIdentifierType": "CID"},
            ],
            "relatedIdentifiers": [
                {"relatedIdentifier": url, "relatedIdentifierType": "URL", "relationType": "IsDerivedFrom"}
                for url in dict.fromkeys(facts.sources(dataset))
            ],
        }
    )


def render_datacite(dataset: DatasetView) -> str:
    """Render a dataset as DataCite JSON."""
    return facts.format_json(build_datacite(dataset))


def _creator(dataset: DatasetView) -> Json:
    identifier: JsonObject = {"nameIdentifier": str(dataset.publisher.did), "nameIdentifierScheme": "DID"}
    return {"name": str(dataset.publisher), "nameType": "Organizational", "nameIdentifiers": [identifier]}


def _rights(license: str) -> Json:
    identifier = spdx_id(license)
    stated = {"rightsIdentifier": identifier, **_SPDX} if identifier else {}
    return facts.present({"rights": license, "rightsUri": license_url(license), **stated})


def _descriptions(dataset: DatasetView) -> list[Json]:
    provenance = dataset.rai.provenance
    methods = provenance.generated_by if provenance else None
    texts = (("Abstract", facts.description(dataset)), ("Methods", methods))
    return [{"description": text, "descriptionType": kind} for kind, text in texts if text]
