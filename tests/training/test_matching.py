import pytest

import zoo
from zoo.catalog.query import describe
from zoo.errors import IncompatibleError
from zoo.specs import BackboneSpec
from zoo.training.matching import answering, check_fit, check_method, check_task, wants_layers

CLIP = BackboneSpec("own/pair", "own", "pair", modality="image-text", can=("pooled",))


def test_which_features_answer():
    assert answering(CLIP, "image_classification") == "vision"
    assert answering(CLIP, "text_regression") == "text"
    assert answering(describe("pocket/resnet10"), "image_classification") == ""


def test_which_methods_read_all_layers():
    assert [name for name in ("full", "knn", "layer_mix") if wants_layers(name)] == ["layer_mix"]


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


def test_zero_shot_wants_images_of_one_class_and_trained_weights():
    with pytest.raises(IncompatibleError, match="names the one class of an image, and the task is text_classification"):
        check_method("zero_shot", "text_classification", pretrained=True)
    with pytest.raises(IncompatibleError, match="needs trained weights"):
        check_method("zero_shot", "image_classification", pretrained=False)
    check_method("zero_shot", "image_classification", pretrained=True)


def test_a_task_of_another_modality_is_refused():
    with pytest.raises(IncompatibleError, match=r"zoo list --modality text"):
        check_task(describe("pocket/resnet10"), "text_classification")
