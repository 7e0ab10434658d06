"""Between GIMP's buffers and the wire's rasters: native values, untouched by any colour conversion.

GIMP names a pixel format by model, type and space, such as `R'G'B'A u16` in the space of the image's profile. The
model says how values are encoded: `R'G'B'` by the profile's own curve, `RGB` linearly, `R~G~B~` by sRGB's curve, all
three with the profile's primaries. So the profile that *describes* the values is the image's own only for the first.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Generator, Iterator, Optional, Tuple

from gi.repository import Babl, Gegl, Gimp
from scumble_protocol.client import Client
from scumble_protocol.errors import Invalid
from scumble_protocol.image import BYTES_PER_SAMPLE, CHANNEL_COUNT, Bounds, Raster, SegmentSlice

STRIP_BYTES = 4 << 20
TILE_ROWS = 64

# u32 and double travel as f32, the nearest that holds their range
DEPTHS = {"u8": "u8", "u16": "u16", "half": "f16", "float": "f32", "u32": "f32", "double": "f32"}
TYPES = {"u8": "u8", "u16": "u16", "f16": "half", "f32": "float"}

SELF, LINEAR, PERCEPTUAL = "'", "", "~"  # how a model marks its encoding


@dataclass(frozen=True)
class Format:
    """How a drawable holds its pixels. `encoding`: SELF | LINEAR | PERCEPTUAL · `depth`, `channels`: as on the wire."""

    encoding: str
    depth: str
    channels: str

    @staticmethod
    def of(drawable: Gimp.Drawable) -> "Format":
        """Raises: Invalid for an indexed image."""
        model, _, rest = Babl.get_name(drawable.get_format()).partition(" ")
        channels = {"RGB": "RGB", "RGBA": "RGBA", "Y": "GRAY", "YA": "GRAYA"}.get(
            model.replace("'", "").replace("~", "")
        )
        depth = DEPTHS.get(rest.partition("-")[0])  # "u16-space-…"
        if channels is None or depth is None:
            raise Invalid("An indexed image cannot be worked on.", "Convert it first: Image ▸ Mode ▸ RGB.")
        encoding = PERCEPTUAL if "~" in model else SELF if "'" in model else LINEAR
        return Format(encoding, depth, channels)

    @property
    def bytes_per_pixel(self) -> int:
        return BYTES_PER_SAMPLE[self.depth] * CHANNEL_COUNT[self.channels]

    def name_for(self, drawable: Gimp.Drawable) -> str:
        """The babl name in the drawable's own space; a bare name would mean sRGB, and convert."""
        colour = "".join(letter + self.encoding for letter in ("Y" if self.channels[0] == "G" else "RGB"))
        name = f"{colour}{'A' if self.channels in ('RGBA', 'GRAYA') else ''} {TYPES[self.depth]}"
        return Babl.get_name(Babl.format_with_space(name, drawable.get_format()))


def bounds_of(layer: Gimp.Layer) -> Bounds:
    _, x, y = layer.get_offsets()
    return Bounds(x, y, layer.get_width(), layer.get_height())


def profile_of(image: Gimp.Image, encoding: str) -> Optional[bytes]:
    """The ICC profile that describes the image's values as they are; None for plain sRGB."""
    own = image.get_color_profile()
    if own is None:
        # GIMP's built-in profile already fits the precision
        return None if encoding != LINEAR else _bytes(image.get_effective_color_profile())
    if encoding == LINEAR and not own.is_linear():
        fitting = own.new_linear_from_color_profile()
    elif encoding == PERCEPTUAL:
        fitting = own.new_srgb_trc_from_color_profile()
    else:
        fitting = own
    return _bytes(fitting or own)


def read_layer(client: Client, image: Gimp.Image, layer: Gimp.Layer) -> Raster:
    """The layer as it is seen, its filters applied but not its mask, straight into the session's memory."""
    steps = reading_layer(client, image, layer)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def reading_layer(client: Client, image: Gimp.Image, layer: Gimp.Layer) -> Generator[None, None, Raster]:
    """`read_layer`, a strip at a time, so that a window lives meanwhile; one that is closed before its end leaves
    nothing behind."""
    with as_seen(layer) as seen:
        layout = Format.of(seen)
        outgoing = client.raster(bounds_of(seen), layout.depth, layout.channels, profile_of(image, layout.encoding))
        area = Bounds(0, 0, seen.get_width(), seen.get_height())
        try:
            yield from _reading(seen, area, layout.name_for(seen), layout.bytes_per_pixel, outgoing.memory)
        except BaseException:
            client.discard(outgoing.raster)
            raise
        return outgoing.raster


@contextlib.contextmanager
def as_seen(layer: Gimp.Layer) -> Iterator[Gimp.Layer]:
    """The layer, or where it has filters a copy with those in its pixels.

    A layer's buffer is what lies under its filters. Merging them on a copy outside the image leaves no undo step.
    """
    if not layer.get_filters():
        yield layer
        return
    copy = layer.copy()
    try:
        copy.merge_filters()
        yield copy
    finally:
        copy.delete()


def read_area(layer: Gimp.Layer, area: Bounds, layout: Format) -> bytearray:
    """The samples of a part of the layer, which is measured from its corner."""
    memory = bytearray(area.area * layout.bytes_per_pixel)
    _read(layer, area, layout.name_for(layer), layout.bytes_per_pixel, memoryview(memory))
    return memory


def has_mask_on(layer: Gimp.Layer) -> bool:
    return layer.get_mask() is not None and layer.get_apply_mask()


def read_selection(client: Client, image: Gimp.Image, layer: Bounds) -> Optional[Raster]:
    """The selection's coverage where it meets the layer, None where nothing is selected."""
    found = Gimp.Selection.bounds(image)
    if not found.non_empty:
        return None
    selected = Bounds(found.x1, found.y1, found.x2 - found.x1, found.y2 - found.y1)
    meeting = selected.intersection(layer)
    area = selected if meeting.is_empty else meeting  # the daemon says that they do not touch
    selection = image.get_selection()
    depth, name = _coverage_format(selection)
    outgoing = client.raster(area, depth, "GRAY", None)
    _read(selection, area, name, BYTES_PER_SAMPLE[depth], outgoing.memory)
    return outgoing.raster


def write(drawable: Gimp.Drawable, raster: Raster, pixels: memoryview, encoding: str) -> None:
    """Fill a drawable of the raster's size."""
    name = Format(encoding, raster.depth, raster.channels).name_for(drawable)
    _write(drawable.get_buffer(), Bounds(0, 0, raster.bounds.width, raster.bounds.height), name, pixels)
    drawable.update(0, 0, raster.bounds.width, raster.bounds.height)


def write_coverage(buffer: Gegl.Buffer, extent: Bounds, raster: Raster, pixels: memoryview) -> None:
    """Put coverage into the buffer of a mask or selection that lies at `extent`; what reaches beyond is cut off."""
    inside = raster.bounds.intersection(extent)
    if not inside.is_empty:
        cut = cropped(raster, pixels, inside)
        _write(buffer, inside.relative_to(extent), f"Y {TYPES[raster.depth]}", cut)


def fill_coverage(buffer: Gegl.Buffer, raster: Raster) -> None:
    """Put all of the coverage, which is at hand as bytes, into a buffer that is measured as the raster is."""
    assert not isinstance(raster.data, SegmentSlice)
    _write(buffer, raster.bounds, f"Y {TYPES[raster.depth]}", memoryview(raster.data))


def copy_coverage(mask: Gimp.LayerMask, of: Bounds, target: Gimp.LayerMask, extent: Bounds) -> None:
    """Put what one mask, of the layer at `of`, covers into the mask of another layer, at `extent`."""
    shared = of.intersection(extent)
    if shared.is_empty:
        return
    depth, name = _coverage_format(mask)
    memory = bytearray(shared.area * BYTES_PER_SAMPLE[depth])
    _read(mask, shared.relative_to(of), name, BYTES_PER_SAMPLE[depth], memoryview(memory))
    _write(target.get_buffer(), shared.relative_to(extent), name, memoryview(memory))
    target.update(0, 0, extent.width, extent.height)


def cropped(raster: Raster, pixels: memoryview, inside: Bounds) -> memoryview:
    """The part of the raster that covers `inside`, tight rows again."""
    if inside == raster.bounds:
        return pixels
    each = raster.row_bytes // raster.bounds.width
    left = (inside.x - raster.bounds.x) * each
    starts = range(inside.y - raster.bounds.y, inside.bottom - raster.bounds.y)
    rows = (pixels[row * raster.row_bytes + left :][: inside.width * each] for row in starts)
    return memoryview(b"".join(rows))


def coverage_depth(selection: Gimp.Drawable) -> str:
    return _coverage_format(selection)[0]


def _coverage_format(selection: Gimp.Drawable) -> Tuple[str, str]:
    kind = Babl.get_name(selection.get_format()).partition(" ")[2].partition("-")[0]
    depth = DEPTHS[kind]
    return depth, f"Y {TYPES[depth]}"


def _read(drawable: Gimp.Drawable, area: Bounds, name: str, bytes_per_pixel: int, memory: memoryview) -> None:
    for _ in _reading(drawable, area, name, bytes_per_pixel, memory):
        pass


def _reading(
    drawable: Gimp.Drawable, area: Bounds, name: str, bytes_per_pixel: int, memory: memoryview
) -> Iterator[None]:
    """After each strip there is a pause."""
    buffer = drawable.get_buffer()
    row_bytes = area.width * bytes_per_pixel
    for top, rows in _strips(area.height, row_bytes):
        rectangle = Gegl.Rectangle.new(area.x, area.y + top, area.width, rows)
        strip = buffer.get(rectangle, 1.0, name, Gegl.AbyssPolicy.NONE)
        memory[top * row_bytes : (top + rows) * row_bytes] = strip
        yield


def _write(buffer: Gegl.Buffer, area: Bounds, name: str, pixels: memoryview) -> None:
    row_bytes = len(pixels) // area.height
    for top, rows in _strips(area.height, row_bytes):
        rectangle = Gegl.Rectangle.new(area.x, area.y + top, area.width, rows)
        buffer.set(rectangle, name, bytes(pixels[top * row_bytes : (top + rows) * row_bytes]))
    buffer.flush()


def _strips(height: int, row_bytes: int) -> Iterator[Tuple[int, int]]:
    """(top, rows) of strips small enough for the processor's cache to hold, cut at tiles."""
    rows = max(TILE_ROWS, STRIP_BYTES // row_bytes // TILE_ROWS * TILE_ROWS)
    for top in range(0, height, rows):
        yield top, min(rows, height - top)


def _bytes(profile: Gimp.ColorProfile) -> bytes:
    return bytes(profile.get_icc_profile())
