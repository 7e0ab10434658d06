"""Find the data that travels with the packages: `plugins/` and `weights/`."""

from __future__ import annotations

from pathlib import Path

from scumble_protocol.errors import Invalid


def carried_folder(name: str, holds: str) -> Path:
    """Inside the package where it came as a wheel, beside `daemon/` in a checkout; `holds`: what has to be in it.

    Raises: Invalid where Scumble's own installation lacks it.
    """
    here = Path(__file__).resolve().parent
    for folder in (here / f"_{name}", here.parents[1] / name):
        if (folder / holds).exists():
            return folder
    raise Invalid(f"The folder «{name}» is missing from this installation.", "Install Scumble again.")
