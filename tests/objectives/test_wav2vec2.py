import dataclasses
import math

import pytest
import torch
from small_backbones import small
from steps import Given, falls, gradients, losses, only_the_generator, start

from zoo.conformance.tiny import tiny
from zoo.contracts import Batch, Padded
from zoo.data.batches import generator_at
from zoo.errors import DataError, IncompatibleError, WeightsError
from zoo.objectives.span_masks import among_all
from zoo.objectives.wav2vec2 import Wav2Vec2
from zoo.providers.loading import load
from zoo.training.halving import taken

SIZES = {"conv_dim": [16] * 7, "num_codevectors_per_group": 12, "codevector_dim": 24, "proj_codevector_dim": 20}
SMALL = {"span": 3, "starts": 0.2, "others": 6}


def clips(count, generator, length=6400):
    """Tones that rise or fall, in noise; padded to one length."""
    time = torch.arange(length) / 16_000
    pitch = 200 + 600 * torch.rand(count, 1, generator=generator)
    waves = torch.sin(6.28 * pitch * time * (1 + time)) + 0.1 * torch.randn(count, length, generator=generator)
    real = torch.linspace(length // 2, length, count).long()
    mask = torch.arange(length) < real[:, None]
    return Padded(waves * mask, mask)


SOURCE = Given(clips)


@pytest.fixture(params=["group", "layer"])
def saved(request, tmp_path):
    """A checkpoint of the library's own model for pre-training, and that model."""
    from transformers import Wav2Vec2FeatureExtractor, Wav2Vec2ForPreTraining

    torch.manual_seed(0)
    config = tiny("wav2vec2", **SIZES, feat_extract_norm=request.param, do_stable_layer_norm=request.param == "layer")
    model = Wav2Vec2ForPreTraining(config).eval()
    model.save_pretrained(tmp_path)
    Wav2Vec2FeatureExtractor(return_attention_mask=request.param == "layer").save_pretrained(tmp_path)
    return tmp_path, model


def backbone_of(folder):
    backbone = load(str(folder))
    backbone.module.eval()
    return backbone


@pytest.fixture
def backbone(tmp_path):
    from transformers import Wav2Vec2FeatureExtractor, Wav2Vec2Model

    torch.manual_seed(0)
    Wav2Vec2Model(tiny("wav2vec2", **SIZES)).save_pretrained(tmp_path)
    Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    return backbone_of(tmp_path)


def theirs_of(model, views, *, padded):
    """The library's loss for our masks and others, over the number of hidden frames."""
    given, hidden, others, _ = views.inputs
    others = among_all(others, hidden)
    flat = torch.nonzero(hidden.flatten()).flatten()  # ours count hidden frames, theirs all frames
    negatives = torch.zeros(*hidden.shape, others.shape[1], dtype=torch.long)
    negatives[hidden] = flat[others]
    out = model(
        given.values,
        attention_mask=given.mask.long() if padded else None,
        mask_time_indices=hidden,
        sampled_negative_indices=negatives,
    )
    return out.loss / hidden.sum()


def test_loss_equals_the_librarys_with_the_checkpoints_heads(saved):
    folder, model = saved
    backbone, objective = backbone_of(folder), Wav2Vec2(**SMALL)
    heads = start(objective, backbone, SOURCE).eval()
    assert "those of its checkpoint" in objective.notes[0]
    padded = model.config.feat_extract_norm == "layer"  # the library's group norm reads padding, zoo's does not
    batch = SOURCE.batch(3, generator_at(0, 0))
    if not padded:
        batch = Batch(Padded(batch.inputs.values, torch.ones_like(batch.inputs.mask)), batch.targets)
    views = objective.views(batch, generator_at(0, 0))
    model.config.apply_spec_augment = True
    with torch.no_grad():
        found, wanted = objective.loss(backbone, heads, views), theirs_of(model, views, padded=padded)
    assert found.item() == pytest.approx(wanted.item(), rel=1e-5)


def test_a_clip_counts_alone_as_in_a_batch(saved):
    backbone, objective = backbone_of(saved[0]), Wav2Vec2(**SMALL, diversity=0)
    heads = start(objective, backbone, SOURCE).eval()
    views = objective.views(SOURCE.batch(2, generator_at(0, 0)), generator_at(0, 0))
    given, hidden, others, noise = views.inputs
    count, total, real = int(hidden[0].sum()), int(hidden.sum()), int(given.mask[0].sum())
    frames = int(backbone.module._get_feat_extract_output_lengths(real))
    alone = Padded(given.values[:1, :real], given.mask[:1, :real])
    alone = (alone, *(part[:1, :frames] for part in (hidden, others, noise)))
    rest = taken(views, slice(1, 2)).inputs  # as a process has it that takes this row
    with torch.no_grad():
        whole, one, other = (objective.loss(backbone, heads, Batch(v, None)) for v in (views.inputs, alone, rest))
    assert whole.item() == pytest.approx((one.item() * count + other.item() * (total - count)) / total, rel=1e-4)


def test_views_come_from_the_generator_alone(backbone):
    objective = Wav2Vec2(**SMALL)
    start(objective, backbone, SOURCE)
    batch = SOURCE.batch(3, generator_at(0, 0))
    assert only_the_generator(objective, batch)
    given, hidden, others, noise = objective.views(batch, generator_at(0, 0)).inputs
    frames = backbone.module._get_feat_extract_output_lengths(given.mask.sum(1))
    assert not any(row[count:].any() for row, count in zip(hidden, frames.tolist(), strict=True))
    assert others.shape == (*hidden.shape, 6)
    assert noise.shape == (*hidden.shape, 2, 12)


def test_learns(backbone):
    objective = Wav2Vec2(**SMALL)
    heads = start(objective, backbone, SOURCE)
    assert "begin anew" in objective.notes[0]
    module = torch.nn.ModuleList([backbone.module, heads]).train()
    views = objective.views(SOURCE.batch(3, generator_at(0, 0)), generator_at(0, 0))
    assert gradients(objective, backbone, heads, views) == []
    assert falls(losses(objective, backbone, SOURCE, heads, size=3))
    assert heads.state_dict()["step"] == 30
    assert module.training


def test_a_few_clips_are_learnt_well_beyond_chance(backbone):
    objective = Wav2Vec2(**SMALL)
    heads = start(objective, backbone, SOURCE)
    found = losses(objective, backbone, SOURCE, heads, size=3, steps=120, lr=3e-3)
    chance = math.log(7)  # one of a code and its 6 others
    assert sum(found[:10]) / 10 == pytest.approx(chance, abs=0.2)
    assert sum(found[-20:]) / 20 < 0.6 * chance


def test_the_hook_is_taken_out_again(backbone):
    objective = Wav2Vec2(**SMALL)
    heads = start(objective, backbone, SOURCE)
    views = objective.views(SOURCE.batch(2, generator_at(0, 0)), generator_at(0, 0))
    before = backbone.encode(views.inputs[0])["speech"].tokens
    objective.loss(backbone, heads, views)
    assert torch.equal(backbone.encode(views.inputs[0])["speech"].tokens, before)


def test_what_does_not_fit_is_refused(backbone):
    with pytest.raises(IncompatibleError, match="of its own type"):
        Wav2Vec2().build(small("transformers/hubert"), SOURCE)
    adapted = dataclasses.replace(backbone, spec=dataclasses.replace(backbone.spec, padding="equal_length"))
    with pytest.raises(IncompatibleError, match="adapter"):
        Wav2Vec2().build(adapted, SOURCE)
    objective = Wav2Vec2(**SMALL)
    start(objective, backbone, SOURCE)
    with pytest.raises(DataError, match="fewer than 4"):
        objective.views(Batch(clips(2, generator_at(0, 0), length=900), torch.zeros(2)), generator_at(0, 0))


def test_heads_that_are_not_those_of_the_configuration_are_refused(saved):
    from safetensors.torch import load_file, save_file

    folder, _ = saved
    file = folder / "model.safetensors"
    tensors = load_file(file)
    tensors.pop("project_q.bias")
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(WeightsError, match="is not that of its own configuration"):
        Wav2Vec2().build(backbone_of(folder), SOURCE)
