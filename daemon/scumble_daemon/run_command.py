"""What `scumble run` does: a picture file in, one job through the daemon like an editor's, files out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scumble_protocol.catalogue import Operation, parse_box, parse_points
from scumble_protocol.client import Client
from scumble_protocol.errors import Invalid
from scumble_protocol.image import Bounds, Layer, Point, Raster, Reference
from scumble_protocol.messages import Preview, Result

from .imaging import composite, openraster, picture, samples
from .interrupts import Interrupts

PICTURES = (".png", ".tif", ".tiff")
PREVIEW_PX = 1024


@dataclass(frozen=True)
class Request:
    """The command line, still as it was written."""

    operation: str
    photo: Path
    output: Path | None = None
    layers: Path | None = None
    selection: Path | None = None
    settings: tuple[str, ...] = ()
    reference: Path | None = None
    points: tuple[str, ...] = ()
    box: str = ""
    preview: Path | None = None


@dataclass(frozen=True)
class Outcome:
    """`files`: what was written, in the order it was · `finished_at`: the share of the work that was done, 1 where all
    of it was wanted."""

    files: tuple[Path, ...]
    notes: tuple[str, ...]
    timings: dict[str, Any]
    layers: tuple[str, ...]
    finished_at: float = 1.0


def run(client: Client, request: Request, on_progress: Callable[[float, str], None], interrupts: Interrupts) -> Outcome:
    """Raises: ScumbleError; nothing but previews is written unless the job succeeded."""
    operation = client.catalogue().find(request.operation)
    _check_outputs(request)
    _check_preview(operation, request.preview)
    raster, profile = picture.read(request.photo)
    canvas = Bounds(0, 0, raster.bounds.width, raster.bounds.height)
    points, box, reference = _prompts(operation, request)

    def tell(fraction: float, stage: str) -> None:
        interrupts.may_finish = operation.progressive  # it runs
        on_progress(fraction, stage)

    result = client.run(
        operation.id,
        client.put(raster.data, raster.bounds, raster.depth, raster.channels, profile),
        canvas,
        parameters=_parameters(operation, request.settings),
        selection=_selection(client, request.selection, canvas),
        points=points,
        box=box,
        reference=reference,
        source=request.photo.stem,
        on_progress=tell,
        is_enough=interrupts.is_enough,
        previews=PREVIEW_PX if request.preview else 0,
        on_preview=lambda preview: _write_preview(client, request, preview),
    )
    opened = _open(client, result)
    try:
        return Outcome(
            tuple(_write(request, canvas, raster, profile, opened)),
            result.notes,
            result.timings,
            tuple(layer.name for layer in result.layers),
            min((layer.recipe.get("finished_at", 1.0) for layer in result.layers), default=1.0),
        )
    except OSError as error:
        raise Invalid(f"The result could not be written: {error}.", "Choose another place with -o.") from None
    finally:
        client.release(result)


def _write_preview(client: Client, request: Request, preview: Preview) -> None:
    if request.preview is not None and preview.picture is not None:
        picture.write(request.preview, replace(preview.picture, data=client.pixels(preview.picture)), None)


# --- what is asked -----------------------------------------------------------------------------------------------


def _check_outputs(request: Request) -> None:
    if request.output is None and request.layers is None:
        raise Invalid("Where should the result go?", "Give -o result.ora, -o result.png or --layers FOLDER.")
    if request.output is not None:
        if request.output.suffix.lower() not in (".ora", *PICTURES):
            raise Invalid(f"«{request.output.name}» has no ending that can be written.", "Use .ora, .png or .tif.")
        if not request.output.absolute().parent.is_dir():
            raise Invalid(f"There is no folder {request.output.absolute().parent}.", "Make it first.")


def _check_preview(operation: Operation, file: Path | None) -> None:
    if file is None:
        return
    if not operation.progressive:
        raise Invalid(f"{operation.id} shows no preview.", "Leave --preview out.")
    if file.suffix.lower() not in PICTURES:
        raise Invalid(f"«{file.name}» has no ending for a preview.", "Use .png or .tif.")


def _parameters(operation: Operation, settings: tuple[str, ...]) -> dict[str, Any]:
    known = {parameter.name: parameter for parameter in operation.parameters}
    values = {}
    for setting in settings:
        name, equals, written = setting.partition("=")
        if not equals or name not in known:
            names = ", ".join(known) or "none"
            raise Invalid(
                f"--set {setting}: {operation.id} has no such parameter.", f"Write name=value; known: {names}."
            )
        values[name] = known[name].parse(written)
    return values


def _prompts(operation: Operation, request: Request) -> tuple[tuple[Point, ...], Bounds | None, Reference | None]:
    for given, taken, option in (
        (request.points, operation.inputs.points, "--point"),
        (request.box, operation.inputs.box, "--box"),
        (request.reference, operation.inputs.reference, "--reference"),
    ):
        if given and not taken:
            raise Invalid(f"{operation.id} takes no {option}.", f"`scumble ops {operation.id}` says what it takes.")
    reference = None
    if request.reference is not None:
        try:
            reference = Reference(request.reference.name, request.reference.read_bytes())
        except OSError as error:
            raise Invalid(f"The file {request.reference} cannot be read: {error.strerror}.") from None
    return parse_points(";".join(request.points)), parse_box(request.box), reference


def _selection(client: Client, path: Path | None, canvas: Bounds) -> Raster | None:
    """A grey picture of the photo's size: white is selected, black is not, grey is feather."""
    if path is None:
        return None
    raster, _ = picture.read(path)
    if (raster.bounds.width, raster.bounds.height) != (canvas.width, canvas.height):
        raise Invalid(
            f"The selection {path.name} has {raster.bounds.width} × {raster.bounds.height} pixels, "
            f"the photo {canvas.width} × {canvas.height}.",
            "They have to agree.",
        )
    pixels = samples.view(raster)
    grey = pixels[..., :3].max(axis=2) if pixels.shape[2] >= 3 else pixels[..., 0]
    return client.put(samples.to_bytes(grey), canvas, raster.depth, "GRAY")


# --- what is written ---------------------------------------------------------------------------------------------


def _open(client: Client, result: Result) -> Result:
    """The result with its pixels at hand instead of in segments."""

    def at_hand(raster: Raster) -> Raster:
        return replace(raster, data=client.pixels(raster))

    layers = tuple(
        replace(layer, raster=at_hand(layer.raster), mask=at_hand(layer.mask) if layer.mask else None)
        for layer in result.layers
    )
    return replace(result, layers=layers, selection=at_hand(result.selection) if result.selection else None)


def _write(request: Request, canvas: Bounds, source: Raster, profile: bytes | None, result: Result) -> list[Path]:
    layers = list(result.layers)
    if result.selection is not None:  # shown as the part of the photo that it selects
        layers.append(Layer(result.group, source, mask=result.selection))
    written = []
    canvas = _around(canvas, layers)
    if request.output is not None:
        if request.output.suffix.lower() == ".ora":
            openraster.write(request.output, canvas, source, request.photo.stem, layers, result.group, profile)
        elif result.selection is not None:
            picture.write(request.output, _over_canvas(result.selection, canvas), None)
        elif result.document is not None:
            picture.write(request.output, composite.flatten(result.document, _nothing(layers[0]), layers), profile)
        else:
            picture.write(request.output, composite.flatten(canvas, source, layers), profile)
        written.append(request.output)
    if request.layers is not None:
        written += _write_layers(request.layers, canvas, profile, result)
    return written


def _nothing(layer: Layer) -> Raster:
    """What lies below the layers of a document of their own, in the form of one of them."""
    raster = layer.raster
    spot = replace(raster, bounds=Bounds(raster.bounds.x, raster.bounds.y, 1, 1))
    return replace(spot, data=bytes(spot.nbytes))


def _around(canvas: Bounds, layers: list[Layer]) -> Bounds:
    """Large enough for layers that show beyond it: an enlarged photo is a larger picture."""
    shown = [layer.raster.bounds for layer in layers if layer.visible]
    right = max([canvas.right, *(bounds.right for bounds in shown)])
    bottom = max([canvas.bottom, *(bounds.bottom for bounds in shown)])
    return Bounds(canvas.x, canvas.y, right - canvas.x, bottom - canvas.y)


def _write_layers(folder: Path, canvas: Bounds, profile: bytes | None, result: Result) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []

    def store(raster: Raster, name: str, profile: bytes | None) -> str:
        picture.write(folder / name, raster, profile)
        written.append(folder / name)
        return name

    entries = []
    for number, layer in enumerate(result.layers, 1):
        entries.append(
            {
                "name": layer.name,
                "file": store(layer.raster, f"{number:02}-layer.png", profile),
                "bounds": _corners(layer.raster.bounds),
                "mask": {
                    "file": store(layer.mask, f"{number:02}-mask.png", None),
                    "bounds": _corners(layer.mask.bounds),
                }
                if layer.mask
                else None,
                "blend_mode": layer.blend_mode,
                "opacity": layer.opacity,
                "visible": layer.visible,
                "recipe": layer.recipe,
            }
        )
    selection = None
    if result.selection is not None:
        selection = {
            "file": store(result.selection, "selection.png", None),
            "bounds": _corners(result.selection.bounds),
        }
    table = {
        "canvas": _corners(canvas),
        "group": result.group,
        "layers": entries,
        "selection": selection,
        "notes": list(result.notes),
    }
    index = folder / "result.json"
    index.write_text(json.dumps(table, ensure_ascii=False, indent=2) + "\n", "utf-8")
    return [*written, index]


def _corners(bounds: Bounds) -> dict[str, int]:
    return {"x": bounds.x, "y": bounds.y, "width": bounds.width, "height": bounds.height}


def _over_canvas(selection: Raster, canvas: Bounds) -> Raster:
    pixels = samples.view(selection)[..., 0]
    whole = np.zeros((canvas.height, canvas.width), pixels.dtype)
    inside = selection.bounds.intersection(canvas)
    part = inside.relative_to(selection.bounds)
    whole[inside.y : inside.bottom, inside.x : inside.right] = pixels[part.y : part.bottom, part.x : part.right]
    return Raster(canvas, selection.depth, "GRAY", samples.to_bytes(whole))
