import dataclasses
from types import SimpleNamespace

import pytest
import torch
import torchaudio

import zoo
from tests.objectives.training import check_gradients, losses_of
from tests.providers.small_backbones import small
from zoo.catalog.query import describe
from zoo.conformance.tiny import tiny
from zoo.contracts import Batch, Padded
from zoo.errors import DataError, IncompatibleError
from zoo.objectives import NEEDS, OBJECTIVES
from zoo.objectives.masked_prediction import MaskedPrediction
from zoo.providers.bundles import Bundle
from zoo.providers.loading import build
from zoo.providers.torchaudio import assemble
from zoo.providers.transformers_library import changes
from zoo.specs import BackboneSpec
from zoo.training.halving import taken

LENGTHS = torch.tensor([6000, 4000, 6000])
SMALL = {
    "extractor_mode": "group_norm",
    "extractor_conv_layer_config": [(16, 10, 5), *[(16, 3, 2)] * 4, *[(16, 2, 2)] * 2],
    "extractor_conv_bias": False,
    "encoder_embed_dim": 32,
    "encoder_projection_dropout": 0.0,
    "encoder_pos_conv_kernel": 8,
    "encoder_pos_conv_groups": 4,
    "encoder_num_layers": 2,
    "encoder_num_heads": 4,
    "encoder_attention_dropout": 0.0,
    "encoder_ff_interm_features": 48,
    "encoder_ff_interm_dropout": 0.0,
    "encoder_dropout": 0.0,
    "encoder_layer_norm_first": False,
    "encoder_layer_drop": 0.0,
}


def clips(size, generator):
    """Tones that change their pitch, of two lengths."""
    time = torch.arange(6000) / 16_000
    pitch = 200 + 3000 * torch.rand(size, 1, generator=generator)
    waves = torch.sin(6.2831853 * pitch * time * (1 + time)) + 0.05 * torch.randn(size, 6000, generator=generator)
    mask = torch.arange(6000) < LENGTHS.repeat(size)[:size, None]
    return Batch(Padded(waves.masked_fill(~mask, 0), mask), torch.zeros(size, dtype=torch.long))


SOURCE = SimpleNamespace(batch=clips)


def network(name):
    if name.startswith("transformers/"):  # narrow convolutions: they are most of the time
        config = changes(tiny(name.partition("/")[2], conv_dim=[32] * 7))
        backbone = build(dataclasses.replace(describe(name), config=config), pretrained=False, seed=0)
        backbone.module.eval()
        return backbone
    torch.manual_seed(0)
    model = torchaudio.models.wav2vec2_model(**SMALL, aux_num_out=None).eval()
    return assemble(BackboneSpec(name, "torchaudio", "hubert_base", modality="speech"), model)


def built(name="transformers/hubert", **options):
    backbone = network(name)
    objective = MaskedPrediction(**{"clusters": 8, "clips": 20, "width": 16} | options)
    with zoo.providers.loading.seeded(0):
        heads = objective.build(backbone, SOURCE)
    return backbone, objective, heads, clips(3, torch.Generator().manual_seed(5))


def test_loss_is_that_of_torchaudios_pretraining_model():
    backbone, objective, heads, _ = built("torchaudio/small")
    waves = clips(3, torch.Generator().manual_seed(5)).inputs.values
    views = objective.views(Batch(waves, torch.zeros(3)), torch.Generator().manual_seed(0))
    model = torchaudio.models.hubert_pretrain_model(
        **SMALL,
        mask_prob=0.5, mask_selection="static", mask_other=0.0, mask_length=10, no_mask_overlap=False, mask_min_space=1,
        mask_channel_prob=0.0, mask_channel_selection="static", mask_channel_other=0.0, mask_channel_length=10,
        no_mask_channel_overlap=False, mask_channel_min_space=1, skip_masked=False, skip_nomask=True, num_classes=8,
        final_dim=16, feature_grad_mult=None,
    ).eval()  # fmt: skip
    model.wav2vec2.load_state_dict(backbone.module.state_dict())
    with torch.no_grad():
        model.logit_generator.label_embeddings.copy_(heads.labels)
        model.logit_generator.final_proj.load_state_dict(heads.project.state_dict())

    def hide(frames, _padding):
        return torch.where(views.targets[..., None], heads.vector, frames), views.targets

    model.mask_generator = type("Hide", (torch.nn.Module,), {"forward": lambda _self, *given: hide(*given)})()
    labels = heads.clusters(waves, torch.full((3,), 6000))
    logits = model(waves, labels)[0]
    wanted = torch.nn.functional.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long))
    assert abs(objective.loss(backbone, heads, views).item() - wanted.item()) < 1e-5


def test_loss_equals_a_slow_rewrite():
    backbone, objective, heads, batch = built()
    views = objective.views(batch, torch.Generator().manual_seed(0))
    total, count = 0.0, 0
    for wave, mask, hidden in zip(batch.inputs.values, batch.inputs.mask, views.targets, strict=True):
        alone = wave[None, : int(mask.sum())]
        frames = (alone.shape[1] - 400) // 320 + 1
        tokens = objective._frames.encode(backbone, alone, hidden[None, :frames], heads.vector)[0]
        description = heads.clusters.describe(alone)[0]
        for place in hidden.nonzero().flatten().tolist():
            label = int(((heads.clusters.centres - description[place]) ** 2).sum(1).argmin())
            inner = heads.project(tokens[place])
            cosines = torch.stack([inner @ one / inner.norm() / one.norm() for one in heads.labels]) / 0.1
            total += (cosines.exp().sum().log() - cosines[label]).item()
            count += 1
    assert objective.mass(views) == count
    assert objective.loss(backbone, heads, views).item() == pytest.approx(total / count, abs=1e-4)


def test_views_hide_real_frames_by_the_generator_alone():
    _, objective, _, batch = built()
    before = torch.get_rng_state()
    one, same, other = (objective.views(batch, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert one.inputs is batch.inputs
    assert torch.equal(one.targets, same.targets)
    assert not torch.equal(one.targets, other.targets)
    assert torch.equal(torch.get_rng_state(), before)
    assert one.targets.shape == (3, 18)
    assert not one.targets[1, (4000 - 400) // 320 + 1 :].any()


def test_building_draws_from_no_global_state():
    before = torch.get_rng_state()
    centres = [built()[2].clusters.centres for _ in range(2)]
    assert torch.equal(*centres)
    assert torch.equal(torch.get_rng_state(), before)


def test_parts_and_chunks_weighed_by_mass_give_the_whole_loss():
    backbone, objective, heads, batch = built()
    views = objective.views(batch, torch.Generator().manual_seed(0))
    whole, found = objective.mass(views), 0.0
    for rows in (slice(0, 1), slice(1, 3)):
        chunk = taken(views, rows)
        found += objective.loss(backbone, heads, chunk).item() * objective.mass(chunk) / whole
    assert found == pytest.approx(objective.loss(backbone, heads, views).item(), abs=1e-4)
    bundle = Bundle((batch.inputs.values[:1], batch.inputs.values[1:2, :4000]), torch.tensor([0, 1]))
    views = objective.views(Batch(bundle, batch.targets[:2]), torch.Generator().manual_seed(0))
    assert [part.shape[1] for part in views.targets.parts] == [18, 12]
    assert objective.loss(backbone, heads, views).isfinite()


@pytest.mark.parametrize("name", ["transformers/hubert", "transformers/wav2vec2", "torchaudio/small"])
def test_it_learns(name):
    backbone, objective, heads, batch = built(name)
    assert (heads.vector is None) == name.startswith("transformers/")
    check_gradients(objective, backbone, heads, batch)
    losses = losses_of(objective, backbone, heads, batch)
    assert losses[-1] < 0.7 * losses[0]


def test_refusals():
    with pytest.raises(IncompatibleError, match="no frames of a waveform"):
        MaskedPrediction().build(small("transformers/whisper"), SOURCE)
    with pytest.raises(DataError, match="500 clusters need as many different frames"):
        built(clusters=500)


def test_registered():
    assert OBJECTIVES.get("masked_prediction") is MaskedPrediction
    assert NEEDS["masked_prediction"].modalities == ("speech",)
