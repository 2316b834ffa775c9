"""What was promised of each library: published, then loaded by it alone from the hub, with outputs equal to 1e-6."""

import json

import open_clip_small
import pytest
import transformers_repos
from exporting import fitted, two_towers, upstream
from small_backbones import narrow, of_size, of_torchaudio
from small_data import backbone_for
from vision import disturbed

import zoo
from zoo.hub.native.verify import largest
from zoo.hub.publishing import publish
from zoo.providers.exported import Exported

ID = "tester/model"


def moved(backbone):
    """The backbone with weights of no initialisation."""
    disturbed(backbone.module)
    return backbone


def on_the_hub(folder, hub):
    """A small BERT as a repository, since an adapter needs to find its base."""
    transformers_repos.save(folder, "bert", "BertModel")
    transformers_repos.save_words(folder)
    hub.add("org/base", transformers_repos.files_of(folder))
    return zoo.load("hf-hub:org/base")


KINDS = {  # name -> library, inputs, a backbone made in a folder
    "timm": ("timm", "image", lambda folder, hub: moved(zoo.load("timm/test_convnext", pretrained=False, seed=0))),
    "transformers text": ("transformers", "text", lambda folder, hub: backbone_for("text", folder)),
    "transformers vision": ("transformers", "image", lambda folder, hub: moved(narrow("vit"))),
    "transformers speech": ("transformers", "audio", lambda folder, hub: backbone_for("audio", folder)),
    "transformers image-text": ("transformers", "image", lambda folder, hub: two_towers(folder)),
    "open_clip": ("open_clip", "text", lambda folder, hub: zoo.load(str(open_clip_small.repository(folder)))),
    "torchvision": ("torchvision", "image", lambda folder, hub: moved(of_size("torchvision/resnet18", 64))),
    "torchaudio": ("transformers", "audio", lambda folder, hub: moved(of_torchaudio("wav2vec2"))),
    "peft": ("peft", "text", on_the_hub),
    "pocket vision": ("torch", "image", lambda folder, hub: zoo.load("pocket/resnet10.glyphs")),
    "pocket text": ("transformers", "text", lambda folder, hub: zoo.load("pocket/gpt2.pairs")),
    "pocket speech": ("transformers", "audio", lambda folder, hub: zoo.load("pocket/whisper3.words")),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_library_alone_gives_what_zoo_gives(kind, hub, tmp_path):
    library, inputs, make = KINDS[kind]
    method = {"method": "lora", "lr": 0.02} if kind == "peft" else {}
    model = fitted(make(tmp_path / "base", hub), inputs, tmp_path, **method)
    done = publish(model, ID, merge=kind != "peft", say=lambda line: None)
    assert done.library == library
    record = Exported.from_json(json.loads(hub.files(ID)["zoo.json"]))
    assert record.gives == ("adapter" if kind == "peft" else "logits")
    assert largest(upstream(done.card, hub, tmp_path / "fresh"), record.expected, record.scale) <= 1e-6
