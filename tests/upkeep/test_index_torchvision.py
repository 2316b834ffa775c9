"""The committed index of torchvision is what torchvision itself says."""

import pytest
from indexes import recorded_rows, sample

from zoo.upkeep import index_torchvision
from zoo.upkeep.catalog import check, measurements

torchvision = pytest.importorskip("torchvision")


@pytest.fixture(scope="module")
def rows():
    return recorded_rows("torchvision", index_torchvision)


def test_the_committed_file_is_fresh(monkeypatch):
    monkeypatch.setattr("zoo.upkeep.catalog.SAMPLE", 3)
    fresh, message = check("torchvision")
    assert fresh, message


def test_every_classification_model_and_all_its_weights_are_there(rows):
    models = torchvision.models
    archs = models.list_models(module=models)
    weights = {f"{arch}.{weights.name}" for arch in archs for weights in models.get_model_weights(arch)}
    assert {name.removeprefix("torchvision/") for name in rows} == {*archs, *weights}


def test_preprocessing_is_that_of_the_weights(rows):
    for spec in rows.values():
        if spec.tag:
            preset = torchvision.models.get_model_weights(spec.arch)[spec.tag].transforms()
            assert spec.input_size == (3, *preset.crop_size * 2), spec.name
            assert round(spec.input_size[1] / spec.crop_pct) == preset.resize_size[0], spec.name
            assert (spec.mean, spec.std) == (tuple(preset.mean), tuple(preset.std)), spec.name
            assert spec.interpolation == preset.interpolation.value, spec.name


def test_licences_are_known_for_swag_only(rows):
    known = {name for name, spec in rows.items() if spec.licence != "unknown"}
    assert known == {name for name in rows if "SWAG" in name}
    assert {rows[name].licence for name in known} == {"cc-by-nc-4.0"}


def test_parameters_are_those_that_torchvision_publishes_less_the_last_layer(rows):
    for name, pooled in {"resnet50": 2048, "vgg16": 4096, "swin_t": 768, "convnext_tiny": 768, "vit_b_16": 768}.items():
        spec = rows[f"torchvision/{name}.IMAGENET1K_V1"]
        published = torchvision.models.get_model_weights(name).IMAGENET1K_V1.meta["num_params"]
        assert spec.pooled_dim == pooled
        assert spec.parameters + 1000 * (pooled + 1) == published


def test_every_row_is_measured(rows):
    assert [name for name, spec in rows.items() if not (spec.parameters and spec.pooled_dim and spec.stride)] == []


@pytest.mark.filterwarnings("error")
def test_measuring_a_row_again_gives_the_same(rows):
    for row in sample(index_torchvision, "googlenet", "inception_v3", "regnet_x_400mf", "squeezenet1_1", "vit_b_32"):
        assert measurements(row | index_torchvision.measure(row)) == measurements(vars(rows[row["name"]]))
