import dataclasses

import pytest

from zoo.catalog.fit import KNOWN_WHEN_BUILT
from zoo.errors import InvalidRecord, UnknownName
from zoo.objectives import compatible
from zoo.training.recipe import Recipe, load_recipe, recipe_names


@pytest.mark.parametrize("name", recipe_names())
def test_shipped_recipes_round_trip(name):
    recipe = load_recipe(name)
    assert recipe.name == name
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert (told := compatible(recipe.objective, recipe.backbone)) == ""
    assert told is not KNOWN_WHEN_BUILT


def test_digest_covers_what_changes_the_weights():
    recipe = load_recipe("glyphs")
    training = recipe.training
    same = dataclasses.replace(
        recipe, about="", training=dataclasses.replace(training, device="cuda", checkpoint_every=1)
    )
    assert same.digest == recipe.digest
    for change in ({"steps": 1}, {"lr": 1.0}, {"seed": 7}, {"label_smoothing": 0.0}, {"threads": 2}):
        other = dataclasses.replace(recipe, training=dataclasses.replace(training, **change))
        assert other.digest != recipe.digest
    assert dataclasses.replace(recipe, data="textures").digest != recipe.digest


def test_unknown_and_damaged_recipes(tmp_path):
    with pytest.raises(UnknownName, match="Nearest: glyphs"):
        load_recipe("glyph")
    (tmp_path / "r.toml").write_text('name = "r"\nbackbon = "x"\n')
    with pytest.raises(InvalidRecord, match=r"r\.toml is not a valid recipe: Recipe has no field 'backbon'.*backbone"):
        load_recipe(tmp_path / "r.toml")
    (tmp_path / "r.toml").write_text("= 3")
    with pytest.raises(InvalidRecord, match="not a valid recipe"):
        load_recipe(tmp_path / "r.toml")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"init": "random"}, "init must be one of scratch, pretrained, ppmi"),
        ({"dtype": "int64"}, "dtype must be one of float32"),
        ({"name": "a/b"}, "name must be letters"),
    ],
)
def test_what_a_recipe_may_not_say(change, message):
    with pytest.raises(InvalidRecord, match=message):
        dataclasses.replace(load_recipe("glyphs"), **change)


def test_digests_of_stored_checkpoints_stay():
    """What came later must not change them: the catalog names these digests beside the weights."""
    import zoo

    for name in recipe_names():
        recipe = load_recipe(name)
        assert recipe.digest == zoo.describe(f"{recipe.backbone}.{name}").recipe_digest
        assert ("init" in recipe.to_json()) == (recipe.init != "scratch")
        for change in ({"init": "pretrained"}, {"options": {"rate": 1}}, {"column": "a"}, {"bad_samples": "skip"}):
            other = dataclasses.replace(recipe, **change)
            assert (other.digest == recipe.digest) == ("bad_samples" in change)  # which ends a run or does nothing
            assert Recipe.from_json(other.to_json()) == other


def test_a_file_says_how_to_go_on_from_weights(tmp_path):
    (tmp_path / "r.toml").write_text(
        'name = "r"\nbackbone = "pocket/resnet10.glyphs"\ndata = "textures"\nobjective = "supervised"\n'
        'init = "pretrained"\n[options]\nlabel_smoothing = 0.1\n'
        "[training]\nsteps = 3\nbatch_size = 4\nlr = 1e-3\nema = 0.99\n"
    )
    recipe = load_recipe(tmp_path / "r.toml")
    assert (recipe.init, recipe.options, recipe.training.ema) == ("pretrained", {"label_smoothing": 0.1}, 0.99)
