"""Write layered pictures as OpenRaster (.ora) files, which GIMP and Krita open.

After the OpenRaster specification 0.0.6. OpenRaster has no masks: they are multiplied into the layers' alpha.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
from scumble_protocol.image import Bounds, Layer, Raster

from . import colour, composite, picture, png, samples

THUMBNAIL_PX = 256  # the longer side, from the specification

COMPOSITE_OPS = {
    "normal": "svg:src-over",
    "dodge": "svg:color-dodge",
    "screen": "svg:screen",
    "addition": "svg:plus",
    "multiply": "svg:multiply",
    "overlay": "svg:overlay",
    "soft-light": "svg:soft-light",
    "color": "svg:color",
    "luminosity": "svg:luminosity",
}


def write(
    path: str | os.PathLike[str],
    canvas: Bounds,
    source: Raster,
    source_name: str,
    layers: Sequence[Layer],
    group: str,
    profile: bytes | None,
) -> None:
    """Write the source picture and above it the result layers (bottom first), in the source's depth and profile.

    The layers go into one group. Where one of them blends, they stand directly above the source instead, their names
    opening with the group's: GIMP isolates every group it reads, and a layer that lightens would have nothing below it.
    Float depths are stored in 16 bits. Raises: Invalid where the file cannot be written.
    """
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:  # PNGs are compressed already
        archive.writestr("mimetype", "image/openraster")  # has to come first
        image = ElementTree.Element("image", version="0.0.6", w=str(canvas.width), h=str(canvas.height))
        stack = ElementTree.SubElement(image, "stack")
        isolated = all(layer.blend_mode == "normal" for layer in layers)
        parent = ElementTree.SubElement(stack, "stack", name=_plain(group)) if layers and isolated else stack
        for number, layer in reversed(list(enumerate(layers, 1))):
            baked = composite.bake_mask(layer)
            name = layer.name if isolated else f"{group}: {layer.name}"
            entry = _add(archive, parent, baked, f"data/layer{number:03d}.png", name, canvas, profile)
            entry.set("opacity", f"{layer.opacity:.6g}")
            entry.set("composite-op", COMPOSITE_OPS[layer.blend_mode])
            entry.set("visibility", "visible" if layer.visible else "hidden")
        _add(archive, stack, source, "data/source.png", source_name, canvas, profile)
        merged = samples.view(composite.flatten(canvas, source, layers))
        archive.writestr("mergedimage.png", png.encode(picture.for_png(merged), profile))
        archive.writestr("Thumbnails/thumbnail.png", png.encode(_thumbnail(merged, profile), None))
        archive.writestr("stack.xml", ElementTree.tostring(image, encoding="UTF-8", xml_declaration=True))
    picture.save_whole(Path(path), file.getvalue())


def _add(
    archive: zipfile.ZipFile,
    parent: ElementTree.Element,
    raster: Raster,
    file: str,
    name: str,
    canvas: Bounds,
    profile: bytes | None,
) -> ElementTree.Element:
    archive.writestr(file, png.encode(picture.for_png(samples.view(raster)), profile))
    place = raster.bounds.relative_to(canvas)
    return ElementTree.SubElement(parent, "layer", name=_plain(name), src=file, x=str(place.x), y=str(place.y))


def _thumbnail(pixels: np.ndarray, profile: bytes | None) -> np.ndarray:
    """8-bit sRGB with alpha, at most THUMBNAIL_PX a side."""
    height, width = pixels.shape[:2]
    scale = min(1.0, THUMBNAIL_PX / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = np.atleast_3d(cv2.resize(samples.to_float(pixels), size, interpolation=cv2.INTER_AREA))
    colours = small.shape[2] - (small.shape[2] in (2, 4))
    alpha = small[..., colours:] if colours < small.shape[2] else np.ones((*small.shape[:2], 1), np.float32)
    rgb = colour.to_srgb(np.ascontiguousarray(small[..., :colours]), profile)
    return samples.from_float(np.concatenate([rgb, alpha], axis=2), "u8")


def _plain(name: str) -> str:
    """Without the control characters that XML cannot hold."""
    return "".join(character if character.isprintable() else " " for character in name)
