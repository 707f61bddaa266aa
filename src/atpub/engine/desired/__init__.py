"""The records that a manifest wants."""
