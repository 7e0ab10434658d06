"""Networks that give one picture the style of another: by optimisation, or in one pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..imaging.style.wish import Report, Wish
from .computing import checked, computing
from .devices import Device, computes_bf16
from .networks import Loaded

if TYPE_CHECKING:
    import torch

CONTENT = "relu5_2"
STYLE = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
CONTENT_WEIGHT, STYLE_WEIGHT = 1000.0, 0.01  # for features of pixels in 0 … 255
STEP, FIRST_MOMENT, EPSILON = 2 / 255, 0.99, 0.1 * 255  # of Adam: 2, 0.99 and 0.1 for pixels in 0 … 255
LBFGS_MEMORY = 10
ASTRAY = 2.0  # times the least loss so far: from there L-BFGS does not find back
# Of these weights' input, against pixels in 0 … 255 of which only the mean is taken: the losses' weights are for those.
# A network of ReLUs scales as its input.
FEATURE_SCALE = 255 * 0.225
OPTIMISED_PX = {True: 1024, False: 512}  # the longest side on a GPU, on a processor
ONE_PASS_PX = {True: 2048, False: 1024}
COARSE = 0.5  # the share of the size at which the first half of the steps is made
COARSE_LEAST_PX = 512  # below, the steps are all made at full size: half of it would not get as far in as many
MULTIPLE = 16  # sides that VGG's pooling and AdaIN's decoder give back as they are


class Optimiser:
    """VGG-19 on its device: pixels are changed until it sees one picture's content in the style of another.

    After Gatys, Ecker, Bethge: Image Style Transfer Using Convolutional Neural Networks (2016), with Adam and the
    weights of Keras' widely used rendering of it, and the best picture kept.
    """

    def __init__(self, loaded: Loaded, device: Device, title: str) -> None:
        import torch

        self.loaded, self.device, self.title = loaded, device, title
        module: Any = loaded.module.to(device.torch).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self._module = module.requires_grad_(False)
        self.longest_px = OPTIMISED_PX[device.is_gpu]

    @property
    def bytes(self) -> int:
        return self.loaded.bytes

    def restyle(self, content: np.ndarray, style: np.ndarray, wish: Wish, report: Report) -> np.ndarray:
        """`content`, `style`: H×W×3 float32 in [0, 1], of any two sizes → the new picture, as large as `content`.

        A large picture is begun at half its size. Ended early, it is the best one so far. Raises: OutOfMemory, and what
        `report` raises.
        """
        coarse = max(content.shape[:2]) * COARSE >= COARSE_LEAST_PX
        with computing(self.title, with_gradients=True):
            stages = [(COARSE, wish.steps // 2), (1.0, wish.steps - wish.steps // 2)] if coarse else [(1.0, wish.steps)]
            picture: torch.Tensor | None = None
            done = 0
            for scale, steps in stages:
                picture, is_enough = self._optimise(content, style, scale, steps, wish, picture, report, done)
                done += steps
                if is_enough:
                    break
            assert picture is not None
            return _array(_scaled(picture, _sides(content, 1.0)))

    def _optimise(
        self,
        content: np.ndarray,
        style: np.ndarray,
        scale: float,
        steps: int,
        wish: Wish,
        before: torch.Tensor | None,
        report: Report,
        done: int,
    ) -> tuple[torch.Tensor, bool]:
        """The best picture, and whether it is enough."""
        import torch
        import torch.nn.functional as F  # noqa: N812

        size = _sides(content, scale)
        target = _scaled(_tensor(content, self.device.torch), size)
        example = _scaled(_tensor(style, self.device.torch), _sides(style, scale))
        with torch.no_grad():
            wanted = self._features(target, (CONTENT,))[CONTENT].float()
            grams = {name: gram(values) for name, values in self._features(example, STYLE).items()}
        first = target if before is None else _scaled(before, size)
        picture = first.contiguous().clone().requires_grad_(True)  # L-BFGS wants it so
        best, least = picture.detach().clone(), float("inf")

        def loss() -> torch.Tensor:
            seen = self._features(picture, (*STYLE, CONTENT), is_exact=wish.optimiser == "lbfgs")
            style_loss = sum(((gram(seen[name]) - grams[name]) ** 2).mean() for name in STYLE) / len(STYLE)
            content_loss = F.mse_loss(seen[CONTENT].float(), wanted)
            return (
                FEATURE_SCALE**2 * CONTENT_WEIGHT * content_loss
                + FEATURE_SCALE**4 * STYLE_WEIGHT * wish.style_factor * style_loss
            )

        def closure() -> float:
            nonlocal best, least
            optimiser.zero_grad()
            found = loss()
            found.backward()
            value = float(found.detach())
            if value < least:
                best, least = picture.detach().clone(), value
            return value

        reach = 1.0
        optimiser = _optimiser(wish.optimiser, picture, reach)
        for step in range(steps):
            value = optimiser.step(closure)
            if wish.optimiser == "adam":
                with torch.no_grad():
                    picture.clamp_(0, 1)
            elif not value <= ASTRAY * least:  # without a line search it may leap too far
                reach /= 2
                with torch.no_grad():
                    picture.copy_(best)
                optimiser = _optimiser(wish.optimiser, picture, reach)
            if report((done + step + 1) / wish.steps, lambda: _array(best.clamp(0, 1))):
                return best.clamp(0, 1), True
        return best.clamp(0, 1), False

    def _features(
        self, picture: torch.Tensor, names: tuple[str, ...], is_exact: bool = False
    ) -> dict[str, torch.Tensor]:
        import torch

        in_half = computes_bf16(self.device) and not is_exact  # L-BFGS cannot tell rounding from curvature
        with torch.autocast(self.device.torch.type, dtype=torch.bfloat16, enabled=in_half):
            return self._module(picture, names)


def _optimiser(name: str, picture: torch.Tensor, reach: float) -> torch.optim.Optimizer:
    """`reach`: of L-BFGS, the share of the step it takes for right. It makes one a call and looks once at the loss: a
    line search would look twice and more, and gets as far in twice the time."""
    import torch

    if name == "lbfgs":
        return torch.optim.LBFGS([picture], lr=reach, max_iter=1, history_size=LBFGS_MEMORY)
    return torch.optim.Adam([picture], lr=STEP, betas=(FIRST_MOMENT, 0.999), eps=EPSILON)


def gram(values: torch.Tensor) -> torch.Tensor:
    """1×C×H×W → C×C float32: how channels go together, averaged over all places."""
    flat = values[0].permute(1, 2, 0).flatten(0, 1).float()  # as channels-last tensors lie in memory
    return flat.T @ flat / flat.shape[0]


class OnePass:
    """AdaIN on its device. After Huang, Belongie: Arbitrary Style Transfer in Real-time (2017)."""

    def __init__(self, loaded: Loaded, device: Device, title: str) -> None:
        self.loaded, self.device, self.title = loaded, device, title
        self._module: Any = loaded.module.to(device.torch)
        self.longest_px = ONE_PASS_PX[device.is_gpu]

    @property
    def bytes(self) -> int:
        return self.loaded.bytes

    def restyle(self, content: np.ndarray, style: np.ndarray, wish: Wish, report: Report) -> np.ndarray:
        """As `Optimiser.restyle`."""
        height, width = content.shape[:2]
        missing = [-height % MULTIPLE, -width % MULTIPLE]
        padded = np.pad(content, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
        report(0.1, lambda: content)
        with computing(self.title):
            device = self.device.torch
            found = self._module(_tensor(padded, device), _tensor(style, device), wish.amount)
            picture = _array(found.clamp(0, 1))[:height, :width]
        return checked(picture, self.title, "colours")


def _tensor(rgb: np.ndarray, device: torch.device) -> torch.Tensor:
    import torch

    return torch.from_numpy(np.ascontiguousarray(rgb, np.float32)).permute(2, 0, 1)[None].to(device)


def _sides(picture: np.ndarray, scale: float) -> list[int]:
    return [max(MULTIPLE, round(side * scale)) for side in picture.shape[:2]]


def _scaled(picture: torch.Tensor, size: list[int]) -> torch.Tensor:
    import torch.nn.functional as F  # noqa: N812

    if list(picture.shape[2:]) == size:
        return picture
    return F.interpolate(picture, size=size, mode="bicubic", align_corners=False, antialias=True).clamp(0, 1)


def _array(picture: torch.Tensor) -> np.ndarray:
    return picture[0].permute(1, 2, 0).float().cpu().numpy()
