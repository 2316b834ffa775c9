"""Shared by the tests of export: small fitted models, and the way out and back."""

import torch
from small_data import labelled

import zoo
from zoo.hub.native.export import export, taken


def fitted(backbone, inputs, folder, answer="classification", method="linear_probe", **options):
    """A model of 24 small samples."""
    data = labelled(inputs, answer, folder / "data")
    trained = {} if method in ("linear_probe", "knn", "layer_mix", "zero_shot") else {"steps": 3, "batch_size": 4}
    return zoo.finetune(backbone, data, method=method, augmentation="none", quiet=True, device="cpu",
                        **trained | options)  # fmt: skip


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
