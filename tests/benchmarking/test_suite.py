"""Suite files: the shipped one is right, and every way to get one wrong is said clearly, with the file and the fix."""

from __future__ import annotations

import json

import pytest
from suite_files import DIGITS, edited, line, refusal

from zoo.benchmarking.suite import Suite, load_suite
from zoo.errors import UnknownName


def test_the_shipped_suite():
    suite = load_suite("digits")
    assert (suite.level, suite.margin, suite.scratch_arms[0].id) == ("quick", 1.0, "S")
    assert len(suite.seeds) >= 10  # fewer give no verdict
    assert {arm.id: arm.search for arm in suite.arms if arm.role in "SF"} == {
        "S": "lr", "F:glyphs": "penalty", "F:textures": "penalty",
    }  # fmt: skip


def test_json_round_trip():
    suite = load_suite("digits")
    assert Suite.from_json(json.loads(json.dumps(suite.to_json()))) == suite


def test_a_path_gives_the_same_suite_as_the_name(tmp_path):
    assert load_suite(edited(tmp_path, "margin", "margin")) == load_suite("digits")


def test_unknown_suite_names_the_nearest():
    with pytest.raises(UnknownName, match=r"suite 'digts'. Nearest: digits") as caught:
        load_suite("digts")
    assert caught.value.nearest == ["digits"]


def test_unknown_file_names_the_nearest(tmp_path):
    near = edited(tmp_path, "margin", "margin")
    with pytest.raises(UnknownName, match="suite file") as caught:
        load_suite(tmp_path / "mien.toml")
    assert caught.value.nearest == [str(near)]


def test_a_folder_is_not_a_suite(tmp_path):
    (tmp_path / "folder.toml").mkdir()
    assert "cannot be read" in refusal(tmp_path / "folder.toml")


@pytest.mark.parametrize(
    ("old", "new"), [("schema = 1", 'schema = 1\nkind = "colection"'), ("[[arms]]", "[[members]]")]
)
def test_what_may_be_meant_as_a_collection(tmp_path, old, new):
    """Also a file that forgets to say so: it would lack every section of a suite."""
    said = refusal(edited(tmp_path, old, new, -1))
    assert "this is no suite, and as a collection of suites it must say so: kind is" in said


def test_unknown_level(tmp_path):
    path = edited(tmp_path, "margin", "margin")
    assert "unknown level 'quik'. Nearest: quick." in refusal(path, UnknownName, level="quik")


@pytest.mark.parametrize("broken", ["margin = = 1", 'name = "no end', "\x00"])
def test_broken_toml(tmp_path, broken):
    assert "not valid TOML" in refusal(edited(tmp_path, line("margin"), broken))


def test_bytes_that_are_not_text(tmp_path):
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe")
    assert "not valid TOML" in refusal(tmp_path / "mine.toml")


@pytest.mark.parametrize("name", ["levels", "arms"])
def test_a_missing_section_is_named(tmp_path, name):
    section = {"levels": "[levels.", "arms": "[[arms]]"}[name]
    said = refusal(edited(tmp_path, section, section.replace(name, "other"), count=-1))
    assert name in said
    assert "digits.toml" in said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("margin = 1.0", "margn = 1.0", "no field 'margn'. Nearest: margin"),
        ('kind = "image', 'kinds = "image', "no field 'kinds'. Nearest: kind"),
        ('backbone = "pocket/resnet10"', 'backbon = "pocket/resnet10"', "no field 'backbon'. Nearest: backbone"),
        ("steps = ", "step = ", "no field 'step'. Nearest: steps"),
        ('version = "1"\n', "", "missing 1 required positional argument: 'version'"),
        ('version = "1"', "version = 1", "Suite.version must be"),
        ("schema = 1", "schema = 2", "schema must be 1"),
        ("classes = 10", "classes = 1", "task.classes must be 2 or more, received 1"),
    ],
)
def test_fields_that_are_unknown_missing_or_mistyped(tmp_path, old, new, said):
    assert said in refusal(edited(tmp_path, old, new))


def test_arms_of_a_level(tmp_path):
    path = edited(tmp_path, 'id = "C"', 'id = "C"\nlevels = ["default"]')
    assert "C" not in [arm.id for arm in load_suite(path).arms]
    assert "C" in [arm.id for arm in load_suite(path, "default").arms]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("margin = 1.0", "margin = -1"),
        ("margin = 1.0", "margn = 1"),
        ("budgets = [1, 10]", "budgets = []"),
        ("tuning_seeds = [1000, 1001]", "tuning_seeds = [0]"),
        ("grids = { lr = [1e-3, 1e-2, 1e-1]", "grids = { lr = [1.0]"),
        ("steps = 100", "steps = 0"),
        ("classes = 10", 'classes = "ten"'),
        ("head_lr = 2e-3", "head_lr = -1"),
        ("test = 797", "test = -3"),
        ('role = "F"', 'role = "Q"'),
        ('id = "P:textures"', 'id = "P:glyphs"'),
        ('id = "P:textures"', 'idd = "P:textures"'),
        ("schema = 1", "schema = 9"),
    ],
)
def test_an_error_names_its_line(tmp_path, old, new):
    path = edited(tmp_path, old, new)
    number = 1 + path.read_text()[: path.read_text().rindex(new)].count("\n")
    assert refusal(path).startswith(f"{path}, line {number}: ")


def test_an_error_without_a_line_of_its_own_names_the_nearest_above(tmp_path):
    path = edited(tmp_path, 'adaptation = "linear_probe"\n', "")
    number = 1 + path.read_text()[: path.read_text().index('id = "F:glyphs"')].count("\n")
    assert refusal(path).startswith(f"{path}, line {number - 1}: arm 'F:glyphs' (role F) lacks adaptation")


@pytest.mark.parametrize("levels", ['["ful"]', '"full"', "3", "[]", "[[1]]"])
def test_an_arm_at_a_level_that_is_none(tmp_path, levels):
    path = edited(tmp_path, 'levels = ["full"]', f"levels = {levels}")
    said = refusal(path)
    number = 1 + path.read_text().splitlines().index(f"levels = {levels}")
    assert f"line {number}: arm 'M:glyphs' takes part at levels" in said
    assert "quick, default, full" in said


def test_sections_that_are_no_tables(tmp_path):
    text = DIGITS.split("[[arms]]")[0]
    path = tmp_path / "mine.toml"
    path.write_text("arms = 3\n" + text)
    assert "lacks its section [[arms]]" in refusal(path)
    path.write_text(DIGITS.replace("schema = 1", "schema = 1\nlevels.quick = 3").split("[levels.quick]")[0])
    assert "line 4: level 'quick' must be a table" in refusal(path)


def test_the_line_of_an_arm_that_has_a_namesake_at_another_level(tmp_path):
    path = edited(tmp_path, 'id = "C"', 'id = "M:glyphs"\nlevels = ["quick"]')
    lines = path.read_text().splitlines()
    number = [at for at, text in enumerate(lines) if text == 'id = "M:glyphs"'][1] + 1  # the line after it, from 0
    lines[number] = 'role = "Q"'
    path.write_text("\n".join(lines))
    assert f"line {number + 1}: arm 'M:glyphs' has role 'Q'" in refusal(path, level="full")


def test_arms_have_options_and_frozen_ones_search_what_their_adaptation_says(tmp_path):
    own = DIGITS.replace('adaptation = "linear_probe"', 'adaptation = "knn"', 1)
    own = own.replace('label = "glyphs, fine-tuned"', 'label = "glyphs, LoRA"\noptions = { rank = 4 }')
    path = tmp_path / "mine.toml"
    path.write_text(own.replace("grids = { lr", "grids = { k = [1, 3, 10], lr"), encoding="utf-8")
    suite = load_suite(path)
    assert [arm.search for arm in suite.arms] == ["lr", "lr", "k", "lr", "penalty", "penalty"]
    assert suite.arms[1].options == {"rank": 4}
    assert Suite.from_json(suite.to_json()) == suite
    path.write_text(own, encoding="utf-8")
    assert "grids lacks 'k'" in refusal(path)
