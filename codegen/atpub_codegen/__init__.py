"""Lexicons → Python: typed record classes and methods, through Jinja templates."""

from atpub_codegen.generate import MARK, generate

__all__ = ["MARK", "generate"]
