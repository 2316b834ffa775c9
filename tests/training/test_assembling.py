import dataclasses

import pytest
from small_backbones import small

import zoo
from zoo.data.generated import TextureSource
from zoo.errors import IncompatibleError, InvalidRecord, UnknownName, UsageError
from zoo.training.assembling import objective_of, recipe_of, recipe_with, source_of
from zoo.training.recipe import load_recipe

GIVEN = {
    "objective": "", "options": {}, "init": "scratch", "name": "", "column": "", "bad_samples": "error",
    "augmentation": "",
}  # fmt: skip
SAID = GIVEN | {"objective": "supervised"}


@pytest.fixture(scope="module")
def pocket():
    return zoo.load("pocket/resnet10", pretrained=False, seed=0)


def test_settings_stand_instead_of_those_of_a_recipe():
    recipe = recipe_with("glyphs", GIVEN, {"steps": 3, "seed": None})
    assert recipe.training.steps == 3
    assert recipe.training.seed == load_recipe("glyphs").training.seed
    with pytest.raises(UsageError, match=r"objective belongs to a run .*glyphs is taken for a recipe"):
        recipe_with("glyphs", SAID, {})
    with pytest.raises(UsageError, match=r"no setting 'step'. Nearest: steps"):
        recipe_with("glyphs", GIVEN, {"step": 3})
    with pytest.raises(InvalidRecord, match="steps must be 1 or more"):
        recipe_with("glyphs", GIVEN, {"steps": 0})


def test_a_run_without_a_recipe():
    recipe = recipe_of("pocket/resnet10", "digits", SAID, {"steps": 5})
    assert (recipe.name, recipe.backbone, recipe.data, recipe.init) == (
        "supervised", "pocket/resnet10", "digits", "scratch",
    )  # fmt: skip
    assert (recipe.training.steps, recipe.training.lr) == (5, 1e-3)
    on = recipe_of("pocket/resnet10.glyphs", ["a"], SAID | {"init": "pretrained", "name": "mine"}, {})
    assert (on.training.lr, on.name, on.data) == (1e-4, "mine", "list")
    with pytest.raises(UsageError, match=r"what x shall learn .* is not said.*supervised"):
        recipe_of("x", "digits", GIVEN, {})
    with pytest.raises(UsageError, match="Nearest: batch_size"):
        recipe_of("x", "digits", SAID, {"batchsize": 3})


def test_objectives_get_their_options(pocket):
    recipe = load_recipe("glyphs")
    assert objective_of(recipe, pocket).label_smoothing == recipe.training.label_smoothing == 0.05
    own = recipe_of("pocket/resnet10", "digits", SAID | {"options": {"label_smoothing": "0.2"}}, {})
    assert objective_of(own, pocket).label_smoothing == 0.2
    with pytest.raises(UnknownName, match="option of supervised 'rate'"):
        objective_of(recipe_of("pocket/resnet10", "digits", SAID | {"options": {"rate": 1}}, {}), pocket)


def test_sources_by_what_was_said(pocket, photos, tmp_path):
    recipe = recipe_of("pocket/resnet10", "digits", SAID, {})
    objective = objective_of(recipe, pocket)
    assert isinstance(source_of(recipe, pocket, "textures", objective), TextureSource)
    for data, classes in (("digits", 10), (photos, 2), (zoo.read_data(photos), 2)):
        assert source_of(recipe, pocket, data, objective).classes == classes
    table = tmp_path / "t.csv"
    table.write_text("text,label\na,x\nb,y\na,x\nb,y\n")
    with pytest.raises(IncompatibleError, match="holds samples for text, and pocket/resnet10 is for vision"):
        source_of(recipe, pocket, str(table), objective)


def test_pairs_of_texts_go_to_objectives_that_take_them():
    bert, pairs = small("transformers/bert"), [("a", "b"), ("c", "d")]
    single = recipe_of("transformers/bert", pairs, GIVEN | {"objective": "mlm"}, {})
    with pytest.raises(IncompatibleError, match=r"mlm learns from single texts, and list holds pairs.*sentence_pairs"):
        source_of(single, bert, pairs, objective_of(single, bert))
    both = recipe_of("transformers/bert", pairs, GIVEN | {"objective": "sentence_pairs"}, {})
    assert source_of(both, bert, pairs, objective_of(both, bert)).size == 2


@pytest.mark.parametrize("name", ["sentence_pairs", "simclr", "clip", "siglip"])
def test_a_batch_of_one_teaches_a_contrast_nothing(name, pocket):
    recipe = recipe_of("pocket/resnet10", "digits", GIVEN | {"objective": name}, {"batch_size": 1})
    with pytest.raises(
        IncompatibleError, match=rf"{name} tells .* a batch of 1 teaches nothing\. Fix: a batch size of 2"
    ):
        objective_of(recipe, pocket)


def test_a_source_of_another_modality_is_refused_before_it_is_read(pocket):
    recipe = dataclasses.replace(load_recipe("glyphs"), data="docstrings")
    with pytest.raises(IncompatibleError, match=r"source 'docstrings' is for text, and pocket/resnet10 is for vision"):
        source_of(recipe, pocket, "docstrings", objective_of(recipe, pocket))


def test_a_source_of_another_modality_is_refused():
    recipe = dataclasses.replace(load_recipe("words"), backbone="pocket/resnet10")
    backbone = zoo.load("pocket/resnet10", pretrained=False)
    with pytest.raises(IncompatibleError, match=r"is for speech, and pocket/resnet10 is for vision.*pocket/whisper3"):
        source_of(recipe, backbone, recipe.data, None)
