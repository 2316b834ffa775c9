import dataclasses

import pytest
import torch
from image_texts import transformers_small
from small_backbones import small

from zoo.contracts import Padded
from zoo.errors import IncompatibleError
from zoo.objectives.teacher_inputs import regrouped, shown, translation
from zoo.providers.bundles import pooled


def test_images_of_equal_preprocessing_go_through_as_they_are():
    student, teacher = small("pocket/resnet10"), small("pocket/resnet10", seed=1)
    given, notes = translation(student, teacher)
    x = torch.rand(2, 1, 32, 32)
    assert given(x) is x
    assert notes == ()


def test_images_reach_the_teacher_as_its_own_preprocessing_makes_them():
    student, teacher = small("timm/test_vit"), small("timm/resnet10t")
    size = student.spec.input_size[1:]
    spec = dataclasses.replace(student.spec, mean=(0.2, 0.3, 0.4), std=(0.5, 0.6, 0.7))
    pixels = torch.rand(1, 3, *size)
    mine = (pixels - torch.tensor(spec.mean).view(-1, 1, 1)) / torch.tensor(spec.std).view(-1, 1, 1)
    theirs = dataclasses.replace(teacher.spec, input_size=(3, *size))
    expected = (pixels - torch.tensor(theirs.mean).view(-1, 1, 1)) / torch.tensor(theirs.std).view(-1, 1, 1)
    assert torch.allclose(shown(mine, spec, theirs), expected, atol=1e-5)
    given, notes = translation(student, teacher)
    assert given(mine).shape[1:] == teacher.spec.input_size
    assert "is shown what the preprocessing" in notes[0]


def test_an_image_text_teacher_sees_images():
    given, _ = translation(small("timm/test_vit"), transformers_small("clip"))
    assert given(torch.rand(1, 3, 160, 160)).shape == (1, 3, 224, 224)


@pytest.mark.parametrize(
    ("student", "teacher", "why"),
    [
        ("pocket/resnet10", "transformers/bert", "is for vision"),
        ("transformers/bert", "transformers/canine", "other tokens"),
        ("transformers/hubert", "transformers/whisper", "other values"),
    ],
)
def test_a_teacher_that_reads_something_else_is_refused(student, teacher, why):
    with pytest.raises(IncompatibleError, match=why):
        translation(small(student), small(teacher))


def test_unknown_statistics_are_refused():
    student = small("pocket/resnet10")
    blind = dataclasses.replace(student, spec=dataclasses.replace(student.spec, mean=()))
    with pytest.raises(IncompatibleError, match="is not known"):
        translation(student, blind)


@pytest.mark.parametrize(
    ("student", "teacher"),
    [("transformers/bert", "transformers/electra"), ("transformers/wav2vec2", "transformers/hubert")],
)
def test_the_same_tokens_or_values_go_through_as_they_are(student, teacher):
    given, notes = translation(small(student), small(teacher))
    batch = Padded(torch.randint(5, 250, (2, 6)), torch.tensor([[True] * 6, [True] * 3 + [False] * 3]))
    assert given(batch) is batch
    assert notes == ()


def test_lengths_are_kept_apart_for_a_network_that_allows_no_padding():
    backbone = small("transformers/bert")
    mask = torch.arange(6) < torch.tensor([[6], [3], [4]])
    batch = Padded(torch.randint(5, 250, (3, 6)), mask)
    apart = regrouped(batch, "equal_length")
    assert len(apart.parts) == 3
    assert torch.allclose(pooled(backbone, apart), pooled(backbone, batch), atol=1e-5)
    assert regrouped(batch, "masked") is batch
