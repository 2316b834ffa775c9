import json

import pytest

from zoo.errors import WeightsError
from zoo.providers.transformers_text import measured, padding_of, pooling_of


def test_known_offenders_are_batched_by_length():
    for arch in ("fnet", "canine", "yoso", "nystromformer", "mobilebert", "convbert", "reformer"):
        assert padding_of(arch) == "equal_length"
    for arch in ("bert", "roberta", "gpt2", "t5", "llama", "modernbert", "deberta-v2", "electra"):
        assert padding_of(arch) == "masked"


def test_what_was_not_measured_is_never_masked():
    assert {padding_of(arch) for arch, row in measured().items() if "unknown" in row} == {"equal_length"}


def test_pooling_that_zoo_does_not_have(tmp_path):
    (tmp_path / "1_Pooling").mkdir()
    told = tmp_path / "1_Pooling" / "config.json"
    told.write_text(json.dumps({"pooling_mode_weightedmean_tokens": True}))
    with pytest.raises(WeightsError, match="weightedmean"):
        pooling_of("bert", None, tmp_path)
    told.unlink()
    (tmp_path / "modules.json").write_text('[{"type": "sentence_transformers.models.Pooling"}]')
    with pytest.raises(WeightsError, match="1_Pooling is missing"):
        pooling_of("bert", None, tmp_path)
