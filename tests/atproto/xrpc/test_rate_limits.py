"""What is left of a rate limit, by the headers of replies, and what a real server does once it is spent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
from tests.engine.apply.publishing import owned, prepare, write_lexicons, write_manifest
from tests.engine.apply.samples import numbered
from tests.pds.reference import VERSIONS, ReferencePds
from tests.repository.pds_servers import Servers, Way, method_of, new_account, repository_on

from atpub.atproto.xrpc.errors import failure
from atpub.atproto.xrpc.http import Reply
from atpub.atproto.xrpc.rate_limits import Budget, RateLimits, reset_of
from atpub.engine.apply import FIRST, PartialApplyError, apply_plan
from atpub.errors import RateLimited

NOW = 1_700_000_000.5
SOON, LATER = int(NOW) + 300, int(NOW) + 400
HOUR = 5_000
"""The points that a PDS allows an account in an hour."""


def reply(status: int = 200, **headers: int) -> Reply:
    return Reply(status, {name.replace("_", "-"): str(value) for name, value in headers.items()}, b"")


CASES: Mapping[str, tuple[list[Reply], Budget | None]] = {
    "nothing was heard": ([], None),
    "no headers": ([reply()], Budget(None)),
    "so many left": ([reply(ratelimit_remaining=7, ratelimit_reset=SOON)], Budget(7, SOON)),
    "the newest counts": (
        [reply(ratelimit_remaining=7, ratelimit_reset=SOON), reply(ratelimit_remaining=5, ratelimit_reset=LATER)],
        Budget(5, LATER),
    ),
    "the time is over": ([reply(ratelimit_remaining=7, ratelimit_reset=int(NOW))], None),
    "refused": ([reply(429, ratelimit_remaining=7, ratelimit_reset=SOON)], Budget(0, SOON)),
    "refused, in other words": ([reply(429, retry_after=60)], Budget(0, int(NOW) + 60)),
    "refused without a word": ([reply(429)], None),
    "a failure says nothing": ([reply(ratelimit_remaining=7, ratelimit_reset=SOON), reply(502)], Budget(7, SOON)),
}


@pytest.mark.parametrize("case", CASES)
def test_budget(case: str) -> None:
    replies, expected = CASES[case]
    ledger = RateLimits()
    for item in replies:
        ledger.note("a.b.c", item, NOW)
    assert ledger.budget("a.b.c", NOW) == expected


OTHERS: Mapping[str, tuple[list[Reply], Budget | None]] = {
    "nothing was heard": ([], None),
    "no limit": ([reply()], Budget(None)),
    "a limit": ([reply(ratelimit_limit=3_000)], None),
    "a limit, then none": ([reply(ratelimit_remaining=7, ratelimit_reset=SOON), reply()], None),
    "no limit, then one": ([reply(), reply(ratelimit_remaining=7, ratelimit_reset=SOON)], None),
    "no limit, then refused": ([reply(), reply(429)], None),
    "only failures": ([reply(502), reply(404)], None),
    "no limit, then a failure": ([reply(), reply(502)], Budget(None)),
}


@pytest.mark.parametrize("case", OTHERS)
def test_budget_of_a_method_that_was_not_called(case: str) -> None:
    replies, expected = OTHERS[case]
    ledger = RateLimits()
    for item in replies:
        ledger.note("a.b.c", item, NOW)
    assert ledger.budget("a.b.d", NOW) == expected


RESETS: Mapping[str, tuple[Mapping[str, str], int | None]] = {
    "a time": ({"ratelimit-reset": str(SOON)}, SOON),
    "a time that is over": ({"ratelimit-reset": str(SOON - 600)}, SOON - 600),
    "seconds to wait": ({"ratelimit-reset": "60"}, int(NOW) + 60),
    "a week": ({"ratelimit-reset": str(int(NOW) + 7 * 24 * 3600)}, int(NOW) + 7 * 24 * 3600),
    "more than a week": ({"ratelimit-reset": str(int(NOW) + 8 * 24 * 3600)}, None),
    "more seconds than a week's": ({"retry-after": "99999999"}, None),
    "milliseconds": ({"ratelimit-reset": "1700000300000"}, None),
    "milliseconds, and seconds to wait": ({"ratelimit-reset": "1700000300000", "retry-after": "60"}, int(NOW) + 60),
    "more digits than Python reads": ({"ratelimit-reset": "9" * 5_000}, None),
    "digits of another script": ({"ratelimit-reset": "١٧٠٠"}, None),
    "a negative number": ({"ratelimit-reset": "-5"}, None),
    "a fraction": ({"ratelimit-reset": "1.5"}, None),
    "a date": ({"retry-after": "Tue, 14 Nov 2023 22:20:00 GMT"}, None),
    "nothing": ({"ratelimit-reset": ""}, None),
}


@pytest.mark.parametrize("case", RESETS)
def test_when_a_limit_starts_anew(case: str) -> None:
    """Whatever a server says: the time of it, or that it is not known."""
    headers, expected = RESETS[case]
    found = Reply(429, headers, b"")
    assert reset_of(found, NOW) == expected
    error = failure("a.b.c at https://pds.example", found, NOW)
    assert isinstance(error, RateLimited)
    assert error.reset == expected
    assert error.hint


@pytest.mark.parametrize("left", ["9" * 5_000, "²", "-1", "many"])
def test_a_number_of_points_that_is_none(left: str) -> None:
    ledger = RateLimits()
    ledger.note("a.b.c", Reply(200, {"ratelimit-remaining": left, "ratelimit-reset": str(SOON)}, b""), NOW)
    assert ledger.budget("a.b.c", NOW) == Budget(None)


@pytest.fixture(params=[pytest.param(version, marks=pytest.mark.pds) for version in VERSIONS])
def limited(request: pytest.FixtureRequest, pds_servers: Servers) -> ReferencePds:
    version: str = request.param
    return pds_servers(version, limited=True)


def test_a_server_is_not_asked_for_more_than_it_allows(limited: ReferencePds, tmp_path: Path) -> None:
    """2,000 records cost more than an hour's points: what fits is written, and no request is refused."""
    account = new_account(limited)
    write_lexicons(tmp_path)
    way = Way()
    repository = repository_on(limited, account, way)
    try:
        prepared = prepare(write_manifest(tmp_path, numbered(2_000)), repository)
        with pytest.raises(PartialApplyError) as caught:
            apply_plan(prepared.plan, repository, prepared.sources)
        assert (caught.value.exit_code, caught.value.hint[:9]) == (8, "run again")
        statuses = [outcome.status for outcome in caught.value.outcomes]
        assert set(statuses) == {"applied", "pending"}
        found = owned(repository)
        assert len(found) == statuses.count("applied")
        assert HOUR - 100 < 3 * len(found) < HOUR
        assert not way.refused
    finally:
        repository.close()


def test_a_batch_that_is_refused(limited: ReferencePds, tmp_path: Path) -> None:
    """The points left are unknown: nothing is written, and the reply says when to come again."""
    account = new_account(limited)
    write_lexicons(tmp_path)
    repository = repository_on(limited, account)
    other = repository_on(limited, account)
    try:
        prepared = prepare(write_manifest(tmp_path, numbered(1_600)), other)
        apply_plan(prepared.plan, other, prepared.sources)
        more = {"project": "more", **numbered(150)}
        prepared = prepare(write_manifest(tmp_path, json.loads(json.dumps(more).replace('"n', '"m'))), repository)
        with pytest.raises(RateLimited) as caught:
            apply_plan(prepared.plan, repository, prepared.sources)
        assert caught.value.reset is not None
        assert not owned(repository, "more")
    finally:
        repository.close()
        other.close()


@pytest.mark.pds
@pytest.mark.parametrize(("rate_limits", "commits"), [(False, 2), (True, 3)])
def test_the_first_of_several_commits(pds_servers: Servers, tmp_path: Path, rate_limits: bool, commits: int) -> None:
    """It is small only on a server that shows limits, and has not shown yet what is left for writes."""
    write_lexicons(tmp_path)
    way = Way()
    server = pds_servers(VERSIONS[0], limited=rate_limits)
    with closing(repository_on(server, new_account(server), way)) as repository:
        prepared = prepare(write_manifest(tmp_path, numbered(300)), repository)
        apply_plan(prepared.plan, repository, prepared.sources)
    sent = [json.loads(request.content) for request in way.requests if method_of(request) == "applyWrites"]
    assert len(sent) == commits
    assert (len(sent[0]["writes"]) == FIRST + 1) == rate_limits
