import copy
import gc
import weakref
from collections import Counter
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

import zoo
from tests.providers.small_backbones import small
from tests.providers.transformers_repos import save, save_words
from zoo.errors import IncompatibleError, WeightsError
from zoo.objectives import native_heads
from zoo.objectives.native_heads import native_head


def library_model(auto, backbone, head):
    """The library's whole model with the weights of a backbone and its head."""
    whole = auto.from_config(copy.deepcopy(backbone.module.config)).eval()
    network = {f"{whole.base_model_prefix}.{name}": tensor for name, tensor in backbone.module.state_dict().items()}
    missing = whole.load_state_dict({**head.rest.state_dict(), **network}, strict=False).missing_keys
    assert all("pooler" in name for name in missing)
    return whole


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(
            (name, "masked")
            for name in ("bert", "roberta", "distilbert", "albert", "electra", "deberta-v2", "modernbert")
        ),
        *((name, "causal") for name in ("gpt2", "llama", "qwen2", "gemma2", "opt", "bloom")),
    ],
)
def test_logits_are_the_librarys(name, kind):
    backbone = small(f"transformers/{name}")
    head = native_head(backbone, kind).eval()
    auto = transformers.AutoModelForMaskedLM if kind == "masked" else transformers.AutoModelForCausalLM
    ids = torch.randint(10, 250, (2, 9), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        tokens = backbone.encode(ids)["text"].tokens
        wanted = library_model(auto, backbone, head)(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
        assert torch.allclose(head(tokens.flatten(0, 1)).view_as(wanted), wanted, atol=1e-5)


def test_tied_weights_are_the_backbones_own():
    backbone = small("transformers/bert")
    head = native_head(backbone, "masked")
    assert head.rest.cls.predictions.decoder.weight is backbone.module.embeddings.word_embeddings.weight
    assert not any("encoder" in name for name, _ in head.named_parameters())


def test_a_checkpoint_brings_its_head_and_says_what_is_left_over(tmp_path):
    whole = save(tmp_path, "bert", "BertForPreTraining")
    save_words(tmp_path)
    head = native_head(zoo.load(str(tmp_path)), "masked")
    assert torch.equal(head.rest.cls.predictions.transform.dense.weight, whole.cls.predictions.transform.dense.weight)
    assert "the head is the checkpoint's" in head.notes[0]
    assert "cls.seq_relationship.weight" in head.notes[1]


def test_a_checkpoint_without_a_head_says_which_parts_start_fresh(tmp_path):
    save(tmp_path, "bert", "BertModel")
    save_words(tmp_path)
    (note,) = (one for one in native_head(zoo.load(str(tmp_path)), "masked").notes if "not in the checkpoint" in one)
    assert "cls.predictions.transform.dense.weight" in note


def test_a_backbone_that_moved_on_gets_a_fresh_head(tmp_path):
    save(tmp_path, "bert", "BertForMaskedLM")
    save_words(tmp_path)
    backbone = zoo.load(str(tmp_path))
    with torch.no_grad():
        backbone.module.embeddings.word_embeddings.weight.mul_(2)
    assert "no longer that of" in native_head(backbone, "masked").notes[0]
    assert "no checkpoint" in native_head(zoo.load(str(tmp_path), pretrained=False), "masked").notes[0]


def test_a_damaged_head_is_refused(tmp_path):
    save(tmp_path, "bert", "BertForMaskedLM")
    save_words(tmp_path)
    backbone = zoo.load(str(tmp_path))
    file = Path(tmp_path, "model.safetensors")
    tensors = load_file(file)
    tensors["cls.predictions.transform.dense.weight"] = torch.zeros(3, 3)
    save_file(tensors, file, {"format": "pt"})
    with pytest.raises(WeightsError, match=r"head of .* cannot be read"):
        native_head(backbone, "masked")


def test_what_no_logit_depends_on_is_frozen():
    head = native_head(small("transformers/luke"), "masked")
    frozen = [name for name, parameter in head.named_parameters() if not parameter.requires_grad]
    assert frozen
    assert all("entity_predictions" in name for name in frozen)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("transformers/bart", "belongs on BartModel, and the backbone is BartEncoder"),
        ("pocket/resnet10", "has no head"),
    ],
)
def test_networks_without_such_a_head_are_refused(name, reason):
    with pytest.raises(IncompatibleError, match=reason):
        native_head(small(name), "masked")


@pytest.mark.parametrize("kind", ["fresh", "of the checkpoint"])
def test_no_second_copy_of_the_network_is_held(kind, tmp_path):
    backbone = small("transformers/bert")
    if kind != "fresh":
        save(tmp_path, "bert", "BertForMaskedLM")
        save_words(tmp_path)
        backbone = zoo.load(str(tmp_path))
    head = native_head(backbone, "masked")
    own = {id(weight) for weight in backbone.module.parameters()}
    shared = [weight for weight in head.parameters() if id(weight) in own]
    assert [weight.shape for weight in shared] == [backbone.module.embeddings.word_embeddings.weight.shape]
    gc.collect()
    shapes = Counter(weight.shape for weight in backbone.module.parameters())
    shapes += Counter(weight.shape for weight in head.parameters() if id(weight) not in own)
    reached = {id(weight) for part in (backbone.module, head) for weight in part.parameters()}
    places = {weight.untyped_storage().data_ptr() for part in (backbone.module, head) for weight in part.parameters()}
    assert len(reached) == len(places) == shapes.total()


def test_the_librarys_copy_of_the_network_is_given_back(monkeypatch):
    backbone, made = small("transformers/bert"), []
    whole = native_heads._fresh
    monkeypatch.setattr(
        native_heads, "_fresh", lambda *given: made.append(weakref.ref((one := whole(*given)).bert)) or one
    )
    head = native_head(backbone, "masked")
    gc.collect()
    assert made[0]() is None
    assert head is not None


def test_zoos_own_text_backbone_has_the_librarys_head():
    backbone = zoo.load("pocket/gpt2", pretrained=False)
    head = native_head(backbone, "causal")
    assert head.rest.lm_head.weight is backbone.module.wte.weight
    hidden = torch.randn(3, 128)
    assert torch.allclose(head(hidden), hidden @ backbone.module.wte.weight.T, atol=1e-5)
    with pytest.raises(IncompatibleError, match=r"pocket/resnet10 has no head for causal"):
        native_head(zoo.load("pocket/resnet10", pretrained=False), "causal")
