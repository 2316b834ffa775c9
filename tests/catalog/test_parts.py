"""Which architectures have the part of a network that an objective takes hold of."""

import json
from pathlib import Path

import pytest

import zoo.catalog.parts
from zoo.catalog.fit import KNOWN_WHEN_BUILT, Needs
from zoo.catalog.parts import LIBRARIES, PARTS, has_part, reads_texts
from zoo.catalog.query import describe
from zoo.catalog.rows import PROVIDERS, rows_of
from zoo.objectives import NEEDS
from zoo.specs import BackboneSpec

FILE = Path(zoo.catalog.parts.__file__).parent / "parts.json"


def test_every_part_is_needed_and_has_words():
    assert {needs.part for needs in NEEDS.values() if needs.part} == set(PARTS)
    assert set(LIBRARIES) == set(PROVIDERS)


def test_every_architecture_of_the_file_is_in_the_catalog():
    for providers in json.loads(FILE.read_text())["parts"].values():
        for provider, archs in providers.items():
            assert archs == sorted(set(archs))
            assert set(archs) <= {row["arch"] for row in rows_of(provider)}


@pytest.mark.parametrize(
    ("part", "yes", "no"),
    [
        ("masked_head", "transformers/google-bert/bert-base-uncased", "transformers/openai-community/gpt2"),
        ("causal_head", "transformers/openai-community/gpt2", "transformers/google-bert/bert-base-uncased"),
        ("causal_head", "pocket/gpt2.causal", "pocket/whisper3"),
        ("patches", "timm/vit_small_patch16_224.augreg_in1k", "timm/resnet50.a1_in1k"),
        ("patches", "transformers/vit_mae", "transformers/swin"),
        ("patches", "torchvision/vit_b_16", "torchvision/resnet18"),
        ("frames", "transformers/hubert", "transformers/whisper"),
        ("frames", "torchaudio/hubert_base", "open_clip/ViT-B-32"),
        ("codes", "transformers/facebook/wav2vec2-base", "torchaudio/wav2vec2_base"),
    ],
)
def test_known_cases(part, yes, no):
    assert has_part(part, describe(yes)) is True
    assert has_part(part, describe(no)) is False


def test_an_adapter_hides_the_codes():
    spec = BackboneSpec("a", "transformers", "wav2vec2", modality="speech", config='{"add_adapter":true}')
    assert has_part("codes", spec) is False


def test_images_that_are_no_whole_patches():
    spec = BackboneSpec("timm/a", "timm", "vit_small_patch16_224", can=("pooled", "tokens"), stride=16)
    fitting = BackboneSpec("timm/a", "timm", spec.arch, can=spec.can, stride=16, input_size=(3, 224, 224))
    cut = BackboneSpec("timm/a", "timm", spec.arch, can=spec.can, stride=16, input_size=(3, 230, 224))
    assert NEEDS["mae"].unmet(spec) == NEEDS["mae"].unmet(fitting) == ""
    assert NEEDS["mae"].unmet(cut) == "needs images that are whole patches"
    assert NEEDS["mae"].against(cut) == "cuts images of 230 x 224 into patches of 16"


def test_texts_without_a_tokenizer():
    esm = describe("transformers/esmc")
    assert not reads_texts(esm)
    assert Needs(modalities=("text",)).unmet(esm) == "needs a tokenizer, which a checkpoint has"
    assert reads_texts(BackboneSpec("a", "transformers", "esmc", modality="text", source="hf-hub:a/b"))


def test_what_only_the_built_network_knows():
    own = BackboneSpec("module/a:b", "module", "a:b")
    plugin = BackboneSpec("acme/net", "acme", "net", modality="unknown")
    built = BackboneSpec("module/a:b", "module", "a:b", parameters=3, can=("pooled",))
    assert {NEEDS[name].unmet(spec) == KNOWN_WHEN_BUILT for spec in (own, plugin) for name in NEEDS} == {True}
    assert not KNOWN_WHEN_BUILT
    assert NEEDS["mae"].unmet(built) == "needs tokens"
    speech = BackboneSpec("module/a:b", "module", "a:b", parameters=3, can=("pooled", "tokens"), modality="speech")
    assert NEEDS["masked_prediction"].unmet(speech) == KNOWN_WHEN_BUILT
