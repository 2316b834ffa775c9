import logging

import numpy as np
import pytest
import torch
from PIL import Image
from small_backbones import small

import zoo
from zoo.adaptations import ADAPTATIONS
from zoo.adaptations.options import own_options
from zoo.adaptations.zero_shot import SCALE, TEMPLATE, ZeroShot, learned_scale
from zoo.errors import IncompatibleError, InvalidRecord

NAMES = ("cat", "old {dog}", "emu", "two birds")
TEMPLATES = "a photo of a {}.|{} in the snow|a {} and another {}"


@pytest.fixture(autouse=True)
def _root_logger():
    """open_clip logs through the root logger; pytest's handlers are there, so nothing is set up."""
    logging.getLogger().addHandler(logging.NullHandler())


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    from open_clip_small import repository

    return zoo.load(str(repository(tmp_path_factory.mktemp("zero") / "clip")))


def pictures(count=5):
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)) for _ in range(count)]


def fitted(backbone, templates=TEMPLATES):
    adaptation = ZeroShot()
    assert adaptation.prepare(backbone, {}) == []
    (options,) = adaptation.candidates({"templates": templates}, labels=0)
    width = backbone.pooled_dim
    return adaptation.fit_head(np.zeros((0, width)), np.zeros(0), options, len(NAMES), names=NAMES)


@torch.no_grad()
def by_hand(backbone, images, templates):
    """Logits as open_clip's own examples make them, class by class."""
    import open_clip

    model, tokenizer = backbone.module.eval(), open_clip.SimpleTokenizer(context_length=16)
    seen = model.encode_image(images)
    seen = seen / seen.norm(dim=-1, keepdim=True)
    columns = []
    for name in NAMES:
        texts = model.encode_text(tokenizer([template.replace("{}", name) for template in templates]))
        mean = (texts / texts.norm(dim=-1, keepdim=True)).mean(0)
        columns.append(model.logit_scale.exp() * (seen @ (mean / mean.norm())))
    return torch.stack(columns, 1)


@pytest.mark.parametrize("templates", [TEMPLATE, TEMPLATES])
def test_it_equals_open_clip_by_hand(clip, templates):
    images = clip.preprocess(pictures()).vision
    with torch.no_grad():
        found = fitted(clip, templates)(clip.encode(images)["vision"].pooled)
    wanted = by_hand(clip, images, templates.split("|"))
    assert found.shape == (5, 4)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
    assert torch.equal(found.argmax(1), wanted.argmax(1))
    assert torch.allclose(wanted[0] / clip.module.logit_scale.exp(), found[0] / learned_scale(clip.module), atol=1e-5)


def test_the_head_depends_on_names_alone_and_nothing_trains(clip):
    first, again = fitted(clip), fitted(clip)
    assert torch.equal(first.vectors, again.vectors)
    assert torch.allclose(first.vectors.norm(dim=1), torch.ones(4))
    assert not any(p.requires_grad for p in [*clip.module.parameters(), *first.parameters()])
    doubled = torch.randn(3, clip.pooled_dim, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(first(doubled), first(7 * doubled), atol=1e-4)


def test_the_head_travels(clip):
    head = fitted(clip)
    blank = ZeroShot().blank_head(clip.pooled_dim, 4, head.facts)
    blank.load_state_dict(head.state_dict())
    features = torch.randn(3, clip.pooled_dim)
    assert torch.equal(blank(features), head(features))
    assert blank.facts == {"templates": TEMPLATES}


def test_networks_of_transformers():
    backbone = small("transformers/clip")
    assert learned_scale(backbone.module) == pytest.approx(float(backbone.module.logit_scale.detach().exp()))
    assert learned_scale(torch.nn.Linear(1, 1)) == SCALE


def test_what_it_refuses(clip):
    with pytest.raises(IncompatibleError, match=r"is a backbone for vision.*zoo list --modality image-text"):
        ZeroShot().prepare(zoo.load("pocket/resnet10.glyphs"), {})
    with pytest.raises(IncompatibleError, match="prepare"):
        ZeroShot().fit_head(np.zeros((0, 24)), np.zeros(0), {}, 2, names=("a", "b"))
    adaptation = ZeroShot()
    adaptation.prepare(clip, {})
    with pytest.raises(IncompatibleError, match="received 0 names of 2 classes"):
        adaptation.fit_head(np.zeros((0, 24)), np.zeros(0), {}, 2)
    for bad in ("a photo", "a {}|", "", []):
        with pytest.raises(InvalidRecord, match="templates of zero_shot must be"):
            own_options("zero_shot", ZeroShot(), {"templates": bad})
    assert own_options("zero_shot", ZeroShot(), {"templates": "a {} | the {}"}) == {"templates": "a {}|the {}"}
    assert own_options("zero_shot", ZeroShot(), {}) == {"templates": TEMPLATE}


def test_it_says_that_it_needs_trained_weights_and_names():
    method = ADAPTATIONS.get("zero_shot")
    assert method.needs_trained
    assert method.needs_names
    assert not method.trains_backbone
