import pytest
import torch

import zoo
from zoo.conformance.tiny import tiny
from zoo.errors import WeightsError
from zoo.providers.transformers_library import settled
from zoo.providers.transformers_weights import from_tensors, place_of, scratch


def test_no_pooler_that_no_feature_goes_through():
    assert not any("pooler" in name for name in scratch(settled(tiny("bert"))).network.state_dict())


def test_tensors_with_the_names_of_a_checkpoint():
    config = settled(tiny("bert"))
    own = scratch(config).network.state_dict()
    given = {f"bert.{name}": torch.full_like(value, 0.5) for name, value in own.items()} | {"cls.x": torch.zeros(2)}
    loaded = from_tensors(given, config, "transformers/x/y")
    assert all(bool((value == 0.5).all()) for value in loaded.network.state_dict().values())
    assert any("cls.x" in note for note in loaded.notes)


def test_a_record_without_files():
    with pytest.raises(WeightsError, match="nowhere"):
        place_of(zoo.BackboneSpec("transformers/bert", "transformers", "bert"))
