"""Every kind of image in 8 bits, against values worked out by hand."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

import zoo
from zoo.data.images import digits
from zoo.data.pixels import ORIENTATION, as_mode
from zoo.errors import DataError


def values(image, mode="L"):
    return np.asarray(as_mode(image, mode)).tolist()


def reopened(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return Image.open(io.BytesIO(stream.getvalue()))


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_plain_images_are_returned_as_they_are(mode):
    image = Image.new(mode, (3, 2), 7)
    assert as_mode(image, mode) is image
    opened = reopened(image, "PNG")
    assert as_mode(opened, mode) is opened


def test_digits_are_untouched():
    assert all(as_mode(image, "L") is image for image in digits().samples)


@pytest.mark.parametrize(
    "mode", ["1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr", "HSV", "LAB", "LA", "La", "PA", "RGBA"]
)
def test_every_mode_becomes_both(mode):
    for target in ("L", "RGB"):
        assert as_mode(Image.new(mode, (3, 2)), target).mode == target
        assert as_mode(Image.new(mode, (3, 2)), target).size == (3, 2)


def test_colours():
    assert values(Image.new("RGB", (1, 1), (255, 0, 0))) == [[76]]  # 0.299 * 255
    assert values(Image.new("1", (1, 1), 1)) == [[255]]
    assert values(Image.new("L", (1, 1), 9), "RGB") == [[[9, 9, 9]]]
    assert values(Image.new("CMYK", (1, 1), (0, 255, 255, 0)), "RGB") == [[[255, 0, 0]]]
    assert values(Image.new("YCbCr", (1, 1), (100, 128, 128)), "RGB") == [[[100, 100, 100]]]
    palette = Image.new("P", (1, 1), 1)
    palette.putpalette([0, 0, 0, 10, 20, 30])
    assert values(palette, "RGB") == [[[10, 20, 30]]]


def ramp():
    return np.arange(65536, dtype=np.uint16).reshape(256, 256)


def check_ramp(image):
    grey = np.asarray(as_mode(image, "L"))
    assert np.abs(grey - ramp() / 257).max() <= 0.5
    assert np.array_equal(np.asarray(as_mode(image, "RGB")), np.repeat(grey[..., None], 3, 2))


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bit_ramp_stays_a_ramp(kind):
    check_ramp(reopened(Image.fromarray(ramp()), kind))


def test_sixteen_bits_of_other_modes():
    check_ramp(Image.fromarray(ramp().astype(np.int32)))
    check_ramp(reopened(Image.fromarray(ramp().astype(np.int32)), "PPM"))
    check_ramp(Image.frombytes("I;16B", (256, 256), ramp().astype(">u2").tobytes()))


def test_sixteen_bits_are_not_stretched():
    dark = np.array([[0, 200, 257, 25700]], dtype=np.uint16)
    assert values(Image.fromarray(dark)) == [[0, 1, 1, 100]]
    assert values(reopened(Image.fromarray(dark[:, :2].astype(np.int32)), "PPM")) == [[0, 1]]


def test_integers_that_fit_eight_bits_stay():
    assert values(Image.fromarray(np.array([[0, 7, 255]], dtype=np.int32))) == [[0, 7, 255]]


@pytest.mark.parametrize("wrong", [-1, 65536])
def test_integers_beyond_sixteen_bits_are_refused(wrong):
    with pytest.raises(DataError, match=f"holds values from .*{wrong}.*Fix: scale"):
        as_mode(Image.fromarray(np.array([[300, wrong]], dtype=np.int32)), "L")


def test_floating_point_is_refused_by_file_name(tmp_path):
    for pixels in (np.zeros((2, 2)), np.full((2, 2), 200.0)):
        Image.fromarray(pixels.astype(np.float32)).save(tmp_path / "f.tif")
        with (
            Image.open(tmp_path / "f.tif") as image,
            pytest.raises(DataError, match=r"f\.tif holds floating.*Fix: .*255"),
        ):
            as_mode(image, "RGB")


def test_drawing_on_transparent_ground_is_seen():
    drawing = np.zeros((2, 3, 4), dtype=np.uint8)  # black throughout; only alpha draws
    drawing[0, :, 3] = (0, 255, 51)
    image = reopened(Image.fromarray(drawing), "PNG")
    assert values(image) == [[255, 0, 204], [255, 255, 255]]  # 255 * (1 - 51 / 255)
    assert values(image, "RGB")[0] == [[255] * 3, [0] * 3, [204] * 3]
    assert values(image.convert("LA"))[0] == [255, 0, 204]
    assert values(image.convert("RGBa"))[0] == [255, 0, 204]


def test_opaque_alpha_changes_nothing():
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    plain = Image.fromarray(pixels)
    for mode in ("L", "RGB"):
        assert values(plain.convert("RGBA"), mode) == np.asarray(plain.convert(mode)).tolist()


def test_colour_keys_are_white():
    palette = Image.new("P", (2, 1), 0)
    palette.putpalette([10, 10, 10, 20, 20, 20])
    palette.putpixel((1, 0), 1)
    assert values(palette) == [[10, 20]]
    assert values(reopened(palette, "PNG", transparency=1)) == [[10, 255]]
    assert values(reopened(palette, "GIF", transparency=0)) == [[255, 20]]
    grey = Image.fromarray(np.array([[3, 4]], dtype=np.uint8))
    assert values(reopened(grey, "PNG", transparency=3)) == [[255, 4]]
    colour = Image.fromarray(np.array([[[1, 2, 3], [4, 4, 4]]], dtype=np.uint8))
    assert values(reopened(colour, "PNG", transparency=(1, 2, 3))) == [[255, 4]]
    deep = Image.fromarray(np.array([[514, 771]], dtype=np.uint16))
    assert values(reopened(deep, "PNG", transparency=514)) == [[255, 3]]


# the stored image is [[1, 2, 3], [4, 5, 6]]; what a viewer shows for each value of the tag (EXIF 2.3, section 4.6.4)
SHOWN = {
    1: [[1, 2, 3], [4, 5, 6]],
    2: [[3, 2, 1], [6, 5, 4]],
    3: [[6, 5, 4], [3, 2, 1]],
    4: [[4, 5, 6], [1, 2, 3]],
    5: [[1, 4], [2, 5], [3, 6]],
    6: [[4, 1], [5, 2], [6, 3]],
    7: [[6, 3], [5, 2], [4, 1]],
    8: [[3, 6], [2, 5], [1, 4]],
}


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("tag", SHOWN)
def test_orientation(tag, kind):
    exif = Image.Exif()
    exif[ORIENTATION] = tag
    image = reopened(Image.fromarray(np.array(SHOWN[1], dtype=np.uint8)), kind, exif=exif)
    upright = as_mode(image, "L")
    assert values(upright) == SHOWN[tag]
    assert as_mode(upright, "L") is upright  # turned once, not twice


def test_orientation_goes_with_depth_and_alpha():
    deep = Image.fromarray(np.array(SHOWN[1], dtype=np.uint16) * 257)
    clear = Image.new("LA", (3, 2), (0, 0))
    for image in (deep, clear):
        image.getexif()[ORIENTATION] = 6
        assert as_mode(image, "RGB").size == (2, 3)
    assert values(deep) == SHOWN[6]


def test_damaged_exif_counts_as_upright():
    image = reopened(Image.new("RGB", (4, 2)), "PNG", exif=b"Exif\0\0garbage, not TIFF")
    with pytest.raises(SyntaxError):
        image.getexif()
    assert as_mode(image, "RGB") is image


def test_truncated_pixels_still_raise():
    stream = io.BytesIO()
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)).save(stream, "JPEG", exif=exif)
    image = Image.open(io.BytesIO(stream.getvalue()[:-500]))
    with pytest.raises(OSError, match="truncated"):
        as_mode(image, "L")


def test_animation_gives_its_first_frame():
    frames = [Image.new("L", (2, 2), value) for value in (255, 0)]
    image = reopened(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert image.n_frames == 2
    assert values(image) == [[255, 255], [255, 255]]


def test_arrays():
    grey = np.array([[1, 2, 3]], dtype=np.uint8)
    assert values(grey) == [[1, 2, 3]]
    assert values(np.stack([grey] * 3, -1), "RGB") == [[[1] * 3, [2] * 3, [3] * 3]]
    assert values(grey[:, ::2]) == [[1, 3]]  # a view that is not contiguous


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 4)), r"must be uint8 in 0\.\.255, received float64. Fix: \(array \* 255\)"),
        (np.zeros((4, 4), dtype=np.uint16), "received uint16. Fix"),
        (np.zeros((3, 4, 5), dtype=np.uint8), r"received \[3, 4, 5\]. Fix.*transpose\(1, 2, 0\)"),
        (np.zeros((4, 4, 1), dtype=np.uint8), r"received \[4, 4, 1\]. Fix: array.squeeze"),
        (np.zeros((0, 4), dtype=np.uint8), r"received \[0, 4\]"),
        (torch.zeros(4, 4), "must be a PIL image or a uint8 array, received Tensor. Fix"),
        ("cat.png", r"received str. Fix: open files with PIL\.Image\.open"),
    ],
)
def test_what_is_not_an_image_is_refused(array, message):
    with pytest.raises(DataError, match=message):
        as_mode(array, "RGB")


def test_networks_see_the_same():
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 2))
    preprocess = zoo.wrap(module, input_size=(1, 4, 4), mean=(0,), std=(1,)).preprocess
    deep = Image.fromarray(np.full((4, 4), 102 * 257, dtype=np.uint16))
    inputs = preprocess([deep, Image.new("LA", (4, 4), (0, 0)), np.full((4, 4), 204, dtype=np.uint8)])
    assert torch.allclose(inputs[:, 0, 0, 0], torch.tensor([0.4, 1.0, 0.8]))
