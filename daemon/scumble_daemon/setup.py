"""`scumble setup`: put the plug-in into every editor on the machine, say what was done, and undo it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from scumble_protocol.connection import Connection
from scumble_protocol.errors import Invalid, ScumbleError

from . import config
from .config import tomllib
from .editors import Installation, find_editors
from .installer import Record, install_plugin, read_record, uninstall_plugin

__all__ = ["Installation", "Record", "find_editors", "install_plugin", "read_record", "run", "uninstall_plugin"]

Say = Callable[[str], None]
WHERE = {"gimp": "In GIMP: Filters ▸ Scumble.", "krita": "In Krita: Settings ▸ Dockers ▸ Scumble."}


def run(say: Say, uninstall: bool = False, editors: Iterable[Installation] | None = None) -> int:
    """Install into (or `uninstall` from) every editor, one sentence each; the exit status: 0, or 1 where one failed."""
    editors = list(find_editors() if editors is None else editors)
    if uninstall:
        editors.reverse()  # the folder that the first one made may still be in use by the last one
    results = [_in_words(say, installation, uninstall) for installation in editors]
    done = [installation for installation, is_done in zip(editors, results, strict=True) if is_done]
    try:
        if remember_copies([each for each in editors if read_record(each)]) and Connection.read() is not None:
            say("The daemon that runs learns this at its next start: `scumble stop`.")
    except (Invalid, OSError) as error:
        say(f"The daemon's settings: {_sentence(error)}")
        return 1
    if not editors:
        say("No GIMP 3 and no Krita 5 was found. Install one of them, then run `scumble setup` again.")
    elif done and not uninstall:
        say("Restart the editors that are open. " + " ".join(WHERE[name] for name in sorted({e.editor for e in done})))
    return 0 if None not in results else 1


def _in_words(say: Say, installation: Installation, uninstall: bool) -> bool | None:
    """Do it for one editor: whether the plug-in is there afterwards (or gone, for uninstall), None after an error."""
    name = f"{installation.title}:"
    try:
        if uninstall:
            left = uninstall_plugin(installation)
            if left is None:
                say(f"{name} nothing to remove.")
                return False
            say(f"{name} plug-in removed from {installation.plugin_folder}.")
            for path in left:
                say(f"  {path} was not put there by Scumble and stays.")
            return True
        if installation.awaits_migration:
            say(
                f"{name} not started yet, and it will take over the settings of an older GIMP when it is. "
                "Start it once, then run `scumble setup` again."
            )
            return False
        outcome = install_plugin(installation)
    except (ScumbleError, OSError) as error:
        say(f"{name} {_sentence(error)}")
        return None
    words = {"installed": "plug-in installed in", "updated": "plug-in updated in", "unchanged": "already up to date in"}
    switched = f", switched on in {installation.settings}" if installation.settings else ""
    say(f"{name} {words[outcome]} {installation.plugin_folder}{switched}.")
    return True


def _sentence(error: Exception) -> str:
    if isinstance(error, PermissionError):
        return f"no permission to write {error.filename}. Close the editor, check the folder's owner, then try again."
    if isinstance(error, OSError):
        return f"{error.strerror} ({error.filename})."
    return str(error)


# --- editors in a sandbox: the daemon leaves a copy of its connection file where they can read it ----------------


def remember_copies(editors: Iterable[Installation]) -> bool:
    """Note the plug-in folders of sandboxed editors in config.toml, and leave all else in it; whether that was needed.

    Raises: Invalid where config.toml is damaged · OSError
    """
    folders = sorted(str(each.plugin_folder) for each in editors if each.is_sandboxed)
    file = config.config_file()
    text = file.read_text("utf-8") if file.exists() else ""
    if folders == sorted(_copies(file, text)):
        return False
    text = re.sub(r"(?ms)^connection_copies\s*=\s*\[.*?\]\s*?$\n?", "", text)
    if folders:
        lines = "".join(f"  {json.dumps(folder, ensure_ascii=False)},\n" for folder in folders)
        text += ("\n" if text and not text.endswith("\n") else "") + f"connection_copies = [\n{lines}]\n"
    if sorted(_copies(file, text)) != folders:
        raise Invalid(f"{file}: «connection_copies» cannot be changed.", f"Set it to {folders} by hand.")
    if not text:
        file.unlink()
        return True
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}.fresh")
    fresh.write_text(text, "utf-8")
    fresh.replace(file)
    return True


def _copies(file: Path, text: str) -> list[str]:
    try:
        return list(tomllib.loads(text).get("connection_copies", []))
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"{file} cannot be read: {error}.", "Correct or delete the file.") from None
