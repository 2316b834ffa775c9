import pytest

from zoo.conformance.tiny import tiny


@pytest.mark.parametrize("arch", ["bert", "llama", "t5", "wav2vec2", "modernbert"])
def test_small_and_of_the_same_type(arch):
    config = tiny(arch)
    assert config.model_type == arch
    assert config.hidden_size == 64
