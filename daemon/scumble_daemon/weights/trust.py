"""Digests that nobody has published: what came at the first fetch, remembered beside the weights."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path

from scumble_protocol.errors import Invalid

from ..locks import try_lock
from .index import DIGEST, Model, WeightsFile
from .storage import write_whole

FILE = "trusted.json"


class Trusted:
    """«model/file» → digest, in one small file that survives the removal of the model."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE

    def digest(self, model: Model, file: WeightsFile) -> str | None:
        """The index's digest; else the one that was remembered; None: nobody has confirmed one yet."""
        return file.sha256 or self._read().get(f"{model.id}/{file.name}")

    def remember(self, model: Model, file: WeightsFile, sha256: str) -> None:
        self._change({f"{model.id}/{file.name}": sha256})

    def forget(self, model: Model) -> bool:
        """Whether there was anything to forget."""
        known = [name for name in self._read() if name.startswith(f"{model.id}/")]
        self._change(dict.fromkeys(known))
        return bool(known)

    def _read(self) -> dict[str, str]:
        """Raises: Invalid where the file is damaged: losing it silently would trust anything anew."""
        try:
            table = json.loads(self._file.read_text("utf-8"))
            if not all(DIGEST.fullmatch(digest) for digest in table.values()):
                raise ValueError("it holds something else than digests")
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except (OSError, ValueError, AttributeError, TypeError) as error:
            raise Invalid(
                f"{self._file} cannot be read: {error}.",
                "Delete it: models without a published digest are then asked about again.",
            ) from None
        return table

    def _change(self, news: dict[str, str | None] | dict[str, str]) -> None:
        if not news:
            return
        held = None
        while held is None:  # another model is being remembered: a matter of milliseconds
            held = try_lock(self._file.with_suffix(".lock"))
            if held is None:
                time.sleep(0.01)
        with contextlib.closing(held):
            table = {name: digest for name, digest in (self._read() | news).items() if digest}
            write_whole(self._file, json.dumps(table, indent=1, sort_keys=True).encode() + b"\n")
