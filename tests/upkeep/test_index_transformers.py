"""The committed index of transformers is what transformers itself says, and what the curated list adds."""

import json

import pytest
from indexes import recorded_rows, sample

from zoo.catalog.rows import rows_of
from zoo.upkeep import index_transformers
from zoo.upkeep.catalog import check, measurements
from zoo.upkeep.curated import checkpoints

pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def rows():
    return recorded_rows("transformers", index_transformers)


def test_the_committed_file_is_fresh(monkeypatch):
    monkeypatch.setattr("zoo.upkeep.catalog.SAMPLE", 3)
    fresh, message = check("transformers")
    assert fresh, message


def test_model_types_of_four_modalities_and_all_curated_checkpoints_are_there(rows):
    assert {spec.modality for spec in rows.values()} == {"text", "vision", "speech", "image-text"}
    assert {spec.tag for spec in rows.values() if spec.tag} == {checkpoint["id"] for checkpoint in checkpoints()}
    assert {spec.arch for spec in rows.values() if not spec.tag} == set(index_transformers.types())


# Sizes of the published networks without their heads, from the papers, the model cards or the hub.
PUBLISHED = {
    "google-bert/bert-base-uncased": 109_482_240,
    "FacebookAI/roberta-base": 124_645_632,
    "distilbert/distilbert-base-uncased": 66_362_880,
    "microsoft/deberta-v3-base": 183_831_552,
    "answerdotai/ModernBERT-base": 149_014_272,
    "openai-community/gpt2": 124_439_808,
    "Qwen/Qwen2.5-0.5B": 494_032_768,
    "HuggingFaceTB/SmolLM2-135M": 134_515_008,
    "meta-llama/Llama-3.2-1B": 1_235_814_400,
    "google-t5/t5-small": 60_506_624,
    "openai/whisper-tiny": 37_760_640,
    "openai/clip-vit-base-patch32": 151_277_313,
}


def test_parameters_are_the_published_ones(rows):
    assert {name: rows[f"transformers/{name}"].parameters for name in PUBLISHED} == PUBLISHED


def test_known_rows(rows):
    bert = rows["transformers/google-bert/bert-base-uncased"]
    assert (bert.arch, bert.tag, bert.family) == ("bert", "google-bert/bert-base-uncased", "bert")
    assert (bert.context, bert.token_dim, bert.padding, bert.lower_case) == (512, 768, "masked", True)
    assert (bert.source, bert.revision) == ("hf-hub:google-bert/bert-base-uncased", "")
    assert rows["transformers/FacebookAI/roberta-base"].context == 512  # of 514 positions
    assert rows["transformers/mobilebert"].padding == "equal_length"
    wav2vec2 = rows["transformers/facebook/wav2vec2-base"]
    assert (wav2vec2.sample_rate, wav2vec2.stride, wav2vec2.padding) == (16000, 320, "masked")
    assert rows["transformers/openai/whisper-tiny"].padding == "fixed"


def test_a_checkpoint_keeps_how_its_configuration_differs(rows):
    spec = rows["transformers/google-bert/bert-large-uncased"]
    assert json.loads(spec.config)["hidden_size"] == index_transformers.config_of(vars(spec)).hidden_size == 1024


def test_measuring_a_row_again_gives_the_same(rows):
    for row in sample(index_transformers, "bert", "distilbert", "vit", "wav2vec2", "clip"):
        assert measurements(row | index_transformers.measure(row)) == measurements(vars(rows[row["name"]]))


def padded_error(arch, tiny):
    """Relative change of the features of 9 tokens when they are batched with 30: 2 layers, perturbed weights."""
    import torch
    from transformers import AutoConfig, AutoModel

    config = AutoConfig.for_model(arch, **tiny)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = AutoModel.from_config(config).eval()
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.05)
        ids, longer = torch.randint(5, 190, (1, 9)), torch.randint(5, 190, (1, 30))
    batch, mask = torch.zeros(2, 30, dtype=torch.long), torch.zeros(2, 30, dtype=torch.long)
    batch[0, :9], batch[1], mask[0, :9], mask[1] = ids, longer, 1, 1
    with torch.no_grad():
        alone = module(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        padded = module(input_ids=batch, attention_mask=mask).last_hidden_state[:1, :9]
    return float((alone - padded).norm() / alone.norm())


def test_masked_families_keep_their_features_when_padded_and_canine_does_not():
    bert = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    assert padded_error("bert", bert | {"vocab_size": 200}) < 1e-5
    assert padded_error("qwen2", bert | {"vocab_size": 200, "num_key_value_heads": 2}) < 1e-5
    assert padded_error("canine", bert) > 0.1
    declared = {row["arch"]: row.get("padding") for row in rows_of("transformers")}
    assert (declared["bert"], declared["qwen2"], declared["canine"]) == ("masked", "masked", "equal_length")
