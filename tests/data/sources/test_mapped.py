import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Subset, TensorDataset
from torchvision.datasets import FakeData, ImageFolder
from torchvision.transforms import PILToTensor, ToTensor

from zoo.data.sources.mapped import from_mapped
from zoo.errors import DataError


class Commands:
    """As torchaudio's SPEECHCOMMANDS: waveform [1, T], rate, label, speaker, number of the utterance."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return (
            torch.full((1, 100 + index), 0.1),
            16000 if index else 8000,
            "yes" if index % 2 else "no",
            f"s{index // 2}",
            index,
        )


def test_fake_data():
    data = from_mapped(FakeData(12, (3, 8, 9), num_classes=3))
    assert (data.name, data.kind, len(data.classes)) == ("FakeData", "image_classification", 3)
    assert data.targets.tolist() == [FakeData(12, (3, 8, 9), num_classes=3)[i][1] for i in range(12)]
    assert data.samples[3].size == (9, 8)
    assert data.origin(3) == "item 3 of FakeData"
    assert data.digest == from_mapped(FakeData(12, (3, 8, 9), num_classes=3)).digest


def test_names_of_classes(photos):
    source = ImageFolder(str(photos))
    data = from_mapped(source)
    assert data.classes == ("left", "right")
    assert data.targets.tolist() == [0] * 12 + [1] * 12
    part = from_mapped(Subset(source, [0, 13, 1]))
    assert (part.classes, part.targets.tolist()) == (("left", "right"), [0, 1, 0])


def test_places_have_roles():
    with pytest.raises(DataError, match=r'may be the label: 2, 3.*roles=\{"label": "2"\}'):
        from_mapped(Commands())
    data = from_mapped(Commands(), roles={"label": "2", "group": "3"})
    assert (data.kind, data.classes) == ("audio_classification", ("no", "yes"))
    assert data.groups.tolist() == ["s0", "s0", "s1", "s1", "s2", "s2", "s3", "s3"]
    wave, rate = data.samples[5]
    assert (wave.shape, rate) == ((1, 105), 16000)
    assert data.notes[-1].startswith("sample rates differ: 7 clips of 16000 Hz, 1 of 8000 Hz")


def test_tensors():
    pixels = torch.randint(0, 256, (6, 3, 4, 5), dtype=torch.uint8)
    data = from_mapped(TensorDataset(pixels, torch.tensor([0, 1] * 3)))
    assert np.array_equal(data.samples[2], pixels[2].permute(1, 2, 0).numpy())
    assert from_mapped(FakeData(6, (3, 8, 9), 2, transform=PILToTensor())).samples[0].shape == (8, 9, 3)
    flags = torch.tensor([[0, 1], [1, 1], [1, 0]])
    with pytest.raises(DataError, match="names a class twice"):
        from_mapped(TensorDataset(pixels[:3], flags))
    with pytest.raises(DataError, match=r"no column of texts, images or audio|without its transform"):
        from_mapped(FakeData(6, (3, 8, 9), 2, transform=ToTensor()))


def test_dicts_and_texts():
    data = from_mapped([{"text": f"text {i}", "label": "ab"[i % 2], "user": f"u{i % 3}"} for i in range(6)])
    assert (data.classes, data.groups.tolist()) == (("a", "b"), ["u0", "u1", "u2"] * 2)
    assert list(from_mapped([("a b", "x"), ("c d", "y")]).samples) == ["a b", "c d"]
    data = from_mapped([(1, "so good"), (0, "so bad"), (1, "fine"), (0, "poor")])  # as torchtext
    assert (data.samples[0], data.targets.tolist()) == ("so good", [1, 0, 1, 0])


def test_random_transforms_are_told():
    draw = iter(range(1000))
    data = from_mapped(FakeData(4, (3, 8, 8), 2, transform=lambda image: Image.new("L", (4, 4), next(draw) % 256)))
    assert any("a random transform" in note for note in data.notes)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ([], "data has no samples"),
        (["a", "b"], r"item 0 of data is str, not \(sample, label, \.\.\.\)"),
        ([("a", "x"), ("b", "y", "z")], "item 1 of data has 3 places, and item 0 has 2"),
    ],
)
def test_what_is_refused(source, said):
    with pytest.raises(DataError, match=said):
        from_mapped(source)
