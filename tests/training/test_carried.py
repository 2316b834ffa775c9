"""What a repository's preprocessing is made of goes with the model, pooling included."""

import json
import shutil

import torch
from open_clip_small import repository as open_clip_repository
from open_clip_small import tokenizer_folder
from small_data import labels_for, samples_for
from transformers_repos import save, save_words

import zoo
from zoo.training.carried import carried, carry


def repository(folder, pooling=""):
    save(folder, "bert", "BertModel")
    save_words(folder, most=12)
    if pooling:
        (folder / "1_Pooling").mkdir()
        (folder / "1_Pooling" / "config.json").write_text(json.dumps({f"pooling_mode_{pooling}": True}))
        kinds = [{"type": "sentence_transformers.models.Transformer"}, {"type": "sentence_transformers.models.Pooling"}]
        (folder / "modules.json").write_text(json.dumps(kinds))
    return folder


def test_the_tokenizer_is_carried_and_the_weights_are_not(tmp_path):
    spec = zoo.load(str(repository(tmp_path / "r", "cls_token"))).spec
    (tmp_path / "r" / "model.safetensors.index.json").write_text("{}")
    carry(spec, tmp_path / "model")
    there = {path.relative_to(tmp_path / "model" / "preprocessing").as_posix() for path in
             (tmp_path / "model").rglob("*") if path.is_file()}  # fmt: skip
    assert {"config.json", "tokenizer_config.json", "1_Pooling/config.json", "modules.json"} <= there
    assert not any("safetensors" in name for name in there)


def test_pooling_stays_what_the_repository_said(tmp_path):
    """Also when the repository is gone; the mean would give other features without an error."""
    plain = zoo.load(str(repository(tmp_path / "plain")))
    data = samples_for("text", 24, tmp_path), labels_for("classification", 24)
    one = zoo.finetune(
        str(repository(tmp_path / "r", "cls_token")), data, method="linear_probe", out=tmp_path / "model", quiet=True
    )
    shutil.rmtree(tmp_path / "r")
    again = zoo.load_model(tmp_path / "model")
    assert any("pooled by cls" in note for note in again.backbone.notes)
    texts = ["the cat runs far", "a dog"]
    assert torch.equal(again.outputs(texts), one.outputs(texts))
    batch = again.backbone.preprocess(texts[:1])
    here, there = (each.encode(batch)["text"].pooled for each in (again.backbone, plain))
    assert not torch.allclose(here, there)


def test_most_backbones_need_no_files(tmp_path):
    for name in ("pocket/resnet10.glyphs", "timm/resnet10t"):
        spec = zoo.describe(name)
        carry(spec, tmp_path)
        assert carried(spec, tmp_path) is spec
    assert list(tmp_path.iterdir()) == []


def test_the_record_points_to_the_carried_files(tmp_path):
    spec = zoo.load(str(repository(tmp_path / "r"))).spec
    carry(spec, tmp_path / "model")
    assert carried(spec, tmp_path / "model").source == f"folder:{tmp_path / 'model' / 'preprocessing'}"
    assert carried(spec, tmp_path / "model").revision == ""


def test_texts_of_open_clip_keep_a_tokenizer_that_is_not_its_own(tmp_path):
    folder = open_clip_repository(tmp_path / "pairs")
    tokenizer_folder(folder)
    config = json.loads((folder / "open_clip_config.json").read_text())
    config["model_cfg"]["text_cfg"]["hf_tokenizer_name"] = "me/words"
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    texts = [f"{count} {word} sleep" for count in ("a", "two") for word in ("cat", "dogs")] * 6
    labels = ["cat" if "cat" in text else "dogs" for text in texts]
    one = zoo.finetune(str(folder), (texts, labels), method="knn", device="cpu", out=tmp_path / "model", quiet=True)
    images = samples_for("image", 12, tmp_path / "images"), labels_for("classification", 12)
    data = zoo.read_data(images, inputs="image")
    two = zoo.finetune(str(folder), data, method="knn", device="cpu", out=tmp_path / "seeing", quiet=True)
    shutil.rmtree(folder)
    assert torch.equal(zoo.load_model(tmp_path / "model").outputs(texts[:4]), one.outputs(texts[:4]))
    assert not (tmp_path / "seeing" / "preprocessing").exists()
    assert torch.equal(zoo.load_model(tmp_path / "seeing").outputs(images[0]), two.outputs(images[0]))
