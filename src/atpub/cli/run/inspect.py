"""`atpub inspect` and `atpub init`: what local shards hold, and a first manifest of them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from atpub.cli.output import print_data, print_json, print_source, style_for, tell, tell_warnings
from atpub.errors import InvalidInput, Usage
from atpub.executors import open_executor
from atpub.inspection.files import find_shards
from atpub.inspection.reading import InspectedSource, survey_sources
from atpub.inspection.run import init_manifest
from atpub.report.inspection import init_json, init_text, survey_text, surveys_json, total_text
from atpub.shards.survey import ShardSurvey, SurveyTotal


def run_inspect(
    paths: tuple[str, ...],
    samples: int | None,
    executor: str,
    repository: Path | None,
    pds: str | None,
    *,
    as_json: bool,
) -> int:
    """Print what shards hold, each as soon as it is read; return 3 if a file is broken or missing, 1 if a URL is."""
    urls = [path for path in paths if "://" in path]
    if (repository or pds) and not any(url.startswith("at://") for url in urls):
        raise Usage("--repository and --pds are about at:// URIs", hint="leave them out, or name a URI")
    found = find_shards([path for path in paths if path not in urls])
    sources = [InspectedSource(file.absolute(), str(file), samples) for file in found.files]
    surveys: list[ShardSurvey] = []
    total = SurveyTotal()
    is_valid = not found.problems
    with open_executor(executor) as opened:
        sources += _list_remote(urls, samples, repository, pds) if urls else ()
        for source, survey in zip(sources, survey_sources(sources, opened), strict=True):
            total = total.add(survey)
            is_valid = is_valid and (survey.is_readable or not isinstance(source.source, Path))
            if as_json:
                surveys.append(survey)
            else:
                _print(survey)
    if as_json:
        print_json(surveys_json(surveys, total, found.problems))
    elif total.shards > 1 and total.looked_at:
        print_data(total_text(total, style_for(sys.stdout)))
    tell_warnings(found.problems)
    return InvalidInput.exit_code if not is_valid else 0 if total.is_readable else 1


def _print(survey: ShardSurvey) -> None:
    """Print what a shard holds, and its problems to stderr."""
    if text := survey_text(survey, style_for(sys.stdout)):
        print_data(text)
    tell_warnings(survey.problems)


def _list_remote(
    urls: Sequence[str], samples: int | None, repository: Path | None, pds: str | None
) -> Sequence[InspectedSource]:
    from atpub.cli.connect import opening
    from atpub.inspection.remote import list_remote  # brings what local files need not
    from atpub.measuring.store_access import environ_endpoint

    endpoint = environ_endpoint()
    with opening(repository, pds) as open_repository:
        return list(list_remote(urls, samples, open_repository, endpoint))


def run_init(data: tuple[str, ...], out: Path, nsid: str | None, samples: int | None, *, as_json: bool) -> None:
    """Write a manifest for shards, and print what it describes and the next command."""
    if as_json and str(out) == "-":
        raise Usage("--json and --out - exclude each other", hint="give one of them")
    outcome = init_manifest(data, out, nsid, samples)
    tell_warnings(outcome.warnings)
    if str(out) == "-":
        print_source(outcome.text)
        tell(init_text(outcome, style_for(sys.stderr)))
    elif as_json:
        print_json(init_json(outcome))
    else:
        print_data(init_text(outcome, style_for(sys.stdout)))
