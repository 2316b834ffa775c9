"""What transformers alone makes of an exported folder."""

import dataclasses
import json

import pytest
import soundfile
import torch
from exporting import fitted, there_and_back
from small_backbones import narrow
from small_data import backbone_for, labels_for, samples_for
from vision import disturbed

import zoo
from zoo.errors import IncompatibleError
from zoo.hub.native.export import export, taken
from zoo.hub.native.transformers import names_in, stage, with_head


def test_a_text_model_has_its_tokenizer_and_its_head_beside(tmp_path):
    model = fitted(backbone_for("text", tmp_path / "bert"), "text", tmp_path)
    found = there_and_back(model, tmp_path / "out")
    assert (found.library, found.gives, found.head) == ("transformers", "logits", "beside")
    assert {"config.json", "model.safetensors", "tokenizer.json", "head.safetensors"} <= set(found.files)
    assert "AutoModel.from_pretrained(folder, add_pooling_layer=False)" in found.snippet
    assert 'head["weight"]' in found.snippet


def test_a_head_of_images_is_the_librarys_own(tmp_path):
    backbone = narrow("vit")
    disturbed(backbone.module)
    model = fitted(backbone, "image", tmp_path)
    found = there_and_back(model, tmp_path / "out", check=False)
    assert (found.gives, found.head, found.head_keys) == ("logits", "inside", ("classifier.bias", "classifier.weight"))
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["architectures"] == ["ViTForImageClassification"]
    assert config["id2label"] == {"0": "high", "1": "low"}
    assert all(len(names) == 1 and names[0].startswith("vit.") for names in found.tensors.values())
    assert len({name for (name,) in found.tensors.values()}) == len(model.backbone.module.state_dict())


def test_a_head_of_sounds_goes_through_an_identity(tmp_path):
    model = taken(fitted(backbone_for("audio", tmp_path / "wav2vec2"), "audio", tmp_path, "regression"))
    full = with_head(model, model.backbone.module)
    assert torch.equal(full.projector.weight, torch.eye(len(full.projector.weight)))
    assert full.config.problem_type == "regression"


def test_a_head_that_is_not_equal_is_left_out(tmp_path):
    model = taken(fitted(backbone_for("text", tmp_path / "bert"), "text", tmp_path))
    assert with_head(model, model.backbone.module) is None  # a pooler with tanh stands before its classifier


def test_names_are_found_by_content(tmp_path):
    from safetensors.torch import save_file

    save_file({"net.a": torch.ones(2), "head": torch.zeros(3)}, tmp_path / "some.safetensors")
    assert names_in(tmp_path / "some.safetensors", {"a": torch.ones(2)}) == ({"a": ["net.a"]}, ("head",))
    with pytest.raises(IncompatibleError, match="another form"):
        names_in(tmp_path / "some.safetensors", {"b": torch.full((2,), 2.0)})


def test_what_no_snippet_covers_is_refused(tmp_path):
    with pytest.raises(IncompatibleError, match="its tokenizer is no file"):
        export(narrow("clip"), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(IncompatibleError, match="clips alone"):
        stage(dataclasses.replace(taken(narrow("clap")), inputs="text"), tmp_path)


def test_types_that_are_saved_by_other_names_come_back(tmp_path):
    backbone = narrow("segformer")
    disturbed(backbone.module)
    assert there_and_back(backbone, tmp_path / "out", check=False).tensors


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arch", "inputs"),
    [("vit", "image"), ("convnext", "image"), ("swin", "image"), ("segformer", "image"), ("hubert", "audio"),
     ("wavlm", "audio"), ("audio-spectrogram-transformer", "audio")],
)  # fmt: skip
def test_more_types_in_a_fresh_process(arch, inputs, tmp_path):
    backbone = narrow(arch)
    disturbed(backbone.module)
    there_and_back(backbone, tmp_path / "bare")
    there_and_back(fitted(backbone, inputs, tmp_path), tmp_path / "out")


@pytest.mark.slow
def test_clips_of_clap(tmp_path):
    backbone = narrow("clap")
    disturbed(backbone.module)
    there_and_back(backbone, tmp_path / "bare")
    clips = [tuple(soundfile.read(path, dtype="float32")) for path in samples_for("audio", 24, tmp_path / "clips")]
    data = zoo.read_data((clips, labels_for("classification", 24)), inputs="audio", answer="classification")
    model = zoo.finetune(backbone, data, method="linear_probe", quiet=True, device="cpu")
    assert there_and_back(model, tmp_path / "out").head == "beside"


@pytest.mark.slow
@pytest.mark.parametrize("arch", ["gpt2", "t5", "modernbert"])
def test_texts_without_a_tokenizer(arch, tmp_path):
    found = there_and_back(narrow(arch), tmp_path / "out")
    assert "there is no tokenizer" in found.notes[0]


@pytest.mark.slow
@pytest.mark.parametrize("answer", ["classification", "multi_label", "regression"])
@pytest.mark.parametrize("inputs", ["text", "text_pair", "audio"])
def test_every_answer_in_a_fresh_process(inputs, answer, tmp_path):
    model = fitted(backbone_for(inputs, tmp_path / "repository"), inputs, tmp_path, answer, "full")
    found = there_and_back(model, tmp_path / "out")
    assert found.head == ("inside" if inputs == "audio" else "beside")
    assert zoo.load(str(tmp_path / "out")).spec.pooled_dim == model.backbone.pooled_dim
