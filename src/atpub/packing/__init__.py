"""Packing: files of samples become deterministic shards."""
