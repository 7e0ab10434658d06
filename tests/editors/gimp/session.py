"""A real GIMP under the tests' control, with the plug-in installed as `scumble setup` does it."""

from __future__ import annotations

import contextlib
import json
import re
import select
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scumble_daemon.editors import Installation
from scumble_daemon.installer import install_plugin
from scumble_protocol.catalogue import Catalogue

from .. import chroot

HERE = Path(__file__).parent
START_S = 90
# No welcome, neither to a new user nor to a new version
GIMPRC = '(show-welcome-dialog no)\n(check-updates no)\n(config-version "99.0.0")\n'
QUIT_S = 10
CALL_S = 150
DTYPES = {"u8": np.uint8, "u16": np.uint16, "u32": np.uint32, "half": np.float16, "float": np.float32, "double": float}


class Gimp:
    """Calls the functions of `inside.py`, and turns samples into arrays on the way."""

    def __init__(self, connection: socket.socket, process: subprocess.Popen[str], home: Path) -> None:
        self._connection = connection
        self._stream = connection.makefile("rw", encoding="utf-8")
        self.process = process
        self.home = home
        self.errors = home / "stderr.txt"
        self._count = 0

    def begin(self, function: str, **arguments: Any) -> None:
        """Start a call whose end `finish` waits for, so that a dialog can be answered meanwhile."""
        self._stream.write(json.dumps({"call": function, "arguments": arguments}) + "\n")
        self._stream.flush()

    def finish(self) -> Any:
        assert select.select([self._connection], [], [], CALL_S)[0], f"GIMP did not answer within {CALL_S} s"
        line = self._stream.readline()
        assert line, f"GIMP went away: {self.errors.read_text('utf-8', 'replace')[-2000:]}"
        reply = json.loads(line)
        if "fault" in reply:
            raise RuntimeError(reply["fault"])
        return reply["value"]

    def has_finished(self) -> bool:
        """Whether `finish` would return at once."""
        return bool(select.select([self._connection], [], [], 0)[0])

    def call(self, function: str, **arguments: Any) -> Any:
        self.begin(function, **arguments)
        return self.finish()

    def run(self, operation: str, document: Mapping[str, Any], layer: int = -1, **arguments: Any) -> dict[str, Any]:
        """Call a procedure on one layer of a document: its status, error and values."""
        layers = [document["layers"][layer]]
        return self.call(
            "call", procedure=f"scumble-{operation}", image=document["image"], drawables=layers, **arguments
        )

    def file(self, suffix: str = ".raw") -> Path:
        """A new path that both sides can use."""
        self._count += 1
        return self.home / f"exchange-{self._count}{suffix}"

    def document(self, *layers: Mapping[str, Any], size: tuple[int, int], **options: Any) -> dict[str, Any]:
        """A new image of `size` (width, height). Layers, bottom first: name, pixels (H×W×C in its own type), x, y."""
        described = []
        for layer in layers:
            pixels = np.ascontiguousarray(layer["pixels"])
            path = self.file()
            path.write_bytes(pixels.tobytes())
            height, width, channels = pixels.shape
            place = {"x": layer.get("x", 0), "y": layer.get("y", 0), "alpha": channels in (2, 4)}
            described.append({"name": layer["name"], "width": width, "height": height, "file": str(path), **place})
        return self.call("document", width=size[0], height=size[1], layers=described, **options)

    def read(self, item: int, name: str = "") -> np.ndarray:
        """A drawable's own samples, H×W×C; or converted to the babl format `name`."""
        path = self.file()
        return _samples(path, self.call("read", id=item, file=str(path), name=name))

    def composite(self, document: Mapping[str, Any]) -> np.ndarray:
        """What the image shows, in its own samples."""
        path = self.file()
        return _samples(path, self.call("composite", image=document["image"], file=str(path)))

    def selection(self, document: Mapping[str, Any], size: tuple[int, int]) -> np.ndarray:
        """Coverage of the canvas of `size` (width, height): H×W float32."""
        path = self.file()
        self.call("selection", image=document["image"], file=str(path))
        return np.fromfile(path, np.float32).reshape(size[1], size[0])

    def tree(self, document: Mapping[str, Any]) -> list[dict[str, Any]]:
        return self.call("tree", image=document["image"])

    def stderr(self) -> str:
        return self.errors.read_text("utf-8", "replace")


def _samples(path: Path, described: Mapping[str, Any]) -> np.ndarray:
    kind = described["format"].partition("-")[0].partition(" ")[2] or "u8"  # an indexed format names none
    return np.fromfile(path, DTYPES[kind]).reshape(described["height"], described["width"], -1)


def install(home: Path, catalogue: Catalogue) -> Path:
    """Install the plug-in into the profile under `home`; its folder."""
    version = _minor_version(home)
    profile = home / ".config" / "GIMP" / version
    (profile / "plug-ins").mkdir(parents=True, exist_ok=True)
    (profile / "gimprc").write_text(GIMPRC, encoding="utf-8")
    installation = Installation("gimp", "native", profile, version=version)
    install_plugin(installation, catalogue=catalogue)
    return installation.plugin_folder


def _minor_version(home: Path) -> str:
    """Such as "3.0", which is also the name of GIMP's profile folder."""
    said = chroot.run(["gimp-console", "--version"], home).stdout
    found = re.search(r"\d+\.\d+", said)
    assert found, f"gimp-console does not tell its version: {said}"
    return found.group()


@contextlib.contextmanager
def running_gimp(home: Path, env: Mapping[str, str], desktop: chroot.Desktop | None = None) -> Iterator[Gimp]:
    """GIMP without a screen, or on `desktop`; ended afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="gimp-", dir="/tmp"))
    try:
        with socket.socket(socket.AF_UNIX) as listener, open(home / "stderr.txt", "w") as errors:
            listener.bind(str(folder / "socket"))
            listener.listen(1)
            listener.settimeout(START_S)
            program = ["gimp"] if desktop else ["gimp-console", "-i"]
            batch = f"exec(compile(open({str(HERE / 'driver.py')!r}).read(), 'driver.py', 'exec'))"
            options = ["--no-splash", "--quit", "--batch-interpreter=python-fu-eval", "-b", batch]
            inside = {"SCUMBLE_TEST_SOCKET": str(folder / "socket"), "SCUMBLE_TEST_INSIDE": str(HERE), **env}
            if desktop:
                inside = {**desktop.env, **inside}
            process = chroot.start([*program, *options], home, inside, errors=errors)
            try:
                connection, _ = listener.accept()
                with connection:
                    yield Gimp(connection, process, home)
                    connection.shutdown(socket.SHUT_RDWR)  # ends the batch script, and GIMP with it
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(QUIT_S)
            finally:
                chroot.end(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
