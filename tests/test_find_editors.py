"""`scumble setup` finds every editor, wherever it keeps its profile and whether or not it was ever started."""

from __future__ import annotations

from pathlib import Path

import pytest
from scumble_daemon import setup
from scumble_daemon.editors import find_editors

from .home_folder import KRITARC, LAYOUTS, machine, make, tree

# How an editor shows that was installed and never started, and the profile it will have.
NEVER_STARTED = {
    "gimp on PATH": ("linux", "home/bin/gimp-3.0", "", ".config/GIMP/3.0"),
    "gimp in the menu": ("linux", "usr/share/applications/gimp.desktop", "Exec=gimp-3.2 %U\n", ".config/GIMP/3.2"),
    "gimp AppImage": ("linux", "home/Downloads/GIMP-3.0.4-x86_64.AppImage", "", ".config/GIMP/3.0"),
    "gimp Flatpak": (
        "linux",
        "var/lib/flatpak/app/org.gimp.GIMP/current/active/files/share/metainfo/org.gimp.GIMP.appdata.xml",
        '<releases>\n<release version="3.2.6" date="2026-01-01">\n<release version="3.0.4" date="2025-05-17">\n',
        ".var/app/org.gimp.GIMP/config/GIMP/3.2",
    ),
    "gimp Snap": (
        "linux",
        "snap/gimp/current/meta/snap.yaml",
        "name: gimp\nversion: 3.0.4\n",
        "snap/gimp/current/.config/GIMP/3.0",
    ),
    "gimp on macOS": (
        "darwin",
        "Applications/GIMP.app/Contents/Info.plist",
        "<key>CFBundleShortVersionString</key>\n<string>3.0.4</string>",
        "Library/Application Support/GIMP/3.0",
    ),
    "gimp on Windows": ("win32", "home/Programs/GIMP 3/bin/gimp-3.0.exe", "", "AppData/Roaming/GIMP/3.0"),
    "krita on PATH": ("linux", "home/bin/krita", "", ".local/share/krita"),
    "krita in the menu": (
        "linux",
        "usr/share/applications/org.kde.krita.desktop",
        "Exec=krita %F\n",
        ".local/share/krita",
    ),
    "krita AppImage": ("linux", "home/Downloads/krita-5.2.9-x86_64.appimage", "", ".local/share/krita"),
    "krita on macOS": ("darwin", "Applications/krita.app/Contents/Info.plist", "", "Library/Application Support/krita"),
    "krita on Windows": ("win32", "home/Programs/Krita (x64)/bin/krita.exe", "", "AppData/Roaming/krita"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_started_editor_is_found_by_its_profile(layout: str, tmp_path: Path) -> None:
    """Linux, Flatpak, Snap, macOS and Windows each keep the profile elsewhere; one editor is found once."""
    platform, existing, (editor, kind, profile) = LAYOUTS[layout]
    places = machine(tmp_path, platform)
    make(f"{places.home}/{existing}", KRITARC)
    (found,) = find_editors(places)
    assert (found.editor, found.kind, found.profile) == (editor, kind, places.home / profile)
    assert found.is_sandboxed == (kind != "native")


@pytest.mark.parametrize("sign", NEVER_STARTED)
def test_an_editor_that_was_never_started_is_found_by_its_program(sign: str, tmp_path: Path) -> None:
    """The plug-in is there at the first start already: the profile it will have is known before it exists."""
    platform, path, content, profile = NEVER_STARTED[sign]
    places = machine(tmp_path, platform)
    make(tmp_path / path, content.encode())
    (found,) = find_editors(places)
    assert found.profile == places.home / profile
    assert not found.profile.exists() or "Snap" in sign


def test_an_older_gimp_is_not_taken_for_gimp_3(tmp_path: Path) -> None:
    """A program called just `gimp` is asked for its version; GIMP 2.10 cannot run the plug-in."""
    places = machine(tmp_path, "linux")
    make(f"{places.home}/.config/GIMP/2.10/")
    program = make(tmp_path / "home/bin/gimp", b"#!/bin/sh\necho GNU Image Manipulation Program version 2.10.36\n")
    assert find_editors(places) == []
    program.write_bytes(b"#!/bin/sh\necho GNU Image Manipulation Program version 3.0.4\n")
    (found,) = find_editors(places)
    assert found.version == "3.0"


def test_xdg_folders_and_krita_s_own_choice_are_honoured(tmp_path: Path) -> None:
    """XDG_CONFIG_HOME, XDG_DATA_HOME, GIMP3_DIRECTORY and Krita's ResourceDirectory move the profiles."""
    moved = make(f"{tmp_path}/art/brushes/")
    make(f"{tmp_path}/c/GIMP/3.0/")
    make(f"{tmp_path}/portable/")
    make(tmp_path / "c/kritarc", f"ResourceDirectory={moved}\n[python]\nResourceDirectory=/wrong\n".encode())
    places = machine(
        tmp_path,
        "linux",
        XDG_CONFIG_HOME=f"{tmp_path}/c",
        XDG_DATA_HOME=f"{tmp_path}/d",
        GIMP3_DIRECTORY=f"{tmp_path}/portable",
    )
    assert [each.profile for each in find_editors(places)] == [tmp_path / "c/GIMP/3.0", tmp_path / "portable", moved]


def test_a_gimp_that_will_take_over_older_settings_is_left_alone(tmp_path: Path) -> None:
    """GIMP migrates an older version's settings only while its own profile does not exist: nothing may create it."""
    places = machine(tmp_path, "linux")
    make(f"{places.home}/.config/GIMP/2.10/")
    make(places.home / "bin/gimp-3.0")
    said: list[str] = []
    before = tree(tmp_path)
    assert setup.run(said.append, editors=find_editors(places)) == 0
    assert tree(tmp_path) == before
    assert "Start it once" in said[0]
