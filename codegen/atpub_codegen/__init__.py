"""Lexicons → Python: typed record classes and methods, or models of pydantic, through Jinja templates."""

from atpub_codegen.generate import MARK, generate, recorded_documents, recorded_names
from atpub_codegen.name_table import Names
from atpub_codegen.styles import RUNTIME, STYLES, PackageStyle

__all__ = ["MARK", "RUNTIME", "STYLES", "Names", "PackageStyle", "generate", "recorded_documents", "recorded_names"]
