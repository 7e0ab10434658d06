"""Judge the shipped models on photographs that nothing was tuned on, beside the methods that need no training.

python weights/training/evaluate.py denoise-small upscale-x2-small        (names of folders under weights/)
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2
import numpy as np
import torch
from joblib import Memory
from torch import nn

from training import degradations, denoiser, photos, upscaler

WEIGHTS = Path(__file__).resolve().parents[1]
Damage = Callable[[np.random.Generator, np.ndarray], np.ndarray]

SIDE_PX = 384  # of the photographs' centres for denoising: the methods that need no training are slow
DAMAGES: dict[str, Damage] = {
    "gaussian σ 5": lambda rng, clean: degradations.gaussian(rng, clean, 5),
    "gaussian σ 15": lambda rng, clean: degradations.gaussian(rng, clean, 15),
    "gaussian σ 25": lambda rng, clean: degradations.gaussian(rng, clean, 25),
    "gaussian σ 50": lambda rng, clean: degradations.gaussian(rng, clean, 50),
    "camera, little light": lambda rng, clean: degradations.camera(rng, clean, 0.002, 0.003),
    "camera, less light": lambda rng, clean: degradations.camera(rng, clean, 0.01, 0.006),
    "the same as JPEG 85": lambda rng, clean: degradations.jpeg(degradations.camera(rng, clean, 0.01, 0.006), 85),
    "JPEG 40": lambda rng, clean: degradations.jpeg(clean, 40),
    "none": lambda rng, clean: clean,
}
OPENCV_STRENGTHS = (0.5, 0.75, 1.0, 1.3)  # h over the true σ; the best for each photograph counts
SCIKIT_STRENGTHS = (0.4, 0.6, 0.8)  # likewise, and it is told σ


def denoising(net: nn.Module) -> None:
    """Print PSNR in RGB: the judged photographs for every kind of damage, and the six of earlier figures for σ 25."""
    print("\n| damage | photographs | input | OpenCV NLM | scikit-image NLM | ours | ours above input, at worst |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for kind in DAMAGES:
        print_scores(net, kind, "judged", photos.JUDGING)
    print_scores(net, "gaussian σ 25", "the six", photos.SIX)


def print_scores(net: nn.Module, kind: str, title: str, names: tuple[str, ...]) -> None:
    rows = np.array([denoised(net, name, kind) for name in names])
    means, worst = rows.mean(0), (rows[:, 3] - rows[:, 0]).min()
    if kind == "none":
        print(f"| none | {title} | ∞ | | | {means[3]:.2f}, at worst {rows[:, 3].min():.2f} | |", flush=True)
        return
    print(f"| {kind} | {title} | {' | '.join(f'{mean:.2f}' for mean in means)} | {worst:+.2f} |", flush=True)


def denoised(net: nn.Module, name: str, kind: str) -> tuple[float, float, float, float]:
    """PSNR of the damaged photograph, OpenCV's NLM, scikit-image's, and ours."""
    clean, given = photos.photo(name, SIDE_PX), damaged(name, kind)
    ours = photos.psnr(denoiser.restore(net, given), clean)
    return (*untrained(name, kind), ours)


@Memory(Path(tempfile.gettempdir()) / "scumble-training", verbose=0).cache
def untrained(name: str, kind: str) -> tuple[float, float, float]:
    """PSNR of the damaged photograph, OpenCV's NLM, scikit-image's; kept, since they take minutes and never change."""
    clean, given = photos.photo(name, SIDE_PX), damaged(name, kind)
    sigma = float((given.astype(np.float32) - clean).std())
    if sigma == 0:  # nothing to remove: only what is done to a clean picture counts
        best = photos.psnr(given, clean)
        return best, best, best
    opencv = max(photos.psnr(opencv_nlm(given, factor * sigma), clean) for factor in OPENCV_STRENGTHS)
    scikit = max(photos.psnr(scikit_nlm(given, sigma, factor), clean) for factor in SCIKIT_STRENGTHS)
    return photos.psnr(given, clean), opencv, scikit


def damaged(name: str, kind: str) -> np.ndarray:
    """The photograph with that damage, always the same; uint8."""
    rng = np.random.default_rng([list(DAMAGES).index(kind), *name.encode()])
    return degradations.as_bytes(DAMAGES[kind](rng, photos.photo(name, SIDE_PX).astype(np.float32) / 255))


def opencv_nlm(given: np.ndarray, h: float) -> np.ndarray:
    return cv2.fastNlMeansDenoisingColored(given, None, h, h, 7, 21)


def scikit_nlm(given: np.ndarray, sigma: float, factor: float) -> np.ndarray:
    from skimage.restoration import denoise_nl_means

    strength = {"h": factor * sigma / 255, "sigma": sigma / 255, "patch_size": 5, "patch_distance": 6}
    return degradations.as_bytes(denoise_nl_means(given / 255.0, fast_mode=True, channel_axis=2, **strength))


def upscaling(net: nn.Module) -> None:
    """Print PSNR of luma, a row for every photograph and their means."""
    scale = upscaler.scale_of(net)
    print(
        f"\n×{scale}, clean bicubic input\n\n| photograph | bicubic | Lanczos | ours | above bicubic | above Lanczos |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    for title, names in (("judged", photos.JUDGING), ("the six", photos.SIX)):
        rows = []
        for name in names:
            photo = photos.photo(name)
            small = upscaler.small_photo(photo, scale)
            large = upscaler.bicubic(small, scale), upscaler.lanczos(small, scale), upscaler.enlarge(net, small)
            rows.append([photos.luma_psnr(picture, photo, 4 * scale) for picture in large])
            if title == "judged":
                print(scores(name, rows[-1]), flush=True)
        print(scores(f"**mean, {title}**", np.mean(rows, 0)), flush=True)


def scores(name: str, row: list[float] | np.ndarray) -> str:
    bicubic, lanczos, ours = row
    return f"| {name} | {bicubic:.2f} | {lanczos:.2f} | {ours:.2f} | {ours - bicubic:+.2f} | {ours - lanczos:+.2f} |"


def shipped(folder: str) -> nn.Module:
    """The model as spandrel loads it: strictly, in float32."""
    from safetensors.torch import load_file
    from spandrel import ModelLoader

    state = {name: value.float() for name, value in load_file(WEIGHTS / folder / "model.safetensors").items()}
    return ModelLoader().load_from_state_dict(state).model.eval()


def main(folders: list[str]) -> None:
    torch.set_num_threads(2)
    for folder in folders:
        print(f"\n## {folder}", flush=True)
        begun = time.monotonic()
        (denoising if folder.startswith("denoise") else upscaling)(shipped(folder))
        print(f"\n({time.monotonic() - begun:.0f} s)", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
