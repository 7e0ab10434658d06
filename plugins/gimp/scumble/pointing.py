"""What the artist points with outside our windows: the anchors of paths, and what is painted on a layer."""

from __future__ import annotations

from typing import List, Optional, Sequence, Tuple

import pixels
from gi.repository import Gegl, Gimp
from scumble_protocol.errors import Invalid
from scumble_protocol.image import Bounds, Point

CONTROL_NUMBERS = 6  # of an anchor: handle x y, the anchor itself x y, handle x y
MOST_SCRIBBLED = 24  # points of either kind that stand for what is painted
SCRIBBLE_CELLS = 384  # as finely a scribble is looked at, along its longer side
PAINTED = 96  # of 255: alpha above this is painted
RED_OR_DARK = 64


def selected_path(image: Gimp.Image) -> Optional[Gimp.Path]:
    paths = image.get_selected_paths()
    return paths[0] if paths else None


def anchors(path: Optional[Gimp.Path], include: bool = True) -> Tuple[Point, ...]:
    """Of all strokes. Raises: Invalid where there are none, or the path is gone."""
    if path is None:
        return ()
    if not path.is_valid():
        raise Invalid("The path is not there any more.", "Choose another one, then run again.")
    found: List[Point] = []
    for stroke in path.get_strokes():
        numbers = path.stroke_get_points(stroke).controlpoints
        places = range(2, len(numbers), CONTROL_NUMBERS)
        found += [Point(numbers[each], numbers[each + 1], include) for each in places]
    if not found:
        raise Invalid(f"The path «{path.get_name()}» has no anchors.", "Click some with the Paths tool.")
    return tuple(found)


def scribbled(scribbles: Optional[Gimp.Layer], source: Gimp.Layer) -> Tuple[Point, ...]:
    """Points along what is painted on a layer: in red or nearly black what is not meant, in any other colour what is.

    What lies beside the source says nothing. Raises: Invalid where nothing else is painted.
    """
    if scribbles is None:
        return ()
    if not scribbles.is_valid():
        raise Invalid("The layer with the scribbles is not there any more.", "Choose another one, then run again.")
    name = scribbles.get_name()
    if scribbles.get_id() == source.get_id():
        raise Invalid(f"«{name}» is the layer that is worked on.", "Scribble on a layer of its own, above it.")
    if not scribbles.has_alpha():
        raise Invalid(
            f"«{name}» has no transparency, so all of it would be a scribble.", "Scribble on a new, transparent layer."
        )
    place = pixels.bounds_of(scribbles).intersection(pixels.bounds_of(source))
    wanted, unwanted = _painted(scribbles, place)
    if not wanted and not unwanted:
        raise Invalid(f"Nothing is painted on «{name}» over the layer.", "Paint over what is meant, then run again.")
    return (*_spread(wanted, True), *_spread(unwanted, False))


def _painted(layer: Gimp.Layer, place: Bounds) -> Tuple[List[Tuple[float, float]], List[Tuple[float, float]]]:
    """The middles of the cells that are painted, in pixels of the image: those that say yes, and those that say no."""
    wanted: List[Tuple[float, float]] = []
    unwanted: List[Tuple[float, float]] = []
    if place.is_empty:
        return wanted, unwanted
    cell = max(1, -(-max(place.width, place.height) // SCRIBBLE_CELLS))
    at = place.relative_to(pixels.bounds_of(layer))
    buffer = layer.get_buffer()
    for top in range(cell // 2, at.height, cell):
        row = Gegl.Rectangle.new(at.x, at.y + top, at.width, 1)
        samples = bytes(buffer.get(row, 1.0, "R'G'B'A u8", Gegl.AbyssPolicy.NONE))
        for left in range(cell // 2, at.width, cell):
            red, green, blue, alpha = samples[4 * left : 4 * left + 4]
            if alpha > PAINTED:
                is_no = red - max(green, blue) > RED_OR_DARK or max(red, green, blue) < RED_OR_DARK
                (unwanted if is_no else wanted).append((place.x + left + 0.5, place.y + top + 0.5))
    return wanted, unwanted


def _spread(places: Sequence[Tuple[float, float]], include: bool) -> List[Point]:
    """Of the places, as many as are needed, as far from each other as can be; the first is near the middle of them."""
    if not places:
        return []
    centre = (sum(x for x, _ in places) / len(places), sum(y for _, y in places) / len(places))
    chosen = [min(places, key=lambda place: _away(place, centre))]
    distances = [_away(place, chosen[0]) for place in places]
    while len(chosen) < min(MOST_SCRIBBLED, len(places)):
        furthest = max(range(len(places)), key=distances.__getitem__)
        if distances[furthest] == 0:
            break
        chosen.append(places[furthest])
        distances = [min(old, _away(place, chosen[-1])) for old, place in zip(distances, places)]
    return [Point(x, y, include) for x, y in chosen]


def _away(one: Tuple[float, float], other: Tuple[float, float]) -> float:
    return (one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2
