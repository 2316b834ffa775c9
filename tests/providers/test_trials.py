import dataclasses

import pytest
import torch
from torch import nn

from zoo.contracts import Backbone, Padded, Pair
from zoo.providers.trials import modalities, trial
from zoo.specs import BackboneSpec


def backbone(modality, module=None, **more):
    return Backbone(BackboneSpec("x/y", "x", "y", modality=modality, **more), module or nn.Identity(), list, dict)


def test_each_modality_gets_inputs_of_its_kind():
    image = trial(backbone("vision", input_size=(1, 8, 10)), "vision", 2)
    assert image.shape == (2, 1, 8, 10)
    text = trial(backbone("text", context=6), "text", 3)
    assert isinstance(text, Padded)
    assert (text.values.shape, text.values.dtype, bool(text.mask.all())) == ((3, 6), torch.int64, True)
    assert trial(backbone("text"), "text", 1).values.shape == (1, 9)
    clip = trial(backbone("speech", sample_rate=8000), "speech", 2)
    assert clip.values.shape == clip.mask.shape == (2, 8000)
    both = backbone("image-text", input_size=(3, 8, 8), context=16)
    assert trial(both, "vision", 2).vision.shape == (2, 3, 8, 8)
    texts = trial(both, "text", 2)
    assert isinstance(texts, Pair)
    assert (texts.vision, texts.text.values.shape) == (None, (2, 16))


def test_frames_of_transformers_have_its_widths():
    from zoo.conformance.tiny import tiny

    module = nn.Identity()
    module.config = tiny("whisper")
    spec = dataclasses.replace(backbone("speech").spec, provider="transformers", arch="whisper")
    one = trial(Backbone(spec, module, list, dict), "speech", 2)
    assert one.values.shape == (2, 2 * module.config.max_source_positions, module.config.num_mel_bins)


@pytest.mark.parametrize("modality", ["vision", "text", "speech"])
def test_the_first_samples_are_the_same_for_any_count(modality):
    made = [trial(backbone(modality, input_size=(3, 7, 7)), modality, count) for count in (2, 3)]
    two, three = (one if isinstance(one, torch.Tensor) else one.values for one in made)
    assert torch.equal(two, three[:2])
    assert not torch.equal(two[0], two[1])


def test_modalities():
    assert modalities(backbone("image-text")) == ("vision", "text")
    assert modalities(backbone("speech", context=77)) == ("speech", "text")
    assert modalities(backbone("speech")) == ("speech",)
