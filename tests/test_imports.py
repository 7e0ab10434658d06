"""The import rules: plug-ins need nothing but their editor, and no operation reaches for the server."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
PROTOCOL = CHECKOUT / "protocol" / "scumble_protocol"
DAEMON = CHECKOUT / "daemon" / "scumble_daemon"
PLUGINS = {"gimp": {"gi"}, "krita": {"krita", "PyQt5", "PyQt6"}}
FOR_OPERATIONS = ("imaging", "networks", "registry", "fields", "context", "operations")
PROTOCOL_TYPES = ("image", "errors", "catalogue", "parameters")
HEAVY = ("torch", "spandrel", "numpy", "pydantic", "cv2", "scipy", "skimage")
NEWER_THAN_3_8 = {"tomllib", "zoneinfo", "graphlib"}


def sources(folder: Path) -> list[Path]:
    found = sorted(folder.rglob("*.py"))
    assert found, f"no sources in {folder}"
    return found


def imports(file: Path, package: str, only_at_start: bool = False) -> Iterator[str]:
    """The modules `file` imports, by full name; `package`: what its relative imports start from."""
    tree = ast.parse(file.read_text("utf-8"))
    for node in ast.iter_child_nodes(tree) if only_at_start else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            start = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
            base = ".".join(filter(None, (start, node.module)))
            # `from .. import server` names the module only after the import
            yield from (f"{base}.{alias.name}" for alias in node.names)


def package_of(file: Path, root: Path) -> str:
    return ".".join((root.name, *file.relative_to(root).parts[:-1]))


def top(module: str) -> str:
    return module.partition(".")[0]


def is_standard(module: str) -> bool:
    return top(module) in sys.stdlib_module_names and top(module) not in NEWER_THAN_3_8


@pytest.mark.parametrize("editor", sorted(PLUGINS))
def test_a_plug_in_imports_only_the_protocol_and_its_editor(editor: str) -> None:
    """Nothing has to be installed into an editor's own Python."""
    root = CHECKOUT / "plugins" / editor / "scumble"
    siblings = {file.stem for file in root.glob("*.py")}
    for file in sources(root):
        for module in imports(file, package_of(file, root)):
            is_own = top(module) == "scumble" or (editor == "gimp" and top(module) in siblings)
            allowed = is_own or is_standard(module) or top(module) in {"scumble_protocol", *PLUGINS[editor]}
            assert allowed, f"{file.relative_to(CHECKOUT)} imports {module}"


def test_the_protocol_imports_nothing_of_ours_but_itself() -> None:
    """Standard library and msgpack; pyzmq only inside a function, for those who have it."""
    for file in sources(PROTOCOL):
        package = package_of(file, PROTOCOL)
        at_start = set(imports(file, package, only_at_start=True))
        for module in imports(file, package):
            allowed = is_standard(module) or top(module) in {"scumble_protocol", "msgpack"}
            allowed = allowed or (top(module) == "zmq" and module not in at_start)
            assert allowed, f"{file.relative_to(CHECKOUT)} imports {module}"


def test_operations_do_not_know_who_runs_them() -> None:
    """An operation sees pixels, parameters and its context: never the server, the scheduler or a socket."""
    for folder in ("operations", "imaging", "networks"):
        if not (DAEMON / folder).is_dir():
            continue
        allowed = FOR_OPERATIONS if folder == "operations" else (folder, "imaging", "warm")
        for file in sources(DAEMON / folder):
            for module in imports(file, package_of(file, DAEMON)):
                where = f"{file.relative_to(CHECKOUT)} imports {module}"
                assert top(module) not in {"zmq", "typer", "rich"}, where
                if top(module) == "scumble_daemon":
                    assert module.split(".")[1] in allowed, where
                if top(module) == "scumble_protocol":
                    assert module.split(".")[1] in PROTOCOL_TYPES, where


@pytest.mark.parametrize("folder", ["protocol", "plugins"])
def test_what_runs_inside_an_editor_is_written_for_python_3_8(folder: str) -> None:
    """Editors bring Pythons of their own, some of them old: no newer syntax, annotations never evaluated."""
    for file in sources(CHECKOUT / folder):
        text = file.read_text("utf-8")
        tree = ast.parse(text, str(file), feature_version=(3, 8))
        has_annotations = any(isinstance(node, ast.AnnAssign | ast.arg) for node in ast.walk(tree))
        if has_annotations:
            assert "from __future__ import annotations" in text, file


@pytest.mark.parametrize("module", ["server", "cli", "weights.fetch", "doctor_weights"])
def test_the_server_starts_without_anything_heavy(module: str) -> None:
    """What answers pings, lists models or fetches them loads neither numpy nor pydantic nor torch."""
    program = f"import sys, scumble_daemon.{module}; print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_the_worker_loads_torch_only_for_a_model() -> None:
    """Importing it takes seconds and much memory: an operation without a network pays for neither."""
    program = (
        "import sys; from pathlib import Path; from scumble_daemon import registry, executors\n"
        "import scumble_daemon.executors.worker; registry.load(Path('/nowhere'))\n"
        "print(sorted({'torch', 'torchvision', 'spandrel'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_the_rules_see_every_way_to_write_an_import(tmp_path: Path) -> None:
    """A check that overlooks `from .. import server` would keep nobody out."""
    file = tmp_path / "sly.py"
    file.write_text("import zmq\nfrom .. import server\ndef late():\n    from ..scheduler import Scheduler\n")
    found = set(imports(file, "scumble_daemon.operations"))
    assert found == {"zmq", "scumble_daemon.server", "scumble_daemon.scheduler.Scheduler"}
    assert set(imports(file, "scumble_daemon.operations", only_at_start=True)) == {"zmq", "scumble_daemon.server"}
