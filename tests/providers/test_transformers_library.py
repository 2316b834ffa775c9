import pytest

import zoo
from zoo.errors import IncompatibleError, UnknownName
from zoo.providers.transformers_library import changes, config_of, library, settled, takes


def test_changes_rebuild_the_configuration():
    config = library().AutoConfig.for_model("clip", text_config={"hidden_size": 64}, projection_dim=32)
    spec = zoo.BackboneSpec("transformers/clip", "transformers", "clip", config=changes(config))
    again = config_of(spec)
    assert (again.text_config.hidden_size, again.projection_dim) == (64, 32)
    assert changes(again) == changes(config)


def test_unknown_types_and_impossible_values():
    with pytest.raises(UnknownName, match="bert"):
        config_of(zoo.BackboneSpec("transformers/berrt", "transformers", "berrt"))
    with pytest.raises(IncompatibleError, match="these values"):
        config_of(zoo.BackboneSpec("transformers/bert", "transformers", "bert", config='{"hidden_size": "wide"}'))


def test_settings_hold_for_both_ways():
    assert settled(library().AutoConfig.for_model("vit_mae")).mask_ratio == 0
    assert settled(library().AutoConfig.for_model("wav2vec2")).apply_spec_augment is False
    assert takes(settled, "config")
