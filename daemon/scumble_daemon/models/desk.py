"""Where operations get their models: choose one, have it warm, and put it over a picture."""

from __future__ import annotations

import contextlib
import functools
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from scumble_protocol.errors import MissingModel, ScumbleError, Unsupported
from scumble_protocol.words import in_words

from ..config import Config
from ..context import Context
from ..imaging import noise
from ..imaging.image import Image, NewLayer
from ..model_pool import Freed, ModelPool
from ..registry import AUTOMATIC, CLASSICAL
from ..weights import index
from ..weights.store import Store
from . import devices, memory, paint, sources
from .brush import Brush
from .clicker import Clicker
from .cutout import Edge, Foreground
from .filler import Filler
from .networks import Call, ImageNetwork, Loaded
from .running import Notes, RunningModel
from .scenery import Scenery
from .segmenter import Segmenter
from .sources import Installed, Shelf
from .stylist import OnePass, Optimiser
from .translator import Translator
from .unshadow import Unshadow

log = logging.getLogger(__name__)

LOADED = 0.05  # of the progress, when the model is there
MOST_NOISE = 50 / 255  # that such networks were trained on

Runner = (
    RunningModel
    | Segmenter
    | Clicker
    | Foreground
    | Edge
    | Filler
    | Unshadow
    | Scenery
    | Optimiser
    | OnePass
    | Brush
    | Translator
)
RUNNERS = {
    "Sam": Segmenter,
    "Sam2": Segmenter,
    "ClickNet": Clicker,
    "BiRefNet": Foreground,
    "VitMatte": Edge,
    "LaMa": Filler,
    "MIGAN": Filler,
    "OneFormer": Scenery,
    "VGG19": Optimiser,
    "AdaIN": OnePass,
    "Painter": Brush,
    "DynamicUNet": Translator,
    "ShadowFormer": Unshadow,
}
"""What runs a network that is not image → image."""


class Desk:
    """One for each worker. What is on the shelf may be looked at again from any thread."""

    def __init__(self, device: str, settings: Config, on_change: Callable[[], None] = lambda: None) -> None:
        self._device_name = devices.check_name(device)
        self._settings = settings
        self._store = Store.open(settings)
        self._lock = threading.Lock()
        self._shelf: Shelf | None = None
        self._device: devices.Device | None = None
        self.pool: ModelPool[Runner] = ModelPool(
            self._budget_bytes, settings.models_idle_s, self._give_back, on_change, lambda model: model.bytes
        )

    def offers(self, operation: str) -> list[tuple[str, str, bytes]]:
        return [(offer.id, offer.title, offer.picture) for offer in self.shelf.offers(operation)]

    @property
    def shelf(self) -> Shelf:
        return self._shelf or self.look_again()

    def look_again(self) -> Shelf:
        """See what is here now; a model whose file is gone or another one is let go."""
        try:
            shelf = sources.look(index.read(), self._store)
        except ScumbleError as error:  # an index that cannot be read must not take every operation away
            log.error("%s", error)
            shelf = self._shelf or Shelf(folder=self._store.folder)
        with self._lock:
            self._shelf = shelf
        keys = {_file_key(model.key) for model in shelf.installed}
        self.pool.forget(lambda key: _file_key(key) not in keys)
        return shelf

    @contextlib.contextmanager
    def lend(self, operation: str, wanted: str, context: Context) -> Iterator[Any]:
        """As `borrow`, for an operation that has a way without: None where that is to be taken."""
        if wanted == CLASSICAL[0] or (wanted == AUTOMATIC[0] and not self.shelf.of(operation)):
            yield None
            return
        with self.borrow(operation, wanted, context) as model:
            yield model

    @contextlib.contextmanager
    def borrow(
        self, operation: str, wanted: str, context: Context, scale: int | None = None, mix: float | None = None
    ) -> Iterator[Any]:
        """The model `wanted` for `operation`, warm; the recipe then names it.

        `mix`: how much of its first file, for a model that is mixed from two. Raises: MissingModel, Invalid,
        Unsupported, OutOfMemory.
        """
        context.progress(0.0, "Choosing the model")
        chosen = self._choose(operation, wanted, scale)
        if mix is not None:
            chosen = replace(chosen, mix=round(mix, 2))
        with self._borrow(chosen, context) as model:
            used = {"id": chosen.id, "sha256": sources.digest(chosen), "device": str(model.device)}
            context.model = {**context.model, "then": used} if context.model else used
            yield model

    def warm(self, key: str) -> None:
        """Have the model that `describe` called so there again, where it still is. Raises: as `borrow`."""
        chosen = next((model for model in self.shelf.installed if model.key == key), None)
        if chosen is not None:
            with self._borrow(chosen, Context()):
                pass

    def paint(
        self,
        operation: str,
        wanted: str,
        image: Image,
        context: Context,
        name: str,
        strength: float = 1.0,
        scale: int | None = None,
        grows: int = 1,
        mix: float | None = None,
    ) -> NewLayer:
        """The layer that the model makes of `image` where it shows and is selected.

        `strength`: how much of the model's change is taken over; a model that is told how much noise there is gets that
        share of it instead · `grows`: how many times larger it is; a model that enlarges more is reduced to that ·
        `mix`: as for `borrow`. Raises: as `borrow`.
        """
        with self.borrow(operation, wanted, context, scale, mix) as borrowed:
            model = borrowed
            sheet, raster = paint.sheet(
                image, context.selection, model.network.scale, grows, strength, context.new_samples
            )
            if model.loaded.at_noise is not None and strength > 0:
                model, sheet = _told_noise(model, model.loaded.at_noise, sheet, context)
            notes = self.notes(context, f"{model.title}", LOADED, 0.99)
            model.over(sheet.size, sheet.read, sheet.write, notes, is_precise=image.raster.depth != "u8")
        return paint.as_layer(name, raster, grows)

    def device(self) -> str:
        return str(devices.find(self._device_name))

    def notes(self, context: Context, stage: str, first: float, last: float) -> Notes:
        """Progress from `first` to `last` under the words `stage`; what had to be changed is said, and noted."""

        def say(sentence: str) -> None:
            context.progress(first, sentence)
            if sentence not in context.notes:
                context.note(sentence)

        return Notes(
            report=lambda share: context.progress(first + (last - first) * share, stage),
            say=say,
            make_room=lambda: bool(self.pool.free_idle().titles),
            computing=lambda: context.timed("network"),
        )

    def free(self) -> Freed:
        return self.pool.free()

    def describe(self) -> dict[str, Any]:
        return {"device": str(self._device or self._device_name), "models": self.pool.describe()}

    @contextlib.contextmanager
    def _borrow(self, chosen: Installed, context: Context) -> Iterator[Runner]:
        with context.timed("load"):
            device = self._open_device(context)
        load = functools.partial(self._load, chosen, device, context)
        with self.pool.borrow(chosen.key, chosen.title, chosen.bytes, load) as model:
            yield model

    # --- what it takes --------------------------------------------------------------------------------------------

    def _choose(self, operation: str, wanted: str, scale: int | None) -> Installed:
        try:
            chosen = self.shelf.choose(operation, wanted, scale, on_gpu=False)  # or there is none: said without torch
        except MissingModel:  # another program may have brought it this moment, and the watch has not told yet
            chosen = self.look_again().choose(operation, wanted, scale, on_gpu=False)
        if self._device_name == "cpu" or not devices.find(self._device_name).is_gpu:
            return chosen
        return self.shelf.choose(operation, wanted, scale, on_gpu=True)

    def _open_device(self, context: Context) -> devices.Device:
        if self._device is None:
            context.progress(0.0, "Starting PyTorch")
            self._device = devices.find(self._device_name)
        return self._device

    def _load(self, chosen: Installed, device: devices.Device, context: Context) -> Runner:
        stage = f"Loading {chosen.title} ({in_words(chosen.bytes)})"
        context.progress(0.0, stage)
        with context.timed("load"):
            from .loading import load

            loaded = load(chosen, lambda share: context.progress(LOADED * share, stage))
            runner = _run(loaded, device, chosen.title)
            memory.let_go_of_code()  # that loading has run
        log.info("loaded %s for %s", chosen.id, device)
        return runner

    def _budget_bytes(self) -> int:
        if self._settings.models_budget_mb:
            return self._settings.models_budget_mb * 1_000_000
        return (self._device or devices.find(self._device_name)).model_bytes()

    def _give_back(self) -> None:
        if self._device is not None:
            self._device.give_back()


def _told_noise(
    model: RunningModel, at_noise: Callable[[float], Call], sheet: paint.Sheet, context: Context
) -> tuple[RunningModel, paint.Sheet]:
    """The model for the noise that there is, times the sheet's strength; all of what it then does is taken over."""
    found = noise.deviation(sheet.size, sheet.read)
    told = min(MOST_NOISE, found * sheet.strength)
    context.note(f"The noise is about {found * 255:.1f} of 255; the model was told {told * 255:.1f}.")
    return replace(model, loaded=replace(model.loaded, call=at_noise(told))), replace(sheet, strength=1.0)


def _file_key(key: str) -> str:
    """Without what the artist chose to mix of the files."""
    return key.partition("#")[0]


def _run(loaded: Loaded, device: devices.Device, title: str) -> Runner:
    if isinstance(loaded, ImageNetwork):
        return RunningModel(loaded, device, title)
    if loaded.architecture in RUNNERS:
        return RUNNERS[loaded.architecture](loaded, device, title)
    raise Unsupported(f"Nothing here runs the model {title}.", "Choose another.")
