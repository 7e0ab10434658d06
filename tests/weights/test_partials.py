"""What has come and what was agreed to: partial files go on as the same file or not at all, and trust is kept to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from scumble_daemon.weights.errors import FetchFailed
from scumble_daemon.weights.fetch import Fetcher
from scumble_daemon.weights.index import Model
from scumble_daemon.weights.store import Store
from scumble_protocol.errors import Invalid

from .conftest import BODY, OTHER, QUICK, ignore
from .web_server import Served, WebServer


def part_of(store: Store, model: Model) -> Path:
    return store.staging_of(model) / "a.pth.part"


def interrupted(fetcher: Fetcher, model: Model, served: Served, agreed: bool = False) -> None:
    """A fetch that ended after 100 000 bytes."""
    served.cut_at = [100_000] * QUICK.tries
    with pytest.raises(FetchFailed):
        fetcher.fetch(model, ignore, agreed)
    served.cut_at = []


def test_an_altered_partial_costs_a_second_fetch_and_no_more(
    fetcher: Fetcher, store: Store, model: Model, served: Served, web: WebServer
) -> None:
    """Bytes that changed on the disk are found out by the digest, and the file is fetched from the start."""
    interrupted(fetcher, model, served)
    part = part_of(store, model)
    part.write_bytes(b"y" + part.read_bytes()[1:])
    web.requests.clear()
    assert (fetcher.fetch(model, ignore) / "a.pth").read_bytes() == BODY
    assert web.requests == ["a.pth bytes=100000-", "a.pth"]


@pytest.mark.parametrize("count", [300_001, 300_000])
def test_a_partial_that_is_too_long_or_wholly_wrong(
    fetcher: Fetcher, store: Store, model: Model, served: Served, count: int
) -> None:
    """It is thrown away and not trusted for its length."""
    interrupted(fetcher, model, served)
    part_of(store, model).write_bytes(bytes(count))
    assert (fetcher.fetch(model, ignore) / "a.pth").read_bytes() == BODY


def test_a_complete_partial_needs_no_server(fetcher: Fetcher, store: Store, model: Model, web: WebServer) -> None:
    """Killed between the last byte and the check: the check is all that is left to do."""
    store.staging_of(model).mkdir(parents=True)
    part_of(store, model).write_bytes(BODY)
    assert (fetcher.fetch(model, ignore) / "a.pth").read_bytes() == BODY
    assert web.requests == []


def test_a_file_that_changed_on_the_server_begins_anew(
    fetcher: Fetcher, unpinned: Model, served: Served, web: WebServer
) -> None:
    """Another ETag: the parts of two files are never put together, even where no digest would tell."""
    interrupted(fetcher, unpinned, served, agreed=True)
    served.body = OTHER
    assert (fetcher.fetch(unpinned, ignore, agreed=True) / "a.pth").read_bytes() == OTHER
    assert web.headers[-1]["If-Range"]


def test_a_server_that_overlooks_if_range_is_found_out(
    fetcher: Fetcher, unpinned: Model, served: Served, web: WebServer
) -> None:
    """It goes on with another file under another ETag: what was there is thrown away."""
    interrupted(fetcher, unpinned, served, agreed=True)
    served.body, served.heeds_if_range = OTHER, False
    assert (fetcher.fetch(unpinned, ignore, agreed=True) / "a.pth").read_bytes() == OTHER
    assert web.requests[-2:] == ["a.pth bytes=100000-", "a.pth"]


def test_without_a_digest_and_a_validator_nothing_is_kept(
    fetcher: Fetcher, unpinned: Model, served: Served, web: WebServer
) -> None:
    """Where neither the index nor the server can tell whether it is the same file, it is fetched from the start."""
    served.etag = None
    interrupted(fetcher, unpinned, served, agreed=True)
    assert (fetcher.fetch(unpinned, ignore, agreed=True) / "a.pth").read_bytes() == BODY
    assert set(web.requests) == {"a.pth"}


# --- trust on first use ------------------------------------------------------------------------------------------


def test_what_nobody_published_is_asked_about_once_and_then_kept_to(
    fetcher: Fetcher, store: Store, unpinned: Model, served: Served
) -> None:
    """The first fetch needs a yes; its digest is remembered, and a later copy that differs is refused."""
    with pytest.raises(Invalid, match=r"published a digest of a\.pth") as raised:
        fetcher.fetch(unpinned, ignore)
    assert "--yes" in raised.value.hint
    fetcher.fetch(unpinned, ignore, agreed=True)
    assert store.condition(unpinned).state == "installed"
    store.remove(unpinned)
    served.body = OTHER
    with pytest.raises(FetchFailed, match="its digest is"):
        fetcher.fetch(unpinned, ignore, agreed=True)
    assert store.trusted.forget(unpinned)
    assert (fetcher.fetch(unpinned, ignore, agreed=True) / "a.pth").read_bytes() == OTHER


def test_a_licence_that_wants_consent_is_asked_about(fetcher: Fetcher, model: Model, web: WebServer) -> None:
    """Not a byte is asked for before that."""
    with pytest.raises(Invalid, match="Only for research"):
        fetcher.fetch(replace(model, opt_in=True, licence_note="Only for research."), ignore)
    assert web.requests == []


def test_a_damaged_memory_is_not_taken_for_an_empty_one(fetcher: Fetcher, store: Store, unpinned: Model) -> None:
    """Otherwise whoever damages one small file could have anything trusted anew."""
    fetcher.fetch(unpinned, ignore, agreed=True)
    (store.folder / "trusted.json").write_text("{")
    with pytest.raises(Invalid, match=r"trusted\.json cannot be read"):
        store.condition(unpinned)


def test_a_length_that_nobody_says_is_refused(fetcher: Fetcher, unpinned: Model, served: Served) -> None:
    """Neither the index nor the server: such an answer could go on until the disk is full."""
    served.has_length = False
    with pytest.raises(FetchFailed, match="does not say how large"):
        fetcher.fetch(unpinned, ignore, agreed=True)
