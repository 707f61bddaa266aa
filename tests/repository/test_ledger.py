"""What is left of a rate limit, by the headers of replies, and what a real server does once it is spent."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from tests.apply.publishing import owned, prepare, write_lexicons, write_manifest
from tests.apply.samples import numbered
from tests.pds.reference import VERSIONS, ReferencePds
from tests.repository.pds_servers import Way, new_account, repository_on, served

from atpub.applying import Halted, apply_plan
from atpub.errors import RateLimited
from atpub.repository.interface import UNLIMITED
from atpub.repository.pds.http import Reply
from atpub.repository.pds.ledger import Budget, Ledger

NOW = 1_000.0
HOUR = 5_000
"""The points that a PDS allows an account in an hour."""


def reply(status: int = 200, **headers: int) -> Reply:
    return Reply(status, {name.replace("_", "-"): str(value) for name, value in headers.items()}, b"")


CASES: Mapping[str, tuple[list[Reply], Budget | None]] = {
    "nothing was heard": ([], None),
    "no headers": ([reply()], Budget(UNLIMITED)),
    "so many left": ([reply(ratelimit_remaining=7, ratelimit_reset=1_300)], Budget(7, 1_300)),
    "the newest counts": (
        [reply(ratelimit_remaining=7, ratelimit_reset=1_300), reply(ratelimit_remaining=5, ratelimit_reset=1_400)],
        Budget(5, 1_400),
    ),
    "the time is over": ([reply(ratelimit_remaining=7, ratelimit_reset=1_000)], None),
    "refused": ([reply(429, ratelimit_remaining=7, ratelimit_reset=1_300)], Budget(0, 1_300)),
    "refused, in other words": ([reply(429, retry_after=60)], Budget(0, 1_060)),
    "refused without a word": ([reply(429)], None),
    "a failure says nothing": ([reply(ratelimit_remaining=7, ratelimit_reset=1_300), reply(502)], Budget(7, 1_300)),
}


@pytest.mark.parametrize("case", CASES)
def test_budget(case: str) -> None:
    replies, expected = CASES[case]
    ledger = Ledger()
    for item in replies:
        ledger.note("a.b.c", item, NOW)
    assert ledger.budget("a.b.c", NOW) == expected
    assert ledger.budget("a.b.d", NOW) is None


@pytest.fixture(scope="module", params=VERSIONS)
def limited(request: pytest.FixtureRequest) -> Iterator[ReferencePds]:
    with served(request.param, rate_limits=True) as server:
        yield server


def test_a_server_is_not_asked_for_more_than_it_allows(limited: ReferencePds, tmp_path: Path) -> None:
    """2,000 records cost more than an hour's points: what fits is written, and no request is refused."""
    account = new_account(limited)
    write_lexicons(tmp_path)
    way = Way()
    repository = repository_on(limited, account, way)
    try:
        prepared = prepare(write_manifest(tmp_path, numbered(2_000)), repository)
        with pytest.raises(Halted) as caught:
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
    """Nobody has told how little is left: nothing is written, and the reply says when to come again."""
    account = new_account(limited)
    write_lexicons(tmp_path)
    repository = repository_on(limited, account)
    other = repository_on(limited, account)
    try:
        prepared = prepare(write_manifest(tmp_path, numbered(1_600)), other)
        apply_plan(prepared.plan, other, prepared.sources)
        more = {"project": "more", **numbered(150, secrets.token_hex(2))}
        prepared = prepare(write_manifest(tmp_path, json.loads(json.dumps(more).replace('"n', '"m'))), repository)
        with pytest.raises(RateLimited) as caught:
            apply_plan(prepared.plan, repository, prepared.sources)
        assert caught.value.reset is not None
        assert not owned(repository, "more")
    finally:
        repository.close()
        other.close()
