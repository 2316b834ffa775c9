import io
from collections import Counter

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from zoo.data.pixels import as_mode
from zoo.data.sources.samples import (
    Digest,
    Opened,
    content_of,
    contents,
    file_bytes,
    opened_cell,
    plain_audio,
    plain_image,
    rates_note,
    samples_of,
)
from zoo.data.tables import Table
from zoo.errors import DataError


def wav(rate=8000, count=800):
    data = io.BytesIO()
    soundfile.write(data, np.linspace(-0.5, 0.5, count, dtype=np.float32), rate, format="WAV")
    return data.getvalue()


def png(image=None, suffix="PNG", **more):
    data = io.BytesIO()
    (image or Image.new("RGB", (4, 3), "red")).save(data, suffix, **more)
    return data.getvalue()


def read(values, inputs, rows=None, **more):
    table = Table("t.csv", {"x": values}, **more)
    return samples_of(table, ("x",), inputs, np.arange(len(values)) if rows is None else np.array(rows))


def test_opened():
    asked = []
    seen = Opened(3, lambda index: asked.append(index) or index)
    assert asked == []
    assert (seen[1], seen[-1], list(seen)) == (1, 2, [0, 1, 2])
    with pytest.raises(IndexError):
        seen[3]


def test_texts():
    samples, notes = read(["a", None, " "], "text")
    assert list(samples) == ["a", "", " "]
    assert notes == ("2 of 3 texts are empty; they are samples as all others",)
    table = Table("t", {"a": ["x", ""], "b": ["y", ""]})
    assert samples_of(table, ("a", "b"), "text_pair", np.array([1, 0])) == (
        [("", ""), ("x", "y")],
        ("1 of 2 texts are empty; they are samples as all others",),
    )
    with pytest.raises(DataError, match="must hold texts, received int"):
        read(["a", 3], "text")


def test_paths(photos):
    samples, _ = read(["left/0.png", str(photos / "right" / "1.png")], "image", folder=photos)
    assert [image.size for image in samples] == [(12, 12)] * 2
    (photos / "ä b ☂.wav").write_bytes(wav())
    sounds, _ = read(["ä b ☂.wav"], "audio", folder=photos)
    assert list(sounds) == [str(photos / "ä b ☂.wav")]
    with pytest.raises(
        DataError, match=r"4 of 5 files .* are not there: .*1\.png, .*2\.png, .*3\.png, \.\.\.\. Fix: relative"
    ):
        read(["left/0.png", *(f"{i}.png" for i in range(1, 5))], "image", folder=photos)
    with pytest.raises(DataError, match=r"1 of 2 cells of column 'x' are empty, the first in row 1 of t.csv"):
        read(["left/0.png", ""], "image", folder=photos)
    with pytest.raises(DataError, match=r"1 of 1 files .* are not there: .*aaa\. Fix"):
        read(["a" * 5000], "image", folder=photos)
    with pytest.raises(DataError, match=r"holds text, no image|are not there"):
        read(["some text", "more"], "image", folder=photos)


@pytest.mark.parametrize("path", ["/etc/hostname.png", "../x.png", "a/../../x.png"])
def test_tables_of_strangers_stay_in_their_folder(photos, path):
    with pytest.raises(DataError, match="outside of its own folder"):
        read([path], "image", folder=photos, confined=True)
    cell = {"bytes": None, "path": path}
    with pytest.raises(DataError, match="outside of its own folder"):
        opened_cell(cell, "image", "row 0", Table("t", {"x": [cell]}, folder=photos, confined=True))


def test_bytes():
    samples, _ = read([png(), {"bytes": png(suffix="JPEG"), "path": "a.jpg"}], "image")
    assert [image.size for image in samples] == [(4, 3)] * 2
    wave, rate = read([wav()], "audio")[0][0]
    assert (wave.shape, rate) == ((800, 1), 8000)
    with pytest.raises(DataError, match=r"row 1 of t.csv cannot be read as an image \(UnidentifiedImageError\)"):
        read([png(), b"damaged"], "image")[0][1]
    with pytest.raises(DataError, match=r"row 0 of t.csv cannot be read as audio"):
        read([b"RIFFdamaged"], "audio")[0][0]
    with pytest.raises(DataError, match=r"row 1 of t.csv is empty"):
        read(({"bytes": png(), "path": None}, None), "image")[0][1]


def test_images_of_all_kinds_reach_a_backbone(tmp_path):
    """What `as_mode` makes of them is tested there; here, that they come through as PIL images of their mode."""
    deep = Image.fromarray(np.arange(0, 60000, 5000, dtype=np.uint16).reshape(3, 4))
    frames = [Image.new("L", (4, 3), value) for value in (255, 0)]
    kinds = [
        png(Image.new("CMYK", (4, 3)), "JPEG"), png(deep),
        png(frames[0], "GIF", save_all=True, append_images=frames[1:]),
    ]  # fmt: skip
    samples, _ = read(kinds, "image")
    assert [sample.mode for sample in samples][:2] == ["CMYK", "I;16"]
    assert [as_mode(sample, "RGB").size for sample in samples] == [(4, 3)] * 3
    assert as_mode(samples[2], "L").getpixel((0, 0)) == 255  # the first frame


def test_decoded_already():
    assert plain_image(torch.zeros(3, 4, 5, dtype=torch.uint8), "x").shape == (4, 5, 3)
    assert plain_image(torch.zeros(1, 4, 5, dtype=torch.uint8), "x").shape == (4, 5)
    assert plain_image(np.zeros((4, 5, 3), dtype=np.uint8), "x").shape == (4, 5, 3)
    with pytest.raises(DataError, match=r"item 0 is an image of float32.*without its transform"):
        plain_image(torch.zeros(3, 4, 5), "item 0")
    wave, rate = plain_audio({"array": torch.ones(5), "sampling_rate": 8000})
    assert (wave.tolist(), rate) == ([1.0] * 5, 8000)
    array, rate = plain_audio((torch.ones(1, 5), np.int64(8000)))
    assert (array.shape, type(rate)) == ((1, 5), int)


def test_contents_are_the_bytes_of_files(photos):
    table = Table("t", {"x": ["left/0.png", "right/0.png"]}, folder=photos)
    samples, _ = samples_of(table, ("x",), "image", np.arange(2))
    found = list(contents(samples, table, "x", np.arange(2), "image"))
    assert found == [((photos / side / "0.png").read_bytes(), None) for side in ("left", "right")]
    cells = [{"bytes": b"1", "path": "x"}, b"2"]
    assert list(contents([], Table("t", {"x": cells}), "x", np.arange(2), "image")) == [(b"1", None), (b"2", None)]
    sound = [(np.zeros(2, dtype=np.float32), 8000)]
    assert list(contents(sound, Table("t", {"x": sound}), "x", np.arange(1), "audio")) == [(content_of(sound[0]), 8000)]
    with pytest.raises(DataError, match="cannot be read"):
        file_bytes(photos / "absent")


def test_contents_tell_samples_apart():
    grey = Image.new("L", (4, 4))
    kinds = ["", "ab", ("a", "b"), ("ab", ""), ("", "ab"), grey, grey.resize((2, 8)), grey.convert("RGB")]
    kinds += [np.zeros((2, 3), dtype=np.uint8), np.zeros((3, 2), dtype=np.uint8), np.zeros(6, dtype=np.float32)]
    kinds += [(np.zeros(6, dtype=np.float32), 8000), (np.zeros(6, dtype=np.float32), 16000)]
    assert len({content_of(kind) for kind in kinds}) == len(kinds)


def test_digest_is_of_samples_targets_and_what_they_mean():
    def made(texts=("a", "b"), targets=(0, 1), classes=("x", "y"), inputs="text"):
        digest = Digest(inputs, "classification", classes)
        for text in texts:
            digest.add(content_of(text))
        return digest.end(np.array(targets))

    others = [made(("a", "c")), made(targets=(1, 0)), made(classes=("y", "x")), made(("ab", "")), made(inputs="image")]
    assert len({made(), *others}) == 6
    assert made() == made()


def test_rates_are_told():
    digest = Digest("audio", "classification", ("a", "b"))
    for content in (wav(8000), wav(16000), wav(16000), b"damaged"):
        digest.add(content)
    digest.add(b"", 44100)
    assert digest.notes == (
        "sample rates differ: 2 clips of 16000 Hz, 1 of 8000 Hz, 1 of 44100 Hz; "
        "each is resampled to what the backbone takes",
    )
    assert rates_note(Counter({8000: 5, 0: 1})) == ()
