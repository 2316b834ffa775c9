from types import SimpleNamespace

import pytest
import torch
import transformers

import zoo
from tests.objectives.test_native_heads import library_model
from tests.objectives.training import check_gradients, losses_of
from tests.providers.small_backbones import small
from tests.providers.transformers_repos import save
from zoo.contracts import Batch
from zoo.errors import IncompatibleError
from zoo.objectives import NEEDS, OBJECTIVES
from zoo.objectives.causal import Causal
from zoo.objectives.token_loss import IGNORED
from zoo.training.halving import taken

TEXTS = ["the cat runs far and the dog runs", "a dog", "the dog and the cat"]


def built(name):
    backbone = small(f"transformers/{name}")
    objective = Causal()
    with zoo.providers.loading.seeded(0):
        heads = objective.build(backbone, SimpleNamespace()).eval()
    return backbone, objective, heads, Batch(backbone.preprocess(TEXTS), torch.zeros(3, dtype=torch.long))


@pytest.mark.parametrize("name", ["gpt2", "llama", "qwen2", "qwen3"])
def test_loss_is_the_librarys(name):
    backbone, objective, heads, batch = built(name)
    views = objective.views(batch, torch.Generator())
    whole = library_model(transformers.AutoModelForCausalLM, backbone, heads)
    ids, mask = batch.inputs.values, batch.inputs.mask
    wanted = whole(input_ids=ids, attention_mask=mask.long(), labels=ids.masked_fill(~mask, IGNORED)).loss
    assert abs(objective.loss(backbone, heads, views).item() - wanted.item()) < 1e-5
    assert objective.mass(views) == int(mask.sum()) - 3


def test_continued_pretraining_starts_at_the_checkpoints_own_loss(tmp_path):
    whole = save(tmp_path, "llama", "LlamaForCausalLM").eval()
    ids = torch.randint(10, 250, (2, 12), generator=torch.Generator().manual_seed(0))
    network = transformers.AutoModel.from_pretrained(tmp_path).eval()
    backbone = small("transformers/llama")
    backbone.module.load_state_dict(network.state_dict())
    backbone.module.config._name_or_path = str(tmp_path)
    objective = Causal()
    heads = objective.build(backbone, None).eval()
    views = objective.views(Batch(ids, torch.zeros(2)), torch.Generator())
    assert abs(objective.loss(backbone, heads, views).item() - whole(input_ids=ids, labels=ids).loss.item()) < 1e-5


def test_chunks_weighed_by_mass_give_the_whole_loss():
    backbone, objective, heads, batch = built("gpt2")
    views = objective.views(batch, torch.Generator())
    total, found = objective.mass(views), 0.0
    for rows in (slice(0, 1), slice(1, 3)):
        chunk = taken(views, rows)
        found += objective.loss(backbone, heads, chunk).item() * objective.mass(chunk) / total
    assert abs(found - objective.loss(backbone, heads, views).item()) < 1e-5


def test_nothing_is_drawn():
    _, objective, _, batch = built("gpt2")
    before = torch.get_rng_state()
    one, other = (objective.views(batch, torch.Generator().manual_seed(seed)) for seed in (0, 1))
    assert torch.equal(one.targets, other.targets)
    assert one.inputs is batch.inputs
    assert torch.equal(torch.get_rng_state(), before)


def test_it_learns():
    backbone, objective, heads, batch = built("gpt2")
    check_gradients(objective, backbone, heads, batch)
    losses = losses_of(objective, backbone, heads, batch)
    assert losses[-1] < 0.5 * losses[0]


def test_a_network_that_looks_ahead_is_refused():
    with pytest.raises(IncompatibleError, match=r"sees what stands after a token.*Fix: choose objective mlm"):
        Causal().build(small("transformers/bert"), None)
    with pytest.raises(IncompatibleError, match="has no head for causal"):
        Causal().build(small("transformers/modernbert"), None)


def test_registered():
    assert OBJECTIVES.get("causal") is Causal
    assert NEEDS["causal"].modalities == ("text",)
