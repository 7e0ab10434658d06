"""`scumble train domain`: a folder of pairs becomes a network that turns the one kind of picture into the other."""

from __future__ import annotations

import hashlib
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scumble_protocol.errors import Invalid, OutOfMemory

from . import config
from .training_run import TELL_S, Run

if TYPE_CHECKING:
    import torch

    from .models.devices import Device
    from .training.domain import Apprentice, Plan
    from .training.losses import Loss
    from .training.pairs import Pictures, Problem

MOST_TOLD = 8  # of a folder's problems, one by one
EARLY = (10, 25, 50)  # steps after which samples are made; then after each doubling
SHOWN = 6  # pairs of a sheet
SAMPLED = 3
JUDGED = 50  # times in all
SHEET, PLOT, SAMPLES = "validation.png", "loss.png", "samples"


@dataclass(frozen=True)
class Wish:
    """What the artist has said; "" and 0 are left to what the device can do. Files: to begin from."""

    folder: Path
    name: str
    network: str = ""
    encoder: str = ""
    steps: int = 0
    crop_px: int = 0
    batch: int = 0
    seed: int = 0
    rate: float = 0.0
    zoom: float = 4.0
    is_reversed: bool = False
    in_full: bool = False
    out: Path | None = None
    encoder_from: Path | None = None
    start_from: Path | None = None
    keep_every_s: float = 180.0


class DomainRun(Run):
    def __init__(self, wish: Wish, replace: bool, as_json: bool) -> None:
        """Raises: Invalid, Internal."""
        name = wish.name or wish.folder.resolve().name
        super().__init__("model", name, replace, as_json)
        self._wish = wish
        self._out = wish.out or wish.folder.resolve().parent / f"{self.name}-training"

    def run(self) -> None:
        """Raises: Invalid, OutOfMemory, Internal."""
        self.say("starting", f"Looking at the pairs in {self._wish.folder}…")
        pictures = self._pictures()
        from .models import devices
        from .models.computing import is_out_of_memory
        from .training import domain

        learned, held = pictures.parted(domain.held_of(len(pictures)), self._wish.seed)
        device = devices.find(config.read().devices[0])
        start = _Start(self._wish)
        plan = _plan(self._wish, start, device)
        net = start.begin(domain.network(plan), plan)
        loss = self._loss(plan, device)
        apprentice = domain.Apprentice(plan, net, loss, device, self._wish.keep_every_s)
        apprentice.is_pretrained = self._wish.encoder_from is not None
        self._tell(plan, apprentice, len(learned), len(held), device)
        judging = held if len(held) else learned.first(domain.MOST_HELD)
        gallery = _Gallery(self, apprentice, plan, judging, is_held=bool(len(held)))
        try:
            key = domain.key(plan, learned, start.digest, type(loss).__name__.encode())
            self.train(apprentice, learned, plan.steps, key, gallery.after)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            raise OutOfMemory(
                f"There is not enough memory to train on {plan.batch} crops of {plan.crop_px} pixels at a time.",
                "Take a smaller --batch or --crop, or a smaller network.",
            ) from None
        gallery.end()
        self.say(
            "trained",
            f"«{self.name}» is learned: Translate Domain offers it now. {self._out} has {SHEET}, {PLOT} and {SAMPLES}.",
            file=str(self.file),
            folder=str(self._out),
        )

    def draw(self, name: str, picture: bytes) -> bool:
        """Put a picture into the run's folder, if there is room; whether there was."""
        file = self._out / name
        return self.write_if_there_is_room(
            "pictures",
            file,
            picture,
            lambda why: f"{file} cannot be written: {why}. It goes on without pictures to look at.",
        )

    def _pictures(self) -> Pictures:
        from .training import pairs

        found = pairs.find(self._wish.folder, self._wish.is_reversed)
        pictures = pairs.Pictures(found.pairs, self._wish.is_reversed)
        problems = (*found.problems, *pictures.checked(self._tell_looking))
        self._tell_problems(problems)
        if len(pictures) < 2 or len(problems) > len(pictures):
            raise Invalid(
                f"Only {len(pictures)} pairs of {self._wish.folder} can be learned from, and {len(problems)} cannot.",
                f"See to the files named above{'' if problems else ', and add more'}. {pairs.LAYOUTS}",
            )
        return pictures

    def _tell_looking(self, done: int, count: int) -> None:
        if time.monotonic() - self._told_s < TELL_S:
            return
        if done:
            self.say("looking", f"Looked at {done} of {count} pairs.", done=done, pairs=count)
        self._told_s = time.monotonic()

    def _tell_problems(self, problems: tuple[Problem, ...]) -> None:
        for each in problems[:MOST_TOLD]:
            self.say("problem", f"Left out: {each.sentence}", name=each.name)
        if len(problems) > MOST_TOLD:
            more = len(problems) - MOST_TOLD
            names = ", ".join(each.name for each in problems[MOST_TOLD:][:MOST_TOLD])
            self.say("problem", f"Left out: {more} more, {names}{'…' if more > MOST_TOLD else ''}.", count=more)

    def _loss(self, plan: Plan, device: Device) -> Loss:
        from .training import losses

        if plan.is_adversarial:
            return losses.edges_and_scales  # is not asked
        eyes = _eyes()
        if eyes is None:
            self.say(
                "loss",
                "VGG-19 is not installed, so pictures are compared by pixels and edges at four scales. "
                "`scumble weights fetch vgg19` gives the perceptual loss, which asks for more of what eyes look for.",
            )
            return losses.edges_and_scales
        return losses.Perceptual(eyes.to(device.torch))

    def _tell(self, plan: Plan, apprentice: Apprentice, learned: int, held: int, device: Device) -> None:
        count = sum(each.numel() for each in apprentice.net.parameters()) / 1e6
        kept = f"{held} more are held back to judge by" if held else "too few to hold some back to judge by"
        half = f", in {str(apprentice.half).removeprefix('torch.')} where that is enough" if apprentice.half else ""
        kind = f"{plan.network}, {plan.encoder}" if not plan.is_adversarial else plan.network
        self.say(
            "plan",
            f"{learned} pairs to learn from, {kept}. A network of {count:.1f} million numbers ({kind}) learns "
            f"on {device}{half}: {plan.batch} crops of {plan.crop_px} pixels a step. Measuring how long that takes…",
            pairs=learned,
            held=held,
            network=plan.network,
            device=str(device),
        )


class _Gallery:
    """Early samples, how far the pictures held back are, the loss: drawn while it learns, and at the end."""

    def __init__(self, run: DomainRun, apprentice: Apprentice, plan: Plan, pictures: Pictures, is_held: bool) -> None:
        self._run, self._apprentice, self._plan, self._pictures = run, apprentice, plan, pictures
        self._every = max(10, math.ceil(plan.steps / JUDGED))
        self._whose = f"{len(pictures)} pairs {'held back' if is_held else 'that it learns from'}"

    def after(self, done: int) -> None:
        if done in EARLY or (done % EARLY[-1] == 0 and (done // EARLY[-1]).bit_count() == 1):
            name = f"{SAMPLES}/step-{done:06d}.png"
            if self._run.draw(name, self._sheet(SAMPLED)):
                self._run.say("sample", f"{name} shows what it has learned by step {done}.", done=done, file=name)
        if done % self._every == 0:
            self._apprentice.judge(self._pictures)
            self._plot()

    def end(self) -> None:
        judged = self._apprentice.history.judged
        if not judged or judged[-1][0] != self._apprentice.done:
            self._apprentice.judge(self._pictures)
        self._run.draw(SHEET, self._sheet(SHOWN))
        self._plot()

    def _sheet(self, count: int) -> bytes:
        from .training import sheet

        title = f"{self._run.name}, {self._plan.network}, step {self._apprentice.done}: {self._whose}"
        return sheet.compared(list(self._pictures.first(count)), self._apprentice.show, title)

    def _plot(self) -> None:
        from .training import sheet

        history = self._apprentice.history
        title = f"{self._run.name}, {self._plan.network}, {self._apprentice.done} of {self._plan.steps} steps"
        self._run.draw(PLOT, sheet.plotted(history.losses, history.judged, title, f"L1 of {self._whose}"))


class _Start:
    """What the network begins with: nothing, a published encoder, or one that has been trained before."""

    def __init__(self, wish: Wish) -> None:
        """Raises: Invalid, MissingModel, Unsupported."""
        from .models.tensors import read_tensors

        files = [file for file in (wish.start_from, wish.encoder_from) if file is not None]
        if len(files) == 2:
            raise Invalid("--start-from has an encoder of its own.", "Leave out --encoder-from.")
        self._file = files[0] if files else None
        self.name = self._file.name if self._file else ""
        self._is_encoder = wish.encoder_from is not None
        self._tensors: dict[str, torch.Tensor] = read_tensors(self._file) if self._file else {}
        self.digest = hashlib.sha256(self._file.read_bytes()).digest() if self._file else b""

    def kind(self) -> tuple[str, str]:
        """Network and encoder of the file; "" where it does not say. Raises: Invalid."""
        from .models.architectures import dynamic_unet, pix2pix, unet_encoders
        from .training import domain

        if self._file is None:
            return "", ""
        if self._is_encoder:  # a file of ResNet-34 has all that ResNet-18 is made of, and more
            published = {f"encoder.{name}": value for name, value in self._tensors.items()}
            encoder = dynamic_unet.kind_of(published)
            if encoder not in unet_encoders.BLOCKS or "layer1.0.conv3.weight" in self._tensors:
                known = " or ".join(unet_encoders.BLOCKS)
                raise Invalid(f"{self._file.name} has no encoder that is known.", f"Take torchvision's {known}.")
            return domain.DYNAMIC, encoder
        encoder = dynamic_unet.kind_of(self._tensors)
        if encoder:
            return domain.DYNAMIC, encoder
        if pix2pix.UNET_NAME in self._tensors:
            return domain.UNET, ""
        if pix2pix.RESNET_NAME in self._tensors:
            return domain.RESNET, ""
        raise Invalid(
            f"{self._file.name} has none of the networks that are trained here.",
            f"Name a file that `scumble train domain` wrote: {', '.join(domain.NETWORKS)}.",
        )

    def begin(self, net: torch.nn.Module, plan: Plan) -> torch.nn.Module:
        """The net with what the file has. Raises: Invalid, where that is of another architecture."""
        from .models.architectures.dynamic_unet import DynamicUNet

        if self._file is None:
            return net
        if self._is_encoder:
            assert isinstance(net, DynamicUNet)
            try:
                net.take_encoder(self._tensors)
            except Invalid as error:
                raise Invalid(f"{self._file.name} does not fit: {error.message}", error.hint) from None
            return net
        wanted = net.state_dict()
        wrong = [
            name for name in wanted if name not in self._tensors or self._tensors[name].shape != wanted[name].shape
        ]
        wrong += [name for name in self._tensors if name not in wanted]
        if wrong:
            what = f"{plan.network} around {plan.encoder}" if not plan.is_adversarial else plan.network
            raise Invalid(
                f"The layers of {self._file.name} are not those of this {what}: {wrong[0]} is the first of "
                f"{len(wrong)} that differ.",
                "Begin from a file of the same network, or without --start-from.",
            )
        net.load_state_dict({name: value.to(wanted[name].dtype) for name, value in self._tensors.items()})
        return net


def _plan(wish: Wish, start: _Start, device: Device) -> Plan:
    """What is left open, by what the device can do. Raises: Invalid."""
    from .training import domain

    network, encoder = start.kind()
    for said, found, option in ((wish.network, network, "--network"), (wish.encoder, encoder, "--encoder")):
        if said and found and said != found:
            raise Invalid(f"{start.name} is a {found}, and not a {said}.", f"Leave out {option}, or take another file.")
    network = wish.network or network or domain.DYNAMIC
    if network not in domain.NETWORKS:
        raise Invalid(f"There is no network «{network}» to train.", f"Known are {', '.join(domain.NETWORKS)}.")
    encoder = wish.encoder or encoder or ("resnet18" if device.is_gpu or wish.encoder_from else "small")
    if encoder not in domain.ENCODERS:
        raise Invalid(f"There is no encoder «{encoder}».", f"Known are {', '.join(domain.ENCODERS)}.")
    if 0 < wish.crop_px < domain.LEAST_CROP_PX:
        raise Invalid(f"Crops of {wish.crop_px} pixels are too small.", f"Take {domain.LEAST_CROP_PX} or more.")
    is_dynamic = network == domain.DYNAMIC
    plan = domain.Plan(network, encoder, wish.steps, wish.crop_px, wish.batch, wish.seed, wish.rate)
    return replace(
        plan,
        steps=wish.steps or (20_000 if device.is_gpu else 2_000),
        crop_px=wish.crop_px or (256 if device.is_gpu else 128),
        batch=wish.batch or ((8 if device.is_gpu else 4) if is_dynamic else 1),  # pix2pix: after its authors
        precision="full" if wish.in_full else "auto",
        most_scale=wish.zoom,
    )


def _eyes() -> Any:
    """VGG-19 where it is installed; None else. Raises: Invalid, where its file is damaged."""
    from .models import loading, sources
    from .models.architectures.vgg19 import ARCHITECTURE
    from .weights.index import read as read_index
    from .weights.store import Store

    shelf = sources.look(read_index(), Store.open(config.read()))
    model = next((each for each in shelf.installed if each.architecture == ARCHITECTURE), None)
    return None if model is None else loading.load(model).module
