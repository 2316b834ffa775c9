import zoo
from zoo.adaptations import ADAPTATIONS
from zoo.adaptations.full import Full


def test_all_weights_train_at_one_rate():
    backbone = zoo.load("pocket/resnet10.glyphs")
    backbone.module.requires_grad_(False)
    groups = Full().prepare(backbone, {"lr": 0.02, "weight_decay": 0.1})
    grouped = {id(p) for group in groups for p in group["params"]}
    assert grouped == {id(p) for p in backbone.module.parameters() if p.requires_grad}
    assert len(grouped) == len(list(backbone.module.parameters()))
    assert {group["lr"] for group in groups} == {0.02}


def test_registered():
    assert ADAPTATIONS.get("full") is Full
