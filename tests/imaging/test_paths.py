"""Paths are the shortest."""

from __future__ import annotations

import numpy as np
from scumble_daemon.imaging import paths
from skimage.graph import MCP_Geometric


def test_paths_are_the_shortest() -> None:
    """As scikit-image finds them, to the last bit."""
    rng = np.random.default_rng(3)
    costs, starts = 0.01 + rng.random((70, 50)) ** 4, rng.random((70, 50)) > 0.99
    np.testing.assert_array_equal(paths.lengths(costs, starts), MCP_Geometric(costs).find_costs(np.argwhere(starts))[0])
