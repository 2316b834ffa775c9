"""Shared by the tests of export: small fitted models, the way out and back, and a card's code in a fresh process."""

import json
import os
import re
import subprocess
import sys

import torch
import transformers
from small_data import labelled
from transformers_repos import save, save_words

import zoo
from zoo.hub.native.export import export, taken


def fitted(backbone, inputs, folder, answer="classification", method="linear_probe", **options):
    """A model of 24 small samples."""
    data = labelled(inputs, answer, folder / "data")
    trained = {} if method in ("linear_probe", "knn", "layer_mix", "zero_shot") else {"steps": 3, "batch_size": 4}
    return zoo.finetune(backbone, data, method=method, augmentation="none", quiet=True, device="cpu",
                        **trained | options)  # fmt: skip


def two_towers(folder, arch="clip", head="CLIPModel", processor="CLIPImageProcessor"):
    """A small image-text network of transformers from a repository with a tokenizer of a few words."""
    save(folder, arch, head)
    save_words(folder, 16)
    getattr(transformers, processor)().save_pretrained(folder)
    return zoo.load(str(folder))


def code_of(card):
    """The code of a card that needs no zoo."""
    return re.findall(r"```python\n(.*?)```", card, re.DOTALL)[0]


def upstream(card, hub, folder):
    """What the code of a card gives, in a process without zoo that has nothing but the hub: [rows][numbers]."""
    code = f"import sys\nsys.modules['zoo'] = None\n{code_of(card)}\nprint(outputs.double().tolist())"
    folder.mkdir()
    ran = subprocess.run(
        [sys.executable, "-I", "-c", code], env=os.environ | hub.environment(home=folder / "hf"), cwd=folder,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-2000:]
    return json.loads(ran.stdout.splitlines()[-1])


def there_and_back(model, folder, close=1e-6, **options):
    """Export (a fresh process compares, unless check=False), and load it with zoo again."""
    found = export(model, folder, **options)
    if options.get("check", True):
        assert found.tolerance <= close
    given = taken(model)
    if given.fitted:
        again = zoo.load_model(folder)
        assert again.spec.classes == given.classes
        assert again.spec.temperature == given.fitted.spec.temperature
        assert torch.equal(again.outputs([given.sample]), given.fitted.outputs([given.sample]))
    else:
        assert torch.equal(taken(str(folder)).features, given.features)
    return found
