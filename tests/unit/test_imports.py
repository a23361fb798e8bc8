"""The layout's rules: imports go down only, `import mien` is light, files and functions stay short enough to read."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import mien

ROOT = Path(mien.__file__).parent

# From the bottom up. A module imports from its own level and from those below; a package's name stands for its modules.
LEVELS = (
    ("mien.errors", "mien.labels"),
    ("mien.writing", "mien.checking"),
    ("mien.card", "mien.preprocess"),
    ("mien.recognizer", "mien.faces", "mien.media"),
    ("mien.records", "mien.cropping"),
    ("mien.analysis", "mien.result_file"),
    (
        "mien.explanation",
        "mien.video",
        "mien.timeline",
        "mien.timeline_page",
        "mien.timeline_picture",
        "mien.overview",
        "mien.web",
    ),
    ("mien.video_saving",),
    ("mien",),  # the package itself: its version and its public names
    (
        "mien.lab.recipe.bounds",
        "mien.lab.hardware",
        "mien.lab.locking",
        "mien.lab.record_fields",
        "mien.lab.pages",
    ),
    ("mien.lab.recipe.optimizers", "mien.lab.recipe.augment", "mien.lab.recipe.words", "mien.lab.jpeg"),
    ("mien.lab.recipe",),
    ("mien.lab.muon",),
    ("mien.lab.recipe.io", "mien.lab.data", "mien.lab.nets", "mien.lab.augment", "mien.lab.optim", "mien.lab.schedule"),
    (
        "mien.lab.statistics",
        "mien.lab.predictions",
        "mien.lab.selective",
        "mien.lab.calibrate",
        "mien.lab.tables",
    ),
    (
        "mien.lab.reliability",
        "mien.lab.groups",
        "mien.lab.metrics",
        "mien.lab.seeds",
        "mien.lab.pages.charts",
        "mien.lab.pages.confidence_charts",
        "mien.lab.pages.data_page",
        "mien.lab.pages.group_tables",
        "mien.lab.pages.figure_tables",
        "mien.lab.recipe_book",
        "mien.lab.pages.recipe_page",
    ),
    (
        "mien.lab.remarks",
        "mien.lab.run",
        "mien.lab.provenance",
        "mien.lab.loss",
        "mien.lab.published",
        "mien.lab.evaluated",
    ),
    ("mien.lab.teaching", "mien.lab.agreement", "mien.lab.onnx_graph"),
    (
        "mien.lab.training",
        "mien.lab.averaging",
        "mien.lab.narrowing",
        "mien.lab.export",
        "mien.lab.compress",
        "mien.lab.joining",
    ),
    ("mien.lab.evaluation", "mien.lab.litert"),
    (
        "mien.lab.comparison",
        "mien.lab.pages.comparison_tables",
        "mien.lab.pages.reading",
    ),
    ("mien.lab.changes", "mien.lab.robust", "mien.lab.pages.robust_picture"),
    (
        "mien.lab.pages.chapter",
        "mien.lab.pages.report",
        "mien.lab.pages.report_tables",
        "mien.lab.results",
        "mien.lab.scoring",
        "mien.lab.ensembles",
        "mien.lab.suspects",
        "mien.lab.pages.suspects_page",
        "mien.lab.pages.results_tables",
    ),
    ("mien.lab.trained_rows",),
    ("mien.lab.pages.reproduction",),
    ("mien.lab.pages.rewriting",),
    ("mien.lab.reproduction",),
    ("mien.lab",),  # the package itself: its public names
    ("mien.serve",),
    ("mien.cli",),
    ("mien.__main__",),
)

# importer -> imported, against the arrows.
EXCEPTIONS = {
    ("mien.lab.run", "mien.lab.export"): "Run.export() is a shorthand for export_run(run)",
    ("mien.lab.metrics", "mien.lab.pages.figure_tables"): "print(report) shows its tables",
    ("mien.lab.comparison", "mien.lab.pages.comparison_tables"): "print(comparison) shows its tables",
}

# What each part may import besides the standard library, of the dependencies in pyproject.toml; some of these are
# imported by others alone, or only read from.
RUNTIME_PACKAGES = {"numpy", "PIL", "cv2", "onnxruntime"}
PACKAGES = {
    "mien": {"pandas"},  # where installed, for `to_pandas`
    "mien.media": {"av", "pillow_heif"},
    "mien.serve": {"fastapi", "starlette", "pydantic", "uvicorn", "prometheus_client"},
    "mien.cli": {"typer", "rich"},
    "mien.lab": {
        *("torch", "lightning_fabric", "lightning", "safetensors", "onnx"),
        *("pyarrow", "scipy", "matplotlib", "jinja2", "rich"),
        *("timm", "kagglehub", "huggingface_hub"),
        *("litert_torch", "ai_edge_litert", "ai_edge_quantizer"),
    },
}

LONG_FILES = {
    "mien.lab.training": "the one training loop, with all that it keeps between epochs",
}
LONG_FUNCTIONS = {
    "mien.cli.analyze.analyze": "half of it is the list of options",
    "mien.cli.train.train": "half of it is the list of options",
    "mien.serve.app.create_app": "the list of what surrounds the routes, and its docstring",
}
MAX_FILE_LINES, MAX_FUNCTION_LINES = 300, 50


def module_name(file: Path) -> str:
    parts = ("mien", *file.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, tuple[Path, ast.Module]]:
    return {module_name(file): (file, ast.parse(file.read_text("utf-8"))) for file in sorted(ROOT.rglob("*.py"))}


def imports(name: str) -> set[str]:
    """Names of all modules that `name` imports anywhere in its code; ours as deep as they are modules."""
    found = set()
    for node in ast.walk(modules()[name][1]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: relative import; write it in full"
            deeper = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (deeper & modules().keys()) or {str(node.module)}
    return found


def level_of(name: str) -> int:
    package = name
    while not any(package in level for level in LEVELS):
        package = package.rpartition(".")[0]
        assert package not in ("mien", "mien.lab"), f"{name} stands on no level; add it to LEVELS"
    return next(index for index, level in enumerate(LEVELS) if package in level)


def own_imports(name: str) -> set[str]:
    return {other for other in imports(name) & modules().keys() if (name, other) not in EXCEPTIONS}


@pytest.mark.parametrize("name", sorted(modules()))
def test_imports_go_down_only(name: str) -> None:
    upwards = {other for other in own_imports(name) if level_of(other) > level_of(name)}
    assert not upwards


def test_there_is_no_cycle() -> None:
    TopologicalSorter({name: own_imports(name) - {name} for name in modules()}).prepare()


def test_every_exception_is_still_needed() -> None:
    for importer, imported in EXCEPTIONS:
        assert imported in imports(importer), f"{importer} no longer imports {imported}; drop the exception"


def part_of(name: str) -> str:
    return max((part for part in PACKAGES if f"{name}.".startswith(f"{part}.")), key=len)


def foreign_imports(name: str) -> set[str]:
    return {other.partition(".")[0] for other in imports(name)} - set(sys.stdlib_module_names) - {"mien"}


@pytest.mark.parametrize("name", sorted(modules()))
def test_only_declared_packages_are_imported(name: str) -> None:
    assert foreign_imports(name) <= RUNTIME_PACKAGES | PACKAGES[part_of(name)]


def test_every_declared_package_is_still_needed() -> None:
    imported = {part: set[str]() for part in PACKAGES}
    for name in modules():
        imported[part_of(name)] |= foreign_imports(name)
    unused = {part: PACKAGES[part] - found for part, found in imported.items() if PACKAGES[part] - found}
    assert not unused
    assert set[str]().union(*imported.values()) >= RUNTIME_PACKAGES


@pytest.mark.parametrize("module", ["mien", "mien.cli"])
def test_import_is_light(module: str) -> None:
    heavy = ["torch", "cv2", "onnxruntime", "matplotlib", "sklearn", "pandas", "timm", "lightning_fabric", "pyarrow"]
    code = f"import sys, {module}; print(*(set({heavy}) & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("name", sorted(name for name in modules() if not name.startswith("mien.cli")))
def test_only_the_command_line_prints(name: str) -> None:
    for node in ast.walk(modules()[name][1]):
        called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id
        assert called != "print", f"{name}: print in line {node.lineno}"


def test_no_file_is_a_drawer_for_everything() -> None:
    stems = {name.rpartition(".")[2] for name in modules()}
    assert not stems & {"util", "utils", "helper", "helpers", "common", "misc"}


@pytest.mark.parametrize("name", sorted(modules()))
def test_files_are_short_enough_to_read(name: str) -> None:
    lines = len(modules()[name][0].read_text("utf-8").splitlines())
    assert (lines > MAX_FILE_LINES) == (name in LONG_FILES), f"{lines} lines"


@pytest.mark.parametrize("name", sorted(modules()))
def test_functions_are_short_enough_to_read(name: str) -> None:
    long = {
        f"{name}.{node.name}"
        for node in ast.walk(modules()[name][1])
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno >= MAX_FUNCTION_LINES
    }
    assert long == {function for function in LONG_FUNCTIONS if function.rpartition(".")[0] == name}
