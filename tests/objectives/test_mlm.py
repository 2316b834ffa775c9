import copy
from types import SimpleNamespace

import pytest
import torch
import transformers

import zoo
from tests.objectives.test_native_heads import library_model
from tests.objectives.training import check_gradients, losses_of
from tests.providers.small_backbones import small
from tests.providers.transformers_repos import save, save_words
from zoo.contracts import Batch, Padded
from zoo.errors import IncompatibleError, InvalidRecord
from zoo.objectives import NEEDS, OBJECTIVES
from zoo.objectives.mlm import Mlm, hide
from zoo.objectives.token_loss import IGNORED
from zoo.objectives.vocabulary import Vocabulary
from zoo.providers.bundles import Bundle

TEXTS = ["the cat runs far and the dog runs", "a dog", "the dog and the cat"]


def built(name="bert", **options):
    backbone = small(f"transformers/{name}")
    objective = Mlm(**options)
    with zoo.providers.loading.seeded(0):
        heads = objective.build(backbone, SimpleNamespace())
    inputs = backbone.preprocess(TEXTS)
    return backbone, objective, heads, Batch(inputs, torch.zeros(3, dtype=torch.long))


@pytest.mark.parametrize("name", ["bert", "roberta"])
def test_loss_is_the_librarys(name):
    backbone, objective, heads, batch = built(name)
    heads.eval()
    views = objective.views(batch, torch.Generator().manual_seed(1))
    whole = library_model(transformers.AutoModelForMaskedLM, backbone, heads)
    mask = views.inputs.mask
    ids = views.inputs.values.masked_fill(~mask, backbone.module.config.pad_token_id)
    wanted = whole(input_ids=ids, attention_mask=mask.long(), labels=views.targets).loss
    assert objective.mass(views) == int((views.targets != IGNORED).sum()) > 0
    assert abs(objective.loss(backbone, heads, views).item() - wanted.item()) < 1e-5


def test_continued_pretraining_starts_at_the_checkpoints_own_loss(tmp_path):
    whole = save(tmp_path, "bert", "BertForMaskedLM").eval()
    save_words(tmp_path)
    backbone = zoo.load(str(tmp_path))
    backbone.module.eval()
    objective = Mlm(rate=0.5)
    heads = objective.build(backbone, None).eval()
    views = objective.views(Batch(backbone.preprocess(TEXTS), torch.zeros(3)), torch.Generator().manual_seed(0))
    mask = views.inputs.mask
    wanted = whole(input_ids=views.inputs.values, attention_mask=mask.long(), labels=views.targets).loss
    assert abs(objective.loss(backbone, heads, views).item() - wanted.item()) < 1e-5
    assert any("the head is the checkpoint's" in note for note in objective.notes)


def test_shares_of_the_hidden_tokens():
    ids = torch.randint(5, 250, (64, 256), generator=torch.Generator().manual_seed(0))
    ids[:, 0], ids[:, -1] = 1, 2
    real = torch.arange(256).expand(64, -1) < 250
    words = Vocabulary(range(5, 250), 299, (1, 2, 299))
    hidden, targets = hide(Padded(ids, real), words, torch.Generator().manual_seed(3), 0.15, 0.8, 0.1)
    chosen = targets != IGNORED
    assert not chosen[:, 0].any()
    assert not chosen[~real].any()
    assert torch.equal(hidden.values[~chosen], ids[~chosen])
    assert torch.equal(targets[chosen], ids[chosen])
    assert chosen.sum() / real[:, 1:].sum() == pytest.approx(0.15, abs=0.01)
    masked, same = hidden.values == 299, (hidden.values == ids) & chosen
    assert masked.sum() / chosen.sum() == pytest.approx(0.8, abs=0.03)
    assert same.sum() / chosen.sum() == pytest.approx(0.1, abs=0.03)


def test_all_randomness_is_the_generators():
    _, objective, _, batch = built()
    before = torch.get_rng_state()
    one, same, other = (objective.views(batch, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert torch.equal(one.inputs.values, same.inputs.values)
    assert torch.equal(one.targets, same.targets)
    assert not torch.equal(one.targets, other.targets)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_kinds_of_two_texts_are_kept_and_parts_stay_parts():
    words = Vocabulary(range(5, 250), 299, (1, 2, 299))
    pairs = torch.stack([torch.full((2, 6), 7), torch.tensor([[0, 0, 0, 1, 1, 1]]).expand(2, -1)], dim=2)
    hidden, targets = hide(pairs, words, torch.Generator().manual_seed(0), 0.9, 1.0, 0.0)
    assert torch.equal(hidden[..., 1], pairs[..., 1])
    assert set(hidden[..., 0][targets == 7].tolist()) == {299}
    backbone, objective, heads, batch = built()
    bundle = Bundle((backbone.preprocess(TEXTS[:1]), backbone.preprocess(TEXTS[1:])), torch.arange(3))
    views = objective.views(Batch(bundle, batch.targets), torch.Generator().manual_seed(0))
    assert [part.shape for part in views.targets.parts] == [part.values.shape for part in bundle.parts]
    assert objective.loss(backbone, heads, views).isfinite()


def test_it_learns():
    backbone, objective, heads, batch = built(rate=0.3)
    check_gradients(objective, backbone, heads, batch)
    losses = losses_of(objective, backbone, heads, batch)
    assert losses[-1] < 0.5 * losses[0]


def test_registered_and_described():
    assert OBJECTIVES.get("mlm") is Mlm
    assert NEEDS["mlm"].modalities == ("text",)
    with pytest.raises(InvalidRecord, match=r"1 at most together, received 0\.8 and 0\.5"):
        Mlm(replaced=0.5)
    with pytest.raises(InvalidRecord, match="rate of mlm must be a share above 0"):
        Mlm(rate=0)


def test_refusals():
    with pytest.raises(IncompatibleError, match="has no head for masked"):
        Mlm().build(small("transformers/gpt2"), None)
    backbone = small("transformers/bert")
    told = SimpleNamespace(tokens=SimpleNamespace(vocabulary=320, mask=None, pad=0, special=()))
    with pytest.raises(IncompatibleError, match="no token for it"):
        Mlm().build(copy.copy(backbone), told)
