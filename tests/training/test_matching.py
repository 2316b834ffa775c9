import pytest

import zoo
from zoo.catalog.query import describe
from zoo.errors import IncompatibleError, InvalidRecord
from zoo.specs import BackboneSpec
from zoo.training.matching import answering, check_fit, check_method, check_task, check_training, wants_layers

CLIP = BackboneSpec("own/pair", "own", "pair", modality="image-text", can=("pooled",))


def test_which_features_answer():
    assert answering(describe("open_clip/ViT-B-32"), "image_classification") == "vision"
    assert answering(describe("open_clip/ViT-B-32"), "text_regression") == "text"
    assert answering(describe("pocket/resnet10"), "image_classification") == ""


def test_which_methods_read_all_layers():
    assert wants_layers("layer_mix")
    assert not wants_layers("linear_probe")


def test_zero_shot_names_one_class_of_an_image():
    check_method("zero_shot", "image_classification", pretrained=True)
    with pytest.raises(IncompatibleError, match=r"names the one class of an image.*text_classification.*Fix:"):
        check_method("zero_shot", "text_classification", pretrained=True)
    with pytest.raises(IncompatibleError, match=r"needs trained weights. Fix: leave pretrained=False"):
        check_method("zero_shot", "image_classification", pretrained=False)


def test_a_backbone_of_another_modality():
    check_task(describe("transformers/bert"), "text_pair_regression")
    with pytest.raises(IncompatibleError, match=r"a backbone for text, and audio_classification .*modality speech"):
        check_task(describe("transformers/bert"), "audio_classification")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"class_weights": "balanced"}, "weighs no classes. Fix: leave class_weights out"),
        ({"class_weights": {"cat": 2.0}}, "weighs no classes"),
        ({"early_stopping": 3}, "takes no steps that could stop early. Fix: leave early_stopping out"),
        ({"search": 5}, "trains nothing of the backbone, and validation chooses its penalty already"),
    ],
)
def test_frozen_methods_refuse_what_they_would_ignore(settings, message):
    check_training("full", **settings)
    with pytest.raises(IncompatibleError, match=f"linear_probe {message}"):
        check_training("linear_probe", **settings)


def test_zero_shot_has_nothing_to_search():
    with pytest.raises(IncompatibleError, match="it has nothing to choose"):
        check_training("zero_shot", search=2)


@pytest.mark.parametrize("settings", [{"early_stopping": 0}, {"early_stopping": -1}, {"search": -1}])
def test_numbers_that_none_can_be(settings):
    with pytest.raises(InvalidRecord, match=r"1 .*or more, received"):
        check_training("full", **settings)


def test_a_method_that_does_not_fit_a_backbone_is_refused_with_those_that_do():
    fitting = "full, linear_probe, knn, lp_ft, lora, layer_mix, zero_shot"
    with pytest.raises(IncompatibleError, match=rf"image-text, and top_k is for vision or .* that fit: {fitting}"):
        check_fit("top_k", CLIP)
    with pytest.raises(IncompatibleError, match="and zero_shot is for image-text"):
        check_fit("zero_shot", describe("pocket/resnet10"))
    check_fit("lora", CLIP)
    check_fit("a third party's", CLIP)
    check_fit("top_k", BackboneSpec("x/y", "x", "y", modality="unknown"))


def test_it_is_refused_before_anything_is_loaded(photos):
    with pytest.raises(IncompatibleError, match=r"open_clip/ViT-B-32 is a backbone for image-text, and top_k is for"):
        zoo.finetune("open_clip/ViT-B-32", photos, method="top_k", quiet=True)
