"""The fresh process: what it refuses, and that zoo is not in it."""

import dataclasses

import pytest

from zoo.errors import WeightsError
from zoo.hub.native.verify import compared, verify
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


def exported(folder, snippet, expected=((1.0, 2.0),), **more):
    spec = BackboneSpec("pocket/a", "pocket", "a")
    return Exported("torch", "features", spec, snippet=snippet, expected=expected, folder=str(folder), **more)


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


def test_what_rounding_does_not_explain_is_refused(tmp_path):
    off = ((1.0, 2.00001),)  # 5e-6 of the largest
    with pytest.raises(WeightsError, match=r"5\.0e-06 of the largest \(allowed: 2e-06\)"):
        verify(exported(tmp_path, OUTPUTS, off, rounding=5e-7))
    found = compared(exported(tmp_path, OUTPUTS, off, rounding=2e-6, notes=("before",)))
    assert found.tolerance == pytest.approx(5e-6, rel=0.01)
    assert found.notes[0] == "before"
    assert "moves them by 2.0e-06" in found.notes[1]
    assert compared(exported(tmp_path, OUTPUTS, rounding=6e-7)).notes == ()
    with pytest.raises(WeightsError, match=r"allowed: 0\.0001"):
        verify(exported(tmp_path, OUTPUTS, ((1.0, 2.001),), rounding=1.0))


def test_a_regression_is_measured_by_its_deviation(tmp_path):
    """Two numbers that differ by 2e-7 of the largest, and by a tenth of what the targets vary by."""
    near = exported(tmp_path, OUTPUTS.replace("[[1.0, 2.0]]", "[[20000.0]]"), ((20000.004,),), rounding=1e-8)
    assert verify(near).exact
    with pytest.raises(WeightsError, match="of the deviation of the targets"):
        verify(dataclasses.replace(near, scale=0.04))


def test_zoo_is_not_there(tmp_path):
    with pytest.raises(WeightsError, match=r"alone cannot load.*import of zoo halted"):
        verify(exported(tmp_path, "import zoo\n" + OUTPUTS))


def test_a_slow_one_is_stopped(tmp_path):
    with pytest.raises(WeightsError, match=r"more than 0\.5 s"):
        verify(exported(tmp_path, "import time\ntime.sleep(60)\n"), seconds=0.5)
