"""Published files of the networks that Scumble builds itself: their names, and their forms that are not torch's."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from .published import State

if TYPE_CHECKING:
    from scumble_daemon.models.architectures.dynamic_unet import DynamicUNet

FLOAT, RAW, BYTES, VARINT = 1, 9, 2, 0


class _Padded(nn.Module):
    """Mirrored at the edges, perhaps enlarged before, convolved."""

    def __init__(self, into: int, out: int, kernel: int, stride: int = 1, grows: int = 1) -> None:
        super().__init__()
        self.before = nn.Upsample(scale_factor=grows, mode="nearest")
        self.pad = nn.ReflectionPad2d(kernel // 2)
        self.conv2d = nn.Conv2d(into, out, kernel, stride)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return self.conv2d(self.pad(self.before(values)))


class _Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.in1 = _Padded(128, 128, 3), nn.InstanceNorm2d(128, affine=True)
        self.conv2, self.in2 = _Padded(128, 128, 3), nn.InstanceNorm2d(128, affine=True)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return self.in2(self.conv2(self.in1(self.conv1(values)).relu())) + values


class StyleNet(nn.Module):
    """As PyTorch's example of fast neural style has it, which the published files were exported from: its names, and
    its steps in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.in1 = _Padded(3, 32, 9), nn.InstanceNorm2d(32, affine=True)
        self.conv2, self.in2 = _Padded(32, 64, 3, stride=2), nn.InstanceNorm2d(64, affine=True)
        self.conv3, self.in3 = _Padded(64, 128, 3, stride=2), nn.InstanceNorm2d(128, affine=True)
        self.res1, self.res2, self.res3, self.res4, self.res5 = (_Block() for _ in range(5))
        self.deconv1, self.in4 = _Padded(128, 64, 3, grows=2), nn.InstanceNorm2d(64, affine=True)
        self.deconv2, self.in5 = _Padded(64, 32, 3, grows=2), nn.InstanceNorm2d(32, affine=True)
        self.deconv3 = _Padded(32, 3, 9)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        for step, norm in ((self.conv1, self.in1), (self.conv2, self.in2), (self.conv3, self.in3)):
            values = norm(step(values)).relu()
        for block in (self.res1, self.res2, self.res3, self.res4, self.res5):
            values = block(values)
        for step, norm in ((self.deconv1, self.in4), (self.deconv2, self.in5)):
            values = norm(step(values)).relu()
        return self.deconv3(values)


def as_onnx(state: State, file: Path) -> None:
    """A graph of the layers that have weights, with the nodes in between, as torch's exporter writes it."""
    file.write_bytes(onnx(state))


def onnx(state: State) -> bytes:
    nodes, flows = [], "input1"
    for weight in [name for name in state if name.endswith(".weight")]:
        if ".in" in f".{weight}":
            nodes.append(_node("InstanceNormalization", flows, weight, weight.replace("weight", "bias"), gives=weight))
            nodes.append(_node("Relu", weight, gives=f"{weight}.relu"))
            flows = f"{weight}.relu"
        else:
            nodes.append(_node("Pad", flows, gives=f"{weight}.pad"))
            nodes.append(_node("Conv", f"{weight}.pad", weight, weight.replace("weight", "bias"), gives=weight))
            flows = weight
    graph = b"".join(_field(1, node) for node in nodes)
    graph += b"".join(_field(5, _tensor(name, value)) for name, value in sorted(state.items()))
    return _field(1, 4) + _field(2, "pytorch") + _field(7, graph) + _field(8, _field(2, 9))  # IR 4, opset 9


def _node(operation: str, *inputs: str, gives: str) -> bytes:
    return b"".join(_field(1, name) for name in inputs) + _field(2, gives) + _field(4, operation)


def _tensor(name: str, value: torch.Tensor) -> bytes:
    dims = b"".join(_field(1, length) for length in value.shape)
    return dims + _field(2, FLOAT) + _field(8, name) + _field(RAW, value.numpy().tobytes())


def _field(number: int, value: Any) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3 | VARINT) + _varint(value)
    content = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | BYTES) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])


def vgg19() -> nn.Module:
    """As torchvision has it, classifier and all, without the seconds that its own random numbers take."""
    import torchvision

    with torch.device("meta"):
        network = torchvision.models.vgg19(weights=None)
    network.to_empty(device="cpu")
    for parameter in network.parameters():
        nn.init.normal_(parameter, 0, 0.02)
    return network


def adain_encoder() -> nn.Module:
    """The normalised VGG-19, a plain sequence up to relu5_4."""
    layers: list[nn.Module] = [nn.Conv2d(3, 3, 1)]
    into = 3
    for block, (out, count) in enumerate(((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))):
        layers += [nn.MaxPool2d(2, ceil_mode=True)] if block else []
        for _ in range(count):
            layers += [nn.ReflectionPad2d(1), nn.Conv2d(into, out, 3), nn.ReLU()]
            into = out
    return nn.Sequential(*layers)


def adain_decoder() -> nn.Module:
    layers: list[nn.Module] = []
    into = 512
    for out, grows in ((256, 1), (256, 0), (256, 0), (256, 0), (128, 1), (128, 0), (64, 1), (64, 0), (3, 0)):
        layers += [nn.ReflectionPad2d(1), nn.Conv2d(into, out, 3), nn.ReLU()]
        layers += [nn.Upsample(scale_factor=2)] if grows else []
        into = out
    return nn.Sequential(*layers[:-1])


def animegan2() -> nn.Module:
    from scumble_daemon.models.architectures.animegan2 import Generator

    return Generator()


def shadowformer(channels: int = 32, window: int = 10, blocks: int = 2, seed: int = 0) -> State:
    """The names and shapes of the authors' network with its defaults, random; what it gives is the picture and 0.2."""
    generator = torch.Generator().manual_seed(seed)
    state: State = {}

    def put(name: str, *shape: int, bias: bool = True) -> None:
        fan = max(1, math.prod(shape[1:]))
        state[f"{name}.weight"] = torch.randn(shape, generator=generator) / fan**0.5
        if bias:
            state[f"{name}.bias"] = torch.zeros(shape[0])

    def level(name: str, wide: int, heads: int) -> None:
        for index in range(blocks):
            block = f"{name}.blocks.{index}"
            for norm in ("norm1", "norm2"):
                state[f"{block}.{norm}.weight"], state[f"{block}.{norm}.bias"] = torch.ones(wide), torch.zeros(wide)
            if heads:
                table = (2 * window - 1) ** 2
                state[f"{block}.attn.relative_position_bias_table"] = torch.randn(table, heads, generator=generator)
                state[f"{block}.attn.relative_position_index"] = torch.zeros(window**2, window**2, dtype=torch.long)
                put(f"{block}.attn.qkv.to_q", wide, wide)
                put(f"{block}.attn.qkv.to_kv", 2 * wide, wide)
                put(f"{block}.attn.proj", wide, wide)
            put(f"{block}.mlp.linear1.0", 4 * wide, wide)
            put(f"{block}.mlp.dwconv.0", 4 * wide, 1, 3, 3)
            put(f"{block}.mlp.linear2.0", wide, 4 * wide)
            put(f"{block}.CAB.CA.conv_du.0", wide // 4, wide, 1, 1, bias=False)
            put(f"{block}.CAB.CA.conv_du.2", wide, wide // 4, 1, 1, bias=False)
            put(f"{block}.CAB.body.0", wide, wide, 3, 3, bias=False)
            state[f"{block}.CAB.body.1.weight"] = torch.full((1,), 0.25)
            put(f"{block}.CAB.body.2", wide, wide, 3, 3, bias=False)

    put("input_proj.proj.0", channels, 4, 3, 3)
    put("output_proj.proj.0", 3, 2 * channels, 3, 3)
    state["output_proj.proj.0.weight"].zero_()
    state["output_proj.proj.0.bias"].fill_(0.2)
    for index, heads in enumerate((0, 0, 4)):
        wide = channels * 2**index
        level(f"encoderlayer_{index}", wide, heads)
        put(f"dowsample_{index}.conv.0", 2 * wide, wide, 4, 4)
    level("conv", 8 * channels, 16)
    for index, (into, heads) in enumerate(((8, 8), (8, 0), (4, 0))):
        deep = channels * 2 ** (3 - index)
        put(f"upsample_{index}.deconv.0", into * channels, deep // 2, 2, 2)
        state[f"upsample_{index}.deconv.0.bias"] = torch.zeros(deep // 2)
        level(f"decoderlayer_{index}", deep, heads)
    return state


def painter(seed: int = 0) -> nn.Module:
    """Of the shape that ships, whose styles do something, each another thing."""
    from scumble_daemon.models.architectures.painter import STYLES, Painter

    torch.manual_seed(seed)
    network = Painter(STYLES)
    for name, value in network.named_parameters():
        if name.endswith((".scale", ".shift")):
            nn.init.normal_(value, float(name.endswith(".scale")), 0.3)
    return network.eval()


def dynamic_unet(encoder: str = "small", styles: int = 1, seed: int = 0) -> DynamicUNet:
    """A dynamic U-Net that has been in use for a while: what it adds, and what it has averaged, is not nothing."""
    from scumble_daemon.models.architectures.dynamic_unet import DynamicUNet

    torch.manual_seed(seed)
    network = DynamicUNet(encoder, styles, width=32)
    for name, value in network.named_parameters():
        if name.endswith((".scale", ".shift")):
            nn.init.normal_(value, float(name.endswith(".scale")), 0.3)
        if name.endswith("conv2.weight") and encoder == "small":
            nn.init.kaiming_normal_(value)
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            assert part.running_mean is not None
            assert part.running_var is not None
            nn.init.uniform_(part.running_mean, -0.2, 0.2)
            nn.init.uniform_(part.running_var, 0.5, 2)
            nn.init.uniform_(part.weight, 0.5, 1.5)
    return network.eval()
