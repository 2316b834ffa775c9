"""The committed index of timm is what timm itself says."""

import json

import pytest

from zoo.catalog.query import describe, find
from zoo.upkeep import timm_index

timm = pytest.importorskip("timm")


@pytest.fixture(scope="module")
def built():
    return timm_index.build()


@pytest.fixture(scope="module")
def recorded():
    """Skips where the installed timm is not the one that the index was made from."""
    version = json.loads(timm_index.INDEX.read_text(encoding="utf-8"))["timm"]
    if version != timm.__version__:
        pytest.skip(f"the index was made from timm {version}")


def test_the_committed_file_is_fresh():
    fresh, message = timm_index.check(timm_index.INDEX)
    assert fresh, message


@pytest.mark.usefixtures("recorded")
class TestAgainstTimm:
    def test_every_architecture_and_every_tag_on_the_hub_is_there(self):
        tags = {tag for tag in timm.list_pretrained() if timm.models.get_pretrained_cfg(tag).hf_hub_id}
        listed = {spec.name.removeprefix("timm/") for spec in find("timm/*")}
        assert listed == {*timm.list_models(), *tags}

    def test_rows_say_what_timm_says(self):
        for spec in find("timm/*"):
            config = timm.models.get_pretrained_cfg(spec.name.removeprefix("timm/"))
            for name in timm_index.PREPROCESSING:
                assert getattr(spec, name) == getattr(config, name), (spec.name, name)
            assert spec.licence == ((config.license or "unknown") if spec.tag else "unknown"), spec.name
            assert spec.source == (f"hf-hub:{config.hf_hub_id}" if spec.tag else ""), spec.name


def test_known_rows():
    clip = describe("timm/vit_base_patch16_clip_quickgelu_224.openai")
    assert clip.source == "hf-hub:timm/vit_base_patch16_clip_224.openai"  # one repository serves two architectures
    assert clip.mean == pytest.approx((0.48145466, 0.4578275, 0.40821073))
    assert describe("timm/convnextv2_atto.fcmae").licence == "cc-by-nc-4.0"
    assert describe("timm/res2net101d.in1k").licence == "unknown"
    assert describe("timm/resnet50.a1_in1k").parameters is None
    assert find("timm/gcvit_base.in1k") == []  # on no hub, only at a URL
    assert describe("timm/gcvit_base").source == ""


def test_building_twice_gives_the_same_text(built):
    assert timm_index.render(timm_index.build()) == timm_index.render(built)


def test_the_file_is_small_and_ends_with_a_newline(built):
    text = timm_index.render(built)
    assert len(text) < 400_000
    assert text.endswith("}}\n")
    assert list(built["archs"]) == sorted(built["archs"])
    assert all(list(tags) == sorted(tags) for tags in built["archs"].values())


def changed(path, built, **changes):
    path.write_text(timm_index.render(built | changes), encoding="utf-8")
    return timm_index.check(path)


def test_a_stale_file_is_reported_with_the_fix(tmp_path, built):
    archs = dict(list(built["archs"].items())[1:])
    fresh, message = changed(tmp_path / "timm.json", built, archs=archs)
    assert not fresh
    assert "stale" in message
    assert "Fix: python -m zoo.upkeep.timm_index" in message


def test_a_missing_file_is_stale(tmp_path):
    fresh, message = timm_index.check(tmp_path / "timm.json")
    assert not fresh
    assert "missing" in message


def test_another_timm_cannot_be_checked_and_says_so(tmp_path, built):
    fresh, message = changed(tmp_path / "timm.json", built, timm="0.1.0")
    assert fresh
    assert message.startswith("not checked: timm.json was made from timm 0.1.0")


def test_the_command_writes_and_checks(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(timm_index, "INDEX", tmp_path / "timm.json")
    assert timm_index.main(["--check"]) == 1
    assert "missing" in capsys.readouterr().err
    assert timm_index.main([]) == 0
    assert timm_index.main(["--check"]) == 0
    assert capsys.readouterr().out.count("is fresh") == 2
