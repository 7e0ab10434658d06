"""Shortest paths over a picture, compiled: importing this module loads numba."""

# No postponed annotations here: numba compiles what the decorator is given.

import math

import numba
import numpy as np

F64, I32, I64 = numba.float64, numba.int32, numba.int64
DIAGONAL = math.sqrt(2)


def compiled(signature):
    return numba.njit(signature, nogil=True, cache=True, error_model="numpy")


@compiled(numba.void(F64[::1], I32[::1], I32[::1], I64, I64))
def raise_nearer(found, heap, place, at, pixel):
    """Put `pixel` in the heap at `at` or above, where those above are nearer."""
    while at > 0:
        above = (at - 1) >> 1
        if found[heap[above]] <= found[pixel]:
            break
        heap[at] = heap[above]
        place[heap[at]] = at
        at = above
    heap[at] = pixel
    place[pixel] = at


@compiled(numba.void(F64[::1], I32[::1], I32[::1], I64))
def drop_nearest(found, heap, place, count):
    """Close the gap at the top with the last of the heap's `count`."""
    last, at = heap[count - 1], 0
    while True:
        below = 2 * at + 1
        if below >= count - 1:
            break
        if below + 1 < count - 1 and found[heap[below + 1]] < found[heap[below]]:
            below += 1
        if found[heap[below]] >= found[last]:
            break
        heap[at] = heap[below]
        place[heap[at]] = at
        at = below
    heap[at] = last
    place[last] = at


@compiled(F64[:, ::1](F64[:, ::1], numba.boolean[:, ::1]))
def lengths(costs, starts):
    """H×W: how long the shortest path to one of the `starts` is, over the eight neighbours, where a step costs the mean
    of both pixels' `costs` times its length. After Dijkstra 1959."""
    height, width = costs.shape
    flat = costs.ravel()
    found = np.full(flat.size, np.inf)
    heap = np.empty(flat.size, np.int32)
    place = np.full(flat.size, -1, np.int32)  # in the heap; -1: not yet there, -2: done
    count = 0
    for pixel in range(flat.size):
        if starts[pixel // width, pixel % width]:
            found[pixel] = 0
            raise_nearer(found, heap, place, count, pixel)
            count += 1
    while count > 0:
        nearest = heap[0]
        drop_nearest(found, heap, place, count)
        count -= 1
        place[nearest] = -2
        y, x = nearest // width, nearest % width
        for dy in range(-1, 2):
            for dx in range(-1, 2):
                if not (0 <= y + dy < height and 0 <= x + dx < width):
                    continue
                pixel = nearest + dy * width + dx
                if place[pixel] == -2:
                    continue
                step = (flat[nearest] + flat[pixel]) / 2
                length = found[nearest] + (step * DIAGONAL if dy != 0 and dx != 0 else step)
                if length < found[pixel]:
                    found[pixel] = length
                    at = place[pixel]
                    if at < 0:
                        at = count
                        count += 1
                    raise_nearer(found, heap, place, at, pixel)
    return found.reshape(height, width)
