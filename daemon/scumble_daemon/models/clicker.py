"""Our own network for clicks: asked what they mean, beside edges and colours, and remembering what it has seen."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import cv2
import numpy as np
from scumble_protocol.image import Point

from ..imaging import click_maps, masks, outline
from ..imaging.clicks import Advice, Click
from ..imaging.image import Image
from ..imaging.prompts import VIEW_PX, Found, Window, find, view_of
from ..imaging.segment import View
from .computing import checked, computing
from .devices import Device, computes_bf16
from .networks import Loaded

SIDE_PX = 256  # the longest side of what the network sees; it learned with things of the sizes that they have then
PICTURES = 4  # whose masks are kept for the next click
REMEMBERED = 64  # masks of each: 0.13 MB each

Key = TypeVar("Key")
Value = TypeVar("Value")


class Clicker:
    """A `ClickNet` on its device. Its masks of clicks before are kept, so a further click costs only itself."""

    def __init__(self, loaded: Loaded, device: Device, title: str) -> None:
        import torch

        self.loaded, self.device, self.title = loaded, device, title
        module: Any = loaded.module.to(device.torch)
        self._module = module.to(memory_format=torch.channels_last)
        self._views: OrderedDict[tuple[bytes, Window], View] = OrderedDict()
        self._advice: OrderedDict[bytes, Advice] = OrderedDict()
        self._blocks: dict[bytes, np.ndarray] = {}
        self.asked = 0  # times, so far

    @property
    def bytes(self) -> int:
        outlines = outline.KEPT_BLOCKS * 4 * outline.BLOCK_PX**2
        return self.loaded.bytes + PICTURES * (REMEMBERED // 8 + 4) * VIEW_PX * VIEW_PX + outlines

    def point(self, image: Image, region: np.ndarray | None, points: Sequence[Point]) -> Found:
        """The object that `region` (bool), clicks, or both mean. Raises: Invalid, OutOfMemory."""
        return replace(find(image, region, points, self), blocks=self._blocks)

    def look(self, image: Image, window: Window) -> View:
        """Looked at once, since reducing a layer takes longer than much that is done with what comes of it."""
        return _remembered(self._views, (image.digest, window), lambda: view_of(image, window))

    def advise(self, view: View, region: np.ndarray | None) -> Advice:
        """What it has to say of a picture; what looks the same is the same picture."""
        parts = (view.rgb, view.shows, *(() if region is None else (region,)))
        digest = hashlib.sha256(repr(view.shape).encode())
        for part in parts:
            digest.update(np.ascontiguousarray(part).tobytes())
        advice = _remembered(self._advice, digest.digest(), lambda: Advice(self.chance))
        while len(advice.known) > REMEMBERED:
            advice.known.pop(next(iter(advice.known)))
        return advice

    def chance(self, view: View, clicks: Sequence[Click], before: np.ndarray | None) -> np.ndarray:
        """H×W float32 in [0, 1]: how likely each pixel of the view is to be of the object that the clicks mean.

        `before`: the mask so far, bool or the chances that this gave. Raises: OutOfMemory, Invalid.
        """
        size = masks.fitted_size(view.shape, SIDE_PX)
        rgb = masks.resize(view.rgb, size) / 255
        lab = cv2.cvtColor(rgb.astype(np.float32), cv2.COLOR_RGB2LAB)
        down, across = size[0] / view.shape[0], size[1] / view.shape[1]
        moved = [
            Click(min(size[1] - 1, int(click.x * across)), min(size[0] - 1, int(click.y * down)), click.include)
            for click in clicks
        ]
        smaller = None if before is None else masks.resize(before, size)
        with computing(self.title):
            logits = self._answer(click_maps.seen(rgb, lab, moved, smaller))
        return masks.resize(1 / (1 + np.exp(-checked(logits, self.title))), view.shape)

    def _answer(self, seen: np.ndarray) -> np.ndarray:
        import torch

        self.asked += 1
        kind = self.device.torch.type
        given = torch.from_numpy(seen)[None].to(self.device.torch).contiguous(memory_format=torch.channels_last)
        with torch.autocast(kind, dtype=torch.bfloat16, enabled=computes_bf16(self.device)):
            return self._module(given)[0, 0].float().clamp(-20, 20).cpu().numpy()


def _remembered(those: OrderedDict[Key, Value], key: Key, make: Callable[[], Value]) -> Value:
    """The one of `key`, made where it is not there; as many as PICTURES are kept, those that were asked for last."""
    if key not in those:
        while len(those) >= PICTURES:
            those.popitem(last=False)
        those[key] = make()
    those.move_to_end(key)
    return those[key]
