"""One job, from the active layer to the inserted result."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field, replace
from typing import Any, Dict, List, Optional, Sequence, Tuple

import fine_edge
import layers
import new_image as images
import pixels
import placing
import references
from gi.repository import Gimp
from placement import Placement
from progress import AnyProgress, Progress, begin
from scumble_protocol.client import Client
from scumble_protocol.errors import DaemonUnavailable, Invalid
from scumble_protocol.image import Bounds, Point, Reference
from scumble_protocol.messages import NOTHING_WARM, Preview, Result

CHECK_SIDE_PX = 64


@dataclass
class Request:
    """What the artist asked for: an operation, its parameters, and what it reads beside the layer.

    `is_watched`: it gets better step by step before the artist's eyes · `has_outline`: what is selected is for it to
    see · `has_fine_edge`: the edge of the selection that it gives is refined.
    """

    operation: str
    title: str
    parameters: Dict[str, Any] = field(default_factory=dict)
    reference: Optional[Reference] = None
    reference_layer: Optional[Gimp.Layer] = None
    points: Sequence[Point] = ()
    box: Optional[Bounds] = None
    is_watched: bool = False
    has_outline: bool = True
    has_fine_edge: bool = False
    placement: Placement = Placement()


@dataclass(frozen=True)
class Outcome:
    group: Optional[Gimp.GroupLayer]
    new_image: Optional[Gimp.Image]
    notes: Tuple[str, ...]
    catalogue_digest: str
    new_layer: Optional[Gimp.Layer] = None


def run(request: Request, image: Gimp.Image, source: Gimp.Layer, timings: "Timings") -> Outcome:
    """Raises: ScumbleError; then nothing was changed."""
    placing.check(request.placement, image, source)
    timings.begin()
    progress = begin(request.title, pixels.bounds_of(source), request.is_watched)
    try:
        outcome, daemon_timings = _run(request, image, source, timings, progress)
    finally:
        progress.end()
    timings.write(request.operation, daemon_timings)
    return outcome


def _run(
    request: Request,
    image: Gimp.Image,
    source: Gimp.Layer,
    timings: "Timings",
    progress: AnyProgress,
) -> Tuple[Outcome, Dict[str, Any]]:
    with Client.connect(name="GIMP", on_wait=progress.wait) as client:
        timings.mark("connect")
        raster = pixels.read_layer(client, image, source)
        selection = pixels.read_selection(client, image, raster.bounds) if request.has_outline else None
        reference_layer = references.read(client, request.reference_layer, source, raster)
        timings.mark("read")
        result = client.run(
            request.operation,
            raster,
            Bounds(0, 0, image.get_width(), image.get_height()),
            parameters=fine_edge.steps(request.parameters)[0] if request.has_fine_edge else request.parameters,
            selection=selection,
            points=tuple(request.points),
            box=request.box,
            reference=request.reference,
            reference_layer=reference_layer,
            source=source.get_name(),
            previews=progress.previews,
            on_progress=progress.show,
            on_preview=lambda preview: _show(client, preview, progress),
            is_cancelled=progress.tick,
            is_enough=progress.is_enough,
        )
        if request.has_fine_edge and result.selection is not None:
            _, refining = fine_edge.steps(request.parameters)
            result = _refined(client, result, refining, image, source, progress)
        timings.mark("job")
        try:
            group, new_image, new_layer = None, None, None
            if result.document is not None:
                new_image = images.open_image(client, result, image, source)
            elif result.selection is not None and request.placement != Placement():
                found = placing.at_hand(client, result.selection)
                new_layer = placing.place(found, request.placement, image, source, recipe(request, source))
            else:
                group = layers.insert(client, result, image, source)
        finally:
            client.release(result)
        timings.mark("insert")
        Gimp.displays_flush()
        timings.mark("paint")
        digest = client.welcome.catalogue_digest
    return Outcome(group, new_image, tuple(result.notes), digest, new_layer), result.timings


def _refined(
    client: Client,
    result: Result,
    parameters: Dict[str, Any],
    image: Gimp.Image,
    source: Gimp.Layer,
    progress: AnyProgress,
) -> Result:
    """The same with the edge of its selection refined."""
    assert result.selection is not None
    found = placing.at_hand(client, result.selection)
    client.release(result)
    refined = client.run(
        fine_edge.REFINE,
        pixels.read_layer(client, image, source),
        Bounds(0, 0, image.get_width(), image.get_height()),
        parameters=parameters,
        selection=client.put(found.data, found.bounds, found.depth, found.channels),
        source=source.get_name(),
        on_progress=progress.show,
        is_cancelled=progress.tick,
    )
    return replace(refined, notes=(*result.notes, *refined.notes))


def recipe(request: Request, source: Gimp.Layer) -> Dict[str, Any]:
    """What it takes to make a cut-out again, as the daemon writes it for its own layers."""
    box = request.box
    return {
        "operation": request.operation,
        "parameters": dict(request.parameters),
        "source": source.get_name(),
        "points": [[point.x, point.y, point.include] for point in request.points],
        "box": [box.x, box.y, box.right, box.bottom] if box else None,
        "fine_edge": request.has_fine_edge,
    }


def _show(client: Client, preview: Preview, progress: AnyProgress) -> None:
    if preview.picture is not None:
        progress.show_preview(preview, client.pixels(preview.picture))


# --- what a job may work on --------------------------------------------------------------------------------------


def source_layer(image: Gimp.Image, drawables: Sequence[Gimp.Drawable]) -> Gimp.Layer:
    """The layer to work on. Raises: Invalid, saying what to do about it."""
    if len(drawables) != 1:
        count = "no layer is" if not drawables else f"{len(drawables)} layers are"
        raise Invalid(f"Scumble works on one layer, but {count} selected.", "Select one layer, then run again.")
    layer = drawables[0]
    if isinstance(layer, Gimp.LayerMask):
        layer = Gimp.Layer.from_mask(layer)
    if not isinstance(layer, Gimp.Layer):
        raise Invalid(f"«{layer.get_name()}» is a channel.", "Select a layer, then run again.")
    if layer.is_floating_sel():
        raise Invalid("The layer is a floating selection.", "Anchor it or make it a layer (Layer ▸ Anchor Layer).")
    name = layer.get_name()
    if not layer.get_visible():
        raise Invalid(f"The layer «{name}» is hidden: show it, then run again.")
    for group in _groups_above(layer):
        if not group.get_visible():
            raise Invalid(f"The group «{group.get_name()}» is hidden: show it, then run again.")
        if group.get_lock_content():
            raise Invalid(
                f"The group «{group.get_name()}» is locked, so nothing can be put into it.",
                "Unlock it in the Layers dialogue, then run again.",
            )
    pixels.Format.of(layer)
    return layer


def _groups_above(layer: Gimp.Layer) -> List[Gimp.GroupLayer]:
    above = []
    parent = layer.get_parent()
    while parent is not None:
        above.append(parent)
        parent = parent.get_parent()
    return above


# --- the check ---------------------------------------------------------------------------------------------------


def check() -> Tuple[str, str]:
    """Send a small picture there and back; how it went, and the digest of what is offered. Raises: ScumbleError."""
    progress = Progress("Scumble")
    started = time.monotonic()
    with Client.connect(name="GIMP", on_wait=progress.wait) as client:
        connected_s = time.monotonic() - started
        area = Bounds(0, 0, CHECK_SIDE_PX, CHECK_SIDE_PX)
        picture = bytes(range(256)) * (area.area * 4 // 256)
        started = time.monotonic()
        result = client.run("identity", client.put(picture, area, "u8", "RGBA", None), area)
        is_same = bytes(client.pixels(result.layers[0].raster)) == picture
        client.release(result)
        job_ms = (time.monotonic() - started) * 1000
        ping_ms = client.ping() * 1000
        version = client.welcome.version
        shares = "shared memory" if client.welcome.segments else "the socket"
        catalogue = client.catalogue()
    progress.end()
    if not is_same:
        raise Invalid("The picture came back changed.", "Run `scumble doctor`.")
    report = (
        f"Scumble works. Daemon {version} answers in {ping_ms:.1f} ms (found in {connected_s * 1000:.0f} ms); a small "
        f"picture went there and back, unchanged, in {job_ms:.0f} ms through {shares}. "
        f"{len(catalogue.visible)} operations are offered."
    )
    return report, catalogue.digest


def free() -> str:
    """Have the daemon let go of its warm models; what became of it. Raises: ScumbleError."""
    try:
        with Client.connect(name="GIMP", start=False) as client:
            return client.free().words
    except DaemonUnavailable:
        return NOTHING_WARM


# --- how long it took ----------------------------------------------------------------------------------------------


class Timings:
    """For the benchmark: seconds by stage, appended as a line of JSON to the file that $SCUMBLE_TIMINGS names."""

    def __init__(self) -> None:
        """To be made as soon as GIMP calls, before a dialog is up."""
        self._process_start_s = time.monotonic() - _process_started_at()
        self._marks = [("begin", 0.0)]

    def begin(self) -> None:
        """The artist has clicked."""
        self._marks = [("begin", time.monotonic())]

    def mark(self, stage: str) -> None:
        self._marks.append((stage, time.monotonic()))

    def write(self, operation: str, daemon: Dict[str, Any]) -> None:
        path = os.environ.get("SCUMBLE_TIMINGS")
        if not path:
            return
        pairs = zip(self._marks, self._marks[1:])
        line: Dict[str, Any] = {stage: now - before for (_, before), (stage, now) in pairs}
        line["click_to_layer"] = dict(self._marks)["insert"] - self._marks[0][1]  # what GIMP paints comes after
        line["process_start"] = self._process_start_s
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"operation": operation, **line, "daemon": daemon}) + "\n")


def _process_started_at() -> float:
    """When this process was started, on the monotonic clock (Linux; elsewhere when it is asked)."""
    try:
        with open("/proc/self/stat", encoding="ascii", errors="replace") as file:
            ticks = int(file.read().rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return time.monotonic()
    up_s = time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic() - (up_s - ticks / os.sysconf("SC_CLK_TCK"))
