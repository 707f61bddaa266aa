"""Lexicons → Python: typed record classes and methods, through Jinja templates."""

from atpub_codegen.generate import MARK, generate, recorded_documents, recorded_names
from atpub_codegen.name_table import Names

__all__ = ["MARK", "Names", "generate", "recorded_documents", "recorded_names"]
