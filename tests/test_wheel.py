"""The wheel: an installed `scumble` has all it needs to set up an editor, without a checkout beside it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from .home_folder import CHECKOUT, make, tree

PACKED = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE")
SOURCES = (*PACKED, "protocol", "daemon", "plugins", "weights")
DATA = (".safetensors", ".cube", ".png", ".icc", ".json", ".toml", ".html", ".desktop", ".action", ".py")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing of an earlier build gets in."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        source, target = CHECKOUT / name, folder / "sources" / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            target.parent.mkdir(exist_ok=True)
            shutil.copy(source, target)
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--wheel-dir", str(folder), str(folder / "sources")], check=True)
    (built,) = folder.glob("*.whl")
    return built


def test_every_file_is_in_the_wheel(wheel: Path) -> None:
    """Both packages with their data, the plug-ins and the weights: a forgotten kind would show only at a user's."""
    inside = set(zipfile.ZipFile(wheel).namelist())
    roots = {
        "scumble_daemon": CHECKOUT / "daemon/scumble_daemon",
        "scumble_protocol": CHECKOUT / "protocol/scumble_protocol",
        "scumble_daemon/_plugins": CHECKOUT / "plugins",
        "scumble_daemon/_weights": CHECKOUT / "weights",
    }
    for name, root in roots.items():
        files = [file for file in root.rglob("*") if file.is_file() and "__pycache__" not in file.parts]
        expected = {f"{name}/{file.relative_to(root).as_posix()}" for file in files if file.suffix in DATA}
        assert expected
        assert expected <= inside, sorted(expected - inside)


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, installed; its dependencies are those of the test's own Python."""
    folder = tmp_path_factory.mktemp("installed") / "site"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(folder)]
    subprocess.run([*pip, str(wheel)], check=True)
    return folder


def run_scumble(*arguments: str, home: Path, **where: str) -> tuple[Path, str]:
    """Where the package that ran lies, and what it printed."""
    environ = {"PATH": os.defpath, "HOME": str(home), "SCUMBLE_HOME": str(home.parent / "s"), **where}
    program = "import scumble_daemon, sys; print(scumble_daemon.__file__)\nfrom scumble_daemon.cli import main; main()"
    argv = [sys.executable, "-c", program, *arguments]
    run = subprocess.run(argv, env=environ, cwd=home.parent, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    place, _, printed = run.stdout.partition("\n")
    return Path(place), printed


def test_the_installed_wheel_sets_up_an_editor(site: Path, tmp_path: Path) -> None:
    """What it puts into GIMP's profile is what the checkout puts there, file by file."""
    installed = {}
    for name, where in {"wheel": {"PYTHONPATH": str(site)}, "checkout": {}}.items():
        profile = make(f"{tmp_path}/{name}/.config/GIMP/3.0/")
        place, _ = run_scumble("setup", home=tmp_path / name, **where)
        assert place.is_relative_to(site if where else CHECKOUT)
        installed[name] = tree(profile / "plug-ins")
    assert installed["wheel"] == installed["checkout"]
    assert installed["wheel"]["scumble/scumble.py"]


def test_the_installed_wheel_knows_the_models(site: Path, tmp_path: Path) -> None:
    """`scumble weights list` needs no checkout."""
    place, listed = run_scumble("weights", "list", home=tmp_path / "home", PYTHONPATH=str(site))
    assert place.is_relative_to(site)
    assert "birefnet" in listed
