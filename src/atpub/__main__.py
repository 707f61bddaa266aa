"""The command line, for `python -m atpub`."""

from atpub.cli import main

if __name__ == "__main__":
    main()
