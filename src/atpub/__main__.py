"""The program `atpub`, which `python -m atpub` runs as well."""

from __future__ import annotations

import gc


def main() -> None:
    """Run the command line and exit with its code."""
    gc.set_threshold(500_000)  # a run keeps most of its objects: frequent collection takes a tenth of its time
    from atpub.cli.main import main as run_command_line  # the imports make most of the objects of a short run

    run_command_line()


if __name__ == "__main__":
    main()
