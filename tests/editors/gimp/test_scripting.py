"""The procedures as scripts see them: from Python-fu and from Script-fu, with and without earlier values."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from ...daemon_process import DaemonProcess, wait_until
from .photos import photo, with_alpha
from .session import Gimp


@pytest.fixture
def document(gimp: Gimp) -> dict[str, Any]:
    return gimp.document({"name": "photo", "pixels": with_alpha(photo()[:40, 200:260])}, size=(60, 40))


def test_every_operation_offered_to_artists_is_a_procedure(gimp: Gimp, editor_daemon: DaemonProcess) -> None:
    """One for each entry of the catalogue that is not hidden, and the check."""
    with editor_daemon.client() as client:
        offered = {"scumble-" + operation.id.replace("_", "-") for operation in client.catalogue().visible}

    assert {"scumble-apply-lut", "scumble-paint-test"} <= offered
    assert set(gimp.call("procedures")) == offered | {"scumble-check", "scumble-free", "scumble-models", "scumble-pick"}


def test_a_procedure_has_the_operation_s_typed_arguments_and_its_place_in_the_menu(gimp: Gimp) -> None:
    """Names, types, defaults, title and description come from the catalogue."""
    described = gimp.call("arguments_of", procedure="scumble-paint-test")

    assert described["menu"] == ["<Image>/Filters/Scumble/Test"]
    assert described["label"] == "Paint Test…"
    assert described["blurb"].startswith("Give every form of layer back")
    assert described["arguments"][3:] == [
        ["amount", "gdouble", 0.5],
        ["layer-count", "gint", 2],
        ["is-soft", "gboolean", True],
        ["kind", "gchararray", "warm"],
        ["words", "gchararray", ""],
        ["reference", "GFile", None],
    ]


def test_python_fu_passes_every_argument_on(gimp: Gimp, document: dict[str, Any]) -> None:
    """The operation gets what the script gave, the file's bytes included."""
    file = gimp.file(".txt")
    file.write_text("twelve bytes", encoding="utf-8")

    done = gimp.run(
        "paint-test",
        document,
        amount=0.75,
        layer_count=1,
        is_soft=False,
        kind="cold",
        words="été «x»",
        reference=str(file),
    )

    assert done["status"] == "success", done["error"]
    assert done["values"][1] == "0.75 1 False cold «été «x»» 12"
    (layer,) = gimp.tree(document)[0]["children"]
    assert layer["recipe"]["parameters"]["words"] == "été «x»"


def test_script_fu_calls_a_procedure_by_name(gimp: Gimp, document: dict[str, Any]) -> None:
    """Named arguments as GIMP 3's Script-fu writes them; those left out have their defaults."""
    call = f"""(scumble-paint-test #:run-mode RUN-NONINTERACTIVE #:image {document["image"]}
                                   #:drawables (vector {document["layers"][0]}) #:amount 0.125 #:kind "cold")"""

    done = gimp.call("script_fu", code=call)

    assert done["status"] == "success", done["error"]
    recipe = gimp.tree(document)[0]["children"][0]["recipe"]
    assert recipe["parameters"] == {"amount": 0.125, "layer_count": 2, "is_soft": True, "kind": "cold", "words": ""}


def test_last_values_are_kept(gimp: Gimp, document: dict[str, Any]) -> None:
    """A run with the last values repeats the parameters of the run before."""
    first = gimp.run("paint-test", document, mode="WITH_LAST_VALS")
    assert first["status"] == "success", first["error"]

    again = gimp.run("paint-test", document, mode="WITH_LAST_VALS")

    assert again["values"][1] == first["values"][1]
    assert len(gimp.tree(document)) == 3


def test_a_value_out_of_range_is_refused(gimp: Gimp, document: dict[str, Any]) -> None:
    """GIMP keeps to the hard range that the operation declared."""
    done = gimp.call(
        "script_fu",
        code=f"""(scumble-paint-test #:run-mode RUN-NONINTERACTIVE
        #:image {document["image"]} #:drawables (vector {document["layers"][0]}) #:amount 7)""",
    )

    assert done["status"] != "success"
    assert len(gimp.tree(document)) == 1


def test_the_check_reports_version_and_round_trip(gimp: Gimp, document: dict[str, Any]) -> None:
    """Filters ▸ Scumble ▸ Check Scumble needs no layer."""
    from scumble_daemon import __version__

    done = gimp.call("call", procedure="scumble-check", image=document["image"], drawables=[])

    assert done["status"] == "success", done["error"]
    assert done["values"][0].startswith(f"Scumble works. Daemon {__version__} answers in ")


def test_model_memory_is_released_from_the_menu(
    gimp: Gimp, editor_daemon: DaemonProcess, document: dict[str, Any]
) -> None:
    """Filters ▸ Scumble ▸ Release Model Memory: a model that a job has loaded is warm, and is not any more."""
    ran = gimp.run("enhance-with-model", document)
    assert ran["status"] == "success", ran["error"]
    with editor_daemon.client() as client:
        wait_until(lambda: client.status()["workers"][0]["models"], "a warm model")
        done = gimp.call("call", procedure="scumble-free", image=document["image"], drawables=[])
        assert done["status"] == "success", done["error"]
        assert done["values"][0].startswith("Let go: ")
        wait_until(lambda: not client.status()["workers"][0]["models"], "the memory")
    again = gimp.call("call", procedure="scumble-free", image=document["image"], drawables=[])
    assert again["values"][0] == "No model was kept warm."


def test_the_menus_are_asked_for_again_when_the_daemon_offers_something_new(
    gimp: Gimp, gimp_home: Path, editor_daemon: DaemonProcess, document: dict[str, Any]
) -> None:
    """The entry file is touched, so that GIMP's next start queries it; the run itself works as before."""
    (entry,) = gimp_home.glob(".config/GIMP/*/plug-ins/scumble/scumble.py")
    place = hashlib.sha256(str(entry).encode()).hexdigest()[:12]  # other tests' GIMPs have profiles of their own
    told = editor_daemon.home / "cache" / f"gimp-menus-{place}.json"
    untouched, catalogue = entry.stat().st_mtime_ns, told.read_bytes()
    assert gimp.run("paint-test", document)["status"] == "success"
    assert entry.stat().st_mtime_ns == untouched
    fewer = json.loads(catalogue)
    fewer["operations"] = [each for each in fewer["operations"] if each["id"] != "slow_test"]

    try:
        told.write_text(json.dumps(fewer), encoding="utf-8")  # as if GIMP had been started before slow_test was there
        done = gimp.run("paint-test", document)
        checked = gimp.call("call", procedure="scumble-check", image=document["image"], drawables=[])
    finally:
        told.write_bytes(catalogue)

    assert done["status"] == "success", done["error"]
    assert entry.stat().st_mtime_ns > untouched
    assert checked["values"][0].endswith("They are others than the menu shows: restart GIMP.")
