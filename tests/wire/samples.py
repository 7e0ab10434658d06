"""One message, or several, of every kind: what the frames under `v1/` were recorded from.

A recording is never changed. To record something new, add a sample and run `python -m tests.wire.record`.
"""

from __future__ import annotations

import hashlib
import struct

from scumble_protocol.image import Bounds, Layer, Point, Raster, Reference, ReferenceLayer, SegmentSlice
from scumble_protocol.messages import (
    Accepted,
    Bye,
    Cancel,
    CancelFetch,
    Catalogue,
    Failure,
    Fetched,
    Fetching,
    FetchModel,
    Finish,
    Free,
    Freed,
    GetCatalogue,
    GetModels,
    GetStatus,
    Hello,
    Message,
    Models,
    Ping,
    Pong,
    Preview,
    Progress,
    Release,
    Removed,
    RemoveModel,
    Result,
    Status,
    Stop,
    Submit,
    Welcome,
)

ICC = b"not really an ICC profile, but bytes like any other"
WIDE = hashlib.sha256(ICC).hexdigest()

SMALL = Raster(Bounds(-3, 5, 2, 2), "u8", "BGRA", bytes(range(16)))
DEEP = Raster(Bounds(0, 0, 1, 2), "u16", "RGBA", struct.pack("<8H", *range(0, 65536, 8192)), WIDE)
FLOAT = Raster(Bounds(10, 20, 1, 1), "f32", "RGBA", struct.pack("<4f", 1.5, -0.25, 0.0, 1.0), WIDE)
HALF = Raster(Bounds(10, 20, 1, 1), "f16", "GRAYA", struct.pack("<2e", 0.5, 1.0))
SHARED = Raster(Bounds(-100, 0, 4096, 4096), "u8", "RGBA", SegmentSlice("c-1", 0, 4096 * 4096 * 4))
FEATHER = Raster(Bounds(-3, 5, 2, 2), "u8", "GRAY", bytes([0, 64, 128, 255]))
SHARED_MASK = Raster(Bounds(0, 0, 64, 64), "f32", "GRAY", SegmentSlice("w-2", 65536, 64 * 64 * 4))

RECIPE = {"operation": "remove_shadow", "version": 1, "parameters": {"strength": 0.8, "colour": True}, "seed": None}

MODEL = {
    "id": "denoise-realplksr",
    "title": "RealPLKSR, denoise",
    "operations": [{"id": "denoise", "title": "Denoise"}],
    "role": "extra",
    "state": "partial",
    "bytes": 29_574_410,
    "is_exact": True,
    "here_bytes": 8_388_608,
    "licence": "CC-BY-4.0",
    "licence_note": "Name its author.",
    "data_note": "Photos from the web",
    "note": "",
    "problem": "",
    "trouble": "example.org has stopped sending.",
    "questions": ["Licence: CC-BY-4.0. Name its author."],
    "is_usable": True,
    "fetching": {"stage": "fetching", "done_bytes": 8_388_608, "whole_bytes": 29_574_410},
}
FILE_OF_ONES_OWN = {"id": "mine.pth", "title": "mine.pth", "operations": [], "role": "own", "state": "broken"}

SAMPLES: dict[str, Message] = {
    "hello": Hello("hello-1", "a-token", "GIMP 3.0.4", segments=True, sandboxed=False),
    "hello-sandboxed": Hello("hello-1", "a-token", "Krita 5.2.9", segments=False, sandboxed=True),
    "ping": Ping("ping-2"),
    "get-catalogue": GetCatalogue("catalogue-3"),
    "get-status": GetStatus("status-4"),
    "submit-smallest": Submit("job-5", "identity", SMALL, Bounds(0, 0, 640, 480)),
    "submit-everything": Submit(
        "job-6",
        "select_object",
        DEEP,
        Bounds(0, 0, 640, 480),
        parameters={
            "strength": 0.5,
            "model": "auto",
            "edges": True,
            "count": 3,
            "nested": {"list": [1, 2.5, None, "é"]},
        },
        selection=FEATHER,
        points=(Point(0.5, 1.5), Point(100.25, -3.0, include=False)),
        box=Bounds(1, 2, 30, 40),
        reference=Reference("Tokyo.cube", b"LUT_3D_SIZE 2\n"),
        source="Hintergrund ✓",
        priority="preview",
        catalogue_digest="0" * 64,
        profiles={WIDE: ICC},
    ),
    "submit-with-layer": Submit(
        "job-16",
        "transfer_colour",
        SMALL,
        Bounds(0, 0, 640, 480),
        reference_layer=ReferenceLayer("sky ▸ évening", "harbour.xcf", DEEP),
        profiles={WIDE: ICC},
    ),
    "submit-shared": Submit("job-7", "identity", SHARED, Bounds(0, 0, 4096, 4096), priority="batch"),
    "submit-with-previews": Submit("job-17", "transfer_style", SMALL, Bounds(0, 0, 640, 480), previews=384),
    "cancel": Cancel("job-7"),
    "finish": Finish("job-17"),
    "release": Release("release-8", ("w-1", "w-2")),
    "stop": Stop("stop-9"),
    "free": Free("free-11"),
    "get-models": GetModels("models-12", watch=True),
    "fetch-model": FetchModel("fetch-13", "denoise-realplksr", agreed=True),
    "cancel-fetch": CancelFetch("cancel-14", "denoise-realplksr"),
    "remove-model": RemoveModel("remove-15", "denoise-realplksr"),
    "bye": Bye("bye-10"),
    "welcome": Welcome("hello-1", "4711-ab12cd34", "0.1.0", 4711, "/run/user/1000/scumble/segments/4711-ab", "1" * 64),
    "welcome-inline": Welcome("hello-1", "4711-ab12cd34", "0.1.0", 4711),
    "pong": Pong("ping-2"),
    "catalogue": Catalogue("catalogue-3", {"format": 1, "digest": "2" * 64, "operations": [{"id": "identity"}]}),
    "status": Status("status-4", {"version": "0.1.0", "queued": ["identity"], "uptime_s": 12.5}),
    "freed": Freed("free-11", ("SCUNet for real photos",), ("BiRefNet",), 71_982_841),
    "freed-nothing": Freed("free-11"),
    "models": Models("models-12", "/home/ada/.local/share/scumble/weights", (MODEL, FILE_OF_ONES_OWN)),
    "fetching": Fetching("fetch-13", "denoise-realplksr", "fetching", 8_388_608, 29_574_410),
    "fetching-unknown": Fetching("models-12", "denoise-realplksr", "waiting"),
    "fetched": Fetched("fetch-13", "denoise-realplksr"),
    "removed": Removed("remove-15", "denoise-realplksr", 29_574_410),
    "accepted": Accepted("job-6", 2),
    "progress": Progress("job-6", 0.375, "Matting"),
    "progress-unknown": Progress("job-6", -1, "Loading the model"),
    "preview": Preview("job-6", (Layer("Preview", SMALL),)),
    "preview-picture": Preview(
        "job-17", picture=Raster(Bounds(0, 0, 2, 1), "u8", "RGBA", bytes(range(8))), place=Bounds(-3, 5, 640, 320)
    ),
    "result-layers": Result(
        "job-6",
        (
            Layer("Colour", FLOAT, recipe=RECIPE),
            Layer("Light", HALF, mask=FEATHER, blend_mode="soft-light", opacity=0.75, recipe=RECIPE),
            Layer("Shared", SHARED, mask=SHARED_MASK, blend_mode="dodge"),
        ),
        group="Shadow removed",
        notes=("The selection crosses two materials.",),
        timings={"queue": 0.001, "run": 0.25},
    ),
    "result-document": Result(
        "job-6", (Layer("Upscaled ×2", SMALL, recipe=RECIPE),), group="Upscale", document=Bounds(-3, 5, 2, 1)
    ),
    "result-hidden": Result(
        "job-6", (Layer("By ear", SMALL), Layer("By eye", SMALL, opacity=0.5, visible=False)), group="Alternatives"
    ),
    "result-selection": Result("job-6", selection=FEATHER),
    "failure": Failure(
        "job-6", "missing-model", "The model scunet is not installed.", "`scumble weights fetch scunet`"
    ),
}
