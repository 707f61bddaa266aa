"""Run the benchmarks that are named, or all of them."""

from argparse import ArgumentParser
from importlib import import_module

from tests.benchmarks.harness import machine

ALL = (
    "startup",
    "manifest",
    "generate",
    "validate",
    "models",
    "shards",
    "pack",
    "samples",
    "local",
    "encode",
    "apply",
    "destroy",
    "publish",
    "uploads",
    "pds",
    "live",
    "api",
    "catalog",
)

parser = ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(ALL)}; default: all")
names = parser.parse_args().names
if unknown := sorted({*names} - {*ALL}):
    parser.error(f"no such benchmark: {', '.join(unknown)}")
for name, value in machine().items():
    print(f"{name}: {value}")
for name in names or ALL:
    print(f"\n{name}")
    import_module(f"tests.benchmarks.{name}").bench()
