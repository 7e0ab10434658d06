"""What runs inside an editor needs nothing but the editor's own Python, down to 3.8."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROTOCOL = sorted((ROOT / "protocol").rglob("*.py"))
PLUGINS = sorted((ROOT / "plugins").rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", [*PROTOCOL, *PLUGINS], ids=name_of)
def test_python_3_8_can_read_it(path: Path) -> None:
    """Editors bring their own Python, some of them old: no syntax newer than 3.8."""
    ast.parse(path.read_text("utf-8"), filename=str(path), feature_version=(3, 8))


@pytest.mark.parametrize("path", [*PROTOCOL, *PLUGINS], ids=name_of)
def test_annotations_are_never_evaluated(path: Path) -> None:
    """With `from __future__ import annotations`, a newer annotation does no harm in 3.8; and no `X | Y` at run time."""
    tree = ast.parse(path.read_text("utf-8"))
    imported = {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert "__future__" in imported or not any(isinstance(node, ast.AnnAssign | ast.arg) for node in ast.walk(tree))


def imports_of(path: Path, anywhere: bool) -> set[str]:
    """The top-level packages that `path` imports, in functions too if `anywhere`."""
    tree = ast.parse(path.read_text("utf-8"))
    nodes = ast.walk(tree) if anywhere else (inner for outer in tree.body for inner in _outside_functions(outer))
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
    return found


def _outside_functions(node: ast.AST) -> list[ast.AST]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return []
    return [node, *(inner for child in ast.iter_child_nodes(node) for inner in _outside_functions(child))]


@pytest.mark.parametrize("path", PROTOCOL, ids=name_of)
def test_the_protocol_needs_the_standard_library_and_msgpack_only(path: Path) -> None:
    """zmq is imported by the pyzmq transport alone, and only when it is asked for."""
    allowed = set(sys.stdlib_module_names) | {"msgpack", "scumble_protocol"}
    assert imports_of(path, anywhere=False) <= allowed
    assert imports_of(path, anywhere=True) <= allowed | ({"zmq"} if path.name == "transport.py" else set())


def test_importing_the_client_loads_nothing_else() -> None:
    """A fresh interpreter that imports the client has loaded no numpy, no zmq and nothing of the daemon's."""
    script = (
        "import sys, scumble_protocol.client\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules} - set(sys.stdlib_module_names)))"
    )
    command = [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {_paths()!r}\n{script}"]
    in_editor = {"MSGPACK_PUREPYTHON": "1"}
    found = subprocess.run(command, capture_output=True, text=True, check=True, env=in_editor).stdout.split()
    assert set(found) <= {"__main__", "msgpack", "scumble_protocol"}


def _paths() -> list[str]:
    import msgpack

    return [str(ROOT / "protocol"), str(Path(msgpack.__file__).parents[1])]
