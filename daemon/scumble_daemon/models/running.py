"""A loaded network on its device, over a picture of any size: precision, finite-check, and ways out without memory."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from scumble_protocol.errors import OutOfMemory

from ..imaging import tiling
from ..imaging.tiling import Network, TileTooLarge
from .computing import checked, is_out_of_memory
from .devices import CPU, Device, computes_bf16
from .networks import Holding, ImageNetwork
from .traits import Traits

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

WHOLE_PIXELS = 1 << 20  # what a network that normalises by the whole picture is given at once, if it can be told apart
SAMPLE_PX, PIECE_PX = 1024, 128  # the sides of the sample that it is then told by, and of its pieces
MOST_AT_ONCE = 8  # tiles on a GPU; more gain nothing once it is busy

Say = Callable[[str], None]


@dataclass
class Notes:
    """How a run talks: `report` hears the share that is done and may raise to end it, `say` what had to be changed."""

    report: Callable[[float], None] = lambda fraction: None
    say: Say = lambda sentence: None
    make_room: Callable[[], bool] = lambda: False  # let go of the other models; whether there were any
    computing: Callable[[], AbstractContextManager[None]] = nullcontext  # held around each pass through the network


@dataclass
class RunningModel:
    """`over` is all that an operation needs. `is_precise` there: the document has more than 8 bits."""

    loaded: ImageNetwork
    device: Device
    title: str
    _distrusts_half: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._move(self.device)

    @property
    def bytes(self) -> int:
        return self.loaded.bytes

    @property
    def network(self) -> Network:
        return self.loaded.traits.network

    def over(
        self,
        size: tuple[int, int],
        read: tiling.Read,
        write: tiling.Write,
        notes: Notes | None = None,
        is_precise: bool = False,
    ) -> None:
        """Put the network over a picture of `size` (height, width); what is written may be written anew, from the top.

        Raises: OutOfMemory, Invalid, and whatever `notes.report` raises.
        """
        notes = notes or Notes()
        home = self.device
        try:
            self._over(size, read, write, notes, is_precise)
        except TileTooLarge:
            raise OutOfMemory(
                f"There is not enough memory for the model {self.title}.",
                "Close something, choose a smaller model, or select a part of the picture.",
            ) from None
        finally:
            if self.device != home:
                self._move(home)

    def paint(self, picture: np.ndarray, strength: float, seed: int, notes: Notes) -> np.ndarray:
        """As `Brush.paint`, for a network of one style, which knows neither strength nor seed: that share of its
        change is taken over."""
        painted = np.empty_like(picture)

        def write(top: int, pixels: np.ndarray) -> None:
            painted[top : top + len(pixels)] = pixels

        self.over((picture.shape[0], picture.shape[1]), lambda rows, columns: picture[rows, columns], write, notes)
        return picture + np.float32(strength) * (np.clip(painted, 0, 1) - picture)

    def mixed(self, other: object, share: float) -> None:
        """As `Brush.mixed`: there is no network between two that were trained apart."""

    def _over(
        self, size: tuple[int, int], read: tiling.Read, write: tiling.Write, notes: Notes, is_precise: bool
    ) -> None:
        if self.network.statistics == "global" and self.loaded.holding and size[0] * size[1] > WHOLE_PIXELS:
            self._over_in_tiles(self.loaded.holding, size, read, write, notes, is_precise)
            return
        has_made_room = False
        plan = self._plan(size, notes)
        while True:
            try:
                tiling.run(
                    self.network,
                    plan,
                    lambda tiles: self._forward(tiles, is_precise, notes),
                    read,
                    write,
                    notes.report,
                )
                return
            except TileTooLarge:
                self.device.give_back()
            if not has_made_room:
                has_made_room = True
                if notes.make_room():
                    notes.say("Out of memory: the other models were let go.")
                    continue
            smaller = tiling.halved(self.network, size, plan)
            if smaller is not None:
                notes.say(f"Out of memory: tiles of {smaller.tile_px} pixels instead of {plan.tile_px}.")
                plan = smaller
            elif self.device.is_gpu:
                self._to_processor(notes)
                plan = self._plan(size, notes)
            else:
                raise TileTooLarge

    def _over_in_tiles(
        self,
        holding: Holding,
        size: tuple[int, int],
        read: tiling.Read,
        write: tiling.Write,
        notes: Notes,
        is_precise: bool,
    ) -> None:
        """Tiles of a network that normalises by all of a picture: each by what it sees in a sample of the whole."""
        import torch

        sample = _sample(read, size)
        multiple = self.network.multiple
        sample = sample[: sample.shape[0] // multiple * multiple, : sample.shape[1] // multiple * multiple]
        tensor = torch.from_numpy(np.ascontiguousarray(sample)).permute(2, 0, 1)[None].to(self.device.torch)
        traits = self.loaded.traits
        tiled = replace(traits, network=replace(traits.network, statistics="none"))
        with torch.inference_mode(), contextlib.ExitStack() as held:
            with notes.computing():
                held.enter_context(holding(tensor))
            within = RunningModel(replace(self.loaded, traits=tiled, holding=None), self.device, self.title)
            within._over(size, read, write, notes, is_precise)

    def _plan(self, size: tuple[int, int], notes: Notes) -> tiling.Plan:
        most = MOST_AT_ONCE if self.device.is_gpu and self.loaded.traits.takes_batches else 1
        is_whole = self.network.statistics == "global"
        try:
            budget = self.device.model_bytes() if is_whole else self.device.activation_bytes()
            return tiling.plan(self.network, size, budget, most)
        except OutOfMemory:
            if not self.device.is_gpu:
                raise
        self._to_processor(notes)
        return self._plan(size, notes)

    def _to_processor(self, notes: Notes) -> None:
        notes.say(f"{self.device} has no room for this: it is computed on the processor, which takes longer.")
        home = self.device
        self._move(CPU)
        home.give_back()

    def _move(self, device: Device) -> None:
        import torch

        self.loaded.module.to(device.torch).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.device = device

    # --- one batch of tiles ---------------------------------------------------------------------------------------

    def _forward(self, tiles: np.ndarray, is_precise: bool, notes: Notes) -> np.ndarray:
        with notes.computing():
            return self._checked(tiles, is_precise, notes.say)

    def _checked(self, tiles: np.ndarray, is_precise: bool, say: Say) -> np.ndarray:
        dtype = None if self._distrusts_half else half_precision(self.device, self.loaded.traits, is_precise)
        result = self._compute(tiles, dtype)
        if dtype is not None and not np.isfinite(result).all():
            say("Half precision is not enough for this model here: it is computed in full.")
            self._distrusts_half = True
            result = self._compute(tiles, None)
        return checked(result, self.title, "colours")

    def _compute(self, tiles: np.ndarray, dtype: torch.dtype | None) -> np.ndarray:
        import torch

        device = self.device.torch
        channels = self.network.channels
        planes = tiles if tiles.shape[3] == channels else _by_plane(tiles)
        try:
            with torch.inference_mode(), torch.autocast(device.type, dtype=dtype, enabled=dtype is not None):
                tensor = torch.from_numpy(np.ascontiguousarray(planes)).permute(0, 3, 1, 2).to(device)
                out = self.loaded.call(tensor).float().permute(0, 2, 3, 1).cpu().numpy()
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise TileTooLarge from None
            raise
        return out if planes is tiles else _from_planes(out, tiles.shape[3])


def half_precision(device: Device, traits: Traits, is_precise: bool) -> torch.dtype | None:
    """What to compute in where that is quicker and loses nothing that the document could hold; None: fp32.

    Weights stay in fp32 and each step computes in half (autocast). Where the network's last step adds the picture, that
    is exact to more than 8 bits; else half precision is for 8-bit documents, and bf16, with its 8 bits, for none.
    """
    import torch

    if is_precise and not traits.is_residual:
        return None
    if device.kind == "cuda" and traits.half:
        return torch.float16
    if traits.bf16 and traits.is_residual and computes_bf16(device):
        return torch.bfloat16
    return None


def _sample(read: tiling.Read, size: tuple[int, int]) -> np.ndarray:
    """Pieces from all over the picture, put together: reduced, a texture would be another."""
    rows, columns = (_runs(side) for side in size)
    strips = []
    for down in rows:
        strip = read(down, slice(0, size[1]))
        strips.append(np.concatenate([strip[:, across] for across in columns], axis=1))
    return np.concatenate(strips)


def _runs(side: int) -> list[slice]:
    count = SAMPLE_PX // PIECE_PX
    if side <= SAMPLE_PX:
        return [slice(0, side)]
    return [slice(start, start + PIECE_PX) for start in np.linspace(0, side - PIECE_PX, count).astype(int).tolist()]


def _by_plane(tiles: np.ndarray) -> np.ndarray:
    """N×H×W×C → NC×H×W×1, for a network of one channel."""
    count, height, width, channels = tiles.shape
    return tiles.transpose(0, 3, 1, 2).reshape(count * channels, height, width, 1)


def _from_planes(planes: np.ndarray, channels: int) -> np.ndarray:
    _, height, width, _ = planes.shape
    return planes.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
