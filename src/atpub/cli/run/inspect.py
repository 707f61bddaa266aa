"""`atpub inspect` and `atpub init`: what local shards hold, and a first manifest of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from atpub.cli.output import print_data, print_json, print_source, style_for, tell, tell_warnings
from atpub.inspection.files import find_shards, survey_files
from atpub.inspection.run import init_manifest
from atpub.report.inspection import init_json, init_text, survey_text, surveys_json, total_text
from atpub.report.problems import problems_text
from atpub.shards.survey import ShardSurvey, SurveyTotal


def run_inspect(
    paths: tuple[str, ...], samples: int | None, repository: Path | None, pds: str | None, *, as_json: bool
) -> int:
    """Print what shards hold, each as soon as it is read; return 1 if one of them is broken or missing."""
    urls = [path for path in paths if "://" in path]
    found = find_shards([path for path in paths if path not in urls])
    surveys: list[ShardSurvey] = []
    total = SurveyTotal()
    remote = _survey_remote(urls, samples, repository, pds) if urls else ()
    for survey in chain(survey_files(found.files, samples), remote):
        total = total.add(survey)
        if as_json:
            surveys.append(survey)
        else:
            print_data(survey_text(survey, style_for(sys.stdout)))
    if as_json:
        print_json(surveys_json(surveys, total, found.problems))
    elif total.shards > 1:
        print_data(total_text(total, style_for(sys.stdout)))
    if found.problems:
        tell(problems_text(found.problems, style_for(sys.stderr)))
    return 0 if total.is_readable and not found.problems else 1


def _survey_remote(
    urls: Sequence[str], samples: int | None, repository: Path | None, pds: str | None
) -> Iterator[ShardSurvey]:
    from atpub.cli.connect import opening
    from atpub.inspection.remote import survey_remote  # brings what local files need not

    with opening(repository, pds) as open_repository:
        yield from survey_remote(urls, samples, open_repository)


def run_init(data: tuple[str, ...], out: Path, nsid: str | None, samples: int | None, *, as_json: bool) -> None:
    """Write a manifest for shards, and print what it describes and the next command."""
    outcome = init_manifest(data, out, nsid, samples)
    tell_warnings(outcome.warnings)
    if str(out) == "-":
        print_source(outcome.text)
        tell(init_text(outcome, style_for(sys.stderr)))
    elif as_json:
        print_json(init_json(outcome))
    else:
        print_data(init_text(outcome, style_for(sys.stdout)))
