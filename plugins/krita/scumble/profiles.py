"""The ICC bytes behind a colour profile's name, which Krita's Python interface does not give."""

from __future__ import annotations

import os
import tempfile
import zipfile
from typing import Any, Dict, Optional, Tuple

from scumble_protocol.errors import Unsupported

# Profiles that are sRGB by another name: nothing has to be converted, and nothing sent.
_SRGB = {("RGBA", "sRGB-elle-V2-srgbtrc.icc"), ("RGBA", "sRGB built-in"), ("GRAYA", "Gray-D50-elle-V2-srgbtrc.icc")}


class Profiles:
    """Reads each profile once per Krita session (that takes about 0.2 s), then remembers it by its name."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._known: Dict[Tuple[str, str], bytes] = {}

    def read(self, model: str, depth: str, name: str) -> Optional[bytes]:
        """The profile's bytes, None for plain sRGB. Raises: Unsupported where Krita does not give them out."""
        if (model, name) in _SRGB:
            return None
        if (model, name) not in self._known:
            self._known[model, name] = self._extract(model, depth, name)
        return self._known[model, name]

    def _extract(self, model: str, depth: str, name: str) -> bytes:
        """Save a picture of one pixel in that profile: a .kra file is a zip that holds the profile."""
        document = self._application.createDocument(1, 1, "profile", model, depth, name, 72.0)
        try:
            with tempfile.TemporaryDirectory(prefix="scumble-") as folder:
                path = os.path.join(folder, "profile.kra")
                document.setBatchmode(True)
                if document.colorProfile() == name and document.saveAs(path):
                    with zipfile.ZipFile(path) as archive:
                        for entry in archive.namelist():
                            if entry.endswith("/annotations/icc"):
                                return archive.read(entry)
        finally:
            document.setModified(False)
            document.close()
        raise Unsupported(
            f"The colour profile «{name}» cannot be read.",
            "Choose another profile: Image ▸ Convert Image Color Space….",
        )
