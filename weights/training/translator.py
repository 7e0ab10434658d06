"""The student of `domains`: pairs that the renderers make of generated images, and what it is shown of them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from scumble_daemon.models.architectures.dynamic_unet import DynamicUNet
from torch import Tensor, nn

from . import domains, generator, photos
from .loop import Batch, charbonnier
from .painter import content

STYLES = domains.STYLES
VERSION = 2  # goes into the cache's name: raise it when a renderer is changed
SIDE_PX, CROP_PX = 256, 96
MARGIN_PX = 8  # of a crop: seen, and not judged
MOVES = ((0, 1), (1, 0), (1, 1))  # down and right, in pixels: the other places of the grid that the decoder enlarges on
FULL_SHARE = 0.4  # of what is shown at full intensity; the rest is in between
LEAST_INTENSITY = 0.05  # at none the network cannot be wrong


class Fed(nn.Module):
    """The network, given the picture and how much there is of each style as one tensor, as the training loop has it."""

    def __init__(self, net: DynamicUNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, given: Tensor) -> Tensor:
        """N×(3 + styles)×H×W → N×3×(H - 2·MARGIN_PX)×(W - 2·MARGIN_PX)."""
        picture, amounts = given[:, :3], given[:, 3:, 0, 0]
        mix = torch.cat([1 - amounts.sum(1, keepdim=True), amounts], 1)
        found = picture + self.net.change(picture, mix)
        return found[..., MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX]


def network(width: int) -> nn.Module:
    net = DynamicUNet("small", len(STYLES), width)
    net.margin_px = 0  # the crops have theirs
    return Fed(net)


def grounds(cache: Path, count: int, seed: int = 0) -> np.ndarray:
    """count×256×256 records, mapped from a file in `cache`: what the renderers begin with, for each generated image."""
    kind = np.dtype([("rgb", "u1", 3), ("flat", "u1", 3), ("line", "f2"), ("tone", "f2")])
    path = cache / f"domain-grounds-v{VERSION}-{generator.VERSION}-{seed}-{count}.npy"
    if not path.exists():
        images = generator.cached(cache, count, SIDE_PX, seed)
        cv2.setNumThreads(1)
        partial = path.with_suffix(".partial.npy")
        made = np.lib.format.open_memmap(partial, "w+", kind, (count, SIDE_PX, SIDE_PX))
        for index, image in enumerate(images):
            one = domains.ground(content(image, np.random.default_rng([seed, index])))
            for name in ("rgb", "flat"):
                made[name][index] = (getattr(one, name) * 255 + 0.5).astype(np.uint8)
            made["line"][index], made["tone"][index] = one.line, one.tone
            if index % 50 == 0:
                print(f"begun to render {index} of {count}", flush=True)
        made.flush()
        partial.replace(path)
    return np.load(path, mmap_mode="r")


def batches(made: np.ndarray, crops: int) -> Batch:
    def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        given, wanted = zip(*(_crop(rng, made) for _ in range(crops)), strict=True)
        return np.stack(given), np.stack(wanted)

    return draw


def moved_batches(made: np.ndarray) -> Batch:
    """A crop for each of MOVES, and after them the same crops, moved so."""

    def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        drawn = [_crop(rng, made, 1) for _ in MOVES]
        places = [(0, 0)] * len(MOVES) + list(MOVES)
        given, wanted = (
            np.stack([each[kind][y : y + side, x : x + side] for each, (y, x) in zip(drawn * 2, places, strict=True)])
            for kind, side in enumerate((CROP_PX + 2 * MARGIN_PX, CROP_PX))
        )
        return given, wanted

    return draw


def and_alike(restored: Tensor, target: Tensor) -> Tensor:
    """For `moved_batches`: how far from what is wanted, and how far from moving with the picture: what differs then
    is the pattern of enlarging."""
    apart = []
    for index, (y, x) in enumerate(MOVES):
        here, moved = restored[index], restored[len(MOVES) + index]
        apart.append((here[:, y:, x:] - moved[:, : moved.shape[1] - y, : moved.shape[2] - x]).abs().mean())
    return charbonnier(restored, target) + torch.stack(apart).mean()


def _crop(rng: np.random.Generator, made: np.ndarray, more_px: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A crop that is seen, its style's amount beside it; and the middle of it as the renderer has it."""
    index, style = int(rng.integers(len(made))), int(rng.integers(len(STYLES)))
    side = CROP_PX + 2 * MARGIN_PX + more_px
    top, left = (int(at) for at in rng.integers(0, SIDE_PX - side + 1, 2))
    cut = made[index, top : top + side, left : left + side]
    intensity = 1.0 if rng.random() < FULL_SHARE else rng.uniform(LEAST_INTENSITY, 1)
    rgb, flat = (cut[name].astype(np.float32) / 255 for name in ("rgb", "flat"))
    ground = domains.Ground(rgb, flat, cut["line"].astype(np.float32), cut["tone"].astype(np.float32))
    inner = slice(MARGIN_PX, -MARGIN_PX)
    wanted = domains.RENDERERS[STYLES[style]](ground, intensity)[inner, inner]
    amounts = np.zeros((side, side, len(STYLES)), np.float32)
    amounts[..., style] = intensity
    return np.concatenate([ground.rgb, amounts], 2), wanted.astype(np.float32)


@torch.no_grad()
def translated(net: DynamicUNet, picture: np.ndarray, style: int, intensity: float = 1.0) -> np.ndarray:
    """H×W×3 float32 → the same in that style."""
    weights = torch.zeros(1, len(STYLES))
    weights[0, style] = 1
    settled = net.settled(weights, intensity)
    settled.margin_px = 8
    out = settled(torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None])
    return out[0].permute(1, 2, 0).clamp(0, 1).numpy()


def glance(net: nn.Module) -> str:
    """PSNR to the renderers on the photographs that may be looked at while tuning: ours, and the photograph itself."""
    return ", ".join(
        f"{style} at {intensity:g} {ours:.2f} ({left:.2f})"
        for style, intensity, ours, left in distances(net, photos.TUNING)
    )


def judge(net: nn.Module) -> None:
    """Print the same for photographs that nothing was tuned on."""
    print("\n| style | intensity | the picture itself | ours |\n| --- | --- | --- | --- |")
    for style, intensity, ours, left in distances(net, photos.JUDGING):
        print(f"| {style} | {intensity:g} | {left:.2f} | {ours:.2f} |", flush=True)


def distances(net: nn.Module, names: tuple[str, ...]) -> list[tuple[str, float, float, float]]:
    """For each style and two intensities: both, mean PSNR of ours to the renderer, and of the picture itself."""
    assert isinstance(net, Fed)
    unet = net.net.float().cpu()
    found = {(style, intensity): [] for style in STYLES for intensity in (1.0, 0.5)}
    for name in names:
        photo = photos.photo(name, 384)
        picture = photo.astype(np.float32) / 255
        ground = domains.ground(picture)
        for (style, intensity), scores in found.items():
            wanted = _bytes(domains.RENDERERS[style](ground, intensity))
            ours = _bytes(translated(unet, picture, STYLES.index(style), intensity))
            scores.append((photos.psnr(ours, wanted), photos.psnr(photo, wanted)))
    return [(style, intensity, *np.mean(scores, 0).tolist()) for (style, intensity), scores in found.items()]


def _bytes(picture: np.ndarray) -> np.ndarray:
    return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)
