"""Catalogs as files: the samples that pages show are read, and pages are written to a folder."""
