"""Tetrahedral interpolation in a colour cube, compiled: importing this module loads numba."""

# No postponed annotations here: numba compiles what the decorator is given.

import numba
import numpy as np

F32 = numba.float32
ONE = np.float32(1)


@numba.njit(
    numba.void(
        F32[::1], numba.int64, F32[::1], F32[::1], F32[:, ::1], F32[:, ::1], F32[::1], F32[::1], F32, F32[:, ::1]
    ),
    nogil=True,
    cache=True,
    error_model="numpy",
)
def blend(table, size, low, scale, shaped, source, domain_low, domain_high, strength, out):
    """`out` = `source`, `strength` of the way to what the cube gives for `shaped`; all three n×3 float32.

    `table`: size×size×size×3, flat, indexed by blue, green, red · `low`, `scale`: a colour's place in the grid is
    (colour - low) · scale. What of `source` lies outside the domain is kept as it is.
    After Kasson, Nin, Plouffe & Hafner 1995: the cell is cut into six tetrahedra along its grey diagonal; the walk from
    the cell's first corner to its last goes along the largest fraction first and the smallest last.
    """
    last = np.float32(size - 1)
    step_r, step_g, step_b = 3, 3 * size, 3 * size * size
    for pixel in range(source.shape[0]):
        r = min(max((shaped[pixel, 0] - low[0]) * scale[0], np.float32(0)), last)
        g = min(max((shaped[pixel, 1] - low[1]) * scale[1], np.float32(0)), last)
        b = min(max((shaped[pixel, 2] - low[2]) * scale[2], np.float32(0)), last)
        cell_r, cell_g, cell_b = min(int(r), size - 2), min(int(g), size - 2), min(int(b), size - 2)
        r, g, b = r - np.float32(cell_r), g - np.float32(cell_g), b - np.float32(cell_b)
        # A sorting network of selections: branches would be guessed wrong on every other pixel of a photo.
        larger, smaller = max(r, g), min(r, g)
        step_larger, step_smaller = (step_r, step_g) if r >= g else (step_g, step_r)
        rest = min(larger, b)
        step_first, step_rest = (step_larger, step_b) if larger >= b else (step_b, step_larger)
        first, second, third = max(larger, b), max(rest, smaller), min(rest, smaller)
        step_second = step_rest if rest >= smaller else step_smaller

        corner = cell_r * step_r + cell_g * step_g + cell_b * step_b
        corner_1 = corner + step_first
        corner_2 = corner_1 + step_second
        corner_3 = corner + step_r + step_g + step_b
        weight, weight_1, weight_2 = ONE - first, first - second, second - third
        for channel in range(3):
            found = (
                weight * table[corner + channel]
                + weight_1 * table[corner_1 + channel]
                + weight_2 * table[corner_2 + channel]
                + third * table[corner_3 + channel]
            )
            value = source[pixel, channel]
            inside = min(max(value, domain_low[channel]), domain_high[channel])
            out[pixel, channel] = value + strength * (found - inside)
