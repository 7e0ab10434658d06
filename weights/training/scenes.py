"""Scenes to select things in: a few compound objects before a ground, from formulas alone, and which pixel is whose.

An object has one to nine parts of its own colours, inner texture, shading, and sometimes hair; some are thin, some
hardly differ from what is behind them. No photograph, no data set: a seed is all that goes in.

    python weights/training/scenes.py --sheet sheet.png      look at some
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

try:
    from .generator import cloud, palette, polar, texture
except ImportError:  # run as a program
    from generator import cloud, palette, polar, texture

VERSION = 1  # goes into the cache's name: raise it when what a seed yields changes
TEXTURES = 6
LOW_CONTRAST, HAIRY, THIN = 0.25, 0.35, 0.15  # shares of the objects

Floats = np.ndarray


def scene(seed: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """size×size×3 uint8, sRGB-like, and size×size uint8: 0 is ground, each object has a number, hidden parts are not
    its."""
    rng = np.random.default_rng(seed)
    colours = palette(rng, 16)
    textures = [texture(rng, size) for _ in range(TEXTURES)]
    shades = [np.clip(cloud(rng, size, 2.2), -2.5, 2.5) for _ in range(2)]
    image, owner = ground(rng, size, colours, textures, shades), np.zeros((size, size), np.uint8)
    for number in range(1, int(rng.integers(2, 8)) + 1):
        place(rng, image, owner, number, colours, textures, shades)
    if rng.random() < 0.5:  # uneven light
        image *= (1 + 0.2 * rng.uniform(0, 1) * shades[0])[..., None]
    if rng.random() < 0.6:  # a lens
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.1))
    image = np.clip(image, 0, 1) ** rng.uniform(0.7, 1.4)
    image += rng.normal(0, rng.choice([0, 0.01, 0.03]), image.shape)
    return (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8), owner


def cached(cache: Path, count: int, size: int, seed: int = 0, workers: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """count×size×size×3 and count×size×size uint8, mapped from files in `cache`; made there first if they are not."""
    names = [cache / f"scenes-v{VERSION}-{seed}-{size}-{count}-{part}.npy" for part in ("images", "owners")]
    if not all(name.exists() for name in names):
        cache.mkdir(parents=True, exist_ok=True)
        images, owners = np.empty((count, size, size, 3), np.uint8), np.empty((count, size, size), np.uint8)
        fresh = get_context("spawn")  # a fork of a process in which torch has started threads never ends
        with ProcessPoolExecutor(workers, fresh, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
            seeds = range(seed * 1_000_000, seed * 1_000_000 + count)
            for index, made in enumerate(pool.map(scene, seeds, [size] * count, chunksize=16)):
                images[index], owners[index] = made
                if index % 250 == 0:
                    print(f"generated {index} of {count}", flush=True)
        for name, made in zip(names, (images, owners), strict=True):
            np.save(name.with_suffix(".partial.npy"), made)
            name.with_suffix(".partial.npy").replace(name)
    images, owners = (np.load(name, mmap_mode="r") for name in names)
    return images, owners


def ground(
    rng: np.random.Generator, size: int, colours: Floats, textures: list[Floats], shades: list[Floats]
) -> Floats:
    """What lies behind: one or two bands, as wall and floor or sky and land, and clutter that is nobody's."""
    image = paint(rng, np.ones((size, size, 3), np.float32), colours[rng.integers(len(colours))], textures, shades)
    if rng.random() < 0.5:
        rows = np.arange(size) - size * rng.uniform(0.3, 0.8)
        below = np.clip(rows[:, None] + np.arange(size) * rng.normal(0, 0.15), 0, 1)[..., None]
        other = paint(rng, np.ones_like(image), colours[rng.integers(len(colours))], textures, shades)
        image += (other - image) * below.astype(np.float32)
    for _ in range(int(rng.choice([0, 6, 25, 60]))):
        mask = part(rng, size, rng.uniform(0, size, 2), size * rng.uniform(0.01, 0.08))
        image += (paint(rng, image, colours[rng.integers(len(colours))], textures, shades) - image) * mask[..., None]
    if rng.random() < 0.3:  # out of focus
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(1, 4))
    return image


def place(
    rng: np.random.Generator,
    image: Floats,
    owner: np.ndarray,
    number: int,
    colours: Floats,
    textures: list[Floats],
    shades: list[Floats],
) -> None:
    """One object over what is there."""
    size = len(image)
    radius = size * np.exp(rng.uniform(np.log(0.07), np.log(0.4)))
    centre = rng.uniform(0.1 * size, 0.9 * size, 2)
    is_thin = rng.random() < THIN
    own = colours[rng.choice(len(colours), 3)]
    if rng.random() < LOW_CONTRAST:  # of the colour of what it stands before, nearly
        y, x = np.clip(centre, 0, size - 1).astype(int)
        own = image[y, x] + rng.normal(0, 0.07, (3, 3))
    whole = np.zeros((size, size), np.float32)
    at, reach = centre, radius
    for index in range(int(rng.integers(1, 10))):
        if is_thin:
            mask = stroke(rng, size, at, radius * rng.uniform(0.8, 1.6), max(1.0, radius * rng.uniform(0.03, 0.14)))
        else:
            mask = part(rng, size, at, reach)
        colour = own[min(2, int(rng.exponential(0.8)))] + rng.normal(0, 0.02, 3)
        whole = np.maximum(whole, mask)
        image += (paint(rng, image, colour, textures, shades) - image) * mask[..., None]
        rows, columns = np.nonzero(whole > 0.5)
        if not len(rows):
            return
        if index == 0 and rng.random() < HAIRY and not is_thin:
            whole = np.maximum(whole, hair(rng, image, whole, colour))
        pick = rng.integers(len(rows))  # the next part begins on what is there
        at, reach = np.array([rows[pick], columns[pick]]), radius * rng.uniform(0.15, 0.75)
    angle, strength = rng.uniform(0, 2 * np.pi), 0.4 * rng.uniform(0, 1)  # lit from one side, all of it
    y, x = np.mgrid[:size, :size].astype(np.float32)
    slope = np.clip(((x - centre[1]) * np.cos(angle) + (y - centre[0]) * np.sin(angle)) / radius, -1.5, 1.5)
    image *= 1 + (strength * slope * whole)[..., None]
    owner[whole > 0.5] = number


def paint(
    rng: np.random.Generator, like: Floats, colour: Floats, textures: list[Floats], shades: list[Floats]
) -> Floats:
    """A picture of the size of `like` in a colour, with texture and uneven shade."""
    size = len(like)
    shift = rng.integers(0, size, 2)
    found = np.broadcast_to(np.asarray(colour, np.float32), like.shape).copy()
    if rng.random() < 0.7:
        grain = np.roll(textures[rng.integers(TEXTURES)], shift, (0, 1))
        found += (abs(rng.normal(0, 0.09)) * grain)[..., None] * (rng.normal(0, 0.25, 3).astype(np.float32) + 1)
    if rng.random() < 0.6:
        found += (abs(rng.normal(0, 0.07)) * np.roll(shades[rng.integers(2)], shift, (0, 1)))[..., None]
    return found


def part(rng: np.random.Generator, size: int, centre: Floats, radius: float) -> Floats:
    """size×size coverage of an ellipse, a polygon or a smooth blob."""
    mask = np.zeros((size, size), np.uint8)
    y, x = (int(each * 16) for each in centre)
    kind = rng.integers(3)
    if kind == 0:
        axes = (int(radius * 16), max(16, int(radius * rng.uniform(0.3, 1) * 16)))
        cv2.ellipse(mask, (x, y), axes, rng.uniform(0, 360), 0, 360, 255, -1, cv2.LINE_AA, 4)
    else:
        corners = int(rng.integers(3, 9)) if kind == 1 else 64
        angle = np.sort(rng.uniform(0, 2 * np.pi, corners)) if kind == 1 else np.linspace(0, 2 * np.pi, 64)
        distance = rng.uniform(0.4, 1, corners) if kind == 1 else np.ones(64)
        if kind == 2:
            for order in range(1, 7):
                distance = distance + rng.normal(0, 0.3 / order) * np.cos(order * angle + rng.uniform(0, 6.3))
            distance = np.clip(distance, 0.1, None) / max(distance.max(), 0.1)
        outline = polar(0, 16 * radius * distance, angle) + np.array([x, y], np.int32)
        cv2.fillPoly(mask, [outline], 255, cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255


def stroke(rng: np.random.Generator, size: int, middle: Floats, radius: float, width: float) -> Floats:
    """size×size coverage of a curved bar: legs, cables, handles, wires."""
    mask = np.zeros((size, size), np.uint8)
    angle = rng.uniform(0, 2 * np.pi) + np.linspace(0, rng.normal(0, 1.2), 24)
    line = polar(0, 16 * np.linspace(-radius, radius, 24), angle) + (middle[::-1] * 16).astype(np.int32)
    cv2.polylines(mask, [line], False, 255, max(1, round(width)), cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255


def hair(rng: np.random.Generator, image: Floats, whole: Floats, colour: Floats) -> Floats:
    """Draw strands out of the outline of `whole` into `image`; → their coverage."""
    size = len(image)
    strands = np.zeros((size, size), np.uint8)
    outlines, _ = cv2.findContours((whole > 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    points = max(outlines, key=len)[:, 0]
    length, lean = size * rng.uniform(0.01, 0.05), rng.normal(0, 0.6)
    centre = points.mean(0)
    share = rng.uniform(0.15, 0.7)
    for point in points[rng.random(len(points)) < share]:
        away = np.arctan2(*(point - centre)[::-1]) + lean + rng.normal(0, 0.3)
        tip = point + length * rng.uniform(0.4, 1.3) * np.array([np.cos(away), np.sin(away)])
        cv2.line(strands, (point * 16).tolist(), (tip * 16).astype(int).tolist(), 255, 1, cv2.LINE_AA, 4)
    coverage = strands.astype(np.float32) / 255
    image += (np.asarray(colour, np.float32) + rng.normal(0, 0.02) - image) * coverage[..., None]
    return coverage


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--sheet", type=Path, required=True, help="a PNG of eighteen scenes and their objects")
    tiles = []
    for seed in range(18):
        image, owner = scene(seed, 192)
        tiles.append(np.vstack([image, cv2.applyColorMap(owner * 32, cv2.COLORMAP_TURBO)]))
    sheet = np.vstack([np.hstack(tiles[row : row + 6]) for row in range(0, 18, 6)])
    cv2.imwrite(str(arguments.parse_args().sheet), sheet[..., ::-1])


if __name__ == "__main__":
    main()
