"""The fresh process: what it refuses, and that zoo is not in it."""

import pytest

from zoo.errors import WeightsError
from zoo.hub.native.verify import verify
from zoo.providers.exported import Exported
from zoo.specs import BackboneSpec

OUTPUTS = """
class Outputs:
    def double(self):
        return self

    def tolist(self):
        return [[1.0, 2.0]]


outputs = Outputs()
"""


def exported(folder, snippet, expected=((1.0, 2.0),)):
    spec = BackboneSpec("pocket/a", "pocket", "a")
    return Exported("torch", "features", spec, snippet=snippet, expected=expected, folder=str(folder))


def test_equal_outputs(tmp_path):
    assert verify(exported(tmp_path, OUTPUTS)).exact
    found = verify(exported(tmp_path, OUTPUTS, ((1.0, 2.0001),)))
    assert not found.exact
    assert found.difference == pytest.approx(5e-5, rel=0.01)


def test_other_outputs_are_refused(tmp_path):
    with pytest.raises(WeightsError, match="other outputs"):
        verify(exported(tmp_path, OUTPUTS, ((1.0, 3.0),)))
    with pytest.raises(WeightsError, match="inf"):
        verify(exported(tmp_path, OUTPUTS, ((1.0,),)))


def test_zoo_is_not_there(tmp_path):
    with pytest.raises(WeightsError, match=r"alone cannot load.*import of zoo halted"):
        verify(exported(tmp_path, "import zoo\n" + OUTPUTS))


def test_a_slow_one_is_stopped(tmp_path):
    with pytest.raises(WeightsError, match=r"more than 0\.5 s"):
        verify(exported(tmp_path, "import time\ntime.sleep(60)\n"), seconds=0.5)
