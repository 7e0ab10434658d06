"""Networks made quicker give what they gave before."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from scumble_daemon.models import loading
from scumble_daemon.models.lean import LeanBlock, make_lean
from spandrel.architectures.NAFNet import NAFNet
from torch import nn

from .. import checkpoints


def nafnet(attends: bool) -> nn.Module:
    """With every parameter drawn at random: a new NAFNet's own factors of zero would hide what its blocks do."""
    torch.manual_seed(7)
    net = NAFNet(width=8, middle_blk_num=1, enc_blk_nums=[1, 2], dec_blk_nums=[1, 1]).eval()
    for name, parameter in net.named_parameters():
        with torch.no_grad():
            parameter.copy_(torch.randn_like(parameter) * 0.3 + (0.5 if "norm" in name else 0))
            if ".sca." in name and name.endswith("weight") and not attends:
                parameter.zero_()
    return net


@pytest.mark.parametrize("attends", [True, False])
def test_a_lean_nafnet_gives_what_spandrels_gives(attends: bool) -> None:
    """Whether its attention depends on the picture, or is a constant that went into the weights."""
    net = nafnet(attends)
    lean = copy.deepcopy(net)
    make_lean(lean)
    blocks = [part for part in lean.modules() if isinstance(part, LeanBlock)]
    assert len(blocks) == 6
    assert all((block.attention is not None) == attends for block in blocks)
    picture = torch.rand(2, 3, 40, 56)
    with torch.inference_mode():
        before, after = net(picture), lean(picture)
    assert (before - picture).abs().max() > 0.1, "the network does something"
    assert torch.allclose(before, after, rtol=1e-4, atol=1e-4 * float(before.abs().max()))


def test_what_is_loaded_is_lean(tmp_path: Path) -> None:
    loaded = loading.load_file(checkpoints.save(checkpoints.nafnet(), tmp_path / "net.safetensors"))
    assert [type(part) for part in loaded.module.modules()].count(LeanBlock) == 3


def test_other_networks_stay_as_they_are() -> None:
    net = nn.Sequential(nn.Conv2d(3, 3, 3), nn.Sequential(nn.ReLU()))
    before = list(net.modules())
    make_lean(net)
    assert list(net.modules()) == before
