"""`scumble setup`: the plug-in is whole, an update replaces it, and uninstalling leaves no trace."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from scumble_daemon import kritarc, setup
from scumble_daemon.editors import Installation, find_editors
from scumble_daemon.installer import install_plugin, read_record, uninstall_plugin
from scumble_daemon.plugin_files import plugin_files
from scumble_protocol.catalogue import Catalogue
from scumble_protocol.errors import Invalid

from .home_folder import CATALOGUE, CHECKOUT, KRITARC, LAYOUTS, machine, make, tree
from .installations import gimp, krita

__all__ = ["gimp", "krita"]  # fixtures


# --- installing --------------------------------------------------------------------------------------------------


def test_the_plug_in_is_complete(gimp: Installation, krita: Installation) -> None:
    """Entry points, the protocol package, msgpack, the catalogue and the way to start the daemon are all there."""
    for installation in (gimp, krita):
        assert install_plugin(installation, catalogue=CATALOGUE) == "installed"
        folder = installation.plugin_folder
        shipped = json.loads((folder / "scumble_protocol/catalogue.json").read_text("utf-8"))
        assert Catalogue.from_json(shipped) == CATALOGUE
        assert (folder / "scumble_protocol/_vendor/msgpack/fallback.py").is_file()
        command = json.loads((folder / "scumble.json").read_text("utf-8"))["command"]
        assert command == [sys.executable, "-m", "scumble_daemon", "serve"]
        originals = CHECKOUT / "plugins" / installation.editor / "scumble"
        assert (folder / "layers.py").read_bytes() == (originals / "layers.py").read_bytes()
    entry = gimp.plugin_folder / "scumble.py"
    assert entry.stat().st_mode & stat.S_IXUSR
    assert (krita.profile / "pykrita/scumble.desktop").is_file()
    assert list((krita.profile / "actions").glob("*.action"))


def test_installing_twice_changes_nothing(gimp: Installation, krita: Installation, tmp_path: Path) -> None:
    """The second time it says so, and not even a file's time differs: GIMP need not ask the plug-in again."""
    for installation in (gimp, krita):
        install_plugin(installation, catalogue=CATALOGUE)
        before, time_before = tree(tmp_path), installation.plugin_folder.stat().st_mtime_ns
        assert install_plugin(installation, catalogue=CATALOGUE) == "unchanged"
        assert tree(tmp_path) == before
        assert installation.plugin_folder.stat().st_mtime_ns == time_before


def test_a_new_version_replaces_the_old_one_whole(gimp: Installation, krita: Installation) -> None:
    """Files that a version no longer has are gone, new operations are known, and GIMP is made to look."""
    for installation in (gimp, krita):
        install_plugin(installation, catalogue=Catalogue(()))
        _pretend_an_older_version(installation, "scumble_protocol/retired.py")
        entry = installation.plugin_folder / ("scumble.py" if installation is gimp else "__init__.py")
        time_before = int(entry.stat().st_mtime)
        assert install_plugin(installation, catalogue=CATALOGUE) == "updated"
        assert not (installation.plugin_folder / "scumble_protocol/retired.py").exists()
        assert "sharpen" in (installation.plugin_folder / "scumble_protocol/catalogue.json").read_text("utf-8")
        if installation is gimp:
            assert int(entry.stat().st_mtime) != time_before


def _pretend_an_older_version(installation: Installation, file: str) -> None:
    record = installation.plugin_folder / "scumble.json"
    table = json.loads(record.read_text("utf-8"))
    inside = installation.plugin_folder.relative_to(installation.profile).as_posix()
    table["files"][f"{inside}/{file}"] = "0" * 64
    record.write_text(json.dumps(table), "utf-8")
    make(installation.plugin_folder / file, b"# of an older version\n")


def test_a_damaged_plug_in_is_repaired(gimp: Installation) -> None:
    """A deleted or edited file is noticed, though the version is the same."""
    install_plugin(gimp, catalogue=CATALOGUE)
    (gimp.plugin_folder / "layers.py").write_text("raise SystemExit\n")
    (gimp.plugin_folder / "scumble_protocol/wire.py").unlink()
    assert install_plugin(gimp, catalogue=CATALOGUE) == "updated"
    assert (gimp.plugin_folder / "scumble_protocol/wire.py").is_file()
    assert "SystemExit" not in (gimp.plugin_folder / "layers.py").read_text("utf-8")


def test_an_installation_that_fails_leaves_the_old_one(
    gimp: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the last step nothing of the old plug-in is touched; afterwards nothing of the attempt remains."""
    install_plugin(gimp, catalogue=Catalogue(()))
    before = tree(tmp_path)

    def no_room(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device", str(self))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", no_room)
        with pytest.raises(OSError, match="No space left"):
            install_plugin(gimp, catalogue=CATALOGUE)
    assert tree(tmp_path) == before


def test_what_somebody_else_put_there_is_not_overwritten(gimp: Installation, tmp_path: Path) -> None:
    """A hand-made copy or a developer's link is refused by name; a stranger's file inside ours survives an update."""
    make(gimp.plugin_folder / "scumble.py", b"# my own\n")
    with pytest.raises(Invalid, match="was not put there"):
        install_plugin(gimp, catalogue=CATALOGUE)
    assert tree(gimp.plugin_folder) == {"scumble.py": b"# my own\n"}
    shutil.rmtree(gimp.plugin_folder)
    gimp.plugin_folder.symlink_to(make(f"{tmp_path}/checkout/"))
    with pytest.raises(Invalid, match="was not put there"):
        install_plugin(gimp, catalogue=CATALOGUE)
    gimp.plugin_folder.unlink()
    install_plugin(gimp, catalogue=Catalogue(()))
    make(gimp.plugin_folder / "notes.txt", b"mine\n")
    install_plugin(gimp, catalogue=CATALOGUE)
    assert (gimp.plugin_folder / "notes.txt").read_bytes() == b"mine\n"
    assert uninstall_plugin(gimp) == [gimp.plugin_folder / "notes.txt"]
    assert tree(gimp.plugin_folder) == {"notes.txt": b"mine\n"}


# --- uninstalling ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS)
def test_uninstalling_leaves_the_home_folder_as_it_was(layout: str, tmp_path: Path) -> None:
    """Every file, every folder and every byte of kritarc, on every platform's layout, after an update too."""
    platform, existing, _ = LAYOUTS[layout]
    places = machine(tmp_path, platform)
    make(f"{places.home}/{existing}", KRITARC)
    before = tree(tmp_path)
    (installation,) = find_editors(places)
    install_plugin(installation, catalogue=Catalogue(()))
    assert tree(tmp_path) != before
    install_plugin(installation, catalogue=CATALOGUE)
    make(installation.plugin_folder / "__pycache__/layers.cpython-313.pyc", b"by the editor")
    make(installation.plugin_folder / "connection.json", b"by the daemon")
    assert uninstall_plugin(installation) == []
    assert tree(tmp_path) == before
    assert uninstall_plugin(installation) is None


def test_uninstalling_from_an_editor_that_had_no_profile_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folders and files that only setup made go away again, those that two editors share included."""
    monkeypatch.setenv("SCUMBLE_HOME", str(tmp_path / "scumble"))
    places = machine(tmp_path, "linux")
    make(places.home / "bin/gimp-3.0")
    make(places.home / "bin/krita")
    before = tree(tmp_path)
    setup.run(lambda text: None, editors=find_editors(places))
    assert (places.home / ".config/kritarc").read_bytes() == b"[python]\nenable_scumble=true\n"
    setup.run(lambda text: None, uninstall=True, editors=find_editors(places))
    assert tree(tmp_path) == before


# --- Krita's settings --------------------------------------------------------------------------------------------


def test_what_krita_wrote_since_is_kept(krita: Installation) -> None:
    """Krita rewrites its settings all the time; uninstalling takes out one line of what stands there now."""
    install_plugin(krita, catalogue=CATALOGUE)
    assert krita.settings
    krita.settings.write_bytes(krita.settings.read_bytes().replace(b"Krita dark", b"Krita bright"))
    uninstall_plugin(krita)
    assert krita.settings.read_bytes() == KRITARC.replace(b"Krita dark", b"Krita bright")


def test_a_plug_in_that_was_switched_off_is_switched_on_again(krita: Installation) -> None:
    """Running setup says: I want it. Uninstalling afterwards still removes the line."""
    install_plugin(krita, catalogue=CATALOGUE)
    assert krita.settings
    krita.settings.write_bytes(krita.settings.read_bytes().replace(b"enable_scumble=true", b"enable_scumble=false"))
    assert install_plugin(krita, catalogue=CATALOGUE) == "updated"
    assert kritarc.is_enabled(krita.settings.read_bytes())
    uninstall_plugin(krita)
    assert krita.settings.read_bytes() == KRITARC


def test_a_linked_kritarc_stays_a_link_with_its_mode(krita: Installation, tmp_path: Path) -> None:
    """Many keep their settings in a folder of their own, and only link to them."""
    assert krita.settings
    kept = tmp_path / "dotfiles-kritarc"
    krita.settings.rename(kept)
    kept.chmod(0o600)
    krita.settings.symlink_to(kept)
    install_plugin(krita, catalogue=CATALOGUE)
    assert krita.settings.is_symlink()
    assert kritarc.is_enabled(kept.read_bytes())
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


# --- inside the editor -------------------------------------------------------------------------------------------


INSIDE = """
import sys
sys.path.insert(0, sys.argv[1])
assert not [path for path in sys.path if "site-packages" in path or "dist-packages" in path], sys.path
from scumble_protocol import wire, client, connection, messages
import scumble_protocol._vendor.msgpack as msgpack
assert wire.msgpack is msgpack, wire.msgpack
assert msgpack.Packer.__module__.endswith("_vendor.msgpack.fallback"), msgpack.Packer.__module__
ping = messages.Ping(id="1")
assert wire.decode(wire.encode(ping)) == ping
print(connection.start_command())
print([operation.id for operation in connection.load_catalogue().operations])
"""


@pytest.mark.parametrize("python", sorted({sys.executable, shutil.which("python3", path="/usr/bin") or sys.executable}))
def test_the_installed_protocol_needs_no_package(gimp: Installation, python: str, tmp_path: Path) -> None:
    """In a Python without site-packages, as an editor's own may be, the copy speaks msgpack in pure Python."""
    install_plugin(gimp, catalogue=CATALOGUE, command=["/opt/scumble/python", "-m", "scumble_daemon", "serve"])
    program = make(tmp_path / "inside.py", INSIDE.encode())
    run = subprocess.run(
        [python, "-I", "-S", str(program), str(gimp.plugin_folder)],
        env={"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == ["['/opt/scumble/python', '-m', 'scumble_daemon', 'serve']", "['sharpen']"]


def test_no_compiled_code_and_no_byte_code_is_installed(gimp: Installation, krita: Installation) -> None:
    """What is copied runs in every build of the editor: sources, texts and the catalogue only."""
    for editor in ("gimp", "krita"):
        kinds = {Path(path).suffix for path in plugin_files(editor, CATALOGUE)}
        assert kinds <= {".py", ".json", ".html", ".desktop", ".action", ".typed", ""}


# --- the command -------------------------------------------------------------------------------------------------


def test_the_command_says_what_it_did(
    gimp: Installation, krita: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence an editor, naming the folder; one that fails does not keep the others from their plug-in."""
    monkeypatch.setenv("SCUMBLE_HOME", str(tmp_path / "scumble"))
    make(gimp.plugin_folder / "scumble.py", b"# my own\n")
    said: list[str] = []
    assert setup.run(said.append, editors=[gimp, krita]) == 1
    assert said[0].startswith("GIMP 3.0: ")
    assert "Move it away" in said[0]
    assert said[1] == f"Krita: plug-in installed in {krita.plugin_folder}, switched on in {krita.settings}."
    assert "Dockers" in said[2]
    assert "Filters" not in said[2]
    assert setup.run(said.append, editors=[krita]) == 0
    assert said[3].startswith("Krita: already up to date")
    assert setup.run(said.append, uninstall=True, editors=[krita]) == 0
    assert said[5] == f"Krita: plug-in removed from {krita.plugin_folder}."


def test_without_an_editor_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing found is no failure: the command line works without an editor."""
    monkeypatch.setenv("SCUMBLE_HOME", str(tmp_path / "scumble"))
    said: list[str] = []
    assert setup.run(said.append, editors=[]) == 0
    assert "No GIMP 3 and no Krita 5 was found" in said[0]


def test_editors_in_a_sandbox_are_told_where_the_daemon_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Flatpak cannot look into the runtime folder: the daemon is told to leave a copy of its address there."""
    monkeypatch.setenv("SCUMBLE_HOME", str(tmp_path / "scumble"))
    settings = make(tmp_path / "scumble/config/config.toml", b'# mine\nlog_level = "DEBUG"\n')
    flatpak = Installation("gimp", "flatpak", tmp_path / "home/.var/app/org.gimp.GIMP/config/GIMP/3.0", version="3.0")
    setup.run(lambda text: None, editors=[flatpak])
    assert setup.config.read().connection_copies == (str(flatpak.plugin_folder),)
    assert setup.config.read().log_level == "DEBUG"
    record = read_record(flatpak)
    assert record is not None
    assert record.runtime == str(flatpak.plugin_folder)
    setup.run(lambda text: None, uninstall=True, editors=[flatpak])
    assert settings.read_bytes() == b'# mine\nlog_level = "DEBUG"\n'
