"""Which objective fits which backbone, from records alone."""

import subprocess
import sys

import pytest

import zoo
from zoo.errors import UnknownName
from zoo.objectives import OBJECTIVES, compatible
from zoo.specs import BackboneSpec


def test_reasons_name_both_sides():
    assert zoo.compatible("supervised", "pocket/resnet10") == ""
    assert zoo.compatible("supervised", "timm/resnet18.a1_in1k") == ""
    pair = BackboneSpec("a/clip", "a", "clip", modality="image-text")
    assert compatible("supervised", pair) == "supervised is for vision or text or speech, and a/clip is for image-text"
    with pytest.raises(UnknownName, match=r"unknown objective 'supervise'.*Nearest: supervised"):
        compatible("supervise", pair)
    with pytest.raises(UnknownName, match="unknown backbone"):
        compatible("supervised", "pocket/resnet1")


def test_a_plug_in_says_its_needs_itself(monkeypatch):
    class Maps:
        needs = frozenset({"maps"})

    class Point:
        def load(self):
            return Maps

    monkeypatch.setitem(OBJECTIVES.__dict__, "plugins", {"mapped": Point()})
    spec = BackboneSpec("a/net", "a", "net", can=("pooled", "tokens"))
    assert compatible("mapped", spec) == "mapped needs maps, and a/net gives pooled, tokens"


def test_asking_loads_no_heavy_library():
    code = "import sys, zoo; zoo.compatible('supervised', 'timm/resnet18.a1_in1k'); print('torch' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"
