"""The index that is shipped is complete, and one that somebody writes is checked with the fault named."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from scumble_daemon.weights import index
from scumble_daemon.weights.index import DIGEST, Index
from scumble_protocol.errors import Invalid

from .conftest import as_toml, file_of, model_of

MINIMUM = {  # what a first catalogue must have, so that every operation has something to fetch; all of it pinned
    "scunet-real-psnr",
    "realesr-general-x4v3",
    "realesrgan-x2plus",
    "realesrgan-x4plus",
    "omnisr-x2",
    "big-lama",
    "birefnet-lite",
    "birefnet",
    "sam2.1-hiera-tiny",
    "depth-anything-v2-small",
    "style-mosaic",
    "style-candy",
    "style-rain-princess",
    "style-udnie",
    "vgg19",
    "adain",
}
OPERATIONS = {
    "denoise",
    "upscale",
    "select_object",
    "remove_background",
    "refine_edge",
    "erase_object",
    "replace_sky",
    "transfer_style",
    "stylize",
    "translate_domain",
}
EXAMPLE = as_toml(model_of(file_of("a.pth", b"weights", "https://example.org/a.pth")))


@pytest.fixture(scope="module")
def shipped() -> Index:
    return Index(index.parse(index.shipped_index().read_text("utf-8"), "weights/index.toml"))


def test_the_first_catalogue_is_there_with_published_digests(shipped: Index) -> None:
    """Nobody has to trust anything on first use to get the models that we recommend first."""
    for id in MINIMUM:
        assert all(DIGEST.fullmatch(file.sha256 or "") for file in shipped.find(id).files), id


def test_every_operation_has_a_model_to_start_with(shipped: Index) -> None:
    """`scumble weights list OPERATION` never comes back empty, and one of its models is the default."""
    for operation in OPERATIONS:
        roles = {model.role for model in shipped.for_operation(operation)}
        assert "default" in roles, operation


def test_every_entry_says_where_it_is_from_and_what_it_costs(shipped: Index) -> None:
    """Https only, no two entries or files that are the same, a licence, and a word about the training data."""
    counted = Counter(url for model in shipped.models for file in model.files for url in file.urls)
    assert counted.most_common(1)[0][1] == 1, counted.most_common(1)
    digests = Counter(file.sha256 for model in shipped.models for file in model.files if file.sha256)
    assert digests.most_common(1)[0][1] == 1, digests.most_common(1)
    assert all(url.startswith("https://") for url in counted)
    for model in shipped.models:
        assert model.licence, model.id
        assert model.data_note, model.id
        assert all(not (file.bytes and file.about_bytes) for file in model.files), model.id
        assert not any(file.name.endswith(".py") for file in model.files), "remote code is never run"


def test_what_restricts_an_artist_is_asked_first(shipped: Index) -> None:
    """A licence that forbids commercial work, or none at all, is never taken for granted."""
    for model in shipped.models:
        said = f"{model.licence} {model.licence_note}".lower()
        if any(word in said for word in ("-nc", "non-commercial", "not for commercial work.", "academic", "s-lab")):
            assert model.opt_in, model.id
        if model.opt_in:
            assert model.licence_note, model.id


@pytest.mark.parametrize(
    ("wrote", "meant"),
    [("scunet", "scunet-real-psnr"), ("realesrgan-x4", "realesrgan-x4plus"), ("sam2.1-tiny", "sam2.1-hiera-tiny")],
)
def test_an_unknown_name_is_answered_with_near_ones(shipped: Index, wrote: str, meant: str) -> None:
    """A guess or a slip of the finger costs no look into the list."""
    with pytest.raises(Invalid, match=wrote) as raised:
        shipped.find(wrote)
    assert meant in raised.value.hint


def test_the_users_own_models_come_after_ours(tmp_path: Path) -> None:
    """`weights.toml` in the settings folder adds entries; one of our ids in it is refused, with the file's name."""
    own = tmp_path / "config" / "weights.toml"
    own.parent.mkdir()
    own.write_text(EXAMPLE)
    assert index.read().models[-1] == model_of(file_of("a.pth", b"weights", "https://example.org/a.pth"))
    own.write_text(EXAMPLE.replace('"tiny"', '"vgg19"'))
    with pytest.raises(Invalid, match=r"weights\.toml: the id «vgg19» is there twice"):
        index.read()


@pytest.mark.parametrize(
    ("was", "becomes", "named"),
    [
        ("https://example.org/a.pth", "file:///etc/passwd", "tiny/a.pth: «urls»"),
        ("https://example.org/a.pth", "ftp://example.org/a.pth", "«urls»"),
        ("https://example.org/a.pth", "https:///a.pth", "«urls»"),
        ("https://example.org/a.pth", "https://me:secret@example.org/a.pth", "«urls»"),
        ("https://example.org/a.pth", "https://example.org:nonsense/a.pth", "«urls»"),
        ("a.pth", "../a.pth", "«name»"),
        ("a.pth", "a.part", "«name»"),
        ('id = "tiny"', 'id = "../tiny"', "«id»"),
        ('id = "tiny"', 'id = ".locks"', "«id»"),
        ('id = "tiny"', 'id = "trusted.json"', "«id»"),
        ("bytes = 7", "bytes = -7", "«bytes»"),
        ("bytes = 7", "bytes = true", "«bytes»"),
        ('sha256 = "', 'sha256 = "F', "«sha256»"),
        ('loader = "spandrel"', 'loader = "pickle"', "«loader»"),
        ("operations = ['denoise']", "operations = []", "«operations»"),
        ("opt_in = false", 'opt_in = "no"', "«opt_in»"),
        ('licence = "MIT"', "", "«licence»"),
        ('licence = "MIT"', 'licence = "MIT"\nlicense = "MIT"', "the key «license» is unknown"),
        ("format = 1", "format = 2", "format = 1"),
        ("format = 1", "format = 1\nmodel = 3", "weights.toml"),
        ("format = 1", "format = ", "cannot be read"),
    ],
)
def test_a_faulty_entry_is_named(was: str, becomes: str, named: str) -> None:
    """File, entry and key: enough to find it; and nothing leads out of the weights folder or off the web."""
    assert index.parse(EXAMPLE, "weights.toml")
    faulty = EXAMPLE.replace(was, becomes)
    assert faulty != EXAMPLE
    with pytest.raises(Invalid) as raised:
        index.parse(faulty, "weights.toml")
    assert named in raised.value.message + raised.value.hint
    assert raised.value.hint
