"""The docker as an artist uses it: find, set, run, watch, cancel; Krita never waits."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

from .. import chroot
from .pictures import photo, with_alpha
from .session import Krita

SIZE = (60, 40)


@pytest.fixture
def document(krita: Krita):
    number = krita.document({"name": "photo", "pixels": with_alpha(photo()[:40, 200:260])}, size=SIZE)
    yield number
    krita.close(number)


def test_operations_are_grouped_by_menu_and_found_by_any_word(krita: Krita, document: int) -> None:
    everything = dict(krita.call("listed"))
    assert {"Colour Test", "Fail Test", "Paint Test", "Select Test"} <= set(everything["Test"])
    assert "Apply LUT" in {title for titles in everything.values() for title in titles}
    assert krita.call("listed", search="dodge paint") == [["Test", ["Paint Test"]]]
    assert krita.call("listed", search="no such thing") == []
    krita.call("listed")


def test_the_form_is_drawn_from_the_catalogue(krita: Krita, document: int) -> None:
    """Every kind of parameter can be set; a slider covers its own range, the box beside it the whole one."""
    assert krita.call("pick", title="Paint Test").startswith("Give every form of layer back")
    first = {"amount": 0.5, "layer_count": 2, "is_soft": True, "kind": "warm", "words": "", "reference": ""}
    assert krita.call("defaults") == first
    assert krita.call("slide", name="amount", share=1) == 0.8
    assert krita.call("fill", amount=0.95)["amount"] == 0.95
    assert krita.call("fill", amount=7)["amount"] <= 1
    notes = krita.file(".txt")
    notes.write_text("hello", encoding="utf-8")
    values = {"amount": 0.25, "layer_count": 1, "is_soft": False, "kind": "cold", "words": "a “b”"}

    done = krita.run("Paint Test", reference=str(notes), **values)

    assert done["said"] == "0.25 1 False cold «a “b”» 5"
    assert krita.call("values_shown") == {**values, "reference": str(notes)}
    krita.call("pick", title="Colour Test")
    krita.call("pick", title="Paint Test")
    assert krita.call("values_shown") == {**values, "reference": str(notes)}, "values are kept"
    krita.undo()


def test_styles_are_seen_in_their_list(krita: Krita, document: int) -> None:
    krita.call("pick", title="Stylize")
    shown = krita.call("pictures_of", name="style")
    ours = [shown[f"paint-{style}"] for style in ("oil", "watercolour", "woodcut", "mosaic", "pencil")]
    assert all(side > 32 for side, _ in ours)
    assert len({tuple(middle) for _, middle in ours}) == 5
    assert krita.call("pictures_of", name="second")["none"] == [0, []]


def test_what_the_form_holds_wrongly_is_said_at_the_button(krita: Krita, document: int) -> None:
    """A file that is not there, a point that is none: in words, and no job starts."""
    krita.call("pick", title="Paint Test")
    krita.call("fill", reference="/nowhere/at all.txt")
    assert krita.call("click_run") is None
    assert "at all.txt cannot be read" in krita.call("problem")
    krita.call("defaults")
    krita.call("pick", title="Select Test")
    krita.call("fill", points="20;30")
    assert krita.call("click_run") is None
    assert "«20» is no point" in krita.call("problem")
    krita.call("defaults")


def test_run_stays_in_sight_below_a_long_form_and_what_was_started_comes_into_sight(
    krita: Krita, document: int
) -> None:
    krita.call("pick", title="Paint Test")
    krita.call("defaults")
    krita.call("give_room", height=140)  # how much there is otherwise is Krita's to say, and changes
    try:
        assert krita.call("share_in_sight", name="scumble_form") < 0.9, "a form longer than its room"
        assert krita.call("share_in_sight", name="scumble_run") == 1

        number = krita.call("click_run")

        row = f"scumble_job_{number}"
        chroot.wait_until(lambda: krita.call("share_in_sight", name=row) > 0.9, "the new job to be seen")
        assert krita.end(number)["state"] == "done"
    finally:
        krita.call("give_room")
    krita.undo()


def test_each_operation_is_an_action_under_tools(krita: Krita, document: int) -> None:
    """It runs with the values it was last run with, and can be given a shortcut like any action."""
    assert {"Apply LUT", "Paint Test"} <= set(krita.call("tools_menu"))
    krita.run("Paint Test", amount=0.125)
    krita.undo()
    before = krita.call("newest_job")

    krita.call("action", name="scumble_paint_test")

    number = chroot.wait_until(lambda: krita.call("newest_job"), "the job")
    assert number != before
    assert krita.end(number)["said"].startswith("0.125 ")
    krita.undo()


def test_model_memory_is_released_from_the_menu(krita: Krita, editor_daemon, document: int) -> None:
    """Tools ▸ Scumble ▸ Release Model Memory: a model that a job has loaded is warm, and is not any more."""
    assert "Release Model Memory" in krita.call("tools_menu")
    assert krita.run("Enhance with Model")["state"] == "done"
    with editor_daemon.client() as client:
        chroot.wait_until(lambda: client.status()["workers"][0]["models"], "a warm model")
        krita.call("action", name="scumble_free")
        chroot.wait_until(lambda: not client.status()["workers"][0]["models"], "the memory")
    krita.undo()


def test_a_click_of_a_real_mouse_runs_it(krita: Krita, document: int) -> None:
    krita.call("pick", title="Paint Test")
    krita.call("defaults")
    before = krita.call("newest_job")
    x, y = krita.call("place_of", name="scumble_run")
    krita.desktop.xdotool("mousemove", str(x), str(y), "click", "1")
    chroot.wait_until(lambda: krita.call("newest_job") != before, "the job to start")
    assert krita.end(krita.call("newest_job"))["state"] == "done"
    assert [node["name"] for node in krita.tree(document)] == ["photo", "Paint Test"]


def test_krita_works_on_while_a_job_runs_and_cancel_ends_it(krita: Krita, document: int) -> None:
    """Progress is shown, the event loop goes round, the document stays as it was, and the next job works."""
    tree, undo = krita.tree(document), krita.call("history")
    krita.call("watch_ticks")
    number = krita.start("Fail Test", how="slow")
    krita.wait_for(number, "Waiting")
    first = krita.call("job", number=number)["bar"]
    chroot.wait_until(lambda: krita.call("job", number=number)["bar"] > first, "the bar to move")
    ticks = krita.call("ticked")["count"]
    chroot.wait_until(lambda: krita.call("ticked")["count"] > ticks + 50, "Krita's own loop to go round")

    assert krita.call("click_cancel", number=number) == "cancelled"

    assert krita.call("job", number=number)["over"]
    assert krita.tree(document) == tree
    assert krita.call("history") == undo
    assert krita.run("Paint Test")["state"] == "done"
    krita.call("click_cancel", number=number)  # of a finished job: takes it off the list
    assert number not in krita.call("rows")


def test_several_jobs_wait_in_the_queue_and_each_finds_its_own_document(krita: Krita, document: int) -> None:
    """A slow job, then one on another document: both are listed; results go where they were ordered."""
    slow = krita.start("Fail Test", how="slow")
    krita.wait_for(slow, "Waiting")
    waiting = krita.start("Paint Test", amount=0.25)
    other = krita.document({"name": "other", "pixels": with_alpha(photo("chelsea")[:40, :60])}, size=SIZE)
    second = krita.start("Paint Test", amount=0.75)
    assert krita.call("rows")[:3] == [second, waiting, slow]
    assert "photo" in krita.call("job", number=waiting)["title"]
    assert "other" in krita.call("job", number=second)["title"]

    krita.call("click_cancel", number=slow)

    assert krita.end(waiting)["said"].startswith("0.25 ")
    assert krita.end(second)["said"].startswith("0.75 ")
    assert [node["name"] for node in krita.tree(document)] == ["photo", "Paint Test"]
    assert [node["name"] for node in krita.tree(other)] == ["other", "Paint Test"]
    krita.close(other)


def test_results_that_come_together_are_each_inserted_once(krita: Krita, document: int) -> None:
    """Krita lets events through while it adds a layer, the next result's among them."""
    slow = krita.start("Fail Test", how="slow")
    krita.wait_for(slow, "Waiting")
    numbers = [krita.start("Paint Test", amount=amount / 10) for amount in range(1, 6)]
    krita.call("click_cancel", number=slow)
    for number in numbers:
        assert krita.end(number)["state"] == "done"
    assert [node["name"] for node in krita.tree(document)] == ["photo"] + ["Paint Test"] * len(numbers)


def test_nothing_is_inserted_in_the_middle_of_a_stroke(krita: Krita, document: int) -> None:
    """The result waits until the mouse is up; the stroke is whole, and lies before the result in the undo history."""
    krita.call("action", name="KritaShape/KisToolBrush")
    before, _ = krita.read(document, "photo")
    x, y = krita.call("canvas_place")
    krita.call("pick", title="Paint Test")
    krita.desktop.xdotool("mousemove", str(x - 60), str(y), "sleep", "0.3", "mousedown", "1")
    for _ in range(8):
        krita.desktop.xdotool("mousemove_relative", "8", "3")

    number = krita.call("run_as_by_shortcut")
    krita.wait_for(number, "end of your stroke")
    assert len(krita.tree(document)) == 1
    krita.desktop.xdotool("mousemove_relative", "30", "30")
    krita.desktop.xdotool("mouseup", "1")

    assert krita.end(number)["state"] == "done"
    painted, _ = krita.read(document, "photo")
    assert (painted != before).any(), "the stroke was painted"
    assert len(krita.tree(document)) == 2
    krita.undo()
    assert len(krita.tree(document)) == 1
    np.testing.assert_array_equal(krita.read(document, "photo")[0], painted)
    krita.undo()
    np.testing.assert_array_equal(krita.read(document, "photo")[0], before)


def test_a_polygon_that_is_being_clicked_is_not_lost(krita: Krita, document: int) -> None:
    """Between two clicks of the polygonal selection no button is down, and a new layer would end it all the same."""
    krita.call("action", name="KisToolSelectPolygonal")
    x, y = krita.call("canvas_place")
    krita.call("pick", title="Paint Test")
    for dx, dy in ((-150, -120), (150, -110), (140, 100)):
        krita.desktop.xdotool("mousemove", str(x + dx), str(y + dy), "sleep", "0.2", "click", "1", "sleep", "0.4")

    number = krita.call("run_as_by_shortcut")
    krita.wait_for(number, "until the pointer leaves")
    assert len(krita.tree(document)) == 1
    krita.desktop.xdotool("mousemove", str(x - 140), str(y + 90), "sleep", "0.2", "click", "--repeat", "2", "1")
    chroot.wait_until(lambda: krita.selection(document) is not None, "the polygon to become a selection")
    assert not krita.call("job", number=number)["over"]
    out = krita.call("place_of", name="scumble_description")
    krita.desktop.xdotool("mousemove", str(out[0]), str(out[1]))

    assert krita.end(number)["state"] == "done"
    selected = krita.selection(document)
    assert selected is not None
    assert 0.02 < (selected > 0).mean() < 0.9, "a polygon, not everything"
    krita.call("action", name="KritaShape/KisToolBrush")


def test_a_result_whose_layer_is_gone_lies_on_top_and_one_whose_document_is_gone_is_dropped(krita: Krita) -> None:
    """Both are said."""
    document = krita.document(
        {"name": "behind", "pixels": with_alpha(photo("chelsea")[:40, :60])},
        {"name": "photo", "pixels": with_alpha(photo()[:40, 200:260])},
        size=SIZE,
    )
    slow = krita.start("Fail Test", how="slow")
    krita.wait_for(slow, "Waiting")
    first = krita.start("Paint Test")
    krita.call("change", number=document, name="photo", remove=True)
    krita.call("click_cancel", number=slow)
    done = krita.end(first)
    assert done["state"] == "done"
    assert "«photo» is gone" in done["said"]
    assert [node["name"] for node in krita.tree(document)] == ["behind", "Paint Test"]

    krita.activate(document, "behind")
    slow = krita.start("Fail Test", how="slow")
    krita.wait_for(slow, "Waiting")
    second = krita.start("Paint Test")
    krita.close(document)
    krita.call("click_cancel", number=slow)
    assert "document was closed" in krita.end(second)["said"]


def test_the_list_follows_a_catalogue_that_changes_while_krita_runs(krita: Krita, editor_daemon, document: int) -> None:
    """As when a model is dropped into the weights folder: the daemon writes its catalogue anew."""
    file = editor_daemon.home / "cache" / "catalogue.json"
    original = file.read_text(encoding="utf-8")
    table = json.loads(original)
    added = {**next(entry for entry in table["operations"] if entry["id"] == "paint_test"), "id": "new_test"}
    table["operations"].append({**added, "title": "Brand New"})
    fresh = file.with_suffix(".fresh")
    fresh.write_text(json.dumps(table), encoding="utf-8")
    fresh.replace(file)
    chroot.wait_until(lambda: krita.call("listed", search="brand new"), "the new operation to be listed")
    assert "Brand New" in krita.call("tools_menu")
    fresh.write_text(original, encoding="utf-8")
    fresh.replace(file)
    chroot.wait_until(lambda: not krita.call("listed", search="brand new"), "the list to be as before")
    krita.call("listed")


def test_timings_of_every_stage_are_written_where_asked(krita: Krita, document: int) -> None:
    krita.run("Paint Test")
    lines = [json.loads(line) for line in (krita.home / "timings.jsonl").read_text(encoding="utf-8").splitlines()]
    last = lines[-1]
    assert (last["editor"], last["operation"]) == ("krita", "paint_test")
    assert 0 < last["read"] <= last["submitted"] <= last["result"] <= last["inserted"] < time.monotonic()
