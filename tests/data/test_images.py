import hashlib
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo.data.images import digits, image_folder, load_images
from zoo.errors import DataError, UnknownName


def test_digits_are_the_ones_of_scikit_learn():
    from sklearn.datasets import load_digits

    pixels, targets = load_digits(return_X_y=True)
    data = digits()
    assert len(data) == 1797
    assert np.array_equal(data.targets, targets)
    restored = np.stack([np.asarray(image) for image in data.samples]).reshape(1797, -1).astype(float) * 16 / 255
    assert np.abs(restored - pixels).max() < 0.04  # 17 grey levels survive the 8 bits
    assert data.digest == digits().digest


def test_folder_classes_files_and_digest(photos):
    data = image_folder(photos)
    assert data.classes == ("left", "right")
    assert data.targets.tolist() == [0] * 12 + [1] * 12
    assert data.samples[0].size == (12, 12)
    before = data.digest
    Image.new("L", (12, 12)).save(photos / "left" / "0.png")
    assert image_folder(photos).digest != before


def test_unicode_and_nested_paths(photos):
    (photos / "léft ☂" / "deep").mkdir(parents=True)
    Image.new("RGB", (4, 4)).save(photos / "léft ☂" / "deep" / "Ä.JPG".lower())
    assert "léft ☂" in image_folder(photos).classes


def test_empty_class_is_named(photos):
    (photos / "empty").mkdir()
    with pytest.raises(DataError, match=r"class 'empty' .* has no image.*Fix"):
        image_folder(photos)


def test_one_class_is_not_enough(photos):
    for file in (photos / "right").iterdir():
        file.unlink()
    (photos / "right").rmdir()
    with pytest.raises(DataError, match="needs at least 2"):
        image_folder(photos)


def test_unreadable_image_is_named(photos):
    (photos / "left" / "0.png").write_bytes(b"not an image")
    data = image_folder(photos)
    with pytest.raises(DataError, match=r"0\.png cannot be read as an image.*Fix"):
        data.samples[0]


def test_damaged_png_is_named(photos):
    file = photos / "left" / "0.png"
    content = file.read_bytes()
    file.write_bytes(content[:33] + b"\0\0\0\4" + content[37:])  # a chunk of the wrong length
    with pytest.raises(DataError, match=r"0\.png cannot be read as an image"):
        image_folder(photos).samples[0]


def test_digest_is_of_names_and_contents(photos):
    expected = hashlib.sha256()
    for name in ("left", "right"):
        for file in sorted((photos / name).iterdir()):
            expected.update(f"{name}/{file.name}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    assert image_folder(photos).digest == expected.hexdigest()
    assert image_folder(photos).notes == ()


def test_dot_files_and_dot_folders_do_not_count(photos):
    before = image_folder(photos)
    for name in ("left/._0.png", ".DS_Store", "left/.cache/0.png", ".git/0.png"):
        (photos / name).parent.mkdir(exist_ok=True)
        (photos / name).write_bytes(b"not an image")
    after = image_folder(photos)
    assert (after.digest, after.classes, after.notes) == (before.digest, before.classes, ())


def test_what_is_not_read_is_counted(photos):
    before = image_folder(photos)
    (photos / "left" / "deep").mkdir()
    for name in ("left/a.HEIC", "left/deep/b.heic", "right/notes.txt", "right/README", "c.jpg", "labels.csv"):
        (photos / name).write_bytes(b"")
    after = image_folder(photos)
    assert after.digest == before.digest
    in_classes, outside = after.notes
    assert "not read in class folders: 2 .heic, 1 .txt, 1 without suffix. Fix: convert" in in_classes
    assert "not read outside class folders: 1 .csv, 1 .jpg. Fix: move" in outside


def test_many_kinds_are_summed_up(photos):
    for index in range(9):
        (photos / "left" / f"x.k{index}").touch()
    assert "1 .k5, 3 others. Fix" in image_folder(photos).notes[0]


def test_class_of_unread_files_says_what_it_holds(photos):
    (photos / "phone").mkdir()
    (photos / "phone" / "a.heic").touch()
    with pytest.raises(DataError, match=r"class 'phone' .* has no image, but 1 \.heic "):
        image_folder(photos)


def test_folder_named_like_an_image(photos):
    before = len(image_folder(photos))
    (photos / "left" / "x.png").mkdir()
    Image.new("L", (4, 4)).save(photos / "left" / "x.png" / "y.png")
    data = image_folder(photos)
    assert (len(data), data.notes) == (before + 1, ())
    assert [data.samples[i].size for i in range(13)].count((4, 4)) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_links(photos):
    before = len(image_folder(photos))
    (photos / "left" / "file.png").symlink_to(photos / "right" / "0.png")
    (photos / "left" / "broken.png").symlink_to(photos / "nowhere.png")
    (photos / "left" / "again").symlink_to(photos)
    data = image_folder(photos)
    assert len(data) == before + 1
    assert "1 .png (not a regular file)" in data.notes[0]
    assert data.notes[1].startswith("links to folders that are not followed: 1. Fix")


def test_names_that_are_not_utf8(photos):
    folder = os.fsencode(photos) + b"/caf\xe9"
    try:
        os.mkdir(folder)  # noqa: PTH102
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    Image.new("L", (5, 5)).save(Path(os.fsdecode(folder)) / os.fsdecode(b"\xff.png"))
    (Path(os.fsdecode(folder)) / os.fsdecode(b"a.\xff")).touch()
    data = image_folder(photos)
    assert data.classes == (r"caf\xe9", "left", "right")
    assert data.samples[0].size == (5, 5)
    assert r"1 .\xff" in data.notes[0]
    "".join((*data.classes, *data.notes)).encode()
    (Path(os.fsdecode(folder)) / os.fsdecode(b"\xff.png")).write_bytes(b"")
    assert image_folder(photos).digest != data.digest
    with pytest.raises(DataError, match=r"caf\\xe9.*cannot be read as an image"):
        image_folder(photos).samples[0]


@pytest.mark.parametrize("locked", ["left/0.png", "left/deep", "."])
def test_what_may_not_be_read_is_an_error(photos, locked, monkeypatch):
    """Root may read everything, so the refusal is put in by hand."""
    (photos / "left" / "deep").mkdir()

    def refusing(original):
        def call(path, *args, **options):
            if Path(path) == photos / locked:
                raise PermissionError(13, "Permission denied", str(path))
            return original(path, *args, **options)

        return call

    monkeypatch.setattr(Path, "open", refusing(Path.open))
    monkeypatch.setattr(Path, "iterdir", refusing(Path.iterdir))
    monkeypatch.setattr(os, "scandir", refusing(os.scandir))
    with pytest.raises(DataError, match=r"cannot be read \(Permission denied\).*Fix"):
        image_folder(photos)


def test_animation_gives_its_first_frame(photos):
    frames = [Image.new("L", (6, 6), value) for value in (255, 0)]
    frames[0].save(photos / "left" / "0.gif", save_all=True, append_images=frames[1:])
    assert image_folder(photos).samples[0].convert("L").getpixel((0, 0)) == 255


def test_folder_with_the_name_of_a_data_set(photos, monkeypatch):
    photos.rename(photos.parent / "digits")
    assert load_images("digits").notes == () == digits().notes
    monkeypatch.chdir(photos.parent)
    named = load_images("digits")
    assert (len(named), len(named.notes)) == (1797, 1)
    assert named.notes[0].endswith("the local folder is not read. Fix: ./digits reads it.")
    assert named.digest == digits().digest
    for folder in ("./digits", Path("digits"), photos.parent / "digits"):
        data = load_images(folder)
        assert (len(data), data.notes) == (24, ())
    monkeypatch.chdir("digits")
    assert len(load_images(Path("digits"))) == 1797  # no such folder: the name


def test_unknown_data_set_names_the_near_ones(photos):
    with pytest.raises(UnknownName, match="Nearest: digits"):
        load_images("digit")
    with pytest.raises(UnknownName, match="photos"):
        load_images(photos.parent / "photo")
