import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from zoo.data.fingerprints import KEPT, LONG, RUN, audio_digest, image_marks, pair_digest, resemblance, text_marks


def photo(seed, size=128):
    """Noise with the spectrum of a photograph: smooth shapes, some detail."""
    noise = np.random.default_rng(seed).normal(size=(size, size, 3))
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size)))
    frequency[0, 0] = 1
    made = np.fft.ifft2(np.fft.fft2(noise, axes=(0, 1)) / frequency[..., None] ** 1.2, axes=(0, 1)).real
    made = (made - made.mean()) / made.std() * 45 + 120
    return Image.fromarray(made.clip(0, 255).astype(np.uint8))


def jpeg(image, quality=50):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(io.BytesIO(file.getvalue()))


def distance(one, other):
    (_, (a, x)), (_, (b, y)) = image_marks(one), image_marks(other)
    return (a ^ b).bit_count(), float(x @ y / len(x))


CHANGES = {
    "jpeg": jpeg,
    "smaller": lambda image: image.resize((96, 96), Image.Resampling.LANCZOS),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.2),
    "flatter": lambda image: ImageEnhance.Contrast(image).enhance(0.8),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_sketch_changes_little(change):
    found = [distance(photo(seed), CHANGES[change](photo(seed))) for seed in range(20)]
    assert all(correlation > 0.989 for _, correlation in found)
    assert sum(bits <= 6 for bits, _ in found) >= 19


def test_other_images_are_far_away():
    marks = [image_marks(photo(seed))[1] for seed in range(60)]
    bits = [(a[0] ^ b[0]).bit_count() for at, a in enumerate(marks) for b in marks[:at]]
    assert min(bits) > 6


def test_the_hash_equals_a_slow_obvious_rewrite():
    image = photo(3)
    grey = np.asarray(image.convert("L"), dtype=float)
    bounds_y, bounds_x = np.linspace(0, 128, 9), np.linspace(0, 128, 10)
    cells = np.array(
        [
            [
                sum(
                    grey[y, x]
                    * max(0, min(y + 1, bounds_y[r + 1]) - max(y, bounds_y[r]))
                    * max(0, min(x + 1, bounds_x[c + 1]) - max(x, bounds_x[c]))
                    for y in range(int(bounds_y[r]), int(np.ceil(bounds_y[r + 1])))
                    for x in range(int(bounds_x[c]), int(np.ceil(bounds_x[c + 1])))
                )
                for c in range(9)
            ]
            for r in range(8)
        ]
    )
    bits = "".join("1" if cells[r, c + 1] > cells[r, c] else "0" for r in range(8) for c in range(8))
    assert (int(bits, 2) ^ image_marks(image)[1][0]).bit_count() <= 1  # a tie may be broken by the last bit


def test_pixels_count_and_not_how_they_are_stored():
    grey = Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 40), dtype=np.uint8))
    assert image_marks(grey)[0] == image_marks(grey.convert("RGB"))[0] == image_marks(np.asarray(grey))[0]
    assert image_marks(grey)[0] != image_marks(grey.resize((40, 41)))[0]


def test_flat_and_tiny_images_have_no_sketch():
    assert image_marks(Image.new("RGB", (200, 200), "white"))[1] is None
    assert image_marks(photo(0).resize((31, 31)))[1] is None
    assert image_marks(photo(0).resize((32, 32)))[1] is not None


def test_the_runs_of_a_text_are_all_of_them():
    """The estimate from sketches against sets of all runs, written out."""
    rng = np.random.default_rng(0)
    words = ["".join(map(chr, rng.integers(97, 123, rng.integers(2, 9)))) for _ in range(300)]
    for changed in (1, 5, 20):
        one = " ".join(words)
        other = " ".join("new" if at % (300 // changed) == 0 else word for at, word in enumerate(words))
        a, b = ({text[at : at + RUN] for at in range(len(text) - RUN + 1)} for text in (one, other))
        found = resemblance(text_marks(one)[1], text_marks(other)[1])
        assert found == pytest.approx(len(a & b) / len(a | b), abs=0.15)


def test_a_text_just_long_enough():
    text = "".join(map(chr, np.random.default_rng(0).integers(97, 123, LONG)))
    assert text_marks(text[:-1])[1] is None
    assert len(text_marks(text)[1]) == KEPT
    assert resemblance(text_marks(text)[1], text_marks(text.upper())[1]) == 1.0


def test_texts_of_any_script():
    text = "".join(map(chr, np.random.default_rng(0).integers(0x4E00, 0x9FA5, 300)))
    changed = text[:150] + "好" + text[151:]
    assert 0.6 < resemblance(text_marks(text)[1], text_marks(changed)[1]) < 1
    assert text_marks("lone \ud800 surrogate " * 20)[1] is not None


def test_pairs_have_an_order():
    assert pair_digest(("A b", "c")) == pair_digest(("a  b", "C")) != pair_digest(("c", "a b"))


def test_sound(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    wave = np.random.default_rng(0).normal(size=800).astype(np.float32) / 10
    for name, subtype in (("a.wav", "FLOAT"), ("b.wav", "FLOAT")):
        soundfile.write(tmp_path / name, wave, 8000, subtype=subtype)
    assert audio_digest(tmp_path / "a.wav") == audio_digest(str(tmp_path / "b.wav")) == audio_digest((wave, 8000))
    assert audio_digest((wave, 16000)) != audio_digest((wave, 8000)) != audio_digest((wave[:-1], 8000))
