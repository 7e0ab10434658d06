"""From a trimap to a soft matte: its unknown band is solved for at the picture's full size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from . import blocks, closed_form, colour_pairs, masks
from .closed_form import Opinion

WORK_PX = 1024  # longest side at which the whole band is solved at once; beyond, that is refined block by block
OPAQUE, CLEAR = 0.98, 0.03  # a matte beyond these is whole: the solver leaves a faint haze
AROUND_PX = 24  # what is known so far from the band gives its colours
PAIRS = 0.01  # what an explanation by two colours counts beside the Laplacian, where there is fine detail
PLAIN, PLAIN_TRUST = 0.07, (0.5, 0.9)  # colours that say so nearly all or nothing, and so surely, are followed
HAZE = 0.2  # and a solution that is about so near to what they say; what contradicts them stays
DETAIL_PX, DETAIL, DETAIL_AROUND_PX = 1.2, 0.1, 4  # what is fine, how much of it is much, and how far around
LEAST_DETAIL, MOST_DETAIL = 0.05, 2.0
BLOCK_PX, MARGIN_PX = 256, 32
CARRIED, FOLLOWED = 1e-3, 0.1  # what the matte of the smaller copy counts, and where there is nothing else to go by
HELD = 1e-3  # what the mask counts at the far ends of the band
MOST_SOLVED = 400_000  # pixels of a large layer: some ten seconds
FLAT = 0.04  # a matte that changes less between pixels of the smaller copy needs no refining

Progress = Callable[[float, str], None]
Read = Callable[[slice, slice], np.ndarray]
"""Rows, columns → the picture there, H×W×3 float32."""
Solve = Callable[[np.ndarray, np.ndarray, Callable[[float], None]], np.ndarray]
"""Colours H×W×3 in [0, 1], trimap (1, 0, and 0.5 where it does not know), a report of the share done → alpha H×W."""


def warm_up() -> None:
    """Load pymatting; where its compiled code is not on the disk yet, that takes a minute."""
    import pymatting  # compiled while it is imported

    ramp = np.linspace(0, 1, 24).repeat(16).reshape(24, 16)
    image = np.dstack([ramp, ramp**2, 1 - ramp])
    trimap = np.full((24, 16), 0.5)
    trimap[:8], trimap[16:] = 0, 1
    pymatting.estimate_foreground_ml(image, solve(image, trimap).astype(np.float64), return_background=True)


def matte(
    read: Read,
    size: tuple[int, int],
    small: np.ndarray,
    known: np.ndarray,
    mask: np.ndarray,
    progress: Progress,
    by_network: Solve | None = None,
) -> np.ndarray:
    """Alpha H×W float32 at `size` (height, width).

    `small`: the picture H×W×3 float32 in [0, 1], `known`: the trimap, `mask`: what it was made of (float32, soft or
    not), all at one size, which may be smaller · `read`: the picture at full size · `by_network`: finds alpha on the
    smaller copy instead of colours.
    Raises: what `progress` raises.
    """
    progress(0.0, "Looking along the edge")
    if by_network is not None and (known == 0.5).any():
        solved = by_network(small, known, lambda share: progress(0.7 * share, "Looking along the edge"))
    else:
        solved = solve(small, known, _held(known, mask))
    if known.shape != size:
        progress(0.7, "Refining the edge")
        solved = refined(
            read, size, solved, known == 0.5, lambda share: progress(0.7 + 0.3 * share, "Refining the edge")
        )
    return masks.levels(solved, CLEAR, OPAQUE, out=solved)


def enlarged(read: Read, size: tuple[int, int], soft: np.ndarray, detail: float, progress: Progress) -> np.ndarray:
    """Alpha H×W float32 at `size` from a `soft` mask (float32) that a network made of a smaller copy.

    Below half the `detail`, what is faint goes and what is nearly whole is whole: a plain outline.
    """
    progress(0.0, "Refining the edge")
    if soft.shape == size:
        alpha = soft
    else:
        band = (soft > CLEAR) & (soft < OPAQUE)
        alpha = refined(read, size, soft, band, lambda share: progress(share, "Refining the edge"))
    plain = 0.4 * max(0.0, 1 - 2 * detail)
    return masks.levels(alpha, CLEAR + plain, OPAQUE - plain)


def refined(
    read: Read, size: tuple[int, int], solved: np.ndarray, band: np.ndarray, report: Callable[[float], None]
) -> np.ndarray:
    """`solved`, a matte of a smaller copy, at `size`: where it changes within the `band` (bool) it is solved anew."""
    height, width = size
    alpha = masks.resize(solved, size)
    changes = masks.grow(masks.grow(band, 1) & (_range(solved) > FLAT), 1)
    unknown = cv2.resize(changes.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0
    touched = blocks.along(unknown, BLOCK_PX, MARGIN_PX)
    redraw = _resolved if np.count_nonzero(unknown) <= MOST_SOLVED else _redrawn
    for index, block in enumerate(touched):
        report(index / len(touched))
        part = np.clip(read(*block.around), 0, 1)
        alpha[block.core] = redraw(part, alpha[block.around], unknown[block.around], height / len(solved))[block.inside]
    return alpha


def _resolved(rgb: np.ndarray, before: np.ndarray, unknown: np.ndarray, scale: float) -> np.ndarray:
    """Solved for, as the smaller copy was."""
    known = np.where(unknown, 0.5, before > 0.5).astype(np.float32)
    carried = Opinion(before[unknown], np.full(np.count_nonzero(unknown), CARRIED, np.float32))
    surely = np.where(before > OPAQUE, 1, np.where(before < CLEAR, 0, known)).astype(np.float32)
    return solve(rgb, known, carried, surely)


def _redrawn(rgb: np.ndarray, before: np.ndarray, unknown: np.ndarray, scale: float) -> np.ndarray:
    """Along the picture's own edges: not quite as fine, and a hundred times as fast."""
    return np.where(unknown, masks.follow_edges(before, rgb, max(2, round(1.5 * scale)), 3e-5), before)


def _held(known: np.ndarray, mask: np.ndarray) -> Opinion:
    """The mask's own opinion: nothing along its edge, and the more the further away, where an edge seldom is."""
    unknown = known == 0.5
    away = np.abs(masks.signed_distance(mask > 0.5))[unknown]
    reach = max(1.0, float(np.quantile(away, 0.98))) if len(away) else 1.0
    return Opinion(mask[unknown].astype(np.float32), HELD * np.clip(away / reach, 0, 1) ** 2)


def _range(values: np.ndarray) -> np.ndarray:
    """Highest less lowest of the 3 × 3 around every pixel."""
    square = np.ones((3, 3), np.uint8)
    return cv2.dilate(values, square) - cv2.erode(values, square)


def solve(
    rgb: np.ndarray, known: np.ndarray, carried: Opinion | None = None, surely: np.ndarray | None = None
) -> np.ndarray:
    """Alpha H×W float32 of a picture (H×W×3 in [0, 1]) from a trimap: 1, 0, and 0.5 where it does not know.

    `carried`: what is thought of the unknown pixels already. Where nothing is known on one side, that is followed ·
    `surely`: the trimap with more that is known, for its colours only.
    """
    unknown = known == 0.5
    if not unknown.any():
        return known.astype(np.float32)
    rows, columns = (_around(np.flatnonzero(unknown.any(axis=axis)), unknown.shape[1 - axis]) for axis in (1, 0))
    alpha = known.astype(np.float32)
    seen = alpha[rows, columns] if surely is None else surely[rows, columns]
    alpha[rows, columns] = _solve(np.asarray(rgb[rows, columns], np.float32), alpha[rows, columns], seen, carried)
    return alpha


def _around(used: np.ndarray, length: int) -> slice:
    return slice(max(0, int(used[0]) - AROUND_PX), min(length, int(used[-1]) + 1 + AROUND_PX))


def _solve(rgb: np.ndarray, known: np.ndarray, seen: np.ndarray, carried: Opinion | None) -> np.ndarray:
    unknown = known == 0.5
    opinions, trust = [] if carried is None else [carried], None
    if (seen == 1).any() and (seen == 0).any():
        opinion, trust = _pairs(rgb, seen, known, unknown)
        opinions = [opinion, *(replace(each, weight=each.weight * (1 - trust)) for each in opinions)]
    elif not opinions:
        return (known > 0.25).astype(np.float32)
    if not (known == 1).any() or not (known == 0).any():  # it would all become what is known
        opinions[-1] = replace(opinions[-1], weight=np.full_like(opinions[-1].weight, FOLLOWED))
    try:
        alpha = closed_form.solve(rgb, known, opinions)
        if trust is not None:
            alpha[unknown] = _settled(alpha[unknown], opinions[0].alpha, trust)
        return alpha
    except ValueError:  # the factorisation or the solver gave up, as on perfectly flat colour
        alpha = known.copy()
        alpha[unknown] = opinions[0].alpha
        return alpha


def _settled(alpha: np.ndarray, told: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """Without the haze that a smooth solution leaves where colours surely tell one side from the other."""
    low, high = PLAIN_TRUST
    sure = np.clip((trust - low) / (high - low), 0, 1)
    sure *= np.clip((np.abs(told - 0.5) - (0.5 - 2 * PLAIN)) / PLAIN, 0, 1)
    sure *= np.clip(2 - np.abs(np.round(told) - alpha) / HAZE, 0, 1)
    return alpha + sure * (np.round(told) - alpha)


def _pairs(rgb: np.ndarray, seen: np.ndarray, known: np.ndarray, unknown: np.ndarray) -> tuple[Opinion, np.ndarray]:
    """What colours say, and how sure they are; it counts most at fine detail, for which the Laplacian is too smooth."""
    found, trust = colour_pairs.explain(rgb, seen, unknown)
    alpha = known.copy()
    alpha[unknown] = found
    fine = np.abs(alpha - cv2.GaussianBlur(alpha, (0, 0), DETAIL_PX))
    detail = cv2.GaussianBlur(fine, (0, 0), DETAIL_AROUND_PX)[unknown] / DETAIL
    return Opinion(found, PAIRS * np.clip(detail, LEAST_DETAIL, MOST_DETAIL) * trust**3), trust
