"""One job from Submit to Result: check, convert, call the operation, put what it gives into the document's own form."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scumble_protocol.errors import Invalid
from scumble_protocol.image import Bounds, Layer, Point, Raster, ReferenceLayer
from scumble_protocol.messages import Preview, Result, Submit

from .. import __version__, cache
from ..context import Context
from ..imaging import masks, samples
from ..imaging.image import Image, NewDocument, NewLayer, NewSelection
from ..models.desk import Desk
from ..registry import Operation, OperationParams, ReferenceInput, Registry
from .previews import Previews
from .session_segments import Pixels

MASK_DEPTH = {"u8": "u8", "u16": "u16", "f16": "f32", "f32": "f32"}


@dataclass(frozen=True)
class Listener:
    """Whoever ordered a job: what they are told while it runs, and what they ask of it."""

    report: Callable[[float, str], None]
    show: Callable[[Preview], None]
    is_cancelled: Callable[[], bool]
    is_finish_asked: Callable[[], bool]


@dataclass(frozen=True)
class Source:
    """What the artist's document holds: the layer, and the selection as coverage over the layer (None: everything)."""

    image: Image
    coverage: np.ndarray | None
    selected: Bounds  # where coverage is above zero, in image coordinates


class JobRunner:
    """Runs jobs on one device. Every exception is left to the caller, who alone turns them into failures."""

    def __init__(self, registry: Registry, device: str, results: cache.ResultCache, desk: Desk) -> None:
        self._registry = registry
        self._device = device
        self._results = results
        self._desk = desk

    def run(self, submit: Submit, pixels: Pixels, listener: Listener) -> Result:
        """Raises: ScumbleError."""
        operation = self._registry.find(submit.operation)
        params = operation.check(submit.parameters)
        opened = replace(
            submit,
            image=pixels.open(submit.image),
            selection=pixels.open(submit.selection) if submit.selection else None,
            reference_layer=_opened(submit.reference_layer, pixels),
        )
        models = self._desk.shelf.fingerprint() if operation.models_for else []
        image, version = Image(opened.image, opened.profiles), operation.entry.version
        key = "" if operation.raw else cache.key(opened, image.digest, version, params.model_dump(), models)
        finished = self._results.get(key) if key else None
        was_cached = finished is not None
        started = time.monotonic()
        seconds: dict[str, float] = {}
        if finished is None:
            finished = self._compute(operation, params, opened, image, pixels, listener, seconds)
            if key and finished.can_be_kept:
                self._results.put(key, finished)
        return Result(
            id=submit.id,
            layers=tuple(_store(layer, pixels) for layer in finished.layers),
            selection=pixels.store(finished.selection) if finished.selection else None,
            group=operation.entry.title,
            document=finished.document,
            notes=finished.notes,
            timings={"operation": time.monotonic() - started, **seconds, "cached": was_cached},
        )

    def _compute(
        self,
        operation: Operation,
        params: OperationParams,
        submit: Submit,
        image: Image,
        pixels: Pixels,
        listener: Listener,
        seconds: dict[str, float],
    ) -> cache.Finished:
        source = Source(image, None, image.bounds) if operation.raw else _examine(image, submit, operation)
        recipe = _recipe(operation, params, submit)
        room = pixels.room(self._results.budget_bytes // 4)
        context = Context(
            selection=source.coverage if operation.entry.inputs.selection != "none" else None,
            points=_points_in(submit.points, image.bounds),
            box=_box_in(submit.box, image.bounds),
            reference=submit.reference,
            reference_layer=_layer_image(submit),
            device=self._device,
            report=listener.report,
            is_cancelled=listener.is_cancelled,
            is_finish_asked=listener.is_finish_asked,
            preview=Previews(submit, image, source.coverage, listener.show).offer,
            models=self._desk,
            new_samples=room.make,
            seconds=seconds,
        )
        with room:
            given = operation.function(image, params, context)
            context.check_cancelled()
        recipe["model"] = context.model
        if context.finished_at is not None:
            recipe["finished_at"] = round(context.finished_at, 4)
        if isinstance(given, NewSelection):
            return cache.Finished((), _encode_selection(given, image), tuple(context.notes))
        given_layers = given.layers if isinstance(given, NewDocument) else given
        if operation.entry.gives == "selection":  # it draws the selection anew, so its layers are not masked by the old
            source = replace(source, coverage=None, selected=image.bounds)
        layers = tuple(_encode(layer, source, recipe) for layer in given_layers)
        document = _around(layers) if isinstance(given, NewDocument) else None
        is_whole = context.finished_at is None
        return cache.Finished(layers, None, tuple(context.notes), document, is_whole)


# --- what comes in -----------------------------------------------------------------------------------------------


def _examine(image: Image, submit: Submit, operation: Operation) -> Source:
    name = f"The layer «{submit.source}»" if submit.source else "The layer"
    if image.bounds.intersection(submit.canvas).is_empty:
        raise Invalid(f"{name} lies outside the canvas.", "Move it into the picture, then run again.")
    if not image.has_visible_pixels:
        raise Invalid(f"{name} is fully transparent.", "Choose a layer with pixels in it.")
    inputs = operation.entry.inputs
    _check_reference(operation.entry.title, inputs.reference, submit)
    if submit.selection is None:
        if inputs.selection == "required":
            raise Invalid(f"{operation.entry.title} needs a selection.", "Select an area, then run again.")
        return Source(image, None, image.bounds)
    coverage, selected = _coverage_over(image.bounds, submit.selection)
    if selected.is_empty:
        if operation.entry.gives == "selection" and (submit.points or submit.box):
            return Source(image, None, image.bounds)  # a selection elsewhere, which the new one takes the place of
        raise Invalid(f"The selection does not touch {name[0].lower()}{name[1:]}.", "Select a part of it, or nothing.")
    return Source(image, coverage, selected)


def _check_reference(title: str, taken: ReferenceInput | None, submit: Submit) -> None:
    if submit.reference_layer is not None:
        if taken is None or not taken.picture:
            raise Invalid(f"{title} takes no layer as its reference.", "Choose a file, or nothing.")
        if submit.reference is not None:
            raise Invalid(f"{title} takes one reference, not two.", "Choose a layer or a file.")
    elif taken is not None and taken.required and submit.reference is None:
        missing, advice = taken.demand
        raise Invalid(f"{title} {missing}", advice)


def _opened(layer: ReferenceLayer | None, pixels: Pixels) -> ReferenceLayer | None:
    return None if layer is None else replace(layer, raster=pixels.open(layer.raster))


def _layer_image(submit: Submit) -> Image | None:
    return None if submit.reference_layer is None else Image(submit.reference_layer.raster, submit.profiles)


def _coverage_over(bounds: Bounds, selection: Raster) -> tuple[np.ndarray, Bounds]:
    """The selection as H×W float32 over `bounds`, and the smallest rectangle that holds all of it."""
    coverage = np.zeros((bounds.height, bounds.width), np.float32)
    shared = bounds.intersection(selection.bounds)
    if shared.is_empty:
        return coverage, shared
    target, part = shared.relative_to(bounds), shared.relative_to(selection.bounds)
    coverage[target.y : target.bottom, target.x : target.right] = samples.coverage(selection)[
        part.y : part.bottom, part.x : part.right
    ]
    return coverage, masks.extent(coverage, bounds)


def _points_in(points: Sequence[Point], bounds: Bounds) -> tuple[Point, ...]:
    return tuple(Point(point.x - bounds.x, point.y - bounds.y, point.include) for point in points)


def _box_in(box: Bounds | None, bounds: Bounds) -> Bounds | None:
    if box is None:
        return None
    shared = box.intersection(bounds)
    if shared.is_empty:
        raise Invalid("The box does not touch the layer.", "Draw it around something on the layer.")
    return shared.relative_to(bounds)


# --- what goes out -----------------------------------------------------------------------------------------------


def _recipe(operation: Operation, params: OperationParams, submit: Submit) -> dict[str, Any]:
    """What it takes to make the layer again."""
    return {
        "operation": submit.operation,
        "version": operation.entry.version,
        "parameters": params.model_dump(mode="json"),
        "scumble": __version__,
        "source": submit.source,
        "points": [[point.x, point.y, point.include] for point in submit.points],
        "box": [submit.box.x, submit.box.y, submit.box.right, submit.box.bottom] if submit.box else None,
        "selection": submit.selection is not None,
        "reference": _reference_recipe(submit),
        "model": None,
        "seed": None,
    }


def _reference_recipe(submit: Submit) -> dict[str, Any] | None:
    file, layer = submit.reference, submit.reference_layer
    if layer is not None:
        sha256 = hashlib.sha256(layer.raster.data).hexdigest()  # pyright: ignore[reportArgumentType]
        return {"layer": layer.name, "document": layer.document, "sha256": sha256}
    return {"name": file.name, "sha256": hashlib.sha256(file.data).hexdigest()} if file is not None else None


def _encode(layer: NewLayer, source: Source, recipe: dict[str, Any]) -> Layer:
    """The layer in the document's depth, order and profile, masked and cropped by the artist's selection."""
    image = source.image
    bounds = layer.bounds or image.bounds
    if layer.enlarged > 1:
        return _encode_enlarged(layer, source, recipe)
    visible = bounds.intersection(source.selected)
    if visible.is_empty:
        visible = Bounds(bounds.x, bounds.y, 1, 1)
    raster = _layer_raster(layer, image, bounds, visible)
    return _made(layer, raster, _layer_mask(layer, source, bounds, visible), recipe)


def _encode_enlarged(layer: NewLayer, source: Source, recipe: dict[str, Any]) -> Layer:
    """The selection grows as the layer did."""
    assert layer.raster is not None
    mask, bounds = None, layer.raster.bounds
    if source.coverage is not None:
        part = Bounds(bounds.x, bounds.y, bounds.width // layer.enlarged, bounds.height // layer.enlarged)
        grown = masks.resize(_crop(source.coverage, source.image.bounds, part), (bounds.height, bounds.width))
        mask = _mask_raster(grown, bounds, MASK_DEPTH[layer.raster.depth])
    return _made(layer, layer.raster, mask, recipe)


def _made(layer: NewLayer, raster: Raster, mask: Raster | None, recipe: dict[str, Any]) -> Layer:
    return Layer(layer.name, raster, mask, layer.blend_mode, layer.opacity, recipe, layer.visible)


def _around(layers: Sequence[Layer]) -> Bounds:
    """The smallest canvas that shows all of them."""
    bounds = [layer.raster.bounds for layer in layers]
    x, y = min(each.x for each in bounds), min(each.y for each in bounds)
    return Bounds(x, y, max(each.right for each in bounds) - x, max(each.bottom for each in bounds) - y)


def _crop(pixels: np.ndarray, bounds: Bounds, visible: Bounds) -> np.ndarray:
    part = visible.relative_to(bounds)
    return pixels[part.y : part.bottom, part.x : part.right]


def _layer_raster(layer: NewLayer, image: Image, bounds: Bounds, visible: Bounds) -> Raster:
    if layer.raster is not None:
        return layer.raster
    assert layer.rgb is not None
    raster = image.raster
    colours = _crop(layer.rgb, bounds, visible)
    if layer.encoded != "native":
        colours = image.to_native(colours)
    if layer.alpha is not None:
        alpha = _crop(layer.alpha, bounds, visible)
    elif bounds == image.bounds:
        alpha = _crop(image.alpha, bounds, visible)
    else:
        shared = bounds.intersection(image.bounds)
        alpha = np.zeros((bounds.height, bounds.width), np.float32)
        inside = shared.relative_to(bounds)
        alpha[inside.y : inside.bottom, inside.x : inside.right] = _crop(image.alpha, image.bounds, shared)
        alpha = _crop(alpha, bounds, visible)
    channels = samples.WITH_ALPHA.get(raster.channels, raster.channels)
    packed = samples.pack(colours, alpha, raster.depth, channels)
    return Raster(visible, raster.depth, channels, samples.to_bytes(packed), raster.profile)


def _layer_mask(layer: NewLayer, source: Source, bounds: Bounds, visible: Bounds) -> Raster | None:
    own = None if layer.mask is None else _crop(layer.mask, bounds, visible)
    if source.coverage is None:
        mask = own
    else:
        shared = visible.intersection(source.image.bounds)
        mask = np.zeros((visible.height, visible.width), np.float32)
        inside = shared.relative_to(visible)
        mask[inside.y : inside.bottom, inside.x : inside.right] = _crop(source.coverage, source.image.bounds, shared)
        if own is not None:
            mask = mask * own
    return None if mask is None else _mask_raster(mask, visible, MASK_DEPTH[source.image.raster.depth])


def _mask_raster(mask: np.ndarray, bounds: Bounds, depth: str) -> Raster:
    return Raster(bounds, depth, "GRAY", samples.to_bytes(samples.from_float(mask, depth)))


def _encode_selection(given: NewSelection, image: Image) -> Raster:
    bounds = given.bounds or image.bounds
    found = masks.extent(given.coverage > 0, bounds)
    if found.is_empty:
        raise Invalid("No object was found there.", "Point at it, or draw a rough selection around it.")
    return _mask_raster(_crop(given.coverage, bounds, found), found, MASK_DEPTH[image.raster.depth])


def _store(layer: Layer, pixels: Pixels) -> Layer:
    mask = pixels.store(layer.mask) if layer.mask is not None else None
    return replace(layer, raster=pixels.store(layer.raster), mask=mask)
