"""Shards at URLs: their digests, sizes and samples, as stores state them or as they are read; the lock's update."""
