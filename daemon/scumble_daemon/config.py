"""Where Scumble keeps its files, and what `config.toml` and the environment say."""

from __future__ import annotations

import dataclasses
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs
from scumble_protocol.connection import cache_folder, runtime_folder
from scumble_protocol.errors import Invalid

from .models.devices import check_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pyright: ignore[reportMissingImports]

__all__ = [
    "Config",
    "cache_folder",
    "config_folder",
    "log_folder",
    "read",
    "runtime_folder",
    "weights_folder",
]


def _folder(name: str, otherwise: str) -> Path:
    home = os.environ.get("SCUMBLE_HOME")
    return Path(home) / name if home else Path(otherwise)


def config_folder() -> Path:
    """Holds config.toml and `operations/`, the user's own operation files."""
    return _folder("config", platformdirs.user_config_dir("scumble", appauthor=False))


def log_folder() -> Path:
    return _folder("logs", platformdirs.user_log_dir("scumble", appauthor=False))


def weights_folder(config: Config) -> Path:
    """Holds the models that were fetched, for years: user data, and not a cache."""
    if config.weights_folder:
        return Path(config.weights_folder).expanduser()
    return _folder("weights", str(Path(platformdirs.user_data_dir("scumble", appauthor=False)) / "weights"))


@dataclass(frozen=True)
class Config:
    """`config.toml`, every key optional; an environment variable SCUMBLE_<KEY> overrides a key."""

    devices: tuple[str, ...] = ("auto",)  # one worker process each; auto, cpu, cuda, cuda:1, mps, xpu
    models_budget_mb: int = 0  # what the warm models of a worker may take; 0: by the device
    models_idle_s: float = 1800.0  # how long an unused model stays warm; 0: for ever
    cancel_grace_s: float = 0.6  # how long a job may take to stop by itself before its worker is killed
    max_queued: int = 64
    cache_bytes: int = 256 << 20
    tcp: bool = sys.platform == "win32"  # also listen on 127.0.0.1, for editors in a sandbox
    connection_copies: tuple[str, ...] = ()  # folders a sandboxed editor can read
    log_level: str = "INFO"
    weights_folder: str = ""  # where fetched models lie; "" is `weights` in the user's data folder
    weights_stall_s: float = 30.0  # how long a server may send nothing before the connection is given up
    weights_mirrors: tuple[str, ...] = field(default=(), metadata={"separator": ","})  # "https://from = https://to"


def config_file() -> Path:
    return config_folder() / "config.toml"


def read() -> Config:
    """Raises: Invalid, naming the file and the key."""
    try:
        table: dict[str, Any] = tomllib.loads(config_file().read_text("utf-8"))
    except FileNotFoundError:
        table = {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Invalid(f"{config_file()} cannot be read: {error}.", "Correct or delete the file.") from None
    values: dict[str, Any] = {}
    for spec in dataclasses.fields(Config):
        written = os.environ.get(f"SCUMBLE_{spec.name.upper()}")
        if written is not None:
            table[spec.name] = _from_environment(written, spec.default, spec.metadata.get("separator", os.pathsep))
        if spec.name in table:
            values[spec.name] = _checked(spec.name, table.pop(spec.name), spec.default)
    if table:
        raise Invalid(f"{config_file()} has the unknown key «{next(iter(table))}».", "Correct or delete it.")
    for name in values.get("devices", ()):
        check_name(name)
    return Config(**values)


def _from_environment(written: str, default: Any, separator: str) -> Any:
    if isinstance(default, bool):
        return written.lower() in ("1", "true", "yes", "on")
    if isinstance(default, tuple):
        return [part for part in written.split(separator) if part]
    try:
        return type(default)(written)
    except ValueError:
        return written


def _checked(name: str, value: Any, default: Any) -> Any:
    if isinstance(default, tuple) and isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not type(default):
        raise Invalid(f"{config_file()}: «{name}» cannot be {value!r}.", f"It is a {type(default).__name__}.")
    return value
