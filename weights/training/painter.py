"""The painter: pairs that the renderers make of generated images, and what it is shown of them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from scumble_daemon.imaging.style.grain import CHANNELS, LINES, PERIOD_PX, grain
from scumble_daemon.models.architectures.painter import Painter
from torch import Tensor, nn

from . import generator, photos, renderers
from .loop import Batch

STYLES = ("plain", *renderers.RENDERERS)
VERSION = 1  # goes into the cache's name: raise it when a renderer is changed
SIDE_PX, CROP_PX, CROPS = 256, 128, 6
PLAIN_SHARE = 0.06  # of what is shown: that is learned soonest
MARGIN_PX = 8  # of a pair: near its border a renderer sees less than the network does


class Fed(nn.Module):
    """The painter, given picture, grain and styles as one tensor, as the training loop has it."""

    def __init__(self, painter: Painter) -> None:
        super().__init__()
        self.painter = painter

    def forward(self, given: Tensor) -> Tensor:
        """N×(3 + grain + styles)×H×W; the styles are the same everywhere."""
        picture, ground, mix = given.split([3, CHANNELS + LINES, given.shape[1] - 3 - CHANNELS - LINES], 1)
        return self.painter(picture, ground, mix[..., 0, 0])


def network() -> nn.Module:
    return Fed(Painter(len(STYLES)))


def content(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Dead leaves, half of them softer and paler: photographs have skies and skin, and less to see in the small."""
    picture = image.astype(np.float32) / 255
    if rng.random() < 0.6:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.5, 3.5))
    if rng.random() < 0.5:
        level = np.float32(rng.uniform(0, 1))
        picture = level + (picture - level) * np.float32(rng.uniform(0.3, 1))
    return np.clip(picture, 0, 1)


def place(index: int) -> tuple[int, int]:
    """Where in the grain the pair lies."""
    y, x = np.random.default_rng([7, index]).integers(0, PERIOD_PX, 2)
    return int(y), int(x)


def pairs(cache: Path, count: int, seed: int = 0) -> np.ndarray:
    """count×styles×256×256×3 uint8, mapped from a file in `cache`: the picture itself, and as each style has it."""
    path = cache / f"painted-v{VERSION}-{generator.VERSION}-{seed}-{count}-{len(STYLES)}.npy"
    if not path.exists():
        images = generator.cached(cache, count, SIDE_PX, seed)
        cv2.setNumThreads(1)
        partial = path.with_suffix(".partial.npy")
        made = np.lib.format.open_memmap(partial, "w+", np.uint8, (count, len(STYLES), SIDE_PX, SIDE_PX, 3))
        for index, image in enumerate(images):
            picture = content(image, np.random.default_rng([seed, index]))
            ground = grain(*place(index), SIDE_PX, SIDE_PX)
            painted = [picture, *(render(picture, ground) for render in renderers.RENDERERS.values())]
            made[index] = (np.stack(painted) * 255 + 0.5).astype(np.uint8)
            if index % 50 == 0:
                print(f"painted {index} of {count}", flush=True)
        made.flush()
        partial.replace(path)
    return np.load(path, mmap_mode="r")


def batches(made: np.ndarray) -> Batch:
    def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        given, wanted = zip(*(_crop(rng, made) for _ in range(CROPS)), strict=True)
        return np.stack(given), np.stack(wanted)

    return draw


def _crop(rng: np.random.Generator, made: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    index = int(rng.integers(len(made)))
    top, left = (int(at) for at in rng.integers(MARGIN_PX, SIDE_PX - CROP_PX - MARGIN_PX + 1, 2))
    style = 0 if rng.random() < PLAIN_SHARE else int(rng.integers(1, len(STYLES)))
    within = (slice(top, top + CROP_PX), slice(left, left + CROP_PX))
    y, x = place(index)
    mix = np.zeros((CROP_PX, CROP_PX, len(STYLES)), np.float32)
    mix[..., style] = 1
    picture = made[index, 0][within].astype(np.float32) / 255
    ground = grain(y + top, x + left, CROP_PX, CROP_PX)
    return np.concatenate([picture, ground, mix], 2), made[index, style][within].astype(np.float32) / 255


@torch.no_grad()
def painted(net: nn.Module, picture: np.ndarray, style: int) -> np.ndarray:
    """H×W×3 float32, sides multiples of 4 → the same in that style."""
    height, width = picture.shape[:2]
    mix = np.zeros((height, width, len(STYLES)), np.float32)
    mix[..., style] = 1
    given = np.concatenate([picture, grain(0, 0, height, width), mix], 2)
    device = next(net.parameters()).device
    out = net(torch.from_numpy(given).permute(2, 0, 1)[None].to(device))
    return out[0].permute(1, 2, 0).float().clamp(0, 1).cpu().numpy()


def of_one_style(painter: Painter, style: int) -> Painter:
    """What a file holds: the picture as it is, and that style."""
    state = painter.state_dict()
    rows = torch.tensor([0, style])
    kept = {name: value[rows] if name.endswith((".scale", ".shift")) else value for name, value in state.items()}
    alone = Painter(2)
    alone.load_state_dict(kept)
    return alone


def glance(net: nn.Module) -> str:
    """PSNR to the renderers on the photographs that may be looked at while tuning: ours, and the photograph itself."""
    return ", ".join(f"{STYLES[style]} {ours:.2f} ({left:.2f})" for style, ours, left in distances(net, photos.TUNING))


def judge(net: nn.Module) -> None:
    """Print the same for photographs that nothing was tuned on."""
    print("\n| style | the picture itself | ours |\n| --- | --- | --- |")
    for style, ours, left in distances(net, photos.JUDGING):
        print(f"| {STYLES[style]} | {left:.2f} | {ours:.2f} |", flush=True)


def distances(net: nn.Module, names: tuple[str, ...]) -> list[tuple[int, float, float]]:
    """For each style: its number, mean PSNR of ours to the renderer, and of the picture itself."""
    found = []
    for style, render in enumerate(renderers.RENDERERS.values(), 1):
        scores = []
        for name in names:
            photo = photos.photo(name, 384)
            picture = photo.astype(np.float32) / 255
            wanted = _bytes(render(picture, grain(0, 0, *photo.shape[:2])))
            scores.append((photos.psnr(_bytes(painted(net, picture, style)), wanted), photos.psnr(photo, wanted)))
        found.append((style, *np.mean(scores, 0).tolist()))
    return found


def _bytes(picture: np.ndarray) -> np.ndarray:
    return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)
