"""Home folders of every platform, with or without editors in them, for the tests of `scumble setup`."""

from __future__ import annotations

from pathlib import Path

from scumble_daemon.editors import Places
from scumble_protocol.catalogue import Catalogue, Operation

CHECKOUT = Path(__file__).resolve().parents[1]
CATALOGUE = Catalogue((Operation("sharpen", "Sharpen", "Detail", "Sharpen the layer."),))
KRITARC = b"last=1\n\n[MainWindow]\nState=AAAA\n\n[python]\nenable_tenscripts=true\n\n[theme]\nTheme=Krita dark\n"

# Where an editor that has been started keeps its profile: platform, what exists, and what has to be found.
LAYOUTS = {
    "linux gimp": ("linux", ".config/GIMP/3.0/", ("gimp", "native", ".config/GIMP/3.0")),
    "linux gimp 3.2": ("linux", ".config/GIMP/3.2/", ("gimp", "native", ".config/GIMP/3.2")),
    "flatpak gimp": (
        "linux",
        ".var/app/org.gimp.GIMP/config/GIMP/3.0/",
        ("gimp", "flatpak", ".var/app/org.gimp.GIMP/config/GIMP/3.0"),
    ),
    "snap gimp": (
        "linux",
        "snap/gimp/current/.config/GIMP/3.0/",
        ("gimp", "snap", "snap/gimp/current/.config/GIMP/3.0"),
    ),
    "macos gimp": (
        "darwin",
        "Library/Application Support/GIMP/3.0/",
        ("gimp", "native", "Library/Application Support/GIMP/3.0"),
    ),
    "windows gimp": ("win32", "AppData/Roaming/GIMP/3.0/", ("gimp", "native", "AppData/Roaming/GIMP/3.0")),
    "linux krita": ("linux", ".config/kritarc", ("krita", "native", ".local/share/krita")),
    "flatpak krita": (
        "linux",
        ".var/app/org.kde.krita/config/kritarc",
        ("krita", "flatpak", ".var/app/org.kde.krita/data/krita"),
    ),
    "snap krita": (
        "linux",
        "snap/krita/current/.config/kritarc",
        ("krita", "snap", "snap/krita/current/.local/share/krita"),
    ),
    "macos krita": (
        "darwin",
        "Library/Preferences/kritarc",
        ("krita", "native", "Library/Application Support/krita"),
    ),
    "windows krita": ("win32", "AppData/Local/kritarc", ("krita", "native", "AppData/Roaming/krita")),
}


def machine(root: Path, platform: str, **environ: str) -> Places:
    """A computer whose file system starts at `root` and whose user lives in `root/home`."""
    home = root / "home"
    home.mkdir(parents=True, exist_ok=True)
    found = {
        "HOME": str(home),
        "USERPROFILE": str(home),
        "PATH": str(home / "bin"),
        "APPDATA": str(home / "AppData/Roaming"),
        "LOCALAPPDATA": str(home / "AppData/Local"),
        "ProgramFiles": str(home / "Programs"),
    }
    return Places({**found, **environ}, platform, root)


def make(path: str | Path, content: bytes = b"") -> Path:
    """A folder where the path ends with a slash, else a file."""
    if str(path).endswith("/"):
        Path(path).mkdir(parents=True)
    else:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(content)
        Path(path).chmod(0o755)
    return Path(path)


def tree(root: Path) -> dict[str, bytes | None]:
    """Everything below `root`: folders as None, files with their bytes."""
    paths = sorted(root.rglob("*"))
    return {str(path.relative_to(root)): path.read_bytes() if path.is_file() else None for path in paths}
