"""A dataset card of the Hugging Face Hub (README.md): YAML front matter, and Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from atpub.atproto.data import JsonObject
from atpub.catalog import facts
from atpub.catalog.citation import format_yaml
from atpub.catalog.links import license_url, spdx_id
from atpub.published.model import DatasetView, SchemaView
from atpub.report.escape import escape_markdown, escape_prose, escape_terminal, markdown_fence
from atpub.report.published import loading_code, size_text

_SIZES: Final = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
    (100_000_000, "10M<n<100M"),
    (1_000_000_000, "100M<n<1B"),
)
_RAI: Final = {
    "limitations": "Limitations",
    "biases": "Biases",
    "personal_sensitive_information": "Personal and sensitive information",
    "use_cases": "Uses",
    "social_impact": "Social impact",
}


def render_hf_card(dataset: DatasetView) -> str:
    """Render a dataset as a card."""
    blocks = [f"# {escape_prose(_line(facts.title(dataset)))}", *_sections(dataset)]
    return f"---\n{format_yaml(build_card_data(dataset))}---\n\n" + "\n\n".join(filter(None, blocks)) + "\n"


def build_card_data(dataset: DatasetView) -> JsonObject:
    """Build the front matter of a card."""
    samples = dataset.size.samples
    return facts.present(
        {
            **_license(dataset.license),
            "pretty_name": facts.title(dataset),
            "tags": [*dict.fromkeys((*filter(None, dataset.tags), "webdataset"))],
            "size_categories": [] if samples is None else [_size_category(samples)],
        }
    )


def _license(license: str) -> JsonObject:
    """Return the license by the Hub's names: SPDX identifiers in lower case, or `other` with a name and link."""
    if not license:
        return {}
    if identifier := spdx_id(license):
        return {"license": identifier.lower()}
    return facts.present({"license": "other", "license_name": license, "license_link": license_url(license)})


def _size_category(samples: int) -> str:
    return next((name for limit, name in _SIZES if samples < limit), "n>1B")


def _sections(dataset: DatasetView) -> Iterator[str]:
    yield escape_prose(dataset.description)
    yield "\n".join(_table(("", ""), _facts(dataset)))
    if dataset.schema and dataset.schema.fields:
        yield "## Fields"
        yield "\n".join(_table(("field", "type", "description"), _fields(dataset.schema)))
    for name, heading in _RAI.items():
        if text := getattr(dataset.rai, name):
            yield f"## {heading}"
            yield escape_prose(text)
    yield from _provenance(dataset)
    yield "## Load it"
    yield from (_code(name, code) for name, code in loading_code(dataset))
    yield "## Citation"
    yield escape_prose(_line(facts.citation_text(dataset)))


def _facts(dataset: DatasetView) -> Iterator[tuple[str, ...]]:
    yield "publisher", escape_markdown(dataset.publisher)
    yield "record", escape_markdown(dataset.uri)
    yield "CID", escape_markdown(dataset.cid)
    yield "license", escape_markdown(dataset.license or "none stated")
    yield "size", escape_markdown(size_text(dataset))
    if (synthetic := dataset.rai.has_synthetic_data) is not None:
        yield "synthetic data", "yes" if synthetic else "no"


def _fields(schema: SchemaView) -> Iterator[tuple[str, ...]]:
    for field in schema.fields:
        kind = escape_markdown(field.type + ("?" if field.is_optional else ""))
        yield escape_markdown(field.name), kind, escape_prose(_line(field.description))


def _provenance(dataset: DatasetView) -> Iterator[str]:
    provenance, sources = dataset.rai.provenance, facts.sources(dataset)
    if provenance is None or not (sources or provenance.generated_by):
        return
    yield "## Provenance"
    yield escape_prose(provenance.generated_by or "")
    yield "\n".join(f"- {escape_markdown(source)}" for source in sources)


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    yield from (f"| {' | '.join(row)} |" for row in rows)


def _code(name: str, code: str) -> str:
    shown = escape_terminal(code)
    language, head = ("sh", "") if name == "shell" else ("python", f"# {name}\n")
    fence = markdown_fence(shown)
    return f"{fence}{language}\n{head}{shown}\n{fence}"


def _line(text: str) -> str:
    return " ".join(text.split())
