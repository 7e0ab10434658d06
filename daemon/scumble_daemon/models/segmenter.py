"""Segment Anything over a picture: encoded once, and then a mask for every click in milliseconds."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from scumble_protocol.image import Bounds, Point

from ..imaging.image import Image
from ..imaging.prompts import Found, Window, find_learned
from .computing import checked, computing
from .devices import Device
from .networks import Loaded

if TYPE_CHECKING:
    import torch

MEAN = np.array((0.485, 0.456, 0.406), np.float32)  # ImageNet
SPREAD = np.array((0.229, 0.224, 0.225), np.float32)
PICTURES = 4  # whose embeddings are kept: 17 MB each
REMEMBERED = 64  # answers to clicks that are kept for each of them: 0.25 MB each


@dataclass
class Seen:
    """A picture as the network has it. `embedding`: the encoder's tensors · `masks`: logits by the prompts before."""

    embedding: list[torch.Tensor]
    masks: OrderedDict[Any, np.ndarray] = field(default_factory=OrderedDict)


@dataclass(frozen=True)
class Prompts:
    """In the network's own pixels, whose centres it takes to be at whole numbers. `labels`: 1 includes."""

    points: tuple[tuple[float, float], ...]
    labels: tuple[int, ...]
    box: tuple[float, ...]  # left, top, right, bottom, or nothing

    def first(self, count: int) -> Prompts:
        return Prompts(self.points[:count], self.labels[:count], self.box)

    def tensors(self, device: torch.device) -> tuple[torch.Tensor | None, torch.Tensor | None, torch.Tensor | None]:
        """Points, labels and box, each as the networks want them."""
        import torch

        points = torch.tensor([[self.points]], device=device) if self.points else None
        labels = torch.tensor([[self.labels]], device=device) if self.labels else None
        box = torch.tensor([[self.box]], device=device) if self.box else None
        return points, labels, box


class Segmenter:
    """A SAM or SAM 2 on its device. After Kirillov et al. 2023 and Ravi et al. 2024."""

    def __init__(self, loaded: Loaded, device: Device, title: str) -> None:
        self.loaded, self.device, self.title = loaded, device, title
        self._module: Any = loaded.module.to(device.torch)
        self._is_sam2 = hasattr(self._module, "no_memory_embedding")
        self.side = int(self._module.prompt_encoder.input_image_size)
        self._seen: OrderedDict[bytes, Seen] = OrderedDict()
        with computing(title):
            self._positions = self._module.get_image_wide_positional_embeddings()
        self.encoded = 0  # pictures, so far

    @property
    def bytes(self) -> int:
        return self.loaded.bytes + PICTURES * self._embedding_bytes

    @property
    def _embedding_bytes(self) -> int:
        """SAM 2 keeps finer maps beside the embedding: 4 and 16 times its cells, with a quarter and an eighth of its
        channels."""
        _, channels, height, width = self._positions.shape
        return 4 * height * width * channels * (4 if self._is_sam2 else 1)

    def fitted(self, size: tuple[int, int]) -> tuple[int, int]:
        """The (height, width) in which the network wants a picture of `size`: SAM keeps its shape, SAM 2 does not."""
        if self._is_sam2:
            return self.side, self.side
        scale = self.side / max(size)
        return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))

    def point(self, image: Image, region: np.ndarray | None, points: Sequence[Point]) -> Found:
        """The object that `region` (bool), clicks, or both mean. Raises: Invalid, OutOfMemory."""
        return find_learned(image, region, points, self.find)

    def find(self, image: Image, window: Window, clicks: Sequence[Point], box: Bounds | None) -> np.ndarray:
        """Logits (float32, about a quarter of the network's own size) over the window: above 0 is the object.

        `clicks`, `box`: in pixels from the window's upper left corner. Each further click is shown to the network with
        the mask of those before it, so that adding clicks refines. Raises: OutOfMemory, Invalid.
        """
        height, width = self.fitted(window.size)
        rgb = image.reduced(*window.slices, (height, width))
        pixels = (np.clip(rgb, 0, 1) * 255 + 0.5).astype(np.uint8)
        with computing(self.title):
            seen = self._look(pixels)
            logits = self._refine(seen, self._prompts(window.size, clicks, box))
        checked(logits, self.title)
        cell_px = self.side / logits.shape[0]
        return logits[: max(1, round(height / cell_px)), : max(1, round(width / cell_px))]

    # --- encode -------------------------------------------------------------------------------------------------------

    def _look(self, pixels: np.ndarray) -> Seen:
        """The encoder's answer to H×W×3 uint8, from now on kept. What the network sees the same is the same picture."""
        key = hashlib.sha256(repr(pixels.shape).encode() + np.ascontiguousarray(pixels).tobytes()).digest()
        if key not in self._seen:
            while len(self._seen) >= PICTURES:
                self._seen.popitem(last=False)
            self._seen[key] = Seen(self._encode(self._preprocess(pixels)))
        self._seen.move_to_end(key)
        return self._seen[key]

    def _preprocess(self, pixels: np.ndarray) -> torch.Tensor:
        """H×W×3 uint8 → 1×3×side×side, normalised; where SAM keeps the shape, with zeros on the right or below."""
        import torch

        normal = (pixels.astype(np.float32) / 255 - MEAN) / SPREAD
        square = np.zeros((self.side, self.side, 3), np.float32)
        square[: pixels.shape[0], : pixels.shape[1]] = normal
        return torch.from_numpy(square).permute(2, 0, 1)[None].to(self.device.torch)

    def _encode(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        self.encoded += 1
        found = self._module.get_image_embeddings(pixels)
        return list(found) if self._is_sam2 else [found]

    # --- decode -------------------------------------------------------------------------------------------------------

    def _refine(self, seen: Seen, prompts: Prompts) -> np.ndarray:
        """Logits over the whole square, click after click; what was asked before is at hand."""
        logits = None
        for count in range(min(len(prompts.labels), 1), len(prompts.labels) + 1):
            shown = prompts.first(count)
            if shown not in seen.masks:
                seen.masks[shown] = self._decode(seen, shown, logits)
                while len(seen.masks) > REMEMBERED:
                    seen.masks.popitem(last=False)
            logits = seen.masks[shown]
        assert logits is not None
        return logits

    def _decode(self, seen: Seen, prompts: Prompts, before: np.ndarray | None) -> np.ndarray:
        """One click can mean a thing, a part of it or all around it: of three masks the one that the network thinks
        best. More prompts mean one thing, and have one mask."""
        import torch

        device = self.device.torch
        points, labels, box = prompts.tensors(device)
        sparse, dense = self._module.prompt_encoder(
            input_points=points,
            input_labels=labels,
            input_boxes=box,
            input_masks=None if before is None else torch.from_numpy(before)[None, None].to(device),
        )
        high_resolution = {"high_resolution_features": seen.embedding[:-1]} if self._is_sam2 else {}
        masks, scores, *_ = self._module.mask_decoder(
            image_embeddings=seen.embedding[-1],
            image_positional_embeddings=self._positions,
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=len(prompts.labels) == 1 and not prompts.box,
            **high_resolution,
        )
        best = int(scores[0, 0].argmax())
        return masks[0, 0, best].float().cpu().numpy()

    def _prompts(self, size: tuple[int, int], clicks: Sequence[Point], box: Bounds | None) -> Prompts:
        height, width = self.fitted(size)
        across, down = width / size[1], height / size[0]
        return Prompts(
            tuple((click.x * across - 0.5, click.y * down - 0.5) for click in clicks),
            tuple(int(click.include) for click in clicks),
            ()
            if box is None
            else (box.x * across - 0.5, box.y * down - 0.5, box.right * across - 0.5, box.bottom * down - 0.5),
        )
