"""The direction of imports, what an `__init__` may hold, and that the core does no I/O: read from the source."""

import ast
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1]
PACKAGE, CODEGEN = SOURCE / "src/atpub", SOURCE / "codegen/atpub_codegen"
MODULES = sorted(PACKAGE.rglob("*.py"))
INITS = [CODEGEN / "__init__.py", *(path for path in PACKAGE.rglob("__init__.py") if "generated" not in path.parts)]

# Each part of the package imports only parts before its own; those on one line do not import each other.
ORDER = """
errors suggest
atomic_files
atproto
generated
text
repository
manifest
shards
engine
user_folders
pipeline target
generation importing login
report
atmosphere cli testing validation
""".strip().splitlines()
RANK = {part: rank for rank, parts in enumerate(ORDER) for part in parts.split()}

IO = {"httpx", "os", "random", "secrets", "socket", "sqlite3", "subprocess", "time"}
MAY_DO_IO = (
    *("atproto/auth/", "atproto/identity/", "atproto/xrpc/", "repository/"),
    *("shards/measure.py", "user_folders.py", "pipeline.py", "cli/", "atmosphere/"),
    *("atomic_files.py", "generation/", "importing/download.py"),
)
EXCEPTIONS = {
    "manifest/files.py": "reads the manifest's own files, and nothing else does",
    "manifest/lexicon_files.py": "finds the lexicons in a folder",
    "manifest/load.py": "os.PathLike, a type",
    "shards/braces.py": "os.path.commonprefix, which compares text",
    "shards/cache.py": "os.stat_result, a type",
    "shards/files.py": "lists the files that a manifest's patterns name",
    "shards/headers.py": "os.SEEK_CUR, a constant",
    "shards/tar.py": "os.SEEK_END, a constant",
    "validation.py": "os.PathLike, a type",
}

TOUCHING = {
    *("exists", "glob", "is_dir", "is_file", "iterdir", "lstat", "mkdir", "open", "read_bytes", "read_text"),
    *("rglob", "rmdir", "stat", "today", "touch", "unlink", "utcnow", "write_bytes", "write_text"),
}
TOUCH_FILES = {
    "importing/base.py": "asks whether the manifest to be replaced is one of those that are here",
    "importing/run.py": "writes the manifest",
    "shards/locking.py": "writes the lock",
    "atproto/runtime/package.py": "reads the lexicons that a generated package carries",
    "manifest/files.py": "reads the manifest's own files",
    "manifest/lexicon_files.py": "finds the lexicons in a folder",
    "manifest/load.py": "asks whether what a manifest names is a file or a folder",
    "shards/facts.py": "reads the file of checksums that a manifest names",
    "shards/files.py": "lists the files that a manifest's patterns name",
    "shards/lock.py": "asks whether the files are still those that were locked",
}


@cache
def imports(path: Path) -> frozenset[str]:
    """Every name that a module imports, wherever the import stands."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative imports are not in use"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def part(module: str) -> str:
    """The part of the package that a dotted name is in; empty for the package itself."""
    return module.split(".")[1] if "." in module else ""


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE if path.is_relative_to(PACKAGE) else CODEGEN).as_posix()


def test_every_part_has_its_place_in_the_order() -> None:
    parts = {relative(path).split("/")[0].removesuffix(".py") for path in MODULES}
    assert parts - {"__init__"} <= RANK.keys()


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_imports_point_one_way(path: Path) -> None:
    own = relative(path).split("/")[0].removesuffix(".py")
    allowed = {other for other, rank in RANK.items() if own in ("__init__", other) or rank < RANK[own]}
    assert {part(name) for name in imports(path) if name.split(".")[0] == "atpub"} <= allowed


@pytest.mark.parametrize("path", sorted(CODEGEN.rglob("*.py")), ids=relative)
def test_the_generator_needs_nothing_that_it_generates(path: Path) -> None:
    assert {part(name) for name in imports(path) if name.split(".")[0] == "atpub"} <= {"errors", "atproto"}


@pytest.mark.parametrize("path", [path for path in MODULES if not relative(path).startswith(MAY_DO_IO)], ids=relative)
def test_the_core_does_no_io(path: Path) -> None:
    found = {name.split(".")[0] for name in imports(path)} & IO
    assert found == ({"os"} if relative(path) in EXCEPTIONS else set())


@pytest.mark.parametrize("path", [path for path in MODULES if not relative(path).startswith(MAY_DO_IO)], ids=relative)
def test_only_these_of_the_core_touch_files_and_clocks(path: Path) -> None:
    called = {node.func for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)}
    names = {getattr(func, "attr", getattr(func, "id", "")) for func in called}
    assert (relative(path) in TOUCH_FILES) == bool(names & TOUCHING), names & TOUCHING


@pytest.mark.parametrize("path", sorted((PACKAGE / "atmosphere").glob("*.py")), ids=relative)
def test_what_users_give_to_calls_is_parsed_where_the_errors_of_arguments_are_made(path: Path) -> None:
    calls = {
        ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)
    }
    parsed = {name for name in calls if name.endswith(".parse") or name.startswith("parse_at")}
    assert path.name == "arguments.py" or parsed <= {"licensing.parse"}


@pytest.mark.parametrize("path", INITS, ids=relative)
def test_an_init_holds_imports_only(path: Path) -> None:
    assert [node for node in ast.parse(path.read_text("utf-8")).body if not is_allowed(node)] == []


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
