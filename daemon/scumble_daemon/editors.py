"""Find every GIMP 3 and Krita 5 on the machine: native, Flatpak, Snap, AppImage, started before or not."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Installation", "Places", "find_editors"]

KINDS = {"native": "", "flatpak": " (Flatpak)", "snap": " (Snap)"}


@dataclass(frozen=True)
class Installation:
    """One profile of one editor: where its plug-ins go.

    `editor`: "gimp" | "krita" · `kind`: "native" | "flatpak" | "snap" · `profile`: GIMP's `…/GIMP/3.0`, Krita's folder
    of resources · `settings`: Krita's kritarc, where plug-ins are switched on · `version`: "3.0", "" where not known.
    """

    editor: str
    kind: str
    profile: Path
    settings: Path | None = None
    version: str = ""

    @property
    def title(self) -> str:
        name = {"gimp": "GIMP", "krita": "Krita"}[self.editor]
        return f"{name} {self.version}".strip() + KINDS[self.kind]

    @property
    def plugin_folder(self) -> Path:
        return self.profile / {"gimp": "plug-ins", "krita": "pykrita"}[self.editor] / "scumble"

    @property
    def is_sandboxed(self) -> bool:
        """Whether the editor may not see the daemon's runtime folder."""
        return self.kind != "native"

    @property
    def awaits_migration(self) -> bool:
        """Whether GIMP would, at its first start, take over an older version's settings.

        It does so only while its profile does not exist: nothing may be put there before.
        """
        if self.editor != "gimp" or self.profile.exists():
            return False
        return any(re.fullmatch(r"\d+\.\d+", sibling.name) for sibling in _children(self.profile.parent))


@dataclass(frozen=True)
class Places:
    """Where to look: the environment, the platform (as `sys.platform`) and the root of the file system."""

    environ: Mapping[str, str]
    platform: str
    root: Path = Path("/")

    @staticmethod
    def of_this_machine() -> Places:
        return Places(os.environ, sys.platform)

    @property
    def home(self) -> Path:
        name = "USERPROFILE" if self.platform == "win32" else "HOME"
        return Path(self.environ.get(name) or Path.home())

    def xdg(self, name: str, otherwise: str) -> Path:
        written = Path(self.environ.get(name, ""))
        return written if written.is_absolute() else self.home / otherwise

    def windows(self, name: str, otherwise: str) -> Path:
        return Path(self.environ.get(name) or self.home / otherwise)

    def which(self, command: str) -> Path | None:
        found = shutil.which(command, path=self.environ.get("PATH", ""))
        return Path(found) if found else None


def find_editors(places: Places | None = None) -> list[Installation]:
    """Every profile an editor has, and the one it will have where it is installed and was never started."""
    places = places or Places.of_this_machine()
    found = [*_gimp(places), *_krita(places)]
    return list({installation.profile: installation for installation in found}.values())


# --- GIMP: one profile folder a minor version --------------------------------------------------------------------


def _gimp(places: Places) -> Iterator[Installation]:
    for kind, folder in _gimp_folders(places).items():
        versions = {child.name for child in _children(folder) if re.fullmatch(r"3\.\d+", child.name) and child.is_dir()}
        installed = _gimp_versions(places, kind)
        for version in sorted(versions | installed, key=_order):
            yield Installation("gimp", kind, folder / version, version=version)
    own = places.environ.get("GIMP3_DIRECTORY")
    if own and Path(own).is_dir():
        yield Installation("gimp", "native", Path(own))


def _gimp_folders(places: Places) -> dict[str, Path]:
    if places.platform == "win32":
        return {"native": places.windows("APPDATA", "AppData/Roaming") / "GIMP"}
    if places.platform == "darwin":
        return {"native": places.home / "Library/Application Support/GIMP"}
    return {
        "native": places.xdg("XDG_CONFIG_HOME", ".config") / "GIMP",
        "flatpak": places.home / ".var/app/org.gimp.GIMP/config/GIMP",
        "snap": places.home / "snap/gimp/current/.config/GIMP",
    }


def _gimp_versions(places: Places, kind: str) -> set[str]:
    """The minor versions ("3.0") of the GIMPs that are installed, whether or not they were ever started."""
    if kind == "flatpak":
        return {_version_in(file) for file in _flatpaks(places, "org.gimp.GIMP", "org.gimp.GIMP*.xml")} - {""}
    if kind == "snap":
        return {_version_in(places.root / "snap/gimp/current/meta/snap.yaml")} - {""}
    if places.platform == "win32":
        names = [file.name for file in _program_files(places, "GIMP*/bin/gimp-3.*.exe")]
    elif places.platform == "darwin":
        return {_version_in(app / "Contents/Info.plist") for app in _applications(places, "GIMP*.app")} - {""}
    else:
        names = [file.name for file in _appimages(places, "gimp")]
        names += [f"gimp-3.{minor}" for minor in range(0, 10) if places.which(f"gimp-3.{minor}")]
        names += _desktop_commands(places, "gimp")
        if not names and places.which("gimp"):
            names = [_asked(places, "gimp-console" if places.which("gimp-console") else "gimp")]
    matches = (re.search(r"3\.\d+", name) for name in names)
    return {match.group() for match in matches if match}


def _asked(places: Places, command: str) -> str:
    """What the program answers to --version; a plain `gimp` may just as well be GIMP 2.10."""
    path = places.which(command)
    try:
        run = subprocess.run([str(path), "--version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return run.stdout


# --- Krita: one profile for all versions -------------------------------------------------------------------------


def _krita(places: Places) -> Iterator[Installation]:
    home = places.home
    if places.platform == "win32":
        local = places.windows("LOCALAPPDATA", "AppData/Local")
        profiles = {"native": (places.windows("APPDATA", "AppData/Roaming") / "krita", local / "kritarc")}
    elif places.platform == "darwin":
        library = home / "Library"
        profiles = {"native": (library / "Application Support/krita", library / "Preferences/kritarc")}
    else:
        flatpak, snap = home / ".var/app/org.kde.krita", home / "snap/krita/current"
        data, config = places.xdg("XDG_DATA_HOME", ".local/share"), places.xdg("XDG_CONFIG_HOME", ".config")
        profiles = {
            "native": (data / "krita", config / "kritarc"),
            "flatpak": (flatpak / "data/krita", flatpak / "config/kritarc"),
            "snap": (snap / ".local/share/krita", snap / ".config/kritarc"),
        }
    for kind, (resources, settings) in profiles.items():
        if resources.is_dir() or settings.is_file() or _krita_is_installed(places, kind):
            yield Installation("krita", kind, _moved_resources(settings) or resources, settings)


def _krita_is_installed(places: Places, kind: str) -> bool:
    if kind == "flatpak":
        return any(_flatpaks(places, "org.kde.krita", "org.kde.krita*.xml"))
    if kind == "snap":
        return (places.root / "snap/krita/current").exists()
    if places.platform == "win32":
        return any(_program_files(places, "Krita*/bin/krita.exe"))
    if places.platform == "darwin":
        return any(_applications(places, "krita.app"))
    found = places.which("krita") or any(_appimages(places, "krita")) or _desktop_commands(places, "krita")
    return bool(found)


def _moved_resources(settings: Path) -> Path | None:
    """The folder of resources that the artist chose in Krita's preferences: plug-ins are read there, and only there."""
    try:
        before_groups = re.split(rb"(?m)^\s*\[", settings.read_bytes(), maxsplit=1)[0]
    except OSError:
        return None
    match = re.search(rb"(?m)^ResourceDirectory(?:\[\$e\])?=(.+?)\s*$", before_groups)
    chosen = Path(os.fsdecode(match.group(1))) if match else None
    return chosen if chosen and chosen.is_dir() else None


# --- where programs are ------------------------------------------------------------------------------------------


def _flatpaks(places: Places, app: str, metainfo: str) -> list[Path]:
    """The appstream file of the installed Flatpak, for the user or for everyone."""
    data = places.xdg("XDG_DATA_HOME", ".local/share")
    roots = (data / "flatpak", places.root / "var/lib/flatpak")
    return [file for root in roots for file in root.glob(f"app/{app}/current/active/files/share/metainfo/{metainfo}")]


def _program_files(places: Places, pattern: str) -> list[Path]:
    names = ("ProgramFiles", "ProgramW6432", "ProgramFiles(x86)")
    roots = {Path(places.environ[name]) for name in names if places.environ.get(name)}
    roots.add(places.windows("LOCALAPPDATA", "AppData/Local") / "Programs")  # installed for one user
    return [file for root in sorted(roots) for file in root.glob(pattern)]


def _applications(places: Places, pattern: str) -> list[Path]:
    return [app for root in (places.root / "Applications", places.home / "Applications") for app in root.glob(pattern)]


def _appimages(places: Places, editor: str) -> list[Path]:
    """AppImages lie wherever they were saved; they use the native profile."""
    folders = (places.home / name for name in ("Applications", "Downloads", "Desktop", "bin", ".local/bin"))
    return [
        file
        for folder in folders
        for file in _children(folder)
        if file.name.lower().startswith(editor) and file.name.lower().endswith(".appimage")
    ]


def _desktop_commands(places: Places, editor: str) -> list[str]:
    """The programs that menu entries of the editor start; those of Flatpak and Snap start theirs another way."""
    data = places.xdg("XDG_DATA_HOME", ".local/share")
    shared = places.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    roots = [data, *(places.root / folder.lstrip("/") for folder in shared.split(":") if folder)]
    commands = []
    for root in roots:
        for file in _children(root / "applications"):
            if editor in file.name.lower() and file.suffix == ".desktop":
                match = re.search(r"(?m)^Exec=(\S+)", file.read_text("utf-8", errors="replace"))
                program = match.group(1).strip('"').rpartition("/")[2].lower() if match else ""
                if program.startswith(editor):
                    commands.append(program)
    return commands


def _version_in(file: Path) -> str:
    """The first version 3.x that a package's own description gives: appstream, snap.yaml or Info.plist."""
    try:
        text = file.read_text("utf-8", errors="replace")
    except OSError:
        return ""
    patterns = (
        r'<release [^>]*?version="(3\.\d+)',
        r"(?m)^version: '?(3\.\d+)",
        r"VersionString</key>\s*<string>(3\.\d+)",
    )
    return next((match.group(1) for match in (re.search(pattern, text) for pattern in patterns) if match), "")


def _children(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
