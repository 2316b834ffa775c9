import json
from pathlib import Path
from unittest.mock import patch

import pytest
from hand_scripts import FOLDER, hand_script

from zoo.objectives import compatible

measure = hand_script("measure")
CASES = measure.CASES | measure.OTHERS


@pytest.mark.parametrize("row", CASES)
def test_the_network_of_a_row_can_learn_by_its_objective(row, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    case, name = CASES[row], row.partition("-")[0]
    network = measure.network_of(case, tmp_path / "net", ["one two three", "two three four"])
    assert compatible(name, network) == ""


def test_a_row_that_is_stopped_keeps_the_seeds_that_were_done(tmp_path):
    def one_seed(_name, _case, seed):
        if seed == 2:
            raise KeyboardInterrupt
        return {"before": 50.0004 + seed, "after_loss": [1.0, 0.5]}

    kept = {"samples": {}, "versions": {}}
    with (
        patch.object(measure, "one_seed", one_seed),
        patch.object(measure, "kept", lambda _name, _case, runs: kept | {"runs": runs}),
        pytest.raises(KeyboardInterrupt),
    ):
        measure.measured("mae-vit_mae", [0, 1, 2], tmp_path)
    runs = json.loads(Path(tmp_path, "mae-vit_mae.json").read_text())["runs"]
    assert [run["seed"] for run in runs] == [0, 1]
    assert runs[0]["before"] == 50.0
