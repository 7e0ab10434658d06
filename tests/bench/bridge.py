"""A 4096×4096 layer to the daemon and back: our way, beside memcpy (the limit) and HTTP + PNG + base64 (the peers')."""

from __future__ import annotations

import base64
import http.client
import http.server
import io
import threading
import time
from collections.abc import Callable

import numpy as np
from PIL import Image
from scumble_protocol.client import Client
from scumble_protocol.image import Bounds
from sklearn.datasets import load_sample_image

from ..daemon_process import running_daemon
from .table import Row, measured, median, milliseconds, show

SIDE_PX = 4096
AREA = Bounds(0, 0, SIDE_PX, SIDE_PX)
ROUNDS = 15


def photo() -> np.ndarray:
    """A photo's content at the size of a camera's: `china`, tiled; RGBA u8."""
    china = load_sample_image("china.jpg")
    times = (-(-SIDE_PX // china.shape[0]), -(-SIDE_PX // china.shape[1]), 1)
    rgb = np.tile(china, times)[:SIDE_PX, :SIDE_PX]
    return np.dstack([rgb, np.full((SIDE_PX, SIDE_PX), 255, np.uint8)])


class EchoHandler(http.server.BaseHTTPRequestHandler):
    """The peers' server: decodes the picture it is posted, and posts it back as it does its results."""

    compress_level = 1

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(body))))
        answer = to_base64_png(pixels, self.compress_level)
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        pass


def to_base64_png(pixels: np.ndarray, level: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=level)
    return base64.b64encode(stream.getvalue())


def over_http(pixels: np.ndarray) -> float:
    """Seconds for one round, the faster of two."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), EchoHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    taken = []
    for _ in range(2):
        started = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port)
        connection.request("POST", "/", to_base64_png(pixels, EchoHandler.compress_level))
        back = np.asarray(Image.open(io.BytesIO(base64.b64decode(connection.getresponse().read()))))
        taken.append(time.perf_counter() - started)
        assert back.shape == pixels.shape
    server.shutdown()
    return min(taken)


def round_trip(client: Client, pixels: np.ndarray) -> None:
    """What a plug-in does: write the layer into the client's memory, run, look at the result in place."""
    outgoing = client.raster(AREA, "u8", "RGBA")
    np.copyto(np.frombuffer(outgoing.memory, np.uint8), pixels.reshape(-1))
    result = client.run("identity", outgoing.raster, AREA)
    back = client.pixels(result.layers[0].raster)
    assert (back.nbytes, back[0], back[-1]) == (pixels.nbytes, pixels.reshape(-1)[0], 255)
    client.release(result)


def interleaved(acts: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each act, taken in turns so that a noisy machine treats them alike; two rounds warm up."""
    taken: dict[str, list[float]] = {name: [] for name in acts}
    for turn in range(rounds + 2):
        for name, act in acts.items():
            started = time.perf_counter()
            act()
            if turn >= 2:
                taken[name].append(time.perf_counter() - started)
    return taken


def main() -> str:
    pixels = photo()
    warm = np.ones_like(pixels)
    with (
        running_daemon() as daemon,
        daemon.client() as plain,
        daemon.client(transport="pyzmq") as pyzmq,
        daemon.client(segments=False) as inline,
    ):
        daemon.wait_for_worker()
        acts: dict[str, Callable[[], object]] = {
            "memcpy": lambda: np.copyto(warm, pixels),
            "segments": lambda: round_trip(plain, pixels),
            "pyzmq": lambda: round_trip(pyzmq, pixels),
        }
        taken = {name: median(values) for name, values in interleaved(acts, ROUNDS).items()}
        taken["inline"] = median(measured(lambda: round_trip(inline, pixels), 3))
    http_s = over_http(pixels)
    copy, ours = taken["memcpy"], taken["segments"]
    return show(
        f"{SIDE_PX} × {SIDE_PX} RGBA u8 ({pixels.nbytes >> 20} MiB) to the daemon and back, medians of {ROUNDS}",
        [
            Row("warm memcpy of the same bytes", milliseconds(copy)),
            Row(
                "Scumble, segments, our ZMTP (as in the editors)",
                f"{milliseconds(ours)} = {ours / copy:.1f}× memcpy",
                "≤ 4×",
            ),
            Row("Scumble, segments, pyzmq", f"{milliseconds(taken['pyzmq'])} = {taken['pyzmq'] / copy:.1f}× memcpy"),
            Row("Scumble, inline frames", f"{milliseconds(taken['inline'])} = {taken['inline'] / copy:.1f}× memcpy"),
            Row(
                "HTTP + PNG (fastest level) + base64, best of 2",
                f"{milliseconds(http_s)} = {http_s / ours:.0f}× Scumble",
                "Scumble ≥ 100× faster",
            ),
        ],
    )
