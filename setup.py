"""Carry plug-ins and weights inside the wheel, so that an installed `scumble` can set up an editor and fetch models."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithData(build_py):
    """In an editable installation `scumble_daemon.carried` finds the folders in the checkout: nothing is copied."""

    def run(self) -> None:
        super().run()
        for name in () if self.editable_mode else ("plugins", "weights"):
            carried = Path(self.build_lib) / "scumble_daemon" / f"_{name}"
            shutil.rmtree(carried, ignore_errors=True)
            shutil.copytree(name, carried, ignore=shutil.ignore_patterns("__pycache__"))


setup(cmdclass={"build_py": BuildWithData})
