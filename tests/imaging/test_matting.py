"""Mattes from a trimap: what is known stays, the rest is better than the textbook's, also thin and large."""

from __future__ import annotations

import cv2
import numpy as np
import pymatting
import pytest
from scumble_daemon.imaging import closed_form, masks, matting, trimap

from ..bench import composites, cutout

CASES = {case.name: case for case in composites.for_judging()}


@pytest.mark.parametrize("name", ["hair", "wheel before the sky", "glass", "stems"])
def test_better_than_closed_form_alone_from_the_same_trimap(name: str) -> None:
    """By all three measures: absolute and squared error, and gradients."""
    case = CASES[name]
    alone = cutout.errors(pymatting.estimate_alpha_cf(case.picture.astype(float), case.trimap), case)
    ours = cutout.errors(matting.solve(case.picture, case.trimap), case)
    assert all(mine < its for mine, its in zip(ours, alone, strict=True)), (ours, alone)


def test_without_opinions_it_is_the_textbook_s() -> None:
    """Pixel for pixel, though only the band is put into the equations."""
    case = CASES["fur"]
    expected = pymatting.estimate_alpha_cf(case.picture.astype(float), case.trimap)
    assert np.abs(closed_form.solve(case.picture, case.trimap) - expected).max() < 0.01


def test_what_is_known_comes_back_bit_for_bit() -> None:
    case = CASES["spokes"]
    sure = case.trimap != 0.5
    assert np.array_equal(matting.solve(case.picture, case.trimap)[sure], case.trimap[sure])


@pytest.mark.parametrize("known", [0.0, 1.0, 0.5])
def test_a_trimap_with_one_side_only_is_answered(known: float) -> None:
    """Nothing to look between: finite, and where all is known exactly that."""
    picture = CASES["hair"].picture[:60, :80]
    found = matting.solve(picture, np.full((60, 80), known))
    assert np.isfinite(found).all()
    if known != 0.5:
        assert (found == known).all()


def test_a_large_picture_is_refined_in_blocks_without_seams() -> None:
    """Twice the size of the copy that is solved at once: close to solving all of it."""
    case = CASES["hair"]
    size = (2 * case.picture.shape[0], 2 * case.picture.shape[1])
    large = cv2.resize(case.picture, size[::-1], interpolation=cv2.INTER_CUBIC).clip(0, 1)
    truth = cv2.resize(case.alpha, size[::-1], interpolation=cv2.INTER_LINEAR)
    found = matting.matte(
        lambda rows, columns: large[rows, columns],
        size,
        case.picture,
        case.trimap.astype(np.float32),
        (case.alpha > 0.5).astype(np.float32),
        lambda share, stage: None,
    )
    assert np.abs(found - truth).mean() < 1.2 * np.abs(matting.solve(case.picture, case.trimap) - case.alpha).mean()
    jumps = np.abs(np.diff(found - truth, axis=1))
    at_seams, nearby = (jumps[:, matting.BLOCK_PX - 1 + by :: matting.BLOCK_PX].mean() for by in (0, 9))
    assert at_seams < 1.5 * nearby + 1e-3, (at_seams, nearby)


def test_spokes_beside_the_outline_are_put_into_the_band() -> None:
    """Where the mask is a rim only, thin things of its colour that hang on it are looked at as well."""
    case = CASES["wheel before the sky"]
    rows, columns = np.mgrid[: case.alpha.shape[0], : case.alpha.shape[1]]
    away = np.hypot(rows - 200, columns - 280)
    rim = ((away > 142) & (away < 158)).astype(np.float32)
    known = trimap.around(case.picture, rim, 1.0)
    spokes = (case.alpha > 0.8) & (away > 110) & (away < 130)
    assert (known[spokes] == 0.5).mean() > 0.6


def test_a_pupil_is_not_taken_for_a_gap() -> None:
    """Tiny holes that an outline by colour leaves are filled before anything is looked for around them."""
    mask = np.ones((300, 400), np.float32)
    mask[:, :60] = 0
    mask[150:153, 300:303] = 0
    picture = np.random.default_rng(1).random((300, 400, 3), np.float32)
    assert (trimap.around(picture, mask, 0.5)[130:170, 280:320] == 1).all()


def test_a_checked_mask_is_believed_where_colours_would_be_a_guess() -> None:
    """Blotches of the same few colours on both sides: the band is narrow; where hair differs from its ground, wide."""
    random = np.random.default_rng(5)
    blotches = random.choice(np.array([0.1, 0.5, 0.9], np.float32), (50, 70))
    busy = np.dstack([cv2.resize(blotches, (420, 300), interpolation=cv2.INTER_LINEAR)] * 3)
    disc = np.zeros((300, 420), np.float32)
    cv2.circle(disc, (210, 150), 90, 1, -1)
    hair = CASES["hair"]
    shares = []
    for picture, mask in ((busy, disc), (hair.picture.astype(np.float32), (hair.alpha > 0.5).astype(np.float32))):
        plain, checked = (
            np.count_nonzero((trimap.around(picture, mask, 0.5, is_checked=each) == 0.5) & (mask == 0))
            for each in (False, True)
        )
        shares.append(checked / plain)
    assert shares[0] < 0.5, shares
    assert shares[1] > 0.6, shares


def test_a_checked_mask_is_whole_inside() -> None:
    """What is missing of an object is seen and clicked on: hair is looked for outside it, and hardly inside."""
    case = CASES["fur"]
    mask = case.alpha > 0.5
    inside = masks.distance_to(~mask) > 8
    plain, checked = (
        np.count_nonzero(trimap.around(case.picture, mask.astype(np.float32), 0.5, is_checked=each)[inside] == 0.5)
        for each in (False, True)
    )
    assert plain > 500
    assert checked < 0.1 * plain
