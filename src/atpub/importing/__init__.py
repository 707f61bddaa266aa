"""Importing: live records → manifest entries."""
