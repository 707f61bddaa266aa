"""Where batches of work run: in this process, on a Dask cluster, or by any executor that a factory of the user makes.

A batch goes to a function that can be pickled and returns bytes. An executor's workers need atpub, and the same files.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from threading import Thread
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from atpub.errors import AtpubError, Unavailable, Usage

THREADS: Final = "threads"
"""The name of the default: the work is done in this process."""

_DASK: Final = "dask://"
_DASK_LOGGERS: Final = ("distributed.client", "distributed.core", "distributed.utils")
_DASK_SECONDS: Final = 5.0
_LONGEST_SECONDS: Final = 8.0
_HINT: Final = "give threads, dask://HOST:PORT, or module:factory"
_AGAIN: Final = "is the same version of atpub installed on each worker? Then run it again"
T = TypeVar("T")


@contextmanager
def open_executor(name: str) -> Generator[Executor | None]:
    """Open the executor that a name stands for, and close it at the end; None for `threads`.

    `dask://HOST:PORT` is a scheduler of Dask, and `module:factory` a function without arguments that returns an
    Executor. Raises Usage for other names, and Unavailable where there is no such scheduler.
    """
    if name == THREADS:
        yield None
    elif name.startswith(_DASK):
        with _connect(_parse_address(name)) as client, client.get_executor(pure=False) as executor:
            yield executor
    else:
        factory = _find_factory(name)
        with _failures(f"{name} makes no executor", "correct the factory"):
            made = factory()
        if not isinstance(made, Executor):
            message = f"--executor {name} returns {type(made).__name__}, and no concurrent.futures.Executor"
            raise Usage(message, hint=_HINT)
        with made:
            yield made


@contextmanager
def submit_batches(
    executor: Executor, function: Callable[[Sequence[T]], bytes], batches: Iterable[Sequence[T]]
) -> Generator[Sequence[Future[bytes]]]:
    """Yield the futures of batches, in their order; those that are left at the end are cancelled."""
    futures: list[Future[bytes]] = []
    try:
        with _failures("the executor takes no work", _AGAIN):
            futures += [executor.submit(function, batch) for batch in batches]
        yield futures
    finally:
        for future in futures:
            future.cancel()


def result_of(future: Future[bytes]) -> bytes:
    """Return what a batch gave; raises Unavailable where its worker failed."""
    with _failures("a worker failed", _AGAIN):
        return future.result()


@contextmanager
def _failures(what: str, hint: str) -> Generator[None]:
    """Raise Unavailable in place of an executor's own errors, which can be of any class."""
    try:
        yield
    except AtpubError:
        raise
    except Exception as error:
        reason = next(iter(str(error).splitlines()), "")
        raise Unavailable(f"{what}: {type(error).__name__}{reason and f': {reason}'}", hint=hint) from error


def _parse_address(name: str) -> str:
    """Return the HOST:PORT of a scheduler; raises Usage."""
    address = name.removeprefix(_DASK)
    try:
        parsed = urlsplit(name)
        is_complete = parsed.hostname and parsed.port and parsed.netloc == address and "@" not in address
    except ValueError:
        is_complete = False
    if not is_complete:
        raise Usage(f"--executor {name} is no address of a Dask scheduler", hint="such as dask://127.0.0.1:8786")
    return address


def _connect(address: str) -> Any:
    """Return a client of a scheduler; raises Unavailable, within seconds."""
    try:
        distributed = import_module("distributed")
    except ModuleNotFoundError:
        message = "--executor dask://… needs the package distributed"
        raise Unavailable(message, hint="pip install 'atpub[dask]'") from None
    for name in _DASK_LOGGERS:  # which print tracebacks, of what is an error here, too
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with _failures(f"there is no Dask scheduler at {address}", "start one: dask scheduler; and workers: dask worker"):
        return _within(
            _LONGEST_SECONDS, lambda: distributed.Client(address, timeout=_DASK_SECONDS, set_as_default=False)
        )


def _within(seconds: float, make: Callable[[], T]) -> T:
    """Return what a function makes; raises TimeoutError after so many seconds, and leaves the function to itself.

    Dask waits without end for a server that takes a connection and says nothing.
    """
    made = Future[T]()

    def run() -> None:
        try:
            made.set_result(make())
        except Exception as error:
            made.set_exception(error)

    Thread(target=run, name="atpub-connect", daemon=True).start()
    return made.result(seconds)


def _find_factory(name: str) -> Callable[..., object]:
    """Import a factory, also from the current folder; raises Usage."""
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise Usage(f"--executor {name} is no executor", hint=_HINT)
    if (folder := str(Path.cwd())) not in sys.path:
        sys.path.append(folder)
    try:
        found: object = attrgetter(attribute)(import_module(module))
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise Usage(f"--executor {name} cannot be imported: {error}", hint=_HINT) from None
    if not callable(found):
        raise Usage(f"--executor {name} names a {type(found).__name__}, which cannot be called", hint=_HINT)
    return found
