import dataclasses

import zoo
from zoo.hub.cards.base import Base, base_of
from zoo.providers.exported import Exported
from zoo.specs import BackboneSpec

TIMM = zoo.describe("timm/resnet18.a1_in1k")


def made(spec=TIMM, gives="logits", **fitted):
    return Exported("timm", gives, spec, fitted=fitted)


def test_a_base_on_the_hub():
    spec = dataclasses.replace(TIMM, revision="c" * 40)
    found = base_of(made(spec, start="pre-trained"))
    assert found == Base("timm/resnet18.a1_in1k", "timm/resnet18.a1_in1k", "c" * 40, "apache-2.0", "finetune")
    assert base_of(made(spec, "adapter", start="pre-trained")).relation == "adapter"


def test_from_scratch_there_is_none():
    assert base_of(made(start="from scratch")) == Base()
    assert base_of(made(), recipe={"init": "scratch", "backbone": TIMM.name}) == Base()


def test_where_the_beginning_is_not_known_the_base_is_named_all_the_same():
    for start in ("as given", ""):
        assert base_of(made(start=start)).licence == "apache-2.0"


def test_continued_pre_training():
    found = base_of(made(), recipe={"init": "pretrained", "backbone": "timm/resnet18.a1_in1k"})
    assert (found.repository, found.relation) == ("timm/resnet18.a1_in1k", "finetune")


def test_a_repository_that_was_asked_for_by_name():
    spec = dataclasses.replace(TIMM, name=f"hf-hub:me/pets@{'d' * 40}", licence="cc-by-nc-4.0")
    found = base_of(made(spec, start="pre-trained"))
    assert (found.repository, found.revision, found.licence) == ("me/pets", "d" * 40, "cc-by-nc-4.0")


def test_weights_that_come_with_zoo_have_no_repository():
    found = base_of(made(zoo.describe("pocket/resnet10.glyphs"), start="pre-trained"))
    assert (found.name, found.repository, found.licence) == ("pocket/resnet10.glyphs", "", "apache-2.0")


def test_the_publishers_own_pre_training_leaves_the_licence_to_them():
    spec = BackboneSpec("timm/resnet18.mine", "timm", "resnet18", "mine", recipe="mine", recipe_digest="e" * 64)
    assert base_of(made(spec, start="pre-trained")) == Base("timm/resnet18.mine", relation="finetune")
    theirs = dataclasses.replace(spec, source="hf-hub:org/net")
    assert base_of(made(theirs, start="pre-trained")).licence == "unknown"


def test_own_pre_training_of_a_network_of_the_hub_claims_no_base():
    """The record still names the repository, which the graph is of: the weights are not."""
    own = dataclasses.replace(
        TIMM, name="timm/resnet18.mine", revision="c" * 40, recipe_digest="e" * 64, licence="unknown", origin="scratch"
    )
    assert base_of(made(own, start="pre-trained")) == Base("timm/resnet18.mine", relation="finetune")
    on = base_of(made(own), recipe={"init": "pretrained", "backbone": "mine"})
    assert on == Base("mine", relation="finetune")
    asked = dataclasses.replace(own, name=f"hf-hub:me/mine@{'d' * 40}")  # it was published meanwhile
    assert base_of(made(asked, start="pre-trained")).repository == "me/mine"
    counted = {"init": "ppmi", "backbone": "hf-hub:org/gpt2"}
    assert base_of(made(), recipe=counted) == Base()


def test_what_was_fitted_from_scratch_is_no_base_of_the_next():
    assert base_of(made(dataclasses.replace(TIMM, origin="scratch"), start="pre-trained")) == Base()


def test_a_base_is_remembered_where_only_the_tokenizer_is_at_hand():
    spec = dataclasses.replace(TIMM, source="", revision="", origin=f"hf-hub:org/net@{'d' * 40}")
    found = base_of(made(spec, start="pre-trained"))
    assert (found.repository, found.revision, found.licence) == ("org/net", "d" * 40, "apache-2.0")


def test_as_json():
    assert base_of(made(start="pre-trained")).to_json()["licence"] == "apache-2.0"


def test_what_was_published_before_keeps_its_licence():
    assert base_of(made(start="pre-trained", licence="cc-by-nc-4.0")).licence == "cc-by-nc-4.0"
    assert base_of(made(start="from scratch", licence="cc-by-nc-4.0")) == Base(licence="cc-by-nc-4.0")
    own = BackboneSpec("timm/resnet18.mine", "timm", "resnet18", "mine", recipe="mine", recipe_digest="e" * 64)
    assert base_of(made(own, start="pre-trained", licence="gpl-3.0")).licence == "gpl-3.0"


def test_embeddings_that_count_neighbours_are_no_base():
    assert base_of(made(), recipe={"init": "ppmi", "backbone": "pocket/gpt2"}) == Base()
