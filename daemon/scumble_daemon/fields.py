"""Parameters that several operations have: an edge that is moved or blurred, and what a cut-out is given as."""

from __future__ import annotations

from typing import Any

from .registry import Field

CUTOUT_TITLES = ("Cut-out with a mask", "Mask as a layer", "Trimap as a layer")
"""Of the choices "cutout", "mask" and "trimap"."""


def ShiftField(  # noqa: N802 - stands where Field would
    description: str = "Moves the edge outwards, or inwards below 0, in pixels.",
    *,
    title: str = "Shift edge",
    slider_px: int = 10,
) -> Any:
    return Field(0.0, ge=-200, le=200, slider=(-slider_px, slider_px), title=title, description=description)


def FeatherField(  # noqa: N802 - as above
    description: str = "Blurs the edge, in pixels.", *, slider_px: int = 20
) -> Any:
    return Field(0.0, ge=0, le=500, slider=(0, slider_px), title="Feather", description=description)


def CleanField() -> Any:  # noqa: N802 - as above
    return Field(
        True,
        title="Clean edge colours",
        description="Takes the old background's colour out of half transparent pixels of a cut-out, so that no fringe "
        "shows.",
    )
