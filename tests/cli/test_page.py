"""What `zoo show` prints, for each modality."""

import pytest

from zoo.catalog.rows import rows_of, spec_of
from zoo.cli.page import facts, page, snippet
from zoo.specs import BackboneSpec


def spec(provider, name):
    return next(spec_of(row) for row in rows_of(provider) if row["name"] == f"{provider}/{name}")


@pytest.mark.parametrize(
    ("provider", "name", "expected"),
    [
        ("timm", "resnet50.a1_in1k", {"input [C, H, W]": "3x224x224", "resize": "bicubic, crop center 0.95",
                                      "pooled width": "2048", "stride": "32 pixels a token"}),
        ("transformers", "google-bert/bert-base-uncased", {"context": "512 tokens", "padding": "masked",
                                                           "tokenizer": "BertTokenizer, folds case"}),
        ("torchaudio", "wav2vec2_base.WAV2VEC2_BASE", {"sample rate": "16000 Hz, one channel", "waveform": "as it is",
                                                       "padding": "masked", "licence": "mit (permissive)",
                                                       "weights": "pickle, to be trusted by name only"}),
        ("open_clip", "ViT-B-32.laion2b_s34b_b79k", {"context": "77 tokens", "input [C, H, W]": "3x224x224",
                                                     "tokenizer": "SimpleTokenizer, folds case"}),
    ],
)  # fmt: skip
def test_facts_are_those_of_the_modality(provider, name, expected):
    found = facts(spec(provider, name))
    assert {title: found[title] for title in expected} == expected


def test_facts_of_other_modalities_are_not_there():
    assert "input [C, H, W]" not in facts(spec("transformers", "bert"))
    assert "context" not in facts(spec("timm", "resnet50"))


@pytest.mark.parametrize(
    ("modality", "sample", "key"),
    [("vision", "[image]", "vision"), ("text", '["a sentence"]', "text"), ("speech", "[waveform]", "speech")],
)
def test_snippets_are_python_for_their_modality(modality, sample, key):
    code = snippet(BackboneSpec("a/net.web", "a", "net", "web", modality=modality))
    compile(code, "snippet", "exec")
    assert f"preprocess({sample})" in code
    assert f'["{key}"].pooled' in code
    assert "pretrained=False" not in code


def test_the_page_says_what_does_not_fit_and_why():
    text = page(BackboneSpec("a/net", "a", "net"), {"tasks": {"x": "", "y": "needs maps"}})
    assert "tasks              x; not y (needs maps)" in text
    assert 'zoo.load("a/net", pretrained=False)' in text
