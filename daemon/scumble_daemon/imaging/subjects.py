"""What a picture is of, when nobody pointed at it: guessed, and said how sure the guess is."""

from __future__ import annotations

from collections.abc import Callable

from scumble_protocol.errors import Invalid

from . import saliency
from .image import Image
from .prompts import Found, whole
from .segment import Scene


def guess(image: Image, note: Callable[[str], None]) -> Found:
    """The likely subject of the layer; `note` hears of an unsure guess. Raises: Invalid where none stands out."""
    window = whole(image)
    scene = Scene.part_of(image, *window.slices)
    mask, confidence = saliency.find_subject(scene)
    if not mask.any() or mask[scene.shows].all():
        raise Invalid("No subject stands out from its background.", "Select the subject roughly and run again.")
    if confidence < saliency.SURE:
        note(
            f"The subject was guessed ({confidence:.0%} sure). If it is wrong, undo, select it roughly, and run again."
        )
    return Found(mask, window)
