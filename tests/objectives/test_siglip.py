import pytest
from image_texts import open_clip_small, pairs, transformers_small
from small_backbones import small
from steps import falls, gradients, losses, only_the_generator, start

from zoo.data.batches import generator_at
from zoo.errors import IncompatibleError
from zoo.objectives.siglip import SigLip


def test_loss_equals_open_clip():
    from open_clip.loss import SigLipLoss

    backbone, objective = open_clip_small(init_logit_bias=-10.0), SigLip()
    backbone.module.eval()
    heads = start(objective, backbone, pairs())
    batch = pairs().batch(6, generator_at(0, 0))
    images, texts, scale, bias = backbone.module(batch.inputs.vision, batch.inputs.text.values)
    wanted = SigLipLoss()(images, texts, scale, bias)
    assert objective.loss(backbone, heads, batch).item() == pytest.approx(wanted.item(), rel=1e-5)


def test_loss_equals_transformers():
    backbone, objective = transformers_small("siglip"), SigLip()
    source = pairs(backbone.spec.input_size[1], backbone.spec.context)
    heads = start(objective, backbone, source)
    batch = source.batch(4, generator_at(0, 0))
    theirs = backbone.module(input_ids=batch.inputs.text.values, pixel_values=batch.inputs.vision, return_loss=True)
    assert objective.loss(backbone, heads, batch).item() == pytest.approx(theirs.loss.item(), rel=1e-5)


def test_a_network_of_clip_is_given_a_bias_and_learns():
    backbone, objective = open_clip_small(), SigLip()
    heads = start(objective, backbone, pairs())
    assert list(heads.state_dict()) == ["logit_bias"]
    batch = pairs().batch(4, generator_at(0, 0))
    assert only_the_generator(objective, batch)
    assert gradients(objective, backbone, heads, objective.views(batch, generator_at(0, 0))) == []
    assert falls(losses(objective, backbone, pairs(), heads))
    assert heads.logit_bias.item() != -10


def test_a_backbone_of_images_alone_is_refused():
    with pytest.raises(IncompatibleError, match="image-text"):
        SigLip().build(small("pocket/resnet10"), pairs())
