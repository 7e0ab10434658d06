"""Carry the plug-ins inside the wheel, so that an installed `scumble` can set up an editor."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithPlugins(build_py):
    """In an editable installation `scumble_daemon` finds `plugins/` in the checkout: nothing is copied."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            carried = Path(self.build_lib) / "scumble_daemon" / "_plugins"
            shutil.rmtree(carried, ignore_errors=True)
            shutil.copytree("plugins", carried, ignore=shutil.ignore_patterns("__pycache__"))


setup(cmdclass={"build_py": BuildWithPlugins})
