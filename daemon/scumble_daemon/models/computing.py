"""Run a network: nothing is kept for training, and where memory is short that is said in words."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from scumble_protocol.errors import OutOfMemory


@contextlib.contextmanager
def computing(title: str) -> Iterator[None]:
    """For networks that see a whole picture at once. Raises: OutOfMemory."""
    import torch

    try:
        with torch.inference_mode():
            yield
    except (torch.OutOfMemoryError, MemoryError):
        raise _short_of_memory(title) from None
    except RuntimeError as error:
        if "allocate memory" in str(error) or "out of memory" in str(error):  # the processor's, and MPS's words
            raise _short_of_memory(title) from None
        raise


def _short_of_memory(title: str) -> OutOfMemory:
    return OutOfMemory(
        f"There is not enough memory for the model {title}.", "Close something, or choose a smaller model or another."
    )
