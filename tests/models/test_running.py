"""A loaded network over pictures: seamless, finite, and never without a way out when memory is short."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scumble_daemon.models import devices, loading
from scumble_daemon.models.devices import CPU, Device
from scumble_daemon.models.running import Notes, RunningModel, half_precision
from scumble_protocol.errors import Invalid, OutOfMemory, Unsupported

from .. import checkpoints

RANDOM = np.random.default_rng(5)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("checkpoints")
    states = {"shift": checkpoints.nafnet(), "random": checkpoints.nafnet(seed=1), "up": checkpoints.compact(2)}
    return {name: checkpoints.save(state, folder / f"{name}.safetensors") for name, state in states.items()}


def running(file: Path, device: Device = CPU, bytes_per_pixel: int = 0) -> RunningModel:
    """`bytes_per_pixel`: said to be so many, which makes the tiles smaller."""
    loaded = loading.load_file(file)
    if bytes_per_pixel:
        network = replace(loaded.traits.network, bytes_per_pixel=bytes_per_pixel)
        loaded = replace(loaded, traits=replace(loaded.traits, network=network))
    return RunningModel(loaded, device, "Test")


def over(model: RunningModel, pixels: np.ndarray, notes: Notes | None = None, is_precise: bool = True) -> np.ndarray:
    rows: dict[int, np.ndarray] = {}
    model.over(pixels.shape[:2], lambda down, across: pixels[down, across], rows.__setitem__, notes, is_precise)
    return np.concatenate([rows[top] for top in sorted(rows)])


def picture(height: int = 300, width: int = 420) -> np.ndarray:
    return RANDOM.random((height, width, 3), np.float32) * 0.5 + 0.2


def test_a_real_network_in_tiles_gives_what_it_gives_in_one_piece(files: dict[str, Path]) -> None:
    """NAFNet without its average: tiles of some 300 pixels against the whole, in fp32."""
    pixels = picture(600, 800)
    whole = over(running(files["random"]), pixels)
    tiles = running(files["random"], bytes_per_pixel=devices.CPU_ACTIVATION_BYTES // (320 * 320))
    counted: list[float] = []
    result = over(tiles, pixels, Notes(report=counted.append))
    assert len(counted) > 6
    assert np.abs(whole - pixels).max() > 0.01, "the network does something"
    assert np.abs(result - whole).max() <= 1 / 255


def test_an_upscaler_and_odd_sizes(files: dict[str, Path]) -> None:
    """No size is too small or too odd, and every pixel's colour is where it was."""
    for size in ((1, 1), (7, 33), (50, 3)):
        pixels = picture(*size)
        result = over(running(files["up"]), pixels)
        assert np.abs(result - pixels.repeat(2, axis=0).repeat(2, axis=1)).max() < 1e-5


def test_a_result_that_is_not_finite_is_computed_again_in_full(files: dict[str, Path]) -> None:
    """Half precision overflows in some networks on some cards: seen at the first tile, said, and not tried again."""
    model, said, dtypes = running(files["shift"]), [], []
    call = model.loaded.call

    def overflowing(tensor: torch.Tensor) -> torch.Tensor:
        dtypes.append(torch.is_autocast_enabled("cpu"))
        return call(tensor) * (float("nan") if dtypes[-1] else 1)

    model.loaded.call = overflowing
    pixels = picture(64, 64)
    if half_precision(CPU, model.loaded.traits, True) is None:
        model.loaded.call = lambda tensor: call(tensor) * float("nan")
        with pytest.raises(Invalid, match="gives no colours"):
            over(model, pixels)
        return
    result = over(model, pixels, Notes(say=said.append))
    assert np.abs(result - pixels - checkpoints.SHIFT).max() < 1e-5
    assert dtypes == [True, False]
    assert said == ["Half precision is not enough for this model here: it is computed in full."]
    over(model, pixels)
    assert dtypes == [True, False, False]


def test_half_precision_only_where_the_document_cannot_tell(files: dict[str, Path]) -> None:
    """16-bit documents get fp32, but from networks whose last step adds the picture itself."""
    nafnet, upscaler = (running(files[name]).loaded.traits for name in ("shift", "up"))
    card = Device("cuda")
    assert half_precision(card, upscaler, is_precise=True) is None
    assert half_precision(card, upscaler, is_precise=False) is torch.float16
    assert half_precision(CPU, upscaler, is_precise=False) is None
    expected = torch.bfloat16 if devices.computes_bf16(CPU) else None
    assert half_precision(CPU, nafnet, is_precise=True) is expected


@dataclass(frozen=True)
class SmallCard(Device):
    """Stands for a GPU, since not every machine has one: computes on the processor, and has room for `room` pixels."""

    kind: str = "cpu"
    room: int = 0

    def __str__(self) -> str:
        return "cuda:0"

    @property
    def torch(self) -> torch.device:
        return torch.device("cpu")

    @property
    def is_gpu(self) -> bool:
        return True

    def activation_bytes(self) -> int:
        return 1 << 40

    def give_back(self) -> None:
        pass


def on_small_card(file: Path, room: int) -> RunningModel:
    model = running(file, SmallCard(room=room))
    call = model.loaded.call

    def limited(tensor: torch.Tensor) -> torch.Tensor:
        if isinstance(model.device, SmallCard) and tensor.shape[0] * tensor.shape[2] * tensor.shape[3] > room:
            raise torch.OutOfMemoryError
        return call(tensor)

    model.loaded.call = limited
    return model


def test_without_memory_others_go_then_tiles_get_smaller(files: dict[str, Path]) -> None:
    """Each step is said, and the result is the same."""
    said: list[str] = []
    model, pixels = on_small_card(files["shift"], 300 * 300), picture(700, 700)
    others = [True]
    result = over(model, pixels, Notes(say=said.append, make_room=lambda: bool(others and others.pop())))
    assert np.abs(result - pixels - checkpoints.SHIFT).max() < 1e-2
    assert said[0] == "Out of memory: the other models were let go."
    assert said[1].startswith("Out of memory: tiles of ")
    assert not any("processor" in sentence for sentence in said)


def test_without_any_memory_the_processor_computes(files: dict[str, Path]) -> None:
    """And the next job tries the card again."""
    said: list[str] = []
    model, pixels = on_small_card(files["shift"], 0), picture(100, 100)
    result = over(model, pixels, Notes(say=said.append))
    assert np.abs(result - pixels - checkpoints.SHIFT).max() < 1e-2
    assert said[-1] == "cuda:0 has no room for this: it is computed on the processor, which takes longer."
    assert isinstance(model.device, SmallCard)


def test_no_memory_anywhere_is_said(files: dict[str, Path]) -> None:
    model = running(files["shift"])

    def full(tensor: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory")

    model.loaded.call = full
    with pytest.raises(OutOfMemory, match="not enough memory for the model Test"):
        over(model, picture(64, 64))


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "", "cuda:1:2", "CPU"])
def test_names_of_devices_are_checked(name: str) -> None:
    with pytest.raises(Invalid, match=f"no device «{name}»"):
        devices.find(name)


def test_a_device_that_is_not_there() -> None:
    """The answer lists those that are."""
    with pytest.raises(Unsupported) as raised:
        devices.find("cuda:77")
    assert "cuda:77 is not there" in raised.value.message
    assert "'cpu'" in raised.value.hint
    assert devices.find("cpu") == CPU
    assert devices.find("auto").kind in ("cpu", "cuda", "mps", "xpu")
