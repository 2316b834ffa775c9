import pytest
import torch
from image_texts import open_clip_small, pairs, transformers_small
from small_backbones import small
from steps import falls, gradients, losses, only_the_generator, start

from zoo.data.batches import generator_at
from zoo.errors import IncompatibleError
from zoo.objectives.clip import Clip


def test_loss_equals_open_clip():
    from open_clip import ClipLoss

    backbone, objective = open_clip_small(), Clip()
    backbone.module.eval()
    heads = start(objective, backbone, pairs())
    batch = pairs().batch(6, generator_at(0, 0))
    images, texts, scale = backbone.module(batch.inputs.vision, batch.inputs.text.values)
    assert objective.loss(backbone, heads, batch).item() == pytest.approx(
        ClipLoss()(images, texts, scale).item(), rel=1e-5
    )


def test_loss_equals_transformers():
    backbone, objective = transformers_small("clip"), Clip()
    size = backbone.spec.input_size[1]
    heads = start(objective, backbone, pairs(size, backbone.spec.context))
    batch = pairs(size, backbone.spec.context).batch(4, generator_at(0, 0))
    text = batch.inputs.text
    theirs = backbone.module(
        input_ids=text.values.masked_fill(~text.mask, backbone.module.config.text_config.pad_token_id),
        pixel_values=batch.inputs.vision,
        attention_mask=text.mask.long(),
        return_loss=True,
    )
    assert objective.loss(backbone, heads, batch).item() == pytest.approx(theirs.loss.item(), rel=1e-5)


def test_learns_and_the_networks_scale_with_it():
    backbone, objective = open_clip_small(), Clip()
    heads = start(objective, backbone, pairs())
    before = backbone.module.logit_scale.item()
    batch = pairs().batch(4, generator_at(0, 0))
    assert only_the_generator(objective, batch)
    assert gradients(objective, backbone, heads, objective.views(batch, generator_at(0, 0))) == []
    assert falls(losses(objective, backbone, pairs(), heads))
    assert backbone.module.logit_scale.item() != before


def test_the_scale_stays_below_its_bound():
    backbone, objective = open_clip_small(), Clip()
    start(objective, backbone, pairs())
    with torch.no_grad():
        backbone.module.logit_scale.fill_(7.0)
    objective.after_step()
    assert backbone.module.logit_scale.exp().item() == pytest.approx(100, rel=1e-5)


def test_a_backbone_of_images_alone_is_refused():
    with pytest.raises(IncompatibleError, match="image-text"):
        Clip().build(small("pocket/resnet10"), pairs())
