# pyright: reportMissingImports=false
"""What the tests do inside GIMP: make documents, call procedures, read everything back."""

import hashlib
import json
import struct

import gi

gi.require_version("Babl", "0.1")
gi.require_version("Gegl", "0.4")
gi.require_version("Gimp", "3.0")
from gi.repository import Babl, Gegl, Gimp, Gio, GLib  # noqa: E402


def document(width, height, precision="U8_NON_LINEAR", base="RGB", profile="", layers=()):
    """A new image; `layers`, bottom first: name, width, height, x, y, alpha, file (samples in the layer's format)."""
    image = Gimp.Image.new_with_precision(
        width, height, getattr(Gimp.ImageBaseType, base), getattr(Gimp.Precision, precision)
    )
    if profile:
        image.set_color_profile(Gimp.ColorProfile.new_from_file(Gio.File.new_for_path(profile)))
    made = [add_layer(image.get_id(), **layer) for layer in layers]
    if made:
        image.set_selected_layers([Gimp.Layer.get_by_id(made[-1])])
    return {"image": image.get_id(), "layers": made}


def add_layer(image, name, width, height, x=0, y=0, alpha=True, file="", parent=0, kind="layer"):
    image = Gimp.Image.get_by_id(image)
    if kind == "group":
        layer = Gimp.GroupLayer.new(image, name)
    elif kind == "text":
        layer = Gimp.TextLayer.new(image, name, Gimp.context_get_font(), 24, Gimp.Unit.pixel())
    else:
        types = Gimp.ImageType
        if image.get_base_type() == Gimp.ImageBaseType.GRAY:
            kind = types.GRAYA_IMAGE if alpha else types.GRAY_IMAGE
        else:
            kind = types.RGBA_IMAGE if alpha else types.RGB_IMAGE
        layer = Gimp.Layer.new(image, name, width, height, kind, 100, Gimp.LayerMode.NORMAL)
    image.insert_layer(layer, Gimp.GroupLayer.get_by_id(parent) if parent else None, 0)
    if kind != "group":
        layer.set_offsets(x, y)
    if file:
        with open(file, "rb") as stream:
            _set(layer, stream.read())
    return layer.get_id()


def item(id, method, arguments=()):
    """Call any method of a layer, mask or group."""
    return _plain(getattr(Gimp.Item.get_by_id(id), method)(*arguments))


def select(image, x, y, width, height, feather=0):
    image = Gimp.Image.get_by_id(image)
    Gimp.context_set_feather(feather > 0)
    Gimp.context_set_feather_radius(feather, feather)
    image.select_rectangle(Gimp.ChannelOps.REPLACE, x, y, width, height)


def select_nothing(image):
    Gimp.Selection.none(Gimp.Image.get_by_id(image))


def make_path(image, points):
    image = Gimp.Image.get_by_id(image)
    path = Gimp.Path.new(image, "clicks")
    image.insert_path(path, None, 0)
    numbers = [float(number) for x, y in points for number in (x, y) * 3]
    if numbers:
        path.stroke_new_from_points(Gimp.PathStrokeType.BEZIER, numbers, False)
    image.set_selected_paths([path])
    return path.get_id()


def remove_layer(image, layer):
    Gimp.Image.get_by_id(image).remove_layer(Gimp.Layer.get_by_id(layer))


def add_mask(layer, file):
    layer = Gimp.Layer.get_by_id(layer)
    mask = layer.create_mask(Gimp.AddMaskType.BLACK)
    layer.add_mask(mask)
    with open(file, "rb") as stream:
        _set(mask, stream.read())


def add_filter(layer, operation):
    layer = Gimp.Layer.get_by_id(layer)
    layer.append_filter(Gimp.DrawableFilter.new(layer, operation, operation))


def make_indexed(image):
    Gimp.Image.get_by_id(image).convert_indexed(
        Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.GENERATE, 8, False, False, ""
    )


def read(id, file, name=""):
    """Write a drawable's own samples, or those converted to the format `name`, to `file`; their format."""
    return _dump(Gimp.Item.get_by_id(id), file, name)


def composite(image, file):
    """Write the samples of what the image shows, in its own precision and profile, to `file`; their format.

    Of a duplicate, which GIMP has to draw from its layers. Of an image that is on the screen it gives what it has drawn
    there piece by piece: with 16 bits, that was seen to differ after an undo which had restored every layer.
    """
    drawn = Gimp.Image.get_by_id(image).duplicate()
    try:
        return _dump(Gimp.Layer.new_from_visible(drawn, drawn, "shown"), file)
    finally:
        drawn.delete()


def curve(image, precision, top, count):
    """The linear light of `count` values from 0 to `top`, encoded as `precision` is under the image's profile."""
    scale = Gimp.Image.new_with_precision(count, 1, Gimp.ImageBaseType.RGB, getattr(Gimp.Precision, precision))
    profile = Gimp.Image.get_by_id(image).get_color_profile()
    if profile:
        scale.set_color_profile(profile)
    ramp = Gimp.Layer.new(scale, "ramp", count, 1, Gimp.ImageType.RGBA_IMAGE, 100, Gimp.LayerMode.NORMAL)
    scale.insert_layer(ramp, None, 0)
    samples = [value for each in range(count) for value in [top * each / (count - 1)] * 3 + [1.0]]
    _set(ramp, struct.pack(f"{len(samples)}f", *samples))
    linear = Babl.get_name(Babl.format_with_space("RGBA float", ramp.get_format()))
    rectangle = Gegl.Rectangle.new(0, 0, count, 1)
    read = bytes(ramp.get_buffer().get(rectangle, 1.0, linear, Gegl.AbyssPolicy.NONE))
    scale.delete()
    return list(struct.unpack(f"{len(samples)}f", read)[::4])


def selection(image, file):
    """Write the selection's coverage of the canvas to `file`, one float a pixel; whether anything is selected."""
    image = Gimp.Image.get_by_id(image)
    rectangle = Gegl.Rectangle.new(0, 0, image.get_width(), image.get_height())
    with open(file, "wb") as stream:
        stream.write(image.get_selection().get_buffer().get(rectangle, 1.0, "Y float", Gegl.AbyssPolicy.NONE))
    return not Gimp.Selection.is_empty(image)


def tree(image):
    """Everything the layers dock shows, top first."""
    return [_describe(layer) for layer in Gimp.Image.get_by_id(image).get_layers()]


def selected_layers(image):
    return [layer.get_name() for layer in Gimp.Image.get_by_id(image).get_selected_layers()]


def arguments_of(procedure):
    """Name, type and default of every argument of a procedure, and its place in the menu."""
    found = Gimp.get_pdb().lookup_procedure(procedure)
    if found is None:
        return None
    described = []
    for argument in found.get_arguments():
        default = argument.get_default_value() if hasattr(argument, "get_default_value") else None
        described.append([argument.name, argument.value_type.name, default if _is_plain(default) else None])
    return {
        "arguments": described,
        "menu": list(found.get_menu_paths()),
        "label": found.get_menu_label(),
        "blurb": found.get_blurb(),
    }


def procedures():
    return list(Gimp.get_pdb().query_procedures("scumble-", *[""] * 7))


def call(procedure, image, drawables, mode="NONINTERACTIVE", **arguments):
    """Run a procedure: status, error text and returned values."""
    return _run(*_configured(procedure, image, drawables, mode, arguments))


def call_after_closing(procedure, image, drawables, closed, **arguments):
    """`call`, with an image closed between the choice of the arguments and the run."""
    configured = _configured(procedure, image, drawables, "NONINTERACTIVE", arguments)
    close(closed)
    return _run(*configured)


def _configured(procedure, image, drawables, mode, arguments):
    found = Gimp.get_pdb().lookup_procedure(procedure)
    config = found.create_config()
    config.set_property("image", Gimp.Image.get_by_id(image))
    config.set_core_object_array("drawables", [Gimp.Item.get_by_id(drawable) for drawable in drawables])
    config.set_property("run-mode", getattr(Gimp.RunMode, mode))
    for name, value in arguments.items():
        given = Gio.File.new_for_path(value) if name == "reference" else value
        if name in ("path", "not_path"):
            given = Gimp.Path.get_by_id(value)
        if name in ("reference_layer", "scribbles"):
            given = Gimp.Layer.get_by_id(value)
        config.set_property(name.replace("_", "-"), given)
    return found, config


def _run(found, config):
    returned = found.run(config)
    status = returned.index(0)
    said = Gimp.get_pdb().get_last_error() if status != Gimp.PDBStatusType.SUCCESS else ""
    values = [_plain(returned.index(each)) for each in range(1, returned.length())]
    return {"status": status.value_nick, "error": said, "values": values}


def script_fu(code):
    found = Gimp.get_pdb().lookup_procedure("plug-in-script-fu-eval")
    config = found.create_config()
    config.set_property("script", code)
    returned = found.run(config)
    return {"status": returned.index(0).value_nick, "error": Gimp.get_pdb().get_last_error()}


def about(image):
    """What a new image takes over from the one it was made of, and how it stands."""
    image = Gimp.Image.get_by_id(image)
    profile = image.get_color_profile()
    _, across, down = image.get_resolution()
    return {
        "size": [image.get_width(), image.get_height()],
        "precision": image.get_precision().value_nick,
        "base": image.get_base_type().value_nick,
        "profile": hashlib.sha256(bytes(profile.get_icc_profile())).hexdigest() if profile else "",
        "resolution": [across, down],
        "is_dirty": image.is_dirty(),
        "layers": [layer.get_id() for layer in image.get_layers()],
    }


def images():
    return [image.get_id() for image in Gimp.get_images()]


def set_resolution(image, across, down):
    Gimp.Image.get_by_id(image).set_resolution(across, down)


def clean(image):
    """As if it had just been saved."""
    Gimp.Image.get_by_id(image).clean_all()


def save(image, file):
    Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, Gimp.Image.get_by_id(image), Gio.File.new_for_path(file), None)


def load(file):
    return Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(file)).get_id()


def close(image):
    Gimp.Image.get_by_id(image).delete()


def show(image):
    """Open a window for the image; the display's id."""
    display = Gimp.Display.new(Gimp.Image.get_by_id(image))
    Gimp.displays_flush()
    return display.get_id()


def hide(display):
    """Close a window, and with its only window the image."""
    Gimp.Display.get_by_id(display).delete()


def _set(drawable, samples):
    width, height = drawable.get_width(), drawable.get_height()
    buffer = drawable.get_buffer()
    buffer.set(Gegl.Rectangle.new(0, 0, width, height), Babl.get_name(drawable.get_format()), samples)
    buffer.flush()
    drawable.update(0, 0, width, height)


def _dump(drawable, file, name=""):
    name = name or Babl.get_name(drawable.get_format())
    rectangle = Gegl.Rectangle.new(0, 0, drawable.get_width(), drawable.get_height())
    with open(file, "wb") as stream:
        stream.write(drawable.get_buffer().get(rectangle, 1.0, name, Gegl.AbyssPolicy.NONE))
    return {"format": name, "width": drawable.get_width(), "height": drawable.get_height()}


def _describe(layer):
    _, x, y = layer.get_offsets()
    parasite = layer.get_parasite("scumble-recipe")
    mask = layer.get_mask()
    return {
        "id": layer.get_id(),
        "name": layer.get_name(),
        "mode": layer.get_mode().value_nick,
        "blend_space": layer.get_blend_space().value_nick,
        "composite_space": layer.get_composite_space().value_nick,
        "opacity": layer.get_opacity(),
        "visible": layer.get_visible(),
        "bounds": [x, y, layer.get_width(), layer.get_height()],
        "mask": mask.get_id() if mask else 0,
        "recipe": json.loads(bytes(parasite.get_data()).decode()) if parasite else None,
        "children": [_describe(child) for child in layer.get_children()] if layer.is_group() else None,
    }


def _is_plain(value):
    return value is None or isinstance(value, (bool, int, float, str))


def _plain(value):
    if isinstance(value, (Gimp.Item, Gimp.Image)):
        return value.get_id()
    if hasattr(value, "value_nick"):
        return value.value_nick
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value if _is_plain(value) else repr(value)


GLib.set_prgname("scumble-tests")
