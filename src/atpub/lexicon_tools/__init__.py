"""Tools for authors of lexicons: lint, format, new lexicons, and checks of records in files."""
