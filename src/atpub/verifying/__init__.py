"""Verifying what is published: records, references, blobs and shards, as they are now."""
