"""The command line: each command reads, calls the core and prints."""

from atpub.cli.main import main

__all__ = ["main"]
