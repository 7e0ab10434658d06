"""The queue: who goes first, and what a newer preview replaces."""

from __future__ import annotations

import pytest
from scumble_daemon.scheduler import Job, Scheduler
from scumble_protocol.errors import Busy
from scumble_protocol.image import Bounds, Raster
from scumble_protocol.messages import Submit

CANVAS = Bounds(0, 0, 1, 1)
PIXEL = Raster(CANVAS, "u8", "GRAY", b"\0")


def job(id: str, priority: str = "interactive", session: str = "s", source: str = "layer") -> Job:
    submit = Submit(id=id, operation="x", image=PIXEL, canvas=CANVAS, priority=priority, source=source)
    return Job(submit, session, b"client", "")


def order(scheduler: Scheduler) -> list[str]:
    return [each.submit.id for each in scheduler]


def test_interactive_work_goes_before_batch_work() -> None:
    """A batch job that came first waits for an interactive one that came later; among equals the first is first."""
    scheduler = Scheduler(10)
    assert scheduler.add(job("batch 1", "batch")) == (0, [])
    assert scheduler.add(job("click 1")) == (0, [])
    assert scheduler.add(job("click 2"))[0] == 1
    scheduler.add(job("batch 2", "batch"))
    assert order(scheduler) == ["click 1", "click 2", "batch 1", "batch 2"]
    first = scheduler.next()
    assert first is not None
    assert first.submit.id == "click 1"
    assert order(scheduler) == ["click 2", "batch 1", "batch 2"]


def test_only_the_newest_preview_of_a_layer_waits() -> None:
    """A slider that is dragged leaves one preview in the queue; other layers, sessions and real jobs stay."""
    scheduler = Scheduler(10)
    scheduler.add(job("old", "preview"))
    scheduler.add(job("other layer", "preview", source="other"))
    scheduler.add(job("other session", "preview", session="t"))
    scheduler.add(job("click"))
    _, replaced = scheduler.add(job("new", "preview"))
    assert [each.submit.id for each in replaced] == ["old"]
    assert order(scheduler) == ["other layer", "other session", "click", "new"]


def test_a_full_queue_says_so_and_stays_as_it_is() -> None:
    """The queue is bounded; a refused job leaves no trace, and there is room again after one has gone."""
    scheduler = Scheduler(2)
    scheduler.add(job("1"))
    scheduler.add(job("2"))
    with pytest.raises(Busy, match="2 jobs are waiting"):
        scheduler.add(job("3"))
    assert order(scheduler) == ["1", "2"]
    scheduler.next()
    scheduler.add(job("3"))
    assert order(scheduler) == ["2", "3"]


def test_a_job_given_back_goes_first_among_its_like() -> None:
    """It has waited already: it goes before its equals, even into a full queue, but not before an artist's click."""
    scheduler = Scheduler(2)
    scheduler.add(job("batch 1", "batch"))
    taken = scheduler.next()
    assert taken is not None
    scheduler.add(job("batch 2", "batch"))
    scheduler.add(job("click"))
    scheduler.put_back(taken)
    assert order(scheduler) == ["click", "batch 1", "batch 2"]
    assert [each.was_given_back for each in scheduler] == [False, True, False]


def test_jobs_of_two_sessions_may_share_an_id() -> None:
    """Ids are the client's own: removing one session's job leaves the other's."""
    scheduler = Scheduler(10)
    mine, theirs = job("1"), job("1", session="t")
    scheduler.add(mine)
    scheduler.add(theirs)
    scheduler.remove(mine)
    assert list(scheduler) == [theirs]
    assert scheduler.find(("t", "1")) is theirs
    assert scheduler.find(("s", "1")) is None
