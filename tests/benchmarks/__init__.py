"""Benchmarks, run by `make bench` (or `make bench ARGS='startup local'`): ratios against a peer in the same run."""
