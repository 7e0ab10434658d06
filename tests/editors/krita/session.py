"""A real Krita under the tests' control, with the plug-in installed as `scumble setup` does it."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
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
START_S = 120
JOB_S = 200  # the first matting of a fresh installation compiles its loops
DTYPES = {"U8": np.uint8, "U16": np.uint16, "F16": np.float16, "F32": np.float32}
DESKTOP_FILE = """[Desktop Entry]
Type=Service
ServiceTypes=Krita/PythonPlugin
X-KDE-Library=scumble_test
Name=Scumble's tests
Comment=Lets the tests ask Krita things
"""


class KritaDied(AssertionError):
    """The process has ended, or does not answer."""


class Krita:
    """Calls the functions of `inside.py`, and turns samples into arrays on the way."""

    def __init__(self, connection: socket.socket, home: Path, desktop: chroot.Desktop) -> None:
        self._stream = connection.makefile("rw", encoding="utf-8")
        self.home = home
        self.desktop = desktop
        self.errors = home / "stderr.txt"
        self._count = 0
        self.is_alive = True

    def call(self, function: str, **arguments: Any) -> Any:
        try:
            self._stream.write(json.dumps({"call": function, "arguments": arguments}) + "\n")
            self._stream.flush()
            line = self._stream.readline()
        except OSError:
            line = ""
        if not line:
            self.is_alive = False
            raise KritaDied(f"in {function}: {self.stderr()[-3000:]}")
        reply = json.loads(line)
        if "fault" in reply:
            raise RuntimeError(reply["fault"])
        return reply["value"]

    @property
    def version(self) -> tuple[int, int]:
        """Such as (5, 2)."""
        major, minor = self.call("version").split(".")[:2]
        return int(major), int(minor)

    def file(self, suffix: str = ".raw") -> Path:
        """A new path that both sides can use."""
        self._count += 1
        return self.home / f"exchange-{self._count}{suffix}"

    # --- documents -----------------------------------------------------------------------------------------------

    def document(self, *layers: Mapping[str, Any], size: tuple[int, int], **colours: str) -> int:
        """A new document of `size` (width, height). Layers, bottom first: name, pixels (H×W×C, RGBA or GRAYA), x, y."""
        described = []
        for layer in layers:
            pixels = np.ascontiguousarray(_krita_order(layer["pixels"]))
            path = self.file()
            path.write_bytes(pixels.tobytes())
            height, width = pixels.shape[:2]
            place = {"x": layer.get("x", 0), "y": layer.get("y", 0), "width": width, "height": height}
            described.append({"name": layer["name"], "file": str(path), **place})
        number = self.call("new", width=size[0], height=size[1], layers=described, **colours)
        self.activate(number)
        self.call("composite", number=number, file=str(self.file()))  # everything is up to date from here on
        return number

    def activate(self, document: int, layer: str = "") -> None:
        """Bring a document to the front, and make a layer (the topmost) the active one."""
        if not self.call("is_in_front", number=document):
            self.call("bring_to_front", number=document)
            chroot.wait_until(lambda: self.call("is_in_front", number=document), "the document to come to the front")
        chroot.wait_until(lambda: self.call("choose", number=document, name=layer), f"the layer {layer} to be active")

    def close(self, document: int) -> None:
        self.call("close", number=document)

    def composite(self, document: int) -> np.ndarray:
        """What the document shows: H×W×C in its own samples."""
        path = self.file()
        return _samples(path, self.call("composite", number=document, file=str(path)))

    def read(self, document: int, name: str) -> tuple[np.ndarray, tuple[int, int]]:
        """A layer's own pixels over its bounds, and where they lie."""
        path = self.file()
        described = self.call("read", number=document, name=name, file=str(path))
        return _samples(path, described), (described["x"], described["y"])

    def mask(self, document: int, name: str, area: tuple[int, int, int, int]) -> np.ndarray | None:
        """H×W coverage of a layer's mask over x, y, width, height; None where it has no mask."""
        x, y, width, height = area
        path = self.file()
        place = {"x": x, "y": y, "width": width, "height": height}
        if self.call("mask_of", number=document, name=name, file=str(path), **place) is None:
            return None
        return np.fromfile(path, np.uint8).reshape(height, width)

    def tree(self, document: int) -> list[dict[str, Any]]:
        """Top-level nodes, bottom first."""
        return self.call("tree", number=document)

    def select(self, document: int, coverage: np.ndarray, x: int = 0, y: int = 0) -> None:
        path = self.file()
        path.write_bytes(np.ascontiguousarray(coverage, np.uint8).tobytes())
        height, width = coverage.shape
        self.call("select", number=document, x=x, y=y, width=width, height=height, file=str(path))

    def selection(self, document: int) -> np.ndarray | None:
        """Coverage of the canvas, uint8; None where nothing is selected."""
        path, described = self.file(), self.call("info", number=document)
        if not self.call("selection", number=document, file=str(path)):
            return None
        return np.fromfile(path, np.uint8).reshape(described["height"], described["width"])

    def undo(self) -> None:
        self.call("action", name="edit_undo")

    def redo(self) -> None:
        self.call("action", name="edit_redo")

    # --- jobs ----------------------------------------------------------------------------------------------------

    def start(self, title: str, **values: Any) -> int:
        """Pick an operation in the docker, set it, click Run; the job's number."""
        self.call("pick", title=title)
        self.call("defaults")
        self.call("fill", **values)
        number = self.call("click_run")
        assert number is not None, self.call("problem")
        return number

    def end(self, number: int) -> dict[str, Any]:
        """Wait for a job's end, and say what its row shows."""
        chroot.wait_until(lambda: self.call("job", number=number)["over"], f"job {number} to end", JOB_S)
        return self.call("job", number=number)

    def run(self, title: str, **values: Any) -> dict[str, Any]:
        return self.end(self.start(title, **values))

    def wait_for(self, number: int, words: str) -> dict[str, Any]:
        """Wait until a job's row says `words` as its stage."""
        chroot.wait_until(lambda: words in self.call("job", number=number)["stage"], f"job {number} to say «{words}»")
        return self.call("job", number=number)

    def stderr(self) -> str:
        return self.errors.read_text("utf-8", "replace")


def _krita_order(pixels: np.ndarray) -> np.ndarray:
    """Krita stores integer RGBA as BGRA."""
    if pixels.shape[2] == 4 and np.issubdtype(pixels.dtype, np.integer):
        return pixels[..., [2, 1, 0, 3]]
    return pixels


def _samples(path: Path, described: Mapping[str, Any]) -> np.ndarray:
    channels = 2 if described["model"] == "GRAYA" else 4
    pixels = np.fromfile(path, DTYPES[described["depth"]])
    return _krita_order(pixels.reshape(described["height"], described["width"], channels))


def install(home: Path, catalogue: Catalogue) -> Path:
    """Install the plug-in and the tests' driver into the profile under `home`; the plug-in's folder."""
    profile, settings = home / ".local" / "share" / "krita", home / ".config" / "kritarc"
    (profile / "pykrita" / "scumble_test").mkdir(parents=True)
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text("[python]\nenable_scumble_test=true\n", encoding="utf-8")
    # There is no graphics card here: drawing the canvas through OpenGL would take most of the time.
    (settings.parent / "kritadisplayrc").write_text("[General]\ncanvasState=OPENGL_FAILED\n", encoding="utf-8")
    (profile / "pykrita" / "scumble_test.desktop").write_text(DESKTOP_FILE, encoding="utf-8")
    shutil.copy(HERE / "driver.py", profile / "pykrita" / "scumble_test" / "__init__.py")
    installation = Installation("krita", "native", profile, settings)
    install_plugin(installation, catalogue=catalogue)
    return installation.plugin_folder


@contextlib.contextmanager
def running_krita(home: Path, env: Mapping[str, str], desktop: chroot.Desktop) -> Iterator[Krita]:
    """Krita on `desktop`, ended afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="krita-", dir="/tmp"))
    try:
        with socket.socket(socket.AF_UNIX) as listener, open(home / "stderr.txt", "a") as errors:
            listener.bind(str(folder / "socket"))
            listener.listen(1)
            listener.settimeout(START_S)
            told = {"SCUMBLE_TEST_SOCKET": str(folder / "socket"), "SCUMBLE_TEST_INSIDE": str(HERE / "inside.py")}
            process = chroot.start(["krita", "--nosplash"], home, {**desktop.env, **told, **env}, errors=errors)
            try:
                connection, _ = listener.accept()
                with connection:
                    session = Krita(connection, home, desktop)
                    session.call("show_docker", alone=True)
                    yield session
                    connection.shutdown(socket.SHUT_RDWR)  # the driver ends Krita
                    process.wait(10)
            finally:
                chroot.end(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
