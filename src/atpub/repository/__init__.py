"""The places where records are kept: one interface, and the repositories that implement it (a folder, a PDS)."""
