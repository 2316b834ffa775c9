"""The catalog answers from files: every row is a valid record, and filters mean what they say."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import zoo
from zoo.catalog import query
from zoo.catalog.query import CLASSES, NONCOMMERCIAL, PERMISSIVE, describe, entries, find, licence_class, near
from zoo.catalog.rows import rows_of
from zoo.errors import UnknownName
from zoo.specs import BackboneSpec
from zoo.upkeep.catalog import PROVIDERS


def names(*arguments, **options):
    return [spec.name for spec in find(*arguments, **options)]


def test_every_row_is_a_valid_record():
    for spec in entries():
        assert BackboneSpec.from_json(spec.to_json()) == spec


def test_every_name_is_made_of_its_parts_and_names_are_sorted_and_unique():
    specs = entries()
    for spec in specs:
        model = spec.tag if "/" in spec.tag else spec.arch + (f".{spec.tag}" if spec.tag else "")
        assert spec.name == f"{spec.provider}/{model}"
    everything = [spec.name for spec in specs]
    assert everything == sorted(set(everything))


def test_every_row_uses_words_that_can_be_asked_for():
    for spec in entries():
        assert spec.modality in query.MODALITIES
        assert set(spec.can) <= set(query.CAPABILITIES)
        assert spec.licence == spec.licence.lower()
        assert spec.licence
        assert len(spec.mean) == len(spec.std)
        assert len(spec.mean) in ((spec.input_size or (0,))[0], 0)


def test_every_tagged_row_can_be_built_from_scratch_by_its_architecture():
    bare = {(spec.provider, spec.arch) for spec in entries() if not spec.tag}
    assert {(spec.provider, spec.arch) for spec in entries()} == bare


def test_pocket_backbones_are_described():
    spec = describe("pocket/resnet10.glyphs")
    assert (spec.input_size, spec.pooled_dim, spec.can) == ((1, 32, 32), 256, ("pooled", "maps"))
    assert (spec.recipe, spec.licence, spec.crop_mode) == ("glyphs", "apache-2.0", "squash")
    assert names("pocket/*") == [
        *("pocket/gpt2", "pocket/gpt2.causal", "pocket/gpt2.pairs"),
        *("pocket/resnet10", *(f"pocket/resnet10.{tag}" for tag in ("glyphs", "simclr", "textures"))),
        *("pocket/whisper3", "pocket/whisper3.voices", "pocket/whisper3.words"),
    ]


def test_describing_an_unknown_backbone_names_the_nearest():
    with pytest.raises(UnknownName, match="Nearest: pocket/resnet10") as caught:
        describe("pocket/resnet1")
    assert caught.value.nearest[0] == "pocket/resnet10"


@pytest.mark.parametrize("name", ["resnet50.a1_in1k", "torchvision/resnet50.a1_in1k", "timm/ResNet50.A1_in1k"])
def test_describing_a_bare_or_misplaced_name_gives_the_full_one(name):
    with pytest.raises(UnknownName, match=r"Write the full name: timm/resnet50\.a1_in1k"):
        describe(name)


def test_a_pattern_is_a_glob_over_the_full_name_or_what_follows_the_provider():
    assert names("resnet10") == ["pocket/resnet10"]
    assert names("RESNET10.*") == [f"pocket/resnet10.{tag}" for tag in ("glyphs", "simclr", "textures")]
    assert names("*/resnet10.[gst]*") == names("pocket/resnet10.*")
    assert "timm/resnet50" in names("resnet??", provider="timm")
    assert set(names("resnet*")) == {s.name for s in entries() if s.name.split("/")[1].startswith("resnet")}


def test_a_pattern_that_matches_nothing_is_no_error():
    assert find("no-such-backbone") == []
    assert find("[") == []


def test_pretrained_splits_the_catalog():
    assert len(find(pretrained=True)) + len(find(pretrained=False)) == len(find()) == len(entries())
    assert names("resnet10*", pretrained=False, provider="pocket") == ["pocket/resnet10"]


@pytest.mark.parametrize("size", ["1M", "1m", "0.98M", "980K", "0.001B", "972424", 972424, 1_000_000])
def test_a_size_may_be_written_in_many_ways(size):
    assert "pocket/resnet10" in names(max_params=size)


def test_unknown_sizes_are_left_out():
    assert names("pocket/resnet*", max_params=972423) == []
    assert all(spec.parameters for spec in find(max_params="1000B"))


def test_sizes_from_and_to():
    between = find(min_params="20M", max_params="30M")
    assert between
    assert all(20_000_000 <= spec.parameters <= 30_000_000 for spec in between)
    assert "pocket/resnet10" in names(min_params=972424)
    assert "pocket/resnet10" not in names(min_params=972425)


def test_orders():
    for sort, field in (("params", "parameters"), ("width", "pooled_dim")):
        up = [getattr(spec, field) for spec in find("*vit*", sort=sort)]
        known = [value for value in up if value]
        assert known == sorted(known)
        assert up[: len(known)] == known  # unknown ones come last
        down = [getattr(spec, field) for spec in find("*vit*", sort=f"-{sort}")]
        assert down == known[::-1] + up[len(known) :]
    assert names("pocket/*", sort="-name") == names("pocket/*")[::-1]


def test_curated_checkpoints_and_families():
    curated = find(curated=True)
    assert "timm/resnet50.a1_in1k" in [spec.name for spec in curated]
    assert all(spec.curated and spec.pretrained for spec in curated)
    assert len(curated) + len(find(curated=False)) == len(entries())
    assert {spec.family for spec in find(family="convnext")} == {"convnext"}


@pytest.fixture
def all_providers(monkeypatch):
    """The catalog as it is when every index is shown."""
    everything = {row["name"]: row for provider in ("pocket", *PROVIDERS) for row in rows_of(provider)}
    monkeypatch.setattr(query, "rows", lambda: dict(sorted(everything.items())))


@pytest.mark.usefixtures("all_providers")
class TestOverAllProviders:
    def test_a_glob_meets_the_part_after_the_last_slash(self):
        found = names("bert-base-*")
        assert "transformers/google-bert/bert-base-uncased" in found
        assert names("google-bert/bert-base-*") == names("transformers/google-bert/bert-base-*") == found

    def test_one_question_over_four_modalities(self):
        assert names(modality="speech", provider="torchaudio", license="permissive", curated=True, sort="params")[
            0
        ] == ("torchaudio/hubert_base.HUBERT_BASE")
        assert names("ViT-B-32.laion2b_s34b*", modality="image-text") == ["open_clip/ViT-B-32.laion2b_s34b_b79k"]
        assert {spec.provider for spec in find("*resnet50*")} == {"timm", "torchvision"}

    def test_near_misses_are_of_all_providers(self):
        with pytest.raises(UnknownName, match="Write the full name: transformers/google-bert/bert-base-uncased"):
            describe("bert-base-uncased")
        with pytest.raises(UnknownName, match="Nearest: torchaudio/wav2vec2_base"):
            describe("torchaudio/wav2vec2_bas")
        with pytest.raises(UnknownName, match=r"unknown family 'wavlmm'\. Nearest: wavlm"):
            find(family="wavlmm")
        assert near("wavlm-base-pls*").startswith(" (nearest: transformers/microsoft/wavlm-base-plus")

    def test_every_word_can_be_asked_for(self):
        for spec in entries():
            assert spec.modality in query.MODALITIES
            assert set(spec.can) <= set(query.CAPABILITIES)
            assert spec.padding in ("masked", "equal_length", "fixed")


@pytest.mark.parametrize("size", ["many", "", "-3M", "3MB", "1e6", True, -1])
def test_a_size_that_is_no_number_is_refused(size):
    with pytest.raises(UnknownName, match="unknown size"):
        find(max_params=size)


def test_licences_by_identifier_and_by_class():
    everything = {spec.name: spec.licence for spec in entries()}
    assert set(names(license="MIT")) == {name for name, licence in everything.items() if licence == "mit"}
    assert set(names(license="permissive")) == {name for name in everything if everything[name] in PERMISSIVE}
    assert set(names(license="noncommercial")) == {name for name in everything if everything[name] in NONCOMMERCIAL}
    assert set(names(license="unknown")) == {name for name in everything if everything[name] == "unknown"}
    assert find(license="noncommercial")


def test_other_licences_are_those_of_no_class():
    found = {spec.licence for spec in find(license="other")}
    assert "dinov3-license" in found
    assert not found & {"unknown", *(licence for licences in CLASSES.values() for licence in licences)}


def test_no_licence_is_in_two_classes():
    assert sum(map(len, CLASSES.values())) == len(frozenset().union(*CLASSES.values()))
    assert not any("nc" in licence.split("-") for licence in PERMISSIVE)
    missed = [s.licence for s in entries() if "noncommercial" in s.licence or "nc" in s.licence.split("-")]
    assert {licence_class(licence) for licence in missed} == {"noncommercial"}


def test_capabilities_are_all_needed():
    resnets = names("pocket/resnet*")
    assert names("pocket/resnet*", can={"pooled", "maps"}) == names("pocket/*", can="maps") == resnets
    assert names("pocket/*", can=["tokens", "maps"]) == []


def test_modalities_and_limits():
    for modality in query.MODALITIES:
        assert find(modality=modality) == [spec for spec in entries() if spec.modality == modality]
    assert find(modality="vision")
    assert names(limit=2) == names()[:2]
    assert find(limit=0) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"modality": "visoin"}, "unknown modality 'visoin'. Nearest: vision"),
        ({"provider": "tim"}, "unknown provider 'tim'. Nearest: timm"),
        ({"license": "permisive"}, "unknown licence 'permisive'. Nearest: permissive"),
        ({"family": "resnt"}, "unknown family 'resnt'. Nearest: resnet"),
        ({"sort": "parms"}, "unknown order 'parms'. Nearest: params"),
        ({"min_params": "much"}, "unknown size 'much'"),
        ({"can": "token"}, "unknown capability 'token'. Nearest: tokens"),
        ({"can": ("pooled", "mapps")}, "unknown capability 'mapps'. Nearest: maps"),
        ({"limit": -1}, "unknown limit '-1'"),
    ],
)
def test_a_filter_that_means_nothing_is_refused(options, message):
    with pytest.raises(UnknownName, match=message):
        find(**options)


def ask(code: str, path: Path) -> list[str]:
    """The lines that `code` prints in a new process with `path` on its search path."""
    told = subprocess.run(
        [sys.executable, "-c", f"from zoo.catalog.query import *\n{code}"],
        env=os.environ | {"PYTHONPATH": str(path)},
        cwd=Path(zoo.__file__).parent.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout.splitlines()


@pytest.fixture
def acme(tmp_path):
    """An installed package with two backbones, neither of which can be imported, one of which has a built-in's name."""
    folder = tmp_path / "acme-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    points = "acme/mynet.web = no_such_module:build\npocket/resnet10 = no_such_module:build\n"
    (folder / "entry_points.txt").write_text(f"[zoo.backbones]\n{points}")
    return tmp_path


def test_third_party_backbones_are_listed_without_importing_them(acme):
    code = "s = describe('acme/mynet.web'); print(s.provider, s.arch, s.tag, s.modality, s.source, sep='\\n')"
    assert ask(code, acme) == ["acme", "mynet", "web", "unknown", "no_such_module:build"]
    assert ask("print(*(s.name for s in find(provider='acme')), sep='\\n')", acme) == ["acme/mynet.web"]
    assert ask("print(len(find(provider='acme', modality='vision')))", acme) == ["0"]


def test_a_third_party_cannot_take_over_a_built_in_backbone(acme):
    assert ask("print(describe('pocket/resnet10').parameters)", acme) == ["972424"]
