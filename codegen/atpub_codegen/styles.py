"""The styles of generated packages: atpub's own classes, and models of pydantic that need nothing of atpub's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from atpub_codegen import render
from atpub_codegen.builder import ModuleBuilder
from atpub_codegen.ir import Module, RootModule
from atpub_codegen.pydantic_style import PydanticBuilder

RUNTIME: Final = "_runtime.py"


@dataclass(frozen=True, slots=True)
class PackageStyle:
    """What a style does with a lexicon: the builder of its module, and the sources of the files."""

    builder: type[ModuleBuilder]
    module: Callable[[Module, str, str], str]  # of a module, for a package and a command
    root: Callable[[RootModule, str, str], str]
    runtime: Callable[[str], str] | None = None  # of the module that all others use
    reserved: tuple[str, ...] = ()  # the names that modules import, beside those of every style


CLASSES: Final = PackageStyle(
    ModuleBuilder,
    lambda module, _, command: render.module_source(module, command),
    lambda root, _, command: render.root_source(root, command),
)
PYDANTIC: Final = PackageStyle(
    PydanticBuilder,
    render.models_source,
    render.models_root_source,
    render.models_runtime_source,
    ("Annotated", "TypeAliasType"),
)
STYLES: Final[Mapping[str, PackageStyle]] = {"classes": CLASSES, "pydantic": PYDANTIC}
