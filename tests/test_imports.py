"""The import rules of the house: imports go down, there are no cycles, and some rooms stay free of torch."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import zoo

HOUSE = Path(zoo.__file__).parent
FLOORS = [  # from the ground up; imports go down or stay on their floor
    {"version", "errors", "migrations", "specs", "registry", "contracts", "catalog"},
    {"io"},
    {"data"},
    {"providers", "objectives", "adaptations", "tasks"},
    {"training"},
    {"embedding", "sklearn", "predicting"},
    {"benchmarking"},
    {"hub"},
    {"testing"},
    {"conformance"},
    {"cli", "upkeep"},
    {"zoo", "__main__"},  # the facade `zoo/__init__.py`, which nobody inside imports
]
LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
HEAVY = {"torch", "torchvision", "torchaudio", "transformers", "timm", "open_clip", "accelerate", "peft"}
LIGHT = [  # each with all its modules, unless it names one
    *("errors", "migrations", "specs", "registry", "catalog", "io", "training.threads", "training.trainspec"),
    *(f"benchmarking.{room}" for room in ("suite", "store", "claims", "places", "status", "executors", "statistics")),
    *(f"benchmarking.{room}" for room in ("cost", "summary", "report")),
    *(f"benchmarking.collection{part}" for part in ("", "_store", "_status", "_summary")),
    *(f"hub.{room}" for room in ("card", "cards", "vocabulary", "licences", "privacy", "remote", "push", "results")),
    *("testing", "cli"),
]


def name_of(path: Path) -> str:
    parts = path.relative_to(HOUSE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(HOUSE.rglob("*.py"))}


def is_heavy(module: str) -> bool:
    return module.split(".")[0] in HEAVY or module == "safetensors.torch"


def room_of(module: str) -> str:
    """`zoo.data.images` -> `data`; the facade is the room `zoo`."""
    return module.split(".")[1] if "." in module else "zoo"


def children(node: ast.AST, at_import: bool) -> Iterator[ast.AST]:
    """The parts of a statement that are run (with `at_import`, only those that run when the module is imported)."""
    if at_import and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        yield from node.orelse
        return
    yield from ast.iter_child_nodes(node)


def imported(node: ast.AST, at_import: bool) -> Iterator[str]:
    """Full names of the modules that a piece of code imports."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert not node.level, "zoo uses absolute imports"
        below = [f"{node.module}.{alias.name}" for alias in node.names]
        yield from (name if name in MODULES else str(node.module) for name in below)
    for child in children(node, at_import):
        yield from imported(child, at_import)


@cache
def imports(module: str, at_import: bool = False) -> frozenset[str]:
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    return frozenset(imported(tree, at_import))


def inside(module: str) -> set[str]:
    """What `module` imports of zoo, wherever in the file."""
    return {name for name in imports(module) if name.split(".")[0] == "zoo"}


def reached(module: str) -> dict[str, str]:
    """Everything that importing `module` imports, each with the module of zoo that does."""
    found: dict[str, str] = {}
    waiting, seen = [module], set()
    while waiting:
        module = waiting.pop()
        if module in seen or module not in MODULES:
            continue
        seen.add(module)
        parents = [module.rsplit(".", depth)[0] for depth in range(1, module.count(".") + 1)]
        waiting += [*imports(module, at_import=True), *parents]
        found |= dict.fromkeys(imports(module, at_import=True), module)
    return found


def test_every_room_has_a_floor():
    assert {room_of(module) for module in MODULES} <= set(LEVEL)


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down(module):
    upwards = {name for name in inside(module) if LEVEL[room_of(name)] > LEVEL[room_of(module)]}
    assert not upwards


def test_rooms_import_each_other_in_no_cycle():
    graph: dict[str, set[str]] = {}
    for module in MODULES:
        graph.setdefault(room_of(module), set()).update({room_of(name) for name in inside(module)} - {room_of(module)})
    TopologicalSorter(graph).prepare()  # CycleError names the rooms


def test_modules_import_each_other_in_no_cycle():
    graph = {module: {name for name in imports(module, at_import=True) if name in MODULES} for module in MODULES}
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("room", LIGHT)
def test_light_rooms_reach_no_heavy_library(room):
    for module in MODULES:
        if f"{module}.".startswith(f"zoo.{room}."):
            heavy = {name: by for name, by in reached(module).items() if is_heavy(name)}
            assert not heavy, f"importing {module} imports {heavy}"


@pytest.mark.parametrize("module", ["zoo", "zoo.catalog.query"])
def test_importing_loads_no_heavy_library(module):
    code = f"import sys, {module}; print(*sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=HOUSE.parent, capture_output=True, text=True, check=True
    ).stdout.split()
    assert module in told
    assert not [name for name in told if is_heavy(name)]


def test_the_rules_can_fail():
    code = "import a\nif TYPE_CHECKING:\n    import b\ntry:\n    import c\nexcept OSError:\n    pass\n"
    lazy = "def f():\n    from zoo.specs import RunSpec\n    from zoo import errors\n"
    tree = ast.parse(code + lazy)
    assert set(imported(tree, at_import=True)) == {"a", "c"}
    assert set(imported(tree, at_import=False)) == {"a", "c", "zoo.specs", "zoo.errors"}
