"""Every message of the protocol, each declared once with the limits that decoding enforces.

PROTOCOL.md is the normative text; this module is its executable form. A field's codec (see `fields`) turns it
into plain msgpack values and back, and refuses what lies outside the limits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Optional, Tuple, Union

from .errors import ScumbleError
from .fields import (
    blob_map,
    boolean,
    bounds,
    choice,
    integer,
    layers,
    number,
    plain,
    points,
    raster,
    reference,
    reference_layer,
    tables,
    text,
    texts,
)
from .image import Bounds, Layer, Point, Raster, Reference, ReferenceLayer

VERSION = 1
NOTHING_WARM = "No model was kept warm."
PRIORITIES = ("preview", "interactive", "batch")
MOST_PREVIEW_PX = 4096


# --- from a client -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Hello:
    """Opens a session. `segments`: the client shares the daemon's file system and wants memory-mapped pixels."""

    id: str = text()
    token: str = text()
    client: str = text(default="")
    segments: bool = boolean(default=True)
    sandboxed: bool = boolean(default=False)


@dataclass(frozen=True)
class Ping:
    id: str = text()


@dataclass(frozen=True)
class GetCatalogue:
    id: str = text()


@dataclass(frozen=True)
class GetStatus:
    id: str = text()


@dataclass(frozen=True)
class Submit:
    """One job, whole: nothing is asked back."""

    id: str = text()
    operation: str = text()
    image: Raster = raster()
    canvas: Bounds = bounds()
    parameters: Dict[str, Any] = plain(default={})
    selection: Optional[Raster] = raster(optional=True)
    points: Tuple[Point, ...] = points()
    box: Optional[Bounds] = bounds(optional=True)
    reference: Optional[Reference] = reference()
    reference_layer: Optional[ReferenceLayer] = reference_layer()  # instead of a file
    source: str = text(default="")  # the layer's name, for the recipe and for messages
    priority: str = choice(PRIORITIES, default="interactive")
    catalogue_digest: str = text(default="")
    profiles: Dict[str, bytes] = blob_map()  # ICC bytes by digest, each sent once a session
    previews: int = integer(0, MOST_PREVIEW_PX, default=0)  # their longest side in pixels; 0: nobody looks

    @property
    def rasters(self) -> Tuple[Raster, ...]:
        """All that the job is given to read."""
        layer = self.reference_layer
        given = (self.image, self.selection, None if layer is None else layer.raster)
        return tuple(each for each in given if each is not None)


@dataclass(frozen=True)
class Cancel:
    id: str = text()


@dataclass(frozen=True)
class Finish:
    """The artist has seen enough: end the job soon, with a Result of what there is so far."""

    id: str = text()


@dataclass(frozen=True)
class Release:
    """The client has read these result segments; the daemon may write into them again."""

    id: str = text()
    segments: Tuple[str, ...] = texts()


@dataclass(frozen=True)
class Free:
    """Let go of the warm models, so that other programs get the memory; the next job loads its model again."""

    id: str = text()


@dataclass(frozen=True)
class GetModels:
    """Ask which models there are; with `watch`, hear from then on of all that changes."""

    id: str = text()
    watch: bool = boolean(default=False)


@dataclass(frozen=True)
class FetchModel:
    """Have a model fetched. `agreed`: the artist was asked the model's questions, and said yes."""

    id: str = text()
    model: str = text()
    agreed: bool = boolean(default=False)


@dataclass(frozen=True)
class CancelFetch:
    """End the fetch of a model, for everybody who wants it; what has come is kept."""

    id: str = text()
    model: str = text()


@dataclass(frozen=True)
class RemoveModel:
    """Delete a model that was fetched, and what has come of it so far."""

    id: str = text()
    model: str = text()


@dataclass(frozen=True)
class Stop:
    """Ask the daemon to end, as `scumble stop` does."""

    id: str = text()


@dataclass(frozen=True)
class Bye:
    """Closes the session: its jobs are dropped and its segments deleted."""

    id: str = text()


# --- from the daemon ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Welcome:
    """`segments`: the session's folder for memory-mapped pixels, or "" where pixels travel inline."""

    id: str = text()
    session: str = text()
    version: str = text()  # of the daemon's package
    pid: int = integer(0, 1 << 32)
    segments: str = text(default="")
    catalogue_digest: str = text(default="")


@dataclass(frozen=True)
class Pong:
    id: str = text()


@dataclass(frozen=True)
class Catalogue:
    id: str = text()
    catalogue: Dict[str, Any] = plain()


@dataclass(frozen=True)
class Status:
    id: str = text()
    status: Dict[str, Any] = plain()


@dataclass(frozen=True)
class Freed:
    """`models`: titles of what is let go now, `bytes` in all · `in_use`: of what a running job lets go at its end."""

    id: str = text()
    models: Tuple[str, ...] = texts()
    in_use: Tuple[str, ...] = texts()
    bytes: int = integer(0, 1 << 50, default=0)

    @property
    def words(self) -> str:
        """For the artist."""
        said = []
        if self.models:
            said.append(f"Let go: {', '.join(self.models)} ({self.bytes / 1e6:,.1f} MB).")
        said += [f"In use, let go when its job ends: {title}." for title in self.in_use]
        return " ".join(said) or NOTHING_WARM


@dataclass(frozen=True)
class Models:
    """`folder`: where fetched models lie · `models`: a table each, as section 10 of PROTOCOL.md has it."""

    id: str = text()
    folder: str = text()
    models: Tuple[Dict[str, Any], ...] = tables()


@dataclass(frozen=True)
class Fetching:
    """How far a fetch is. `stage`: "waiting" for another program that fetches it | "fetching" | "checking"; the bytes
    are the whole model's, `whole_bytes` -1 where nobody knows them."""

    id: str = text()
    model: str = text()
    stage: str = text(default="fetching")
    done_bytes: int = integer(0, 1 << 50, default=0)
    whole_bytes: int = integer(-1, 1 << 50, default=-1)


@dataclass(frozen=True)
class Fetched:
    """The model is installed, and every byte of it was checked."""

    id: str = text()
    model: str = text()


@dataclass(frozen=True)
class Removed:
    """`bytes`: what is free now, 0 where the model was not there."""

    id: str = text()
    model: str = text()
    bytes: int = integer(0, 1 << 50, default=0)


@dataclass(frozen=True)
class Accepted:
    """The job is queued; `position` jobs run or wait before it."""

    id: str = text()
    position: int = integer(0, 1 << 20, default=0)


@dataclass(frozen=True)
class Progress:
    """`fraction`: 0 to 1, or -1 where it cannot be known · `stage`: a few words for the artist."""

    id: str = text()
    fraction: float = number(-1, 1)
    stage: str = text(default="")


@dataclass(frozen=True)
class Preview:
    """An early look at the result; may come any number of times, each replaces the one before.

    `picture`: what the layer looks like by now, reduced and in sRGB, to be shown and not to be inserted · `place`:
    where in the image that lies."""

    id: str = text()
    layers: Tuple[Layer, ...] = layers()
    picture: Optional[Raster] = raster(optional=True)
    place: Optional[Bounds] = bounds(optional=True)


@dataclass(frozen=True)
class Result:
    """The end of a job. `group`: the name of the group the layers belong in · `document`: the canvas of the new
    document that they belong in instead · `notes`: sentences for the artist · `timings`: seconds by stage
    (queue, run, operation, load, network)."""

    id: str = text()
    layers: Tuple[Layer, ...] = layers()
    selection: Optional[Raster] = raster(optional=True)
    group: str = text(default="")
    document: Optional[Bounds] = bounds(optional=True)
    notes: Tuple[str, ...] = texts()
    timings: Dict[str, Any] = plain(default={})


@dataclass(frozen=True)
class Failure:
    """The end of a job, or of any other request, that could not be done. Nothing was changed."""

    id: str = text()
    code: str = text()
    message: str = text()
    hint: str = text(default="")

    @staticmethod
    def of(id: str, error: ScumbleError) -> Failure:
        """The end of the request `id` by an error."""
        return Failure(id, error.code, error.message, error.hint)


FromClient = Union[
    Hello,
    Ping,
    GetCatalogue,
    GetStatus,
    Submit,
    Cancel,
    Finish,
    Release,
    Free,
    GetModels,
    FetchModel,
    CancelFetch,
    RemoveModel,
    Stop,
    Bye,
]
FromDaemon = Union[
    Welcome,
    Pong,
    Catalogue,
    Status,
    Freed,
    Models,
    Fetching,
    Fetched,
    Removed,
    Accepted,
    Progress,
    Preview,
    Result,
    Failure,
]
Message = Union[FromClient, FromDaemon]

TYPES = {
    "hello": Hello,
    "ping": Ping,
    "get-catalogue": GetCatalogue,
    "get-status": GetStatus,
    "submit": Submit,
    "cancel": Cancel,
    "finish": Finish,
    "release": Release,
    "free": Free,
    "get-models": GetModels,
    "fetch-model": FetchModel,
    "cancel-fetch": CancelFetch,
    "remove-model": RemoveModel,
    "stop": Stop,
    "bye": Bye,
    "welcome": Welcome,
    "pong": Pong,
    "catalogue": Catalogue,
    "status": Status,
    "freed": Freed,
    "models": Models,
    "fetching": Fetching,
    "fetched": Fetched,
    "removed": Removed,
    "accepted": Accepted,
    "progress": Progress,
    "preview": Preview,
    "result": Result,
    "failure": Failure,
}
NAMES = {kind: name for name, kind in TYPES.items()}
