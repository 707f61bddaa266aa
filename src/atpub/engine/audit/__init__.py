"""Verifying a project's inventory against the live records, and rebuilding it."""
