"""Every network that can be trained from pairs gets nearer to them, and an interrupted one goes on where it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load as tensors_of
from scumble_daemon.models.architectures import dynamic_unet, pix2pix
from scumble_daemon.models.architectures.vgg19 import VGG19
from scumble_daemon.models.devices import CPU
from scumble_daemon.training import domain, losses
from scumble_daemon.training.adversary import PatchGAN
from scumble_daemon.training.pairs import Pictures, find
from scumble_protocol.errors import Invalid

from .pairs_folder import written

SMALL = domain.Plan(domain.DYNAMIC, "small", steps=60, crop_px=64, batch=2, seed=3, precision="full")
UNET = replace(SMALL, network=domain.UNET, batch=1, width=8, steps=150, rate=2e-3)
RESNET = replace(UNET, network=domain.RESNET)
PLANS = pytest.mark.parametrize("plan", [SMALL, UNET, RESNET], ids=lambda plan: plan.network)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    return Pictures(find(written(tmp_path_factory.mktemp("pairs"), 6)).pairs)


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setattr(domain, "WARM_UP", 5)
    yield
    torch.set_num_threads(before)


def apprentice(plan: domain.Plan, loss: losses.Loss = losses.edges_and_scales) -> domain.Apprentice:
    return domain.Apprentice(plan, domain.network(plan), loss, CPU, keep_every_s=0.0)


def ignore(*_: object) -> None:
    pass


@PLANS
def test_it_gets_nearer_to_what_is_wanted(pictures: Pictures, plan: domain.Plan) -> None:
    """In the colours that it has to swap; the ResNet, which normalises a crop's own colours away at once, by less."""
    learning = apprentice(plan)
    before = learning.judge(pictures)
    learning.learn(pictures, plan.steps, ignore, ignore)
    after = learning.judge(pictures)
    assert after < (0.85 if plan.network == domain.RESNET else 0.67) * before
    assert learning.history.judged == [(0, before), (plan.steps, after)]
    assert len(learning.history.losses) == plan.steps
    third = plan.steps // 3  # single crops differ more than what is learned between them
    assert np.mean(learning.history.losses[-third:]) < np.mean(learning.history.losses[:third])


@PLANS
def test_an_interrupted_one_goes_on_where_it_was(pictures: Pictures, plan: domain.Plan) -> None:
    """To the same weights, losses and critic, from what was kept; dropout included."""
    whole, cut, again = apprentice(plan), apprentice(plan), apprentice(plan)
    whole.learn(pictures, 5, ignore, ignore)
    kept: list[bytes] = []
    cut.learn(pictures, 3, ignore, kept.append)
    assert len(kept) == 3
    again.take_up(kept[-1])
    assert again.done == 3
    again.learn(pictures, 5, ignore, ignore)
    assert again.file() == whole.file()
    assert again.history == whole.history
    assert again.state() == whole.state()


@PLANS
def test_measuring_its_speed_teaches_it_nothing(pictures: Pictures, plan: domain.Plan) -> None:
    learning = apprentice(plan)
    before = learning.state()
    assert learning.seconds_a_step(pictures, tries=1) > 0
    assert learning.state() == before


@PLANS
def test_the_file_is_what_was_learned(pictures: Pictures, plan: domain.Plan) -> None:
    """It loads as its architecture does, and makes the picture that was shown; of any size."""
    learning = apprentice(plan)
    learning.learn(pictures, 3, ignore, ignore)
    given = pictures[0][0][:77, :70]
    shown = learning.show(given)
    state = tensors_of(learning.file())
    assert shown.shape == given.shape
    tensor = domain.tensor([given])
    with torch.inference_mode():
        if plan.network == domain.DYNAMIC:
            made = dynamic_unet.of_state(state)(tensor)
        else:
            net = pix2pix.built({name: value.float() for name, value in state.items()}).eval()
            multiple = 2**net.depth if isinstance(net, pix2pix.UNet) else 4
            more = (0, -70 % multiple, 0, -77 % multiple)
            made = (net(torch.nn.functional.pad(tensor, more, mode="replicate") * 2 - 1) + 1) / 2
    made = (made[0, :, :77, :70].permute(1, 2, 0).clamp(0, 1).numpy() * 255 + 0.5).astype(np.uint8)
    assert np.abs(made.astype(int) - shown).max() <= 3  # it holds half precision


def test_the_largest_encoders_learn_too(pictures: Pictures) -> None:
    """ResNet-18 beside its decoder; an encoder that has learned before goes on more slowly."""
    plan = replace(SMALL, encoder="resnet18", steps=2)
    fresh, pretrained = apprentice(plan), apprentice(plan)
    pretrained.is_pretrained = True
    moved = []
    for learning in (fresh, pretrained):
        before = {name: value.clone() for name, value in learning.net.state_dict().items()}
        learning.step(pictures)
        after = learning.net.state_dict()
        moved.append(
            [float((after[name] - before[name]).abs().max()) for name in ("encoder.conv1.weight", "last1.weight")]
        )
    assert moved[1][0] == pytest.approx(moved[0][0] * domain.ENCODER_RATE, rel=0.2)
    assert moved[1][1] == pytest.approx(moved[0][1], rel=0.2)


def test_in_half_precision_it_learns_as_well(pictures: Pictures) -> None:
    """Weights stay in fp32; the steps are computed in bf16."""
    learning = apprentice(SMALL)
    learning.half = torch.bfloat16
    before = learning.judge(pictures)
    learning.learn(pictures, SMALL.steps, ignore, ignore)
    assert learning.judge(pictures) < 0.8 * before
    assert {value.dtype for value in learning.net.parameters()} == {torch.float32}


def test_a_training_that_comes_apart_says_so(pictures: Pictures) -> None:
    learning = apprentice(SMALL, lambda made, wanted: (made - wanted).mean() * float("nan"))
    with pytest.raises(Invalid, match="came apart at step 1") as raised:
        learning.step(pictures)
    assert "lower --rate" in raised.value.hint


def test_the_networks_are_those_of_the_article() -> None:
    """By their numbers of parameters, which it gives; and a U-Net for smaller crops has fewer levels."""
    counts = {
        name: sum(each.numel() for each in domain.network(domain.Plan(name, crop_px=256)).parameters())
        for name in (domain.UNET, domain.RESNET)
    }
    assert counts[domain.UNET] // 1000 == 54_413
    assert counts[domain.RESNET] // 1000 == 7_841
    smaller = domain.network(replace(UNET, crop_px=128))
    assert isinstance(smaller, pix2pix.UNet)
    assert smaller.depth == 7
    with pytest.raises(Invalid, match="crops of 100"):
        domain.network(replace(UNET, crop_px=100))


def test_the_critic_sees_70_pixels() -> None:
    """One of its verdicts depends on so many, and on no more. (Its normalisations, which see all, are left out.)"""
    critic = PatchGAN(4)
    for index, part in enumerate(critic.layers):
        if isinstance(part, torch.nn.InstanceNorm2d):
            critic.layers[index] = torch.nn.Identity()
    shown = torch.rand(1, 3, 142, 142, requires_grad=True)
    verdict = critic(torch.rand(1, 3, 142, 142), shown)
    verdict[0, 0, verdict.shape[2] // 2, verdict.shape[3] // 2].backward()
    assert shown.grad is not None
    seen = shown.grad[0].abs().sum(0)
    assert int((seen.sum(0) > 0).sum()) == int((seen.sum(1) > 0).sum()) == 70


def test_losses_are_nothing_for_the_same_and_grow_with_the_difference() -> None:
    """Perceptual, through VGG-19's layers, and without it; both say where to go."""
    torch.manual_seed(0)
    wanted = torch.rand(1, 3, 64, 64)
    for loss in (losses.edges_and_scales, losses.Perceptual(VGG19().eval())):
        assert float(loss(wanted, wanted)) == 0
        near, far = (wanted.lerp(torch.rand_like(wanted), share).requires_grad_() for share in (0.2, 0.8))
        distance = loss(far, wanted)
        assert float(distance.detach()) > float(loss(near, wanted).detach()) > 0
        distance.backward()
        assert far.grad is not None
        assert float(((far - wanted).detach() * far.grad).sum()) > 0


def test_the_perceptual_loss_is_l1_and_its_layers() -> None:
    """Computed by hand from what VGG-19 gives."""
    torch.manual_seed(0)
    eyes = VGG19().eval()
    made, wanted = torch.rand(1, 3, 48, 48), torch.rand(1, 3, 48, 48)
    names = [name for name, _ in losses.LAYERS]
    ours, theirs = eyes(made, names), eyes(wanted, names)
    seen = sum(share * (ours[name] - theirs[name]).abs().mean() for name, share in losses.LAYERS)
    expected = (made - wanted).abs().mean() + losses.PERCEIVED * seen
    assert torch.allclose(losses.Perceptual(eyes)(made, wanted), expected)


def test_another_plan_or_another_picture_is_another_training(pictures: Pictures, tmp_path: Path) -> None:
    others = Pictures(find(written(tmp_path, 5)).pairs)
    keys = {
        domain.key(SMALL, pictures),
        domain.key(replace(SMALL, steps=61), pictures),
        domain.key(SMALL, others),
        domain.key(SMALL, pictures, b"another file to begin from"),
    }
    assert len(keys) == 4
    assert domain.key(SMALL, pictures) in keys
