"""What is on the shelf, and which of it "auto" takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from scumble_daemon.models import loading, sources
from scumble_daemon.models.sources import ENHANCE, Installed, Shelf
from scumble_daemon.weights import index
from scumble_daemon.weights.index import Index
from scumble_daemon.weights.store import Store
from scumble_protocol.errors import Invalid, MissingModel, Unsupported

from .. import checkpoints


def model(id: str, role: str, scale: int = 1, operation: str = "denoise") -> Installed:
    return Installed(id, id.title(), (operation, ENHANCE), role, (Path(id),), "spandrel", "Compact", scale)


def test_automatic_suits_the_computer() -> None:
    """On a GPU the best, on a processor one that ends within a minute; what we ship where there is nothing else."""
    shelf = Shelf((model("ours", "shipped"), model("good", "default"), model("quick", "light")))
    assert shelf.choose("denoise", "auto", None, on_gpu=True).id == "good"
    assert shelf.choose("denoise", "auto", None, on_gpu=False).id == "quick"
    assert Shelf(shelf.installed[:2]).choose("denoise", "auto", None, on_gpu=False).id == "ours"


def test_automatic_takes_the_scale_that_is_asked_for() -> None:
    """Before one that enlarges more and has to be reduced, whatever their roles; never one that cannot."""
    shelf = Shelf((model("four", "light", 4, "upscale"), model("three", "light", 3, "upscale")))
    assert shelf.choose("upscale", "auto", 2, on_gpu=False).id == "four"
    both = Shelf((*shelf.installed, model("two", "extra", 2, "upscale")))
    assert both.choose("upscale", "auto", 2, on_gpu=False).id == "two"
    with pytest.raises(Invalid, match="enlarges 3 times, not 4"):
        both.choose("upscale", "three", 4, on_gpu=False)


def test_a_shipped_model_needs_a_card_and_a_file(tmp_path: Path) -> None:
    """A folder with only one of them is not offered: it is being trained."""
    checkpoints.save(checkpoints.compact(2), tmp_path / "up2-small" / "model.safetensors")
    (tmp_path / "up2-small" / "model.toml").write_text(
        'title = "Small"\noperations = ["upscale"]\narchitecture = "Compact"\nscale = 2\n'
    )
    (tmp_path / "unfinished").mkdir()
    (tmp_path / "unfinished" / "model.toml").write_text('title = "Later"\noperations = ["denoise"]\n')
    shelf = sources.look(Index(()), Store(tmp_path / "weights"), tmp_path)
    (found,) = shelf.installed
    assert (found.id, found.title, found.scale, found.role) == ("up2-small", "Small", 2, "shipped")
    assert shelf.choose("upscale", "auto", 2, on_gpu=False) == found
    assert [offer.id for offer in shelf.offers(ENHANCE)] == ["up2-small"]
    assert len(sources.digest(found)) == 64


def test_a_picture_beside_a_models_file_shows_what_it_does(tmp_path: Path) -> None:
    """It goes with the offer, unless it is too large for a catalogue."""
    file = tmp_path / "up2-small" / "model.safetensors"
    checkpoints.save(checkpoints.compact(2), file)
    (file.parent / "model.toml").write_text('title = "Small"\noperations = ["upscale"]\narchitecture = "Compact"\n')
    for content in (b"", b"a small PNG", bytes(sources.MOST_PICTURE_BYTES + 1)):
        if content:
            file.with_suffix(".png").write_bytes(content)
        shelf = sources.look(Index(()), Store(tmp_path / "weights"), tmp_path)
        (picture,) = (offer.picture for offer in shelf.offers("upscale") if offer.id == "up2-small")
        assert picture == (content if len(content) < 1000 else b"")


@pytest.mark.parametrize(("loader", "architecture"), [("spandrel", "Restormer"), ("own", "Newest"), ("own", "NAFNet")])
def test_what_cannot_be_loaded_is_not_offered(loader: str, architecture: str, tmp_path: Path) -> None:
    """An entry of the user's own may name what nothing here loads: it is no choice, and says so if it is asked for."""
    known = next(model for model in index.read().models if model.id == "scunet-real-psnr")
    odd = replace(known, id="odd", loader=loader, architecture=architecture)
    shelf = sources.look(Index((known, odd)), Store(tmp_path), tmp_path / "nothing shipped")
    assert [offer.id for offer in shelf.offers("denoise")] == ["scunet-real-psnr"]
    wanted = Installed("odd", "Odd", ("denoise",), "extra", (Path("odd.pth"),), loader, architecture)
    with pytest.raises(Unsupported, match=f"loads the network {architecture}"):
        loading.load(wanted)


def test_a_network_is_offered_only_for_what_it_does() -> None:
    """Whatever an index says that it is for: what runs it could do nothing else."""
    edges = model("edges", "default", operation="remove_background")
    shelf = Shelf((replace(edges, architecture="VitMatte"), model("net", "default", operation="select_object")))
    assert shelf.of("remove_background") == shelf.of("select_object") == ()
    with pytest.raises(MissingModel):
        shelf.choose("remove_background", "auto", None, on_gpu=False)


def test_every_upscaler_of_the_index_says_how_much_it_enlarges() -> None:
    for known in index.read().models:
        assert ("upscale" in known.operations) == (known.scale is not None), known.id
    with pytest.raises(MissingModel, match="enlarges 4 times"):
        Shelf(known=index.read().models).choose("upscale", "auto", 4, on_gpu=False)
