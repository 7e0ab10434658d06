"""Turn a folder of the transformers library, config.json beside safetensors, into a network; no code comes with it."""

from __future__ import annotations

import contextlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scumble_protocol.errors import Invalid, MissingModel, ScumbleError, Unsupported

from .tensors import Report, first_line, read_tensors

if TYPE_CHECKING:
    import torch

CONFIG = "config.json"
LARGEST_CONFIG = 1 << 20
# What a config may say beyond numbers is code to fetch, packages to load or formats to unpack: left out, or refused.
IGNORED = ("auto_map", "dtype", "torch_dtype", "_name_or_path", "_commit_hash", "transformers_version", "architectures")
REFUSED = ("quantization_config", "backbone", "use_timm_backbone", "use_pretrained_backbone", "adapter_config")


@dataclass(frozen=True)
class Kind:
    """What we run of the library. `architecture`: as the index calls it · `config`, `model`: names of its classes."""

    architecture: str
    config: str
    model: str


SAM_2 = Kind("Sam2", "Sam2Config", "Sam2Model")
KINDS = {  # by `model_type`
    "sam2": SAM_2,
    "sam2_video": SAM_2,  # what the published files of SAM 2.1 say they are; its memory of earlier frames is left out
    "sam": Kind("Sam", "SamConfig", "SamModel"),
    "vitmatte": Kind("VitMatte", "VitMatteConfig", "VitMatteForImageMatting"),
    "depth_anything": Kind("DepthAnything", "DepthAnythingConfig", "DepthAnythingForDepthEstimation"),
    "oneformer": Kind("OneFormer", "OneFormerConfig", "OneFormerForUniversalSegmentation"),
    "swin2sr": Kind("Swin2SR", "Swin2SRConfig", "Swin2SRForImageSuperResolution"),
}


def library() -> Any:
    """transformers, told never to ask the network for anything. Its first import takes seconds."""
    os.environ.update(HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1", TRANSFORMERS_VERBOSITY="error")
    import transformers

    return transformers


def kind_of(folder: Path) -> Kind:
    """What the folder says it is. Raises: MissingModel, Invalid, Unsupported."""
    return _kind(folder, read_config(folder))


def load(folder: Path, report: Report = lambda fraction: None) -> tuple[Kind, torch.nn.Module]:
    """The network in fp32 on the processor. Raises: MissingModel, Invalid, Unsupported."""
    config = read_config(folder)
    kind = _kind(folder, config)
    tensors = _read_all(folder, report)
    try:
        return kind, build(kind, config, tensors)
    except (ScumbleError, MemoryError):
        raise
    except Exception as error:  # whatever the library makes of a config that it did not write
        raise Invalid(f"{folder.name} does not fit its {CONFIG}: {first_line(error)}", "Fetch it again.") from error


def build(kind: Kind, config: dict[str, Any], tensors: dict[str, torch.Tensor]) -> torch.nn.Module:
    """The network that `config` describes with exactly these `tensors` in it.

    It is built without memory first: a config that describes more than the file holds costs nothing.
    """
    import torch

    transformers = library()
    settings = getattr(transformers, kind.config).from_dict(_without(config, IGNORED))
    model_class = getattr(transformers, kind.model)
    with torch.device("meta"):
        blank = model_class(settings)
    tensors = _fitted(blank, _named_as_now(blank, tensors))
    with _uninitialised():
        module = model_class(settings)
    module.load_state_dict(tensors)
    return module.float().eval().requires_grad_(False)


def read_config(folder: Path) -> dict[str, Any]:
    """Raises: MissingModel, Invalid."""
    file = folder / CONFIG
    try:
        if file.stat().st_size > LARGEST_CONFIG:
            raise ValueError("it is too long")
        config = json.loads(file.read_text("utf-8"))
        if not isinstance(config, dict):
            raise ValueError("it is no table")
        return config
    except FileNotFoundError:
        raise MissingModel(f"{folder.name} has no {CONFIG}.", f"It was looked for in {folder}.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise Invalid(f"{folder.name}/{CONFIG} cannot be read: {first_line(error)}", "Fetch it again.") from None


def weight_files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.glob("*.safetensors") if file.is_file())


# --- what it takes ----------------------------------------------------------------------------------------------------


def _kind(folder: Path, config: dict[str, Any]) -> Kind:
    name = config.get("model_type")
    if not isinstance(name, str) or name not in KINDS:
        raise Unsupported(
            f"{folder.name} is a model of the type «{name}», which Scumble cannot run.",
            f"Known are {', '.join(KINDS)}; code that comes with a model is never run.",
        )
    for key in REFUSED:
        if _anywhere(config, key):
            raise Unsupported(f"{folder.name}: «{key}» in {CONFIG} is not supported.", "Use the plain model.")
    return KINDS[name]


def _anywhere(config: Any, key: str) -> bool:
    """Whether the key has a value other than nothing, here or further in."""
    if not isinstance(config, dict):
        return False
    return bool(config.get(key)) or any(_anywhere(value, key) for value in config.values())


def _without(config: Any, keys: tuple[str, ...]) -> Any:
    if not isinstance(config, dict):
        return config
    kept = {key: _without(value, keys) for key, value in config.items() if key not in keys}
    return {key: value for key, value in kept.items() if "attn_implementation" not in key}


def _read_all(folder: Path, report: Report) -> dict[str, torch.Tensor]:
    files = weight_files(folder)
    if not files:
        raise MissingModel(f"{folder.name} has no .safetensors file.", "Other formats are not read from such a folder.")
    tensors: dict[str, torch.Tensor] = {}
    for index, file in enumerate(files):
        tensors |= read_tensors(file, lambda share, index=index: report((index + share) / len(files)))
    return tensors


def _named_as_now(blank: Any, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """`tensors` under the names of this version of the library: files have those of the version that wrote them."""
    from transformers.conversion_mapping import get_model_conversion_mapping
    from transformers.core_model_loading import WeightRenaming

    changes = [each for each in get_model_conversion_mapping(blank) if isinstance(each, WeightRenaming)]

    def now(name: str) -> str:
        for change in changes:
            name, _ = change.rename_source_key(name)
        return name

    return {now(name): tensor for name, tensor in tensors.items()}


def _fitted(blank: Any, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """`tensors` under the names and in the shapes that `blank` has, and no others. Raises: ValueError."""
    import torch

    found, wanted = dict(tensors), blank.state_dict()
    for part in blank.modules():
        for pattern in getattr(part, "_keys_to_ignore_on_load_missing", None) or ():
            unused = [name for name in wanted if name not in found and re.search(pattern, name)]
            found |= {name: torch.zeros(wanted[name].shape) for name in unused}
    for name, twin in (getattr(blank, "_tied_weights_keys", None) or {}).items():
        for absent, there in ((name, twin), (twin, name)):  # published without one of the two
            if absent in wanted and absent not in found and there in found:
                found[absent] = found[there]
    known_strangers = getattr(blank, "_keys_to_ignore_on_load_unexpected", None) or ()
    for name in [name for name in found if name not in wanted]:
        is_parameter = name.rsplit(".", 1)[-1] in ("weight", "bias")
        if is_parameter and not any(re.search(pattern, name) for pattern in known_strangers):
            raise ValueError(f"nothing in it is called {name}")
        del found[name]
    for name, tensor in wanted.items():
        if name not in found:
            raise ValueError(f"{name} is missing")
        if found[name].shape != tensor.shape:
            raise ValueError(f"{name} is {tuple(found[name].shape)}, not {tuple(tensor.shape)}")
    return found


@contextlib.contextmanager
def _uninitialised() -> Any:
    """Random numbers that are written over at once cost seconds."""
    library()
    from transformers.initialization import no_init_weights

    with no_init_weights():
        yield
