"""Keep what was drawn of one frame of a film in the next, where both show the same."""

from __future__ import annotations

import cv2
import numpy as np

FLOW_PX = 640  # the longest side on which movement is looked for
SAME = 0.07  # a mean difference of so much, in [0, 1], is another thing and not flicker
AROUND_PX = 2.5


def steadied(now: np.ndarray, before: np.ndarray, amount: float) -> np.ndarray:
    """`now`, `before`: H×W×3 float32 in [0, 1], what was made of a frame and of the one before → H×W×3.

    What was there before is moved to where it is now (dense inverse search, Kroeger et al. 2016), and taken over as far
    as the two agree, `amount` of it at most: so nothing that is new, or was hidden, is drawn over.
    """
    flow = _movement(now, before)
    height, width = now.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    moved = cv2.remap(before, x + flow[..., 0], y + flow[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    np.clip(moved, 0, 1, out=moved)
    apart = cv2.GaussianBlur(np.abs(moved - now).mean(2), (0, 0), AROUND_PX)
    share = np.float32(amount) * np.exp(-((apart / SAME) ** 2))
    return now + share[..., None] * (moved - now)


def _movement(now: np.ndarray, before: np.ndarray) -> np.ndarray:
    """H×W×2: where in `before` each pixel of `now` was, in pixels from its own place."""
    height, width = now.shape[:2]
    scale = min(1.0, FLOW_PX / max(height, width))
    size = max(16, round(width * scale)), max(16, round(height * scale))
    greys = [
        cv2.cvtColor(
            (cv2.resize(each, size, interpolation=cv2.INTER_AREA) * 255 + 0.5).astype(np.uint8), cv2.COLOR_RGB2GRAY
        )
        for each in (now, before)
    ]
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(greys[0], greys[1], None)  # pyright: ignore[reportCallIssue, reportArgumentType]
    flow = cv2.resize(flow, (width, height), interpolation=cv2.INTER_LINEAR)
    return flow * np.array((width / size[0], height / size[1]), np.float32)
