"""A model that the editors' daemon can fetch: a real checkpoint on a real web server, which asks for consent."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scumble_protocol.messages import Removed
from scumble_protocol.model_board import ModelBoard
from scumble_protocol.models import ModelEntry

from .. import checkpoints
from ..daemon_process import DaemonProcess, wait_until
from ..weights.conftest import as_toml, file_of, model_of
from ..weights.web_server import Served, WebServer, serving

ID, TITLE = "brighter-net", "Brighter, for photos taken in the dark"
FACTS = {
    "architecture": "NAFNet",
    "licence": "CC-BY-NC-4.0",
    "licence_note": "What it makes may not be sold.",
    "data_note": "A thousand photos of a garden at night, which their photographer has given for this",
    "opt_in": True,
}


@dataclass(frozen=True)
class Offered:
    served: Served
    web: WebServer
    folder: Path  # that it is installed into
    file: Path  # and the file, once it is there

    @property
    def part(self) -> Path:
        """What has come of it while it is fetched."""
        return self.folder.with_name(f"{ID}.part") / f"{self.file.name}.part"


@contextlib.contextmanager
def offered(daemon: DaemonProcess, scratch: Path) -> Iterator[Offered]:
    """Known to the daemon while the block is in."""
    body = checkpoints.save(checkpoints.nafnet(width=64), scratch / "brighter.safetensors").read_bytes()
    entries = daemon.home / "config" / "weights.toml"
    with serving() as web:
        served = web.serve("brighter.safetensors", body)
        file = file_of("brighter.safetensors", body, web.url("brighter.safetensors"))
        model = model_of(file, id=ID, title=TITLE, **FACTS)
        entries.write_text(as_toml(model), "utf-8")
        try:
            folder = daemon.home / "weights" / ID
            yield Offered(served, web, folder, folder / file.name)
        finally:
            with daemon.client() as client:
                client.models.cancel(ID)  # where a test ended in the middle of it
                client.models.remove(ID)
                wait_until(lambda: isinstance(client.poll(0.1), Removed), "the model to be removed")
            entries.unlink()
            wait_until(lambda: _find(daemon) is None, "every list to be without it")


def entry_of(daemon: DaemonProcess) -> ModelEntry:
    """The model as the daemon lists it."""
    found = _find(daemon)
    assert found is not None
    return found


def _find(daemon: DaemonProcess) -> ModelEntry | None:
    board = ModelBoard()
    with daemon.client() as client:
        client.models.watch()
        while not board.folder:
            board.take(client.poll(0.5), "")
    return board.find(ID)
