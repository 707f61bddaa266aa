"""Runs the benchmarks that are named, or all of them."""

import sys
from importlib import import_module

from tests.benchmarks.harness import machine

ALL = ("startup", "manifest", "generate", "validate", "shards", "local", "pds", "live", "api")

for name, value in machine().items():
    print(f"{name}: {value}")
for name in sys.argv[1:] or ALL:
    print(f"\n{name}")
    import_module(f"tests.benchmarks.{name}").bench()
