"""The CID of a record, against libipld's encoder alone, which checks nothing and hashes nothing.

Aim: 200,000 records a second.
"""

import libipld

from atpub.atproto.data import Encoded
from tests.benchmarks.entries import entry
from tests.benchmarks.harness import compare

COUNT = 20_000


def bench() -> None:
    """Many records, each encoded once."""
    records = [entry(number) for number in range(COUNT)]

    def ours() -> None:
        for record in records:
            Encoded.of(record)

    def theirs() -> None:
        for record in records:
            libipld.encode_dag_cbor(record)

    found = compare(f"{COUNT:,} records to their CIDs", ours, "libipld.encode_dag_cbor", theirs, runs=11)
    print(f"  {COUNT / min(found.ours):,.0f} records a second")
