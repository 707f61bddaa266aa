"""Desired records: those that a manifest describes."""
