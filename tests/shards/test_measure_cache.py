from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atpub.shards.cache import VERSION, Entry, FileIdentity, dump_entries, load_entries
from atpub.shards.notes import NOTES, Note
from atpub.shards.sample_types import SampleTypes

DIGEST = "0f" * 32
ENTRY = Entry(FileIdentity(10, 20, 30, 40), DIGEST, 5)
NUMBERS = st.integers(0, 2**63)
TYPES = st.dictionaries(st.text(), st.sampled_from(("integer", ["string"], {"ndarray": {"shape": [1]}})))
ENTRIES = st.dictionaries(
    st.text(),
    st.builds(
        Entry,
        st.builds(FileIdentity, NUMBERS, NUMBERS, NUMBERS, NUMBERS),
        st.binary(min_size=32, max_size=32).map(bytes.hex),
        st.none() | NUMBERS,
        st.just(()) | st.builds(Note, st.sampled_from(NOTES), st.text()).map(lambda note: (note,)),
        st.none() | st.builds(SampleTypes, st.text(), TYPES, st.none() | TYPES, st.booleans()),
        st.just(()),
    ),
)


@pytest.mark.slow
@given(ENTRIES)
def test_what_is_dumped_is_loaded(entries: dict[str, Entry]) -> None:
    assert load_entries(dump_entries(entries)) == entries


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 100_000,
        '{"version": 1}',
        f'{{"version": {VERSION + 1}, "files": {{}}}}',
        f'{{"version": {VERSION}, "files": []}}',
        f'{{"version": {VERSION}, "files": {{"a": []}}}}',
        f'{{"version": {VERSION}, "files": {{"a": null}}}}',
        dump_entries({"a": ENTRY}).replace("0f0f", "0F0F"),
        dump_entries({"a": ENTRY}).replace("0f0f", "zzzz"),
        dump_entries({"a": ENTRY}).replace("[10,", "[10.5,"),
        dump_entries({"a": ENTRY}).replace(",5,", ',"5",'),
        dump_entries({"a": ENTRY}).replace("{}", '{"strange": "0"}'),
        dump_entries({"a": ENTRY}).replace("{}", '{"link-member": 0}'),
        dump_entries({"a": ENTRY})[:-5],
        dump_entries({"a": ENTRY}).replace(f'"version":{VERSION}', f'"version":{VERSION - 1}'),
    ],
)
def test_any_other_text_is_no_cache(text: str) -> None:
    assert load_entries(text) == {}


@pytest.mark.slow
def test_the_oldest_entries_are_dropped() -> None:
    entries = {str(number): ENTRY for number in range(100_005)}
    kept = load_entries(dump_entries(entries))
    assert (len(kept), "4" in kept, "5" in kept) == (100_000, False, True)


def test_a_file_just_written_is_not_settled(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x")
    identity = FileIdentity.of(path.stat())
    second = 1_000_000_000
    assert not identity.is_settled(identity.ctime_ns)
    assert not identity.is_settled(identity.ctime_ns + 2 * second)
    assert identity.is_settled(identity.ctime_ns + 2 * second + 1)
    # An old mtime does not help: it can be set.
    os.utime(path, (1, 1))
    assert not FileIdentity.of(path.stat()).is_settled(path.stat().st_ctime_ns + second)
