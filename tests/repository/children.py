"""Processes that use a local repository at the same time as a test, or until the test kills them.

python -m tests.repository.children count FOLDER        commit after commit, each told on stdout once it is made
python -m tests.repository.children add FOLDER TIMES    add one to a shared number, TIMES times
python -m tests.repository.children fill FOLDER BYTES   write until files may not grow any more
"""

import resource
import sys
from contextlib import closing
from pathlib import Path

from tests.repository.samples import InMemory, at, note, notes, swap

from atpub.errors import AtpubError, HeadMoved
from atpub.repository.local import LocalRepository
from atpub.repository.model import Create, Update, Write


def number(repository: LocalRepository) -> int:
    """The number in the counter; -1 where there is none yet."""
    record = notes(repository).get(at("counter"))
    return int(str(record.value["text"])) if record else -1


def step(repository: LocalRepository, size: int = 5_000) -> tuple[int, str]:
    """One commit on top of what was read: the counter goes up, and a record with a new blob is made."""
    head = swap(repository)
    following = number(repository) + 1
    blob = repository.upload_blob(InMemory(f"{following}".encode() * size), "text/plain")
    counter = note(str(following))
    writes: list[Write] = [Update(at("counter"), counter) if following else Create(at("counter"), counter)]
    writes.append(Create(at(f"n{following}"), note(str(following), blob)))
    return following, repository.apply_writes(writes, head).head.cid


def count(repository: LocalRepository) -> None:
    while True:
        print(*step(repository), flush=True)


def add(repository: LocalRepository, times: int) -> None:
    for _ in range(times):
        while True:
            try:
                step(repository, 1)
                break
            except HeadMoved:
                continue


def fill(repository: LocalRepository, most: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    try:
        for size in range(1, most):
            print(*step(repository, size), flush=True)
    except AtpubError as error:
        print(error.code, flush=True)


if __name__ == "__main__":
    print("ready", flush=True)
    with closing(LocalRepository(Path(sys.argv[2]))) as repository:
        match sys.argv[1], [int(argument) for argument in sys.argv[3:]]:
            case "count", []:
                count(repository)
            case "add", [times]:
                add(repository, times)
            case "fill", [most]:
                fill(repository, most)
            case _:
                sys.exit(__doc__)
