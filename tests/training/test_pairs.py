"""A folder of pairs: three layouts are found, what cannot be learned from is named, and the rest is learned from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scumble_daemon.training import pairs
from scumble_protocol.errors import Invalid

from .pairs_folder import made, save, written


def read(folder: Path, is_reversed: bool = False) -> pairs.Pictures:
    pictures = pairs.Pictures(pairs.find(folder, is_reversed).pairs, is_reversed)
    assert pictures.checked(lambda done, of: None) == ()
    return pictures


@pytest.mark.parametrize("is_reversed", [False, True])
@pytest.mark.parametrize("layout", ["input", "A", "side by side"])
def test_three_layouts_are_known(tmp_path: Path, layout: str, is_reversed: bool) -> None:
    """And read pixel by pixel; reversed, the second is what is given."""
    for index, (given, wanted) in enumerate(made(3)):
        if layout == "side by side":
            save(tmp_path / f"{index}.png", np.hstack([given, wanted]))
            continue
        first, second = ("input", "output") if layout == "input" else ("A", "B")
        save(tmp_path / first / f"{index}.png", given)
        save(tmp_path / second / f"{index}.png", wanted)
    found = read(tmp_path, is_reversed)
    assert len(found) == 3
    for (given, wanted), pair in zip(found, made(3), strict=True):
        expected = pair[::-1] if is_reversed else pair
        assert (given == expected[0]).all()
        assert (wanted == expected[1]).all()


def test_endings_may_differ(tmp_path: Path) -> None:
    save(tmp_path / "input" / "one.PNG", made(1)[0][0])
    save(tmp_path / "output" / "one.webp", made(1)[0][1])
    assert len(read(tmp_path)) == 1


def test_what_cannot_be_learned_from_is_named(tmp_path: Path) -> None:
    """Without a partner, of another size, broken, too small, twice under one name: each by its file; the rest stays."""
    written(tmp_path, 4)
    picture = made(1)[0][0]
    save(tmp_path / "input" / "alone.png", picture)
    save(tmp_path / "output" / "other.png", picture)
    save(tmp_path / "input" / "size.png", picture)
    save(tmp_path / "output" / "size.png", picture[:, :70])
    whole = save(tmp_path / "input" / "broken.png", picture).read_bytes()
    (tmp_path / "input" / "broken.png").write_bytes(whole[: len(whole) // 2])
    save(tmp_path / "output" / "broken.png", picture)
    for name in ("input", "output"):
        save(tmp_path / name / "small.png", picture[:20, :20])
    save(tmp_path / "input" / "00.jpg", picture)

    found = pairs.find(tmp_path)
    pictures = pairs.Pictures(found.pairs)
    said = {each.name: each.sentence for each in (*found.problems, *pictures.checked(lambda done, of: None))}

    assert said["alone"] == "input/alone.png has no partner in output/."
    assert said["other"] == "output/other.png has no partner in input/."
    assert said["size"] == "input/size.png and output/size.png differ in size: 80 × 80 and 70 × 80."
    assert "input/broken.png" in said["broken"]
    assert "too small: 20 × 20" in said["small"]
    assert "the same name as" in said["00"]
    assert len(said) == 6
    assert [each.name for each in pictures.pairs] == ["00", "01", "02", "03"]


def test_an_odd_width_is_no_two_pictures(tmp_path: Path) -> None:
    save(tmp_path / "odd.png", np.zeros((64, 129, 3), np.uint8))
    pictures = pairs.Pictures(pairs.find(tmp_path).pairs)
    (problem,) = pictures.checked(lambda done, of: None)
    assert "129 pixels wide" in problem.sentence
    assert len(pictures) == 0


def test_folders_without_pairs_say_what_belongs_there(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "half" / "input").mkdir(parents=True)
    save(tmp_path / "apart" / "input" / "a.png", made(1)[0][0])
    save(tmp_path / "apart" / "output" / "b.png", made(1)[0][0])
    for name, words in {
        "empty": "There are no pairs",
        "half": "but none called output",
        "apart": "input/a.png has no partner",
        "gone": "cannot be read: No such file",
    }.items():
        with pytest.raises(Invalid, match=words) as raised:
            pairs.find(tmp_path / name)
        assert raised.value.hint


def test_other_kinds_of_pictures_will_do(tmp_path: Path) -> None:
    """Grey, of 16 bits, and with transparency: all become three channels of a byte."""
    picture = made(1)[0][0]
    save(tmp_path / "input" / "grey.png", picture[..., 0])
    save(tmp_path / "output" / "grey.png", picture)
    save(tmp_path / "input" / "deep.png", picture[..., 0].astype(np.uint16) * 257)
    save(tmp_path / "output" / "deep.png", np.dstack([picture, np.full((80, 80), 200, np.uint8)]))
    for given, wanted in read(tmp_path):
        assert given.shape == wanted.shape == (80, 80, 3)
        assert given.dtype == wanted.dtype == np.uint8
        assert (given[..., 0] == picture[..., 0]).all()
        assert (wanted == picture).all()


def test_some_are_held_back_and_never_learned_from(tmp_path: Path) -> None:
    """The same ones for the same seed, whatever order the disk has them in."""
    pictures = read(written(tmp_path, 6))
    learned, held = pictures.parted(2, 7)
    again = pairs.Pictures(pictures.pairs[::-1]).parted(2, 7)
    assert {each.name for each in learned.pairs} | {each.name for each in held.pairs} == {f"{n:02d}" for n in range(6)}
    assert len(held) == 2
    assert [each.name for each in again[1].pairs] == [each.name for each in held.pairs]
    assert any(pictures.parted(2, seed)[1].pairs != held.pairs for seed in range(5))


def test_without_memory_they_are_read_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "KEPT_SHARE", 0.0)
    pictures = read(written(tmp_path, 2))
    assert pictures[0][0] is not pictures[0][0]
    assert (pictures[1][1] == made(2)[1][1]).all()
