"""What libraries and the HTTP client log, shown on stderr; loaded when a command runs, so that help is quick."""

from __future__ import annotations

import logging
from typing import Final

from atpub.cli.options import SHOWS_LOGS, VERBOSE
from atpub.cli.output import tell
from atpub.redact import redact

_REQUESTS: Final = "httpx"
_NOTICES: Final = "atpub"


def start_logs() -> None:
    """Let requests be logged with `--verbose` alone; show them and notices, if this process is the command's own."""
    logging.getLogger(_REQUESTS).setLevel(logging.INFO if VERBOSE.get() else logging.WARNING)
    if SHOWS_LOGS.get():
        logging.getLogger(_NOTICES).setLevel(logging.INFO)
        _show(_NOTICES, _Notices(logging.INFO))
        _show(_REQUESTS, _Requests(logging.INFO))


def _show(name: str, handler: logging.Handler) -> None:
    logger = logging.getLogger(name)
    if not any(isinstance(item, type(handler)) for item in logger.handlers):
        logger.addHandler(handler)


class _Notices(logging.Handler):
    """Shows on stderr what is waited for."""

    def emit(self, record: logging.LogRecord) -> None:
        """Show a message."""
        tell(record.getMessage())


class _Requests(logging.Handler):
    """Shows requests on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        """Show a request, without the secrets of its URL."""
        tell(redact(record.getMessage()))
