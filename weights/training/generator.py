"""Dead leaves: images made from formulas alone, whose edges and textures are statistically like those of photographs.

After Lee, Mumford and Huang 2001 (occluding shapes with radii ∝ r⁻³) and Achddou, Gousseau and Ladjal 2022 (textured
leaves for training restoration networks). No photograph, no data set: a seed is all that goes in.

    python weights/training/generator.py --sheet sheet.png      look at some
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

VERSION = 1  # goes into the cache's name: raise it when what a seed yields changes
SUPERSAMPLING = 2
TEXTURES = 8

Floats = np.ndarray


def dead_leaves(seed: int, size: int = 192) -> np.ndarray:
    """size×size×3 uint8, sRGB-like."""
    rng = np.random.default_rng(seed)
    side = size * SUPERSAMPLING
    colours = palette(rng)
    textures = [texture(rng, side) for _ in range(TEXTURES)]
    shades = [np.clip(cloud(rng, side, 2.2), -2.5, 2.5) for _ in range(2)]
    image = np.ones((side, side, 3), np.float32) * colours[0]
    soft_edges = rng.random() < 0.4
    for radius in radii(rng, side):
        mask = leaf(rng, radius)
        if soft_edges and radius > 8 and rng.random() < 0.35:
            mask = cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.5, 4) * SUPERSAMPLING / 2)
        centre = rng.integers(-int(radius / 2), side + int(radius / 2), 2)
        place(rng, image, mask, centre, radius, colours, textures, shades)
    if rng.random() < 0.5:  # uneven light
        image *= (1 + 0.2 * rng.uniform(0, 1) * shades[0])[..., None]
    if rng.random() < 0.25:  # a lens that is not quite in focus
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.6) * SUPERSAMPLING / 2)
    image = cv2.resize(np.clip(image, 0, 1), (size, size), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.5:  # a tone curve
        image = image ** rng.uniform(0.6, 1.6)
    return (image * 255 + 0.5).astype(np.uint8)


def cached(cache: Path, count: int, size: int = 192, seed: int = 0, workers: int = 2) -> np.ndarray:
    """count×size×size×3 uint8, mapped from a file in `cache`; made there first if it is not (0.3 s an image)."""
    path = cache / f"dead-leaves-v{VERSION}-{seed}-{size}-{count}.npy"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial.npy")
        images = np.lib.format.open_memmap(partial, "w+", np.uint8, (count, size, size, 3))
        fresh = get_context("spawn")  # a fork of a process in which torch has started threads never ends
        with ProcessPoolExecutor(workers, fresh, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
            seeds = range(seed * 1_000_000, seed * 1_000_000 + count)
            for index, image in enumerate(pool.map(dead_leaves, seeds, [size] * count, chunksize=16)):
                images[index] = image
                if index % 250 == 0:
                    print(f"generated {index} of {count}", flush=True)
        images.flush()
        partial.replace(path)
    return np.load(path, mmap_mode="r")


def radii(rng: np.random.Generator, side: int) -> Floats:
    """The leaves' radii in the order in which they fall: ∝ r⁻³, and some large ones that give flat regions."""
    least, most = rng.choice([1.5, 3, 6]) * SUPERSAMPLING / 2, side * rng.uniform(0.25, 0.9)
    count = int(rng.choice([300, 900, 2200]))
    drawn = (most**-2 + rng.random(count) * (least**-2 - most**-2)) ** -0.5
    drawn[:20] = rng.uniform(0.1, 1, 20) * most
    if rng.random() < 0.3:  # small things lie on large ones
        return drawn[np.argsort(-drawn + rng.normal(0, 0.15 * most, count))]
    return rng.permutation(drawn)


def palette(rng: np.random.Generator, count: int = 12) -> Floats:
    """count×3: lightness spread wide, chroma modest, few hues, as in most photographs."""
    light = rng.beta(1.1, 1.3, count)
    hue = rng.choice(rng.uniform(0, 2 * np.pi, rng.integers(1, 4)), count) + rng.normal(0, 0.35, count)
    chroma = np.abs(rng.normal(0, 0.12 * rng.uniform(0.3, 1.8), count))
    a, b = chroma * np.cos(hue), chroma * np.sin(hue)
    rgb = np.stack([light + a + 0.4 * b, light - 0.45 * a + 0.25 * b, light - 0.1 * a - 0.9 * b], 1)
    return np.clip(rgb, 0, 1).astype(np.float32)


def cloud(rng: np.random.Generator, side: int, exponent: float) -> Floats:
    """side×side noise with the spectrum 1/f^exponent, half the time stretched in one direction; deviation 1."""
    fy, fx = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None]
    frequency = np.hypot(fy, fx)
    frequency[0, 0] = 1
    spectrum = (rng.normal(size=frequency.shape) + 1j * rng.normal(size=frequency.shape)) / frequency**exponent
    spectrum[0, 0] = 0
    if rng.random() < 0.5:
        angle = rng.uniform(0, np.pi)
        along = np.cos(angle) * fx + np.sin(angle) * fy
        spectrum *= np.exp(-0.5 * (rng.uniform(1, 6) * along / (frequency + 1e-6)) ** 2)
    noise = np.fft.irfft2(spectrum, (side, side))
    return (noise / (noise.std() + 1e-9)).astype(np.float32)


def waves(rng: np.random.Generator, side: int) -> Floats:
    """side×side warped stripes or, crossed, a grid: cloth, bars, bricks, windows; deviation 1."""
    y, x = np.mgrid[:side, :side].astype(np.float32)
    warp = 0.6 * rng.uniform(0, 1) * cloud(rng, side, 1.6)
    angle, period = rng.uniform(0, np.pi), rng.uniform(3, 40)
    value = np.sin(2 * np.pi * ((x * np.cos(angle) + y * np.sin(angle)) / period + warp))
    if rng.random() < 0.35:
        period *= rng.uniform(0.5, 2)
        across = np.sin(2 * np.pi * ((y * np.cos(angle) - x * np.sin(angle)) / period + warp))
        value = np.maximum(value, across) if rng.random() < 0.5 else value * across
    if rng.random() < 0.5:  # with hard edges
        value = np.tanh(value * rng.uniform(1, 8))
    return ((value - value.mean()) / (value.std() + 1e-6)).astype(np.float32)


def texture(rng: np.random.Generator, side: int) -> Floats:
    drawn = cloud(rng, side, rng.uniform(0.6, 1.8)) if rng.random() < 0.7 else waves(rng, side)
    return np.clip(drawn, -3, 3)


def leaf(rng: np.random.Generator, radius: float) -> Floats:
    """S×S coverage in [0, 1] of a disc, an ellipse, a bar, a polygon, a smooth blob or a curved stroke."""
    side = int(2 * radius + 4)
    mask, c = np.zeros((side, side), np.uint8), side // 2
    kind = rng.choice(6, p=[0.19, 0.19, 0.19, 0.19, 0.16, 0.08])
    if kind == 0:
        cv2.circle(mask, (c, c), int(radius), 255, -1)
    elif kind == 1:
        axes = (int(radius), max(1, int(radius * rng.uniform(0.1, 1))))
        cv2.ellipse(mask, (c, c), axes, rng.uniform(0, 360), 0, 360, 255, -1)
    elif kind == 2:
        box = ((c, c), (1.4 * radius, 1.4 * radius * rng.uniform(0.05, 1)), rng.uniform(0, 180))
        cv2.fillPoly(mask, [cv2.boxPoints(box).astype(np.int32)], 255)
    elif kind == 3:
        corners = rng.integers(3, 9)
        angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
        cv2.fillPoly(mask, [polar(c, radius * rng.uniform(0.3, 1, corners), angle)], 255)
    elif kind == 4:
        angle = np.linspace(0, 2 * np.pi, 96, endpoint=False)
        reach = np.ones(96)
        for order in range(1, 7):
            reach += rng.normal(0, 0.35 / order) * np.cos(order * angle + rng.uniform(0, 6.3))
        reach = np.clip(reach, 0.1, None)
        cv2.fillPoly(mask, [polar(c, reach / reach.max() * radius, angle)], 255)
    else:  # hair, twigs, wires
        angle = rng.uniform(0, 2 * np.pi) + np.linspace(0, rng.normal(0, 1.5), 24)
        stroke = polar(c, np.linspace(-radius, radius, 24), angle)
        cv2.polylines(mask, [stroke], False, 255, max(1, int(rng.uniform(0.5, 3) * SUPERSAMPLING)))
    return mask.astype(np.float32) / 255


def polar(centre: int, distance: Floats, angle: Floats) -> np.ndarray:
    return np.stack([centre + distance * np.cos(angle), centre + distance * np.sin(angle)], 1).astype(np.int32)


def place(
    rng: np.random.Generator,
    image: Floats,
    mask: Floats,
    centre: np.ndarray,
    radius: float,
    colours: Floats,
    textures: list[Floats],
    shades: list[Floats],
) -> None:
    """Paint one leaf, with its own colour, texture and shading, over what lies there."""
    side, half = image.shape[0], mask.shape[0] // 2
    left, top = int(centre[0]) - half, int(centre[1]) - half
    x0, y0, x1, y1 = max(0, left), max(0, top), min(side, left + mask.shape[0]), min(side, top + mask.shape[0])
    if x0 >= x1 or y0 >= y1:
        return
    seen, window = (slice(y0, y1), slice(x0, x1)), (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    colour = colours[rng.integers(len(colours))] + rng.normal(0, 0.03, 3).astype(np.float32)
    paint = np.broadcast_to(colour, (y1 - y0, x1 - x0, 3)).copy()
    if radius > 4:
        if rng.random() < 0.75:
            tint = rng.normal(0, 0.25, 3).astype(np.float32) + 1
            paint += (abs(rng.normal(0, 0.07)) * textures[rng.integers(TEXTURES)][seen])[..., None] * tint
        if rng.random() < 0.6:
            paint += (abs(rng.normal(0, 0.08)) * shades[rng.integers(2)][seen])[..., None]
        if rng.random() < 0.4:  # lit from one side
            angle, strength = rng.uniform(0, 2 * np.pi), 0.35 * rng.uniform(0, 1)
            x, y = np.arange(x0, x1) - centre[0], np.arange(y0, y1) - centre[1]
            slope = (x * np.cos(angle) + (y * np.sin(angle))[:, None]) / radius
            paint *= (1 + strength * slope.astype(np.float32))[..., None]
    coverage = mask[window][..., None]
    image[seen] += (paint - image[seen]) * coverage


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--sheet", type=Path, required=True, help="a PNG of eighteen images")
    images = [dead_leaves(seed) for seed in range(18)]
    sheet = np.vstack([np.hstack(images[row : row + 6]) for row in range(0, 18, 6)])
    cv2.imwrite(str(arguments.parse_args().sheet), sheet[..., ::-1])


if __name__ == "__main__":
    main()
