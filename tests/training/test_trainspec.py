import dataclasses
import subprocess
import sys

import pytest

from zoo.errors import InvalidRecord
from zoo.training.trainspec import TrainSpec

SPEC = TrainSpec(steps=12, batch_size=8, lr=0.05)


def test_round_trip():
    assert TrainSpec.from_json(SPEC.to_json()) == SPEC


@pytest.mark.parametrize(
    ("name", "value"),
    [("steps", 0), ("steps", -3), ("batch_size", 0), ("lr", -1.0), ("lr", float("nan")), ("lr", float("inf")),
     ("warmup", 1.0), ("seed", -1), ("seed", 2**32), ("precision", "fp8"), ("label_smoothing", 1.0),
     ("checkpoint_every", 0), ("threads", -1), ("clip_norm", -1.0), ("weight_decay", float("nan")), ("accumulate", 0),
     ("accumulate", 9), ("ema", 1.0), ("ema", -0.1)],
)  # fmt: skip
def test_settings_that_mean_nothing_are_refused(name, value):
    with pytest.raises(InvalidRecord, match=f"{name} must be .*, received"):
        dataclasses.replace(SPEC, **{name: value})


def test_what_came_later_is_stored_only_where_it_is_used():
    assert not {"accumulate", "ema", "recompute"} & set(SPEC.to_json())
    used = dataclasses.replace(SPEC, accumulate=2, ema=0.9, recompute=True)
    assert used.to_json().items() >= {"accumulate": 2, "ema": 0.9, "recompute": True}.items()
    assert TrainSpec.from_json(used.to_json()) == used
    assert TrainSpec.from_json({"ema": 0.9, **SPEC.to_json()}).ema == 0.9


def test_reading_one_loads_no_torch():
    code = "import sys, zoo.training.trainspec; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
