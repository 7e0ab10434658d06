"""The inner loops of patch completion on the processor, compiled: importing this module loads numba.

What each writes depends on its own index only, so that any number of threads, each with its share, gives the same.
`spread` and `guess` end alike: as a function of its own that took an eighth longer.
"""

# No postponed annotations here: numba compiles what the decorator is given.

import numba
import numpy as np

from .patches import REACH_PX, SIDE_PX

F32, I64, U64 = numba.float32, numba.int64, numba.uint64
BATCH = 8  # components that are compared before it is asked whether the rest can still matter
NEGLIGIBLE = np.float32(-14)  # of a weight's logarithm beside the largest: a millionth
NONE = np.float32(-1e30)


def compiled(signature):
    return numba.njit(signature, nogil=True, cache=True, error_model="numpy", fastmath=True)


@compiled(F32(F32[:, ::1], I64, F32[:, ::1], I64, F32))
def apart(wanted, row, table, source, most):
    """The squared distance of two descriptions; where it is more than `most`, something above that."""
    total = np.float32(0)
    for first in range(0, wanted.shape[1], BATCH):
        for each in range(first, first + BATCH):
            step = wanted[row, each] - table[source, each]
            total += step * step
        if total > most:
            break
    return total


@compiled(numba.void(F32[:, ::1], F32[:, ::1], I64[::1], F32[::1], I64, I64))
def measure(wanted, table, nearest, distances, first, last):
    for row in range(first, last):
        distances[row] = apart(wanted, row, table, nearest[row], np.float32(np.inf))


@compiled(
    numba.void(
        F32[:, ::1], F32[:, ::1], I64[::1], I64[::1], numba.boolean[::1], I64[::1], I64[::1], F32[::1],
        I64, I64, I64, I64, I64,
    )
)  # fmt: skip
def spread(wanted, table, targets, slots, is_source, before, after, distances, height, width, jump, first, last):
    """`after`: of each target the better of its source `before` and those of what lies `jump` pixels away, moved."""
    for row in range(first, last):
        y, x = targets[row] // width, targets[row] % width
        found, best = before[row], distances[row]
        for way in range(4):
            dy = jump if way == 0 else -jump if way == 1 else 0
            dx = jump if way == 2 else -jump if way == 3 else 0
            if not (0 <= y + dy < height and 0 <= x + dx < width):
                continue
            slot = slots[(y + dy) * width + x + dx]
            if slot < 0:
                continue
            to_y, to_x = before[slot] // width - dy, before[slot] % width - dx
            if not (0 <= to_y < height and 0 <= to_x < width):
                continue
            offered = to_y * width + to_x
            if offered == found or not is_source[offered]:
                continue
            distance = apart(wanted, row, table, offered, best)
            if distance < best:
                found, best = offered, distance
        after[row], distances[row] = found, best


@compiled(U64(U64))
def mixed(number):
    """Bits that have nothing to do with the number's own: splitmix64, after Steele et al. 2014."""
    number = number + U64(0x9E3779B97F4A7C15)
    number = (number ^ (number >> U64(30))) * U64(0xBF58476D1CE4E5B9)
    number = (number ^ (number >> U64(27))) * U64(0x94D049BB133111EB)
    return number ^ (number >> U64(31))


@compiled(
    numba.void(
        F32[:, ::1], F32[:, ::1], numba.boolean[::1], I64[::1], F32[::1], I64, I64, F32, U64, I64, I64
    )
)  # fmt: skip
def guess(wanted, table, is_source, nearest, distances, height, width, reach, seed, first, last):
    """Try sources by chance within `reach` pixels of the best so far, then ever closer."""
    for row in range(first, last):
        found, best = nearest[row], distances[row]
        bits = mixed(seed ^ mixed(U64(row)))
        radius = reach
        while radius >= 1:
            bits = mixed(bits)
            side = I64(2 * radius) + 1
            dy = I64((bits >> U64(32)) % U64(side)) - side // 2
            dx = I64((bits & U64(0xFFFFFFFF)) % U64(side)) - side // 2
            to_y, to_x = found // width + dy, found % width + dx
            radius *= np.float32(0.5)
            if not (0 <= to_y < height and 0 <= to_x < width):
                continue
            offered = to_y * width + to_x
            if offered == found or not is_source[offered]:
                continue
            distance = apart(wanted, row, table, offered, best)
            if distance < best:
                found, best = offered, distance
        nearest[row], distances[row] = found, best


@compiled(numba.void(I64[::1], I64[::1], I64[::1], I64, F32[::1], I64, I64))
def count_coherent(targets, slots, nearest, width, counts, first, last):
    """How many of each target's four neighbours are copied from beside its own source."""
    for row in range(first, last):
        count = 0
        for step in (1, -1, width, -width):
            at = targets[row] + step
            if 0 <= at < slots.shape[0]:
                slot = slots[at]
                if slot >= 0 and nearest[slot] - targets[slot] == nearest[row] - targets[row]:
                    count += 1
        counts[row] = count


@compiled(
    numba.void(
        F32[:, ::1], I64[::1], I64[::1], I64[::1], F32[::1], I64, I64, F32[:, ::1], I64[::1], I64, I64
    )
)  # fmt: skip
def vote(flat, pixels, slots, nearest, trust, height, width, colours, winners, first, last):
    """For the pixels the mean of what the SIDE² patches over each would put there, weighed by e to the power of their
    `trust`, and the source that is trusted most. `flat`: the picture, H·W×C, of which the mean is taken."""
    weights = np.empty(SIDE_PX * SIDE_PX, np.float32)
    sources = np.empty(SIDE_PX * SIDE_PX, np.int64)
    for each in range(first, last):
        y, x = pixels[each] // width, pixels[each] % width
        count, most = 0, NONE
        for dy in range(-REACH_PX, REACH_PX + 1):
            for dx in range(-REACH_PX, REACH_PX + 1):
                at_y, at_x = y - dy, x - dx
                if not (0 <= at_y < height and 0 <= at_x < width):
                    continue
                slot = slots[at_y * width + at_x]
                if slot < 0:
                    continue
                weights[count], sources[count] = trust[slot], nearest[slot] + dy * width + dx
                if trust[slot] > most:
                    most, winners[each] = trust[slot], sources[count]
                count += 1
        total = np.float32(0)
        for channel in range(flat.shape[1]):
            colours[each, channel] = 0
        for one in range(count):
            if weights[one] - most < NEGLIGIBLE:
                continue
            weight = np.exp(weights[one] - most)
            total += weight
            for channel in range(flat.shape[1]):
                colours[each, channel] += weight * flat[sources[one], channel]
        for channel in range(flat.shape[1]):
            colours[each, channel] /= total


@compiled(numba.void(F32[:, :], F32[:, :, :], F32[:, :]))
def tell(belief, costs, told):
    """N×K: `told` becomes, for each choice of a neighbour, what the best choice here costs; `costs`: here × there."""
    for node in range(belief.shape[0]):
        for there in range(told.shape[1]):
            told[node, there] = np.inf
        for here in range(belief.shape[1]):
            for there in range(told.shape[1]):
                told[node, there] = min(told[node, there], belief[node, here] + costs[node, here, there])
        least = told[node].min()
        for there in range(told.shape[1]):
            told[node, there] -= least


@compiled(numba.void(F32[:, :], F32[:, :, :], F32[:, :]))
def tell_back(belief, costs, told):
    """The same the other way; `costs`: there × here."""
    for node in range(belief.shape[0]):
        for there in range(told.shape[1]):
            best = np.float32(np.inf)
            for here in range(belief.shape[1]):
                best = min(best, belief[node, here] + costs[node, there, here])
            told[node, there] = best
        least = told[node].min()
        for there in range(told.shape[1]):
            told[node, there] -= least


@compiled(F32[:, ::1](F32[:, ::1], F32[:, ::1], F32[:, ::1], F32[:, ::1], F32[:, ::1], I64, F32))
def solve(down, across, diagonal, scale, left, steps, solved):
    """H×W, whose outermost pixels are 0: the `found` with which, where `scale` (of the `diagonal`, inverse) is not 0,
    `diagonal · found` minus its neighbours' `found`, each by the weight of the pair, is `left`. Conjugate gradients.
    `down`, `across`: weights of each pixel with the next one; `left` becomes what is missing after `steps`."""
    height, width = left.shape
    found, moved = np.zeros_like(left), np.zeros_like(left)
    toward = scale * left
    energy = np.float32(0)
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            energy += left[y, x] * toward[y, x]
    for _ in range(steps):
        if energy < solved:
            break
        along = np.float32(0)
        for y in range(1, height - 1):
            for x in range(1, width - 1):
                moved[y, x] = (
                    diagonal[y, x] * toward[y, x]
                    - down[y, x] * toward[y + 1, x]
                    - down[y - 1, x] * toward[y - 1, x]
                    - across[y, x] * toward[y, x + 1]
                    - across[y, x - 1] * toward[y, x - 1]
                )
                along += moved[y, x] * toward[y, x]
        length = energy / max(along, np.float32(1e-20))
        now = np.float32(0)
        for y in range(1, height - 1):
            for x in range(1, width - 1):
                found[y, x] += length * toward[y, x]
                left[y, x] -= length * moved[y, x]
                now += left[y, x] * left[y, x] * scale[y, x]
        more = now / max(energy, np.float32(1e-20))
        energy = now
        for y in range(1, height - 1):
            for x in range(1, width - 1):
                toward[y, x] = scale[y, x] * left[y, x] + more * toward[y, x]
    return found
