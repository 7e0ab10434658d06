"""Read the tensors of a TorchScript archive, and run nothing of the program that it is.

Such an archive is a zip of `data.pkl`, the module's attributes as a pickle; `data/0`, `data/1`, …, what its tensors
hold; and source code, which is not looked at. The pickle may only name what stands in `_Attributes.find_class`.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

LISTS = ("build_intlist", "build_doublelist", "build_boollist", "build_tensorlist", "restore_type_tag")
MOST_BYTES = 4 << 30


class _Module:
    """Stands for every class of the program: it keeps attributes and does nothing."""

    def __setstate__(self, attributes: Any) -> None:
        if not isinstance(attributes, dict):
            raise pickle.UnpicklingError("a module's attributes are no table")
        self.attributes = attributes


class _Attributes(pickle.Unpickler):
    def __init__(self, archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(io.BytesIO(_read(archive, f"{folder}/data.pkl")))
        self._archive = archive
        self._folder = folder
        self._storages: dict[str, torch.Tensor] = {}

    def find_class(self, module_name: str, global_name: str) -> Any:
        if module_name.startswith("__torch__"):
            return _Module
        if (module_name, global_name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild
        if (module_name, global_name) == ("collections", "OrderedDict"):
            return dict
        if module_name == "torch.jit._pickle" and global_name in LISTS:
            return lambda values, *_: values
        if module_name == "torch" and global_name.endswith("Storage"):
            return global_name
        raise pickle.UnpicklingError(f"it names {module_name}.{global_name}")

    def persistent_load(self, pid: Any) -> torch.Tensor:
        """The samples of one storage, flat."""
        import torch

        _, kind, key, *_ = pid
        if key not in self._storages:
            dtypes = {
                "FloatStorage": torch.float32,
                "HalfStorage": torch.float16,
                "BFloat16Storage": torch.bfloat16,
                "DoubleStorage": torch.float64,
                "LongStorage": torch.int64,
                "IntStorage": torch.int32,
                "ByteStorage": torch.uint8,
                "BoolStorage": torch.bool,
            }
            content = bytearray(_read(self._archive, f"{self._folder}/data/{key}"))
            empty = torch.empty(0, dtype=dtypes[kind])
            self._storages[key] = torch.frombuffer(content, dtype=empty.dtype) if content else empty
        return self._storages[key]


def is_program(file: Path) -> bool:
    """Whether the file is such a program. Raises: OSError."""
    if not zipfile.is_zipfile(file):
        return False
    with zipfile.ZipFile(file) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def read_program(file: Path) -> dict[str, Any]:
    """Its parameters and buffers by their paths, as `state_dict` would name them.

    Raises: UnpicklingError where the pickle names anything else; many others where it is damaged.
    """
    with zipfile.ZipFile(file) as archive:
        folder = archive.namelist()[0].partition("/")[0]
        return dict(_tensors(_Attributes(archive, folder).load(), ""))


def _tensors(value: Any, path: str) -> Any:
    import torch

    if isinstance(value, torch.Tensor):
        yield path, value
    elif isinstance(value, _Module):
        for name, part in value.attributes.items():
            yield from _tensors(part, f"{path}.{name}" if path else str(name))


def _rebuild(storage: torch.Tensor, offset: int, size: Any, stride: Any, *_: Any) -> torch.Tensor:
    """A view of the storage; torch refuses one that would reach beyond it."""
    import math

    if any(step == 0 and length > 1 for length, step in zip(size, stride, strict=True)):
        raise pickle.UnpicklingError("a tensor says that it is larger than what it holds")
    if math.prod(size) == 0:
        return storage.new_empty(tuple(size))
    return storage.as_strided(tuple(size), tuple(stride), offset)


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    found = archive.getinfo(name)
    if found.compress_type != zipfile.ZIP_STORED or found.file_size > MOST_BYTES:
        raise pickle.UnpicklingError(f"{name} is packed, which torch never does")
    return archive.read(name)
