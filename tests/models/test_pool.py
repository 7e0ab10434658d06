"""The pool: a budget that holds, the least recently used out first, and nothing taken from under a job."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from scumble_daemon.model_pool import ModelPool
from scumble_protocol.errors import OutOfMemory

GB = 1_000_000_000


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def pool_of(budget: int, idle_s: float = 0, clock: Clock | None = None) -> ModelPool[str]:
    return ModelPool(lambda: budget, idle_s, clock=clock or Clock())


def use(pool: ModelPool[str], name: str, size: int = GB) -> str:
    with pool.borrow(name, name.upper(), size, lambda: f"loaded {name}") as model:
        return model


def warm(pool: ModelPool[str]) -> list[str]:
    return [model["id"] for model in pool.describe()]


def test_a_model_is_loaded_once() -> None:
    """The second borrower gets what the first one loaded."""
    pool, loads = pool_of(2 * GB), []

    def load() -> str:
        loads.append("load")
        return "model"

    for _ in range(3):
        with pool.borrow("a", "A", GB, load) as model:
            assert model == "model"
    assert loads == ["load"]


def test_the_least_recently_used_goes_first() -> None:
    pool = pool_of(2 * GB)
    for name in ("a", "b", "a", "c"):
        use(pool, name)
    assert warm(pool) == ["c", "a"]


def test_what_a_job_uses_stays() -> None:
    """A model in use is not let go for another, however old it is."""
    pool = pool_of(2 * GB)
    with pool.borrow("old", "Old", GB, lambda: "old"):
        use(pool, "b")
        use(pool, "c")
        assert warm(pool) == ["c", "old"]


def test_a_model_larger_than_the_budget_is_refused_in_words() -> None:
    """Before anything is loaded, and without letting go of what is warm."""
    pool = pool_of(2 * GB)
    use(pool, "a")

    def must_not() -> str:
        raise AssertionError("it was loaded")

    with pytest.raises(OutOfMemory) as raised, pool.borrow("big", "Big one", 3 * GB, must_not):
        pass
    assert str(raised.value).startswith("The model Big one takes 3.0 GB, and 2.0 GB are there for models.")
    assert "models_budget_mb" in raised.value.hint
    assert warm(pool) == ["a"]


def test_models_that_are_all_in_use_leave_no_room() -> None:
    pool = pool_of(2 * GB)
    with ExitStack() as held:
        for name in ("a", "b"):
            held.enter_context(pool.borrow(name, name, GB, lambda: "x"))
        with pytest.raises(OutOfMemory, match="the running job needs the others"):
            use(pool, "c")
    assert use(pool, "c") == "loaded c"


def test_what_it_really_takes_counts() -> None:
    """A file in half precision is twice as large in memory."""
    pool = ModelPool[str](lambda: 3 * GB, size_of=lambda model: 2 * GB)
    use(pool, "a")
    use(pool, "b")
    assert warm(pool) == ["b"]
    assert pool.describe()[0]["bytes"] == 2 * GB


def test_unused_models_go_after_a_while(clock: Clock) -> None:
    pool = pool_of(4 * GB, idle_s=100, clock=clock)
    use(pool, "a")
    clock.now_s = 60
    use(pool, "b")
    assert pool.drop_idle() == 40
    clock.now_s = 101
    assert pool.drop_idle() == pytest.approx(59)
    assert warm(pool) == ["b"]
    with pool.borrow("b", "B", GB, lambda: "again"):
        clock.now_s = 1000
        assert pool.drop_idle() is None
    assert warm(pool) == ["b"]


def test_all_are_let_go_at_once_and_those_in_use_at_their_jobs_end() -> None:
    given_back = []
    pool = ModelPool[str](lambda: 4 * GB, give_back=lambda: given_back.append("memory"))
    use(pool, "a")
    with pool.borrow("b", "B", GB, lambda: "b"):
        freed = pool.free()
        assert (freed.titles, freed.in_use, freed.bytes) == (("A",), ("B",), GB)
        assert warm(pool) == ["b"]
    assert warm(pool) == []
    assert given_back == ["memory", "memory"]
    assert pool.free().titles == ()


def test_what_a_job_makes_room_with_is_only_what_nobody_uses() -> None:
    """The model of the job itself is warm for the next one."""
    pool = pool_of(4 * GB)
    use(pool, "a")
    with pool.borrow("b", "B", GB, lambda: "b"):
        assert pool.free_idle().titles == ("A",)
    assert warm(pool) == ["b"]


def test_a_model_that_fails_to_load_leaves_nothing() -> None:
    pool = pool_of(2 * GB)

    def broken() -> str:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"), pool.borrow("a", "A", GB, broken):
        pass
    assert warm(pool) == []
    assert use(pool, "a") == "loaded a"


def test_a_file_that_was_replaced_is_another_model() -> None:
    pool = pool_of(4 * GB)
    use(pool, "a@1")
    use(pool, "b@1")
    pool.forget(lambda key: key == "a@1")
    assert warm(pool) == ["b@1"]
