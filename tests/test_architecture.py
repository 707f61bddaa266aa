"""Hold the architecture: the directions of imports, cycles, I/O, sizes and names, all read from the source."""

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

SOURCE = Path(__file__).parents[1]
FOLDERS = {"atpub": SOURCE / "src/atpub", "atpub_codegen": SOURCE / "codegen/atpub_codegen"}

# Each part imports only itself and parts of the lines above its own. Parts within braces may import each other, and the
# test for cycles holds them apart, module by module.
LAYERS = """
redact
problems suggest
errors
progress
executors
atomic_files
{ atproto.syntax atproto.data atproto.mime_types atproto.lexicon atproto.evolution atproto.runtime atproto.repo }
generated
{ atproto.identity atproto.xrpc atproto.auth }
text
repository
storage
manifest
shards
{ engine.desired engine.inventory engine.ownership engine.plan }
{ engine.owned_records engine.apply engine.audit }
user_folders
target
desired
pipeline
history
published
{ pulling.download pulling.digests }
generation importing login serving watching
lexicon_tools
lexicon_resolution
explanations
measuring
{ pulling.sources pulling.entries pulling.partial pulling.save pulling.run pulling.shard_file }
inspection verifying
packing
report
catalog
cataloging
agents
progress_display
atmosphere cli testing validation
__main__
"""

# Narrower than the layers: of the parts that begin with the second name, a part that begins with the first imports only
# the third. `repository.model` and `repository.record_table` hold plain values: records, writes, commits.
NARROWER = (
    ("atproto.", "generated", ("generated.com",)),
    (
        "repository",
        "",
        ("problems", "errors", "redact", "suggest", "atomic_files", "atproto", "generated", "repository"),
    ),
    ("engine", "repository", ("repository.model", "repository.record_table", "repository.local_account")),
    (
        "engine.owned_records",
        "repository",
        ("repository.interface", "repository.model", "repository.filter", "repository.record_table"),
    ),
    (
        "engine.apply",
        "repository",
        ("repository.interface", "repository.model", "repository.filter", "repository.backoff"),
    ),
    ("manifest", "repository", ()),
    ("storage", "repository", ()),
    ("shards", "repository", ()),
    (
        "importing",
        "repository",
        ("repository.interface", "repository.model", "repository.filter", "repository.snapshot"),
    ),
    ("report", "repository", ("repository.model",)),
    ("catalog", "repository", ("repository.model",)),
    *((above, below, ()) for above in ("report", "catalog") for below in ("storage", "shards", "user_folders")),
    *(
        (above, f"atproto.{below}", ())
        for above in ("report", "catalog")
        for below in ("identity", "xrpc", "auth", "repo")
    ),
)

IO = {"httpx", "os", "random", "secrets", "socket", "sqlite3", "subprocess", "time"}
MAY_DO_IO = (
    *("atproto.auth", "atproto.identity", "atproto.xrpc", "repository", "storage"),
    *("shards.measure", "shards.file_facts", "user_folders", "desired", "cli", "atmosphere", "pulling"),
    *("atomic_files", "generation", "importing.download", "login.callback"),
    *("inspection.files", "inspection.reading", "inspection.run", "measuring", "verifying.reading", "progress_display"),
    *("packing.sources", "packing.write", "packing.run", "lexicon_tools.files", "lexicon_tools.records"),
    *("lexicon_resolution.files", "lexicon_resolution.origins", "lexicon_resolution.shelf", "lexicon_resolution.run"),
    *("lexicon_tools.git", "lexicon_tools.versions", "lexicon_tools.against_data", "lexicon_tools.stored"),
    "cataloging",
    *("history.folder", "history.names"),
    *("serving.files", "serving.server"),
    *("agents.approvals", "agents.server"),
)
EXCEPTIONS = {
    "manifest.files": "reads the manifest's own files, and nothing else does",
    "manifest.lexicon_files": "finds the lexicons in a folder",
    "manifest.load": "os.PathLike, a type",
    "shards.braces": "os.path.commonprefix, which compares text",
    "shards.cache": "os.stat_result, a type",
    "shards.files": "lists the files that a manifest's patterns name",
    "shards.survey": "os.SEEK_END, a constant",
    "shards.tar": "os.SEEK_END, a constant",
    "text.files": "reads the text files that the user names",
    "text.paths": "resolves the paths that a manifest names",
    "validation": "os.PathLike, a type",
}
TOUCHING = {
    *("exists", "glob", "is_dir", "is_file", "iterdir", "lstat", "mkdir", "open", "read_bytes", "read_text"),
    *("rglob", "rmdir", "stat", "today", "touch", "unlink", "utcnow", "write_bytes", "write_text"),
}
TOUCH_FILES = {
    "engine.apply.uploads": "opens the sources of blobs, which callers hand in",
    "manifest.files": "reads the manifest's own files",
    "manifest.lexicon_files": "finds the lexicons in a folder",
    "manifest.lexicon_lock": "asks whether the lexicons in a folder are locked",
    "manifest.schema": "reads the file of its package",
    "manifest.load": "asks whether what a manifest names is a file or a folder",
    "shards.facts": "asks for the sizes of the files that a manifest names",
    "shards.checksum_reader": "reads the checksum files that a manifest names",
    "shards.files": "lists the files that a manifest's patterns name",
    "shards.locator": "asks whether the files that were locked are here",
    "shards.lock": "asks whether there is a lock",
    "shards.member_samples": "opens images in memory",
    "shards.tar_stream": "opens an archive that comes in chunks",
    "explanations.table": "reads the files of its package",
    "text.files": "reads the text files that the user names",
    "text.paths": "asks what kind of file a path leads to",
    "importing.base": "reads the manifest that entries are imported into",
    "importing.run": "writes the imported manifest and its files",
    "importing.take": "writes the edited files of the manifest",
}
HTTP_LIBRARIES = {"httpx", "httpcore"}
TRANSPORT = "atproto.xrpc.transport"
MOST_LINES_OF_A_FILE = 400
MOST_LINES_OF_A_FUNCTION = 60
FEW_LINES, MOST_FILES_OF_FEW_LINES = 40, 12


@dataclass(frozen=True)
class Module:
    """A module. Its name leaves out the package `atpub`, and is empty for the package itself."""

    name: str
    path: Path
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def is_generated(self) -> bool:
        return is_in(self.name, "generated")

    @property
    def lines(self) -> int:
        return self.text.count("\n")

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node but those that only type checkers see."""
        found: list[ast.AST] = [self.tree]
        for node in found:  # which grows
            found += [child for child in ast.iter_child_nodes(node) if not is_type_checking(child)]
        return tuple(found)

    @cached_property
    def imports(self) -> frozenset[str]:
        """Every dotted name that the module imports, wherever the import stands."""
        found: set[str] = set()
        for node in self.nodes:
            match node:
                case ast.Import(names=names):
                    found |= {alias.name for alias in names}
                case ast.ImportFrom(module=module, names=names, level=0):
                    found |= {f"{module}.{alias.name}" for alias in names}
                case ast.ImportFrom():
                    raise AssertionError(f"{self.path}: write absolute imports")
                case _:
                    pass
        return frozenset(found)

    @cached_property
    def libraries(self) -> frozenset[str]:
        return frozenset(name.split(".")[0] for name in self.imports)

    @cached_property
    def own_imports(self) -> frozenset[str]:
        """The modules of this project that it imports: names within `atpub`, or `atpub_codegen.…`."""
        found = {module_of(name) for name in self.imports if name.split(".")[0] in FOLDERS}
        return frozenset(found - {self.name})


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).rpartition(".")[2] == "TYPE_CHECKING"


def is_in(name: str, part: str) -> bool:
    """Whether a dotted name is that of a part, or within it; a part that ends with a dot counts all within it."""
    return not part or name == part or name.startswith(part if part.endswith(".") else f"{part}.")


def read_modules() -> Iterator[Module]:
    for package, folder in FOLDERS.items():
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            name = ".".join([package, *(parts[:-1] if parts[-1] == "__init__" else parts)])
            text = path.read_text("utf-8")
            yield Module(name.removeprefix("atpub").removeprefix("."), path, text)


def within_atpub(name: str) -> str:
    return "" if name == "atpub" else name.removeprefix("atpub.")


# A module of the generator begins with `_codegen`, so that none is mistaken for a part of the package.
MODULES: Mapping[str, Module] = {module.name: module for module in read_modules()}
ATPUB = [module for module in MODULES.values() if not module.name.startswith("_codegen")]
CODEGEN = [module for module in MODULES.values() if module.name.startswith("_codegen")]
WRITTEN = [module for module in MODULES.values() if not module.is_generated]


def module_of(imported: str) -> str:
    """The module that a name is imported from: the name itself, or what is before its last dot."""
    name = within_atpub(imported.replace("atpub_codegen", "_codegen"))
    return name if name in MODULES else name.rpartition(".")[0]


def layers() -> dict[str, tuple[int, bool]]:
    """The line of each part, and whether the parts of that line may import each other."""
    return {
        part: (rank, line.startswith("{"))
        for rank, line in enumerate(LAYERS.strip().splitlines())
        for part in line.strip("{} ").split()
    }


LAYER = layers()


def part_of(name: str) -> str:
    """The part that a module is in; a folder that only holds parts has none."""
    return next((part for part in LAYER if is_in(name, part)), "")


def may_import(importer: str, imported: str) -> bool:
    if importer == imported or not importer or imported in ("", "atproto", "engine", "pulling"):
        return True
    (own, together), (other, _) = LAYER[importer], LAYER[imported]
    return other < own or (other == own and together)


def narrowed_to(name: str, imported: str) -> tuple[str, ...] | None:
    """What a module may import of the parts that an import is of, if that is less than the layers allow."""
    rules = [(part, allowed) for part, of, allowed in NARROWER if is_in(name, part) and is_in(imported, of)]
    return max(rules, key=lambda rule: len(rule[0]))[1] if rules else None


def test_every_module_is_in_a_layer() -> None:
    folders = {"", "atproto", "engine", "pulling"}
    assert [module.name for module in ATPUB if module.name not in folders and not part_of(module.name)] == []


def test_imports_point_one_way() -> None:
    wrong = [
        f"{module.name} imports {other}"
        for module in ATPUB
        for other in module.own_imports
        if not may_import(part_of(module.name), part_of(other) if other else "")
    ]
    assert not wrong, "\n".join(sorted(wrong))


def test_some_parts_see_less_than_their_layer() -> None:
    wrong = [
        f"{module.name} imports {other}"
        for module in ATPUB
        for other in module.own_imports
        if (allowed := narrowed_to(module.name, other)) is not None and other
        if not any(is_in(other, part) for part in allowed) and part_of(other) != part_of(module.name)
    ]
    assert not wrong, "\n".join(sorted(wrong))


def test_the_protocol_knows_no_manifest_dataset_project_or_inventory() -> None:
    allowed = ("problems", "errors", "redact", "suggest", "atomic_files", "atproto", "generated.com")
    wrong = [
        f"{module.name} imports {other}"
        for module in ATPUB
        if is_in(module.name, "atproto")
        for other in module.own_imports
        if other and not any(is_in(other, part) for part in allowed)
    ]
    assert not wrong, "\n".join(sorted(wrong))


def test_the_generator_needs_nothing_that_it_generates() -> None:
    wrong = [
        f"{module.name} imports {other}"
        for module in CODEGEN
        for other in module.own_imports
        if not any(is_in(other, part) for part in ("problems", "errors", "atproto", "_codegen"))
    ]
    assert not wrong, "\n".join(sorted(wrong))


def test_there_is_no_import_cycle() -> None:
    """Imports inside functions count; those that only type checkers see do not."""
    graph = {module.name: module.own_imports & MODULES.keys() - {""} for module in WRITTEN}
    reached = {name: within_reach(name, graph) for name in graph}
    cycles = {frozenset(other for other in reached[name] if name in reached[other]) for name in graph}
    assert [sorted(cycle) for cycle in cycles if cycle] == []


def within_reach(name: str, graph: Mapping[str, Set[str]]) -> set[str]:
    """The modules that one imports, those that they import, and so on."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        new = graph[waiting.pop()] & graph.keys() - found
        found |= new
        waiting += new
    return found


def test_one_module_speaks_http() -> None:
    assert [module.name for module in MODULES.values() if module.libraries & HTTP_LIBRARIES] == [TRANSPORT]


def test_the_core_does_no_io() -> None:
    core = [module for module in ATPUB if not any(is_in(module.name, part) for part in MAY_DO_IO)]
    found = {module.name: module.libraries & IO for module in core if module.libraries & IO}
    assert {name: libraries for name, libraries in found.items() if name not in EXCEPTIONS or libraries != {"os"}} == {}
    assert EXCEPTIONS.keys() - found.keys() == set()


def test_only_these_of_the_core_touch_files_and_clocks() -> None:
    core = [module for module in ATPUB if not any(is_in(module.name, part) for part in MAY_DO_IO)]
    found = {module.name for module in core if called_names(module) & TOUCHING}
    assert found == TOUCH_FILES.keys()


def called_names(module: Module) -> set[str]:
    called = [node.func for node in module.nodes if isinstance(node, ast.Call)]
    return {getattr(func, "attr", getattr(func, "id", "")) for func in called}


STEPS = {
    "shards.facts.gather": {"desired", "measuring.update"},
    "engine.desired.build.build_desired": {"desired"},
    "engine.plan.build.plan_manifest": {"pipeline"},
    "text.interpolate.interpolate": {"manifest.load"},
    "text.merge.merge": {"manifest.load"},
}
"""Each function that does a step of the pipeline, and the modules that call it: all others take the step from these."""


def test_each_step_of_the_pipeline_is_called_in_one_place() -> None:
    callers = {step: {item.name for item in ATPUB if f"atpub.{step}" in item.imports} for step in STEPS}
    assert callers == STEPS


def test_arguments_are_parsed_where_their_errors_are_made() -> None:
    wrong = [
        f"{module.name} calls {name}"
        for module in ATPUB
        if is_in(module.name, "atmosphere") and module.name != "atmosphere.arguments"
        for name in sorted({ast.unparse(node.func) for node in module.nodes if isinstance(node, ast.Call)})
        if (name.endswith(".parse") or name.startswith("parse_at")) and name not in ("Target.parse", "licensing.parse")
    ]
    assert wrong == []


# Sizes and names


def test_files_are_short() -> None:
    sizes = {module.name: module.lines for module in WRITTEN if module.lines > MOST_LINES_OF_A_FILE}
    assert sizes == {}


def test_functions_are_short() -> None:
    sizes = {
        f"{module.name}.{node.name}": node.end_lineno - node.lineno + 1
        for module in WRITTEN
        for node in module.nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None
    }
    assert {name: size for name, size in sizes.items() if size > MOST_LINES_OF_A_FUNCTION} == {}


def test_few_files_hold_next_to_nothing() -> None:
    small = {
        module.name: module.lines
        for module in WRITTEN
        if module.path.name not in ("__init__.py", "__main__.py") and module.lines < FEW_LINES
    }
    assert len(small) <= MOST_FILES_OF_FEW_LINES, small


def test_no_public_class_name_is_there_twice() -> None:
    places = [
        (node.name, module.name)
        for module in WRITTEN
        for node in module.tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]
    counts = Counter(name for name, _ in places)
    assert sorted(place for place in places if counts[place[0]] > 1) == []


def test_an_init_holds_imports_only() -> None:
    inits = [module for module in WRITTEN if module.path.name == "__init__.py"]
    assert inits
    wrong = {module.name: [ast.unparse(node) for node in module.tree.body if not is_allowed(node)] for module in inits}
    assert {name: nodes for name, nodes in wrong.items() if nodes} == {}


def is_allowed(node: ast.stmt) -> bool:
    """A docstring, an import, `__all__` and tables of names, and a `__getattr__` that imports late."""
    match node:
        case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant(value=str())):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=[]):
            return all(map(is_allowed, node.body))
        case ast.FunctionDef(name="__getattr__" | "__dir__"):
            return True
        case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
            return all(
                isinstance(part, ast.Constant | ast.List | ast.Tuple | ast.Dict | ast.Load) for part in ast.walk(value)
            )
        case _:
            return False
