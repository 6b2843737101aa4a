"""The layers of docs/design.md, held by reading every import."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "trtkit"

LAYERS: list[tuple[int, tuple[str, ...]]] = [
    (0, ("errors", "optional", "suggest", "log", "options", "dtypes", "atomic", "plain_data", "toml_text", "native")),
    (
        1,
        (
            "arrays",
            "description",
            "tensors",
            "models",
            "userscript",
            "results",
            "timing",
            "precision_config",
            "precision_summary",
            "files",
            "fingerprint",
            "waivers",
        ),
    ),
    (2, ("backends", "cuda")),
    (3, ("comparator",)),
    (
        4,
        (
            "baselines",
            "capability",
            "conversion",
            "convert_plan",
            "plan_paths",
            "hashing",
            "debugging",
            "modeldiff",
            "noise",
            "opening",
            "plan",
            "plan_data",
            "precision",
            "prepare",
            "refusals",
            "judging",
            "saving",
            "measuring",
            "session",
            "sequential",
            "in_parts",
            "kept_feeds",
            "passed_on",
            "plan_parts",
            "spawning",
            "worker",
            "report",
            "reporting",
            "suite",
            "api",
        ),
    ),
    (5, ("cli", "templates", "__main__")),
]
LAYER_OF = {name: layer for layer, names in LAYERS for name in names}
FRAMEWORKS = {"onnx", "onnxruntime", "tensorrt", "tensorrt_rtx", "torch", "cuda", "pycuda", "safetensors", "sympy"}
MODULES = sorted(ROOT.rglob("*.py"))


def parts_of(path: Path) -> tuple[str, ...]:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts


def imports(tree: ast.AST, top_level_only: bool = False) -> Iterator[tuple[str, int]]:
    """Every imported module with its line; a typing-only import counts for layers, not for start-up."""
    for node in tree.body if top_level_only and isinstance(tree, ast.Module) else ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in line {node.lineno}"
            assert node.module is not None
            yield node.module, node.lineno
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node.lineno


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down(path: Path) -> None:
    parts = parts_of(path)
    if parts == ("__init__",):
        return  # the public names, from every layer, imported on first use
    layer = LAYER_OF[parts[0]]
    for module, line in imports(ast.parse(path.read_text())):
        words = module.split(".")
        if words[0] != "trtkit" or len(words) < 2 or words[1].startswith("__"):
            continue
        assert words[1] in LAYER_OF, f"{path}:{line}: {module} is in no layer"
        assert LAYER_OF[words[1]] <= layer, f"{path}:{line}: layer {layer} imports {module} of a higher layer"
        if parts[0] == "backends" and len(parts) > 1 and words[1] == "backends" and len(words) > 2:
            same_folder = words[2] == parts[1]
            assert same_folder or words[2] in ("base", "registry"), f"{path}:{line}: a backend imports {module}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_frameworks_are_imported_inside_functions_of_their_own_folder(path: Path) -> None:
    tree = ast.parse(path.read_text())
    for module, line in imports(tree, top_level_only=True):
        assert module.split(".")[0] not in FRAMEWORKS, f"{path}:{line}: {module} is imported at the top"
    for module, line in imports(tree):
        if module.split(".")[0] in ("onnx", "onnxruntime", "tensorrt", "tensorrt_rtx"):
            assert parts_of(path)[0] == "backends", f"{path}:{line}: {module} is imported outside backends"


def test_every_module_is_in_a_layer() -> None:
    assert {parts_of(path)[0] for path in MODULES} - {"__init__"} <= set(LAYER_OF)


def test_no_import_cycle_at_the_top() -> None:
    graph = {}
    names = {".".join(("trtkit", *parts_of(path))): path for path in MODULES}
    for name, path in names.items():
        graph[name] = {module for module, _ in imports(ast.parse(path.read_text()), top_level_only=True)} & set(names)
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name not in done:
            for other in graph[name] - {name}:
                visit(other, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())
