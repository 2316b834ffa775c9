"""`zoo list` and `zoo show`."""

import json

from running import run

import zoo
from zoo.catalog.query import find
from zoo.specs import BackboneSpec


def test_list_and_filters(capsys):
    code, out, _ = run(capsys, "list", "pocket/resnet*", "--pretrained")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == [
        f"pocket/resnet10.{tag}" for tag in ("glyphs", "simclr", "textures")
    ]
    _, out, _ = run(capsys, "list", "resnet50*", "--provider", "timm", "--limit", "3", "--json")
    assert [row["arch"] for row in json.loads(out)] == ["resnet50"] * 3
    assert run(capsys, "list", "nothing-like-this")[1].startswith("no backbone matches")


def test_show(capsys):
    _, out, _ = run(capsys, "show", "pocket/resnet10.glyphs")
    for fact in ("0.97 M", "1x32x32", "apache-2.0 (permissive)", "zoo pretrain --recipe glyphs", "linear_probe"):
        assert fact in out
    assert json.loads(run(capsys, "show", "pocket/resnet10.glyphs", "--json")[1])["name"] == "pocket/resnet10.glyphs"


def test_the_shown_snippet_runs(capsys):
    from PIL import Image

    _, out, _ = run(capsys, "show", "pocket/resnet10.glyphs")
    snippet = out[out.index("import zoo") :]
    names = {"image": Image.new("L", (8, 8))}
    exec(snippet, names)
    assert names["features"].shape == (1, 256)


def test_orders_and_near_misses(capsys):
    _, out, _ = run(capsys, "list", "--curated", "--provider", "timm", "--sort=-params", "--limit", "1")
    assert out.split()[0] == "timm/vit_giant_patch14_dinov2.lvd142m"
    assert "nearest: torchvision/resnet18" in run(capsys, "list", "resnet18x*")[1]


def test_json_rows_are_records(capsys):
    rows = json.loads(run(capsys, "list", "resnet1*", "--json")[1])
    assert [BackboneSpec.from_json(row) for row in rows] == find("resnet1*")


def test_show_says_what_fits(capsys):
    _, out, _ = run(capsys, "show", "timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k")
    lines = dict(line.split(maxsplit=1) for line in out.splitlines() if line.startswith(("tasks", "family")))
    assert lines["family"] == "vision_transformer"
    fitting, against = lines["tasks"].split("; not ")
    assert fitting.startswith("image_classification")
    assert "text_classification" in against
    assert "text_regression (is for text or image-text); text_pair_classification" in against
    assert "supervised, on ImageNet-21k, then ImageNet-1k" in out


def test_show_is_honest_of_what_is_not_built(capsys, tmp_path):
    _, out, _ = run(capsys, "show", "module/mine:net")
    assert "pre-train by       known when built: supervised, mlm," in out
    _, out, _ = run(capsys, "show", "transformers/bert")
    assert "pre-train by       supervised, mlm, sentence_pairs, distillation; not causal (needs a network" in out
    zoo.pretrain("glyphs", tmp_path / "made", steps=1, quiet=True)
    _, out, _ = run(capsys, "show", str(tmp_path / "made"))
    assert "pre-train by       supervised, simmim, simclr, dino, distillation; not" in out
