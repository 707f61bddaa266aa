"""Text files with source positions: reading YAML, JSON and TOML, merging documents, interpolating variables."""
