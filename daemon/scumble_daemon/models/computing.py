"""Run a network: nothing is kept for training, and where memory is short that is said in words."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np
from scumble_protocol.errors import Invalid, OutOfMemory


@contextlib.contextmanager
def computing(title: str, with_gradients: bool = False) -> Iterator[None]:
    """For networks that see a whole picture at once. Raises: OutOfMemory."""
    import torch

    try:
        with contextlib.nullcontext() if with_gradients else torch.inference_mode():
            yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or is_out_of_memory(error):
            raise OutOfMemory(
                f"There is not enough memory for the model {title}.",
                "Close something, or choose a smaller model or another.",
            ) from None
        raise


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether that is what torch means, which has an exception for it on some devices only."""
    import torch

    words = str(error)  # the processor's, and MPS's
    return isinstance(error, torch.OutOfMemoryError) or "allocate memory" in words or "out of memory" in words


def checked(found: np.ndarray, title: str, what: str = "mask") -> np.ndarray:
    """Raises: Invalid where it is not finite."""
    if not np.isfinite(found).all():
        raise Invalid(f"The model {title} gives no {what}.", "Its file may be damaged: fetch it again.")
    return found
