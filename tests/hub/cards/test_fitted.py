import dataclasses

import pytest

from zoo.hub.cards.base import Base, base_of
from zoo.hub.cards.checking import check_card
from zoo.hub.cards.fitted import fitted_card
from zoo.hub.licences import Licence, licence_of


def card(exported, base=None, **more):
    base = base_of(exported) if base is None else base
    return fitted_card(exported, base, licence_of(base.licence, base_name=base.name), "me/pets", **more)


def test_it_says_what_was_stored(exported):
    text = card(exported)
    check_card(text)
    for said in (
        "# pets", "Image classification into 2 classes, taught by pets", "resnet18",
        "`full` from pre-trained weights of",
        "| balanced accuracy | 91.2 % | 88.0 % to 94.0 % |", "| log loss | 0.25 nats |",
        "On 100 test samples, read once",
        "`cat`, `dog`", "- a note", "3 samples stand in two parts", "| steps | 200 |", "a" * 64, "b" * 64,
        'zoo.load_model("hf-hub:me/pets")', "Weights: apache-2.0", "on 40 labels", "no benchmark was given",
    ):  # fmt: skip
        assert said in text, said
    assert "cpu" not in text


def test_from_scratch_no_base_is_claimed(exported, fitted):
    text = card(dataclasses.replace(exported, fitted={**fitted, "start": "from scratch"}), Base())
    assert "base_model" not in text
    assert "trained from scratch" in text
    assert "pre-trained weights" not in text
    assert "Nobody has said a licence" in text


def test_a_beginning_that_nobody_wrote_down_is_said(exported, fitted):
    assert "not written down" in card(dataclasses.replace(exported, fitted={**fitted, "start": ""}))


def test_evidence_is_a_section_of_its_own(exported):
    text = card(exported, evidence="It helps.")
    assert "## Evidence: pre-trained against from scratch\n\nIt helps.\n" in text
    assert "no benchmark was given" not in text


def test_without_a_test_part(exported, fitted):
    scores = {name: fitted["scores"][name] for name in ("metric", "labels", "test_items", "validation_items")}
    text = card(dataclasses.replace(exported, fitted={**fitted, "scores": scores}))
    assert "test part was empty" in text
    assert "model-index" not in text


@pytest.mark.parametrize(("classes", "said"), [([], "One number"), ([f"c{n}" for n in range(60)], "and 20 more")])
def test_what_it_answers(exported, fitted, classes, said):
    kind = "text_regression" if not classes else "image_classification"
    changed = {**fitted, "classes": classes, "task": {**fitted["task"], "kind": kind}}
    assert said in fitted_card(dataclasses.replace(exported, fitted=changed), Base(), Licence("mit"), "me/pets")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("text_classification", 'model.predict(["A cat runs far."])'),
        ("text_pair_regression", 'model.predict([("A cat runs far.", "The cat is fast.")])'),
        ("audio_classification", 'model.predict(["clip.wav"])'),
        ("image_multi_label", 'model.predict(["picture.jpg"])'),
    ],
)
def test_how_zoo_is_asked_fits_the_inputs(exported, fitted, kind, said):
    fitted["task"] = fitted["task"] | {"kind": kind}
    card = fitted_card(dataclasses.replace(exported, fitted=fitted), Base(), Licence("mit"), "me/pets")
    assert said in card


def test_a_score_that_is_no_number_is_not_shown(exported, fitted):
    fitted["scores"] = fitted["scores"] | {"balanced_accuracy": float("nan"), "log_loss": float("inf")}
    card = fitted_card(dataclasses.replace(exported, fitted=fitted), Base(), Licence("mit"), "me/pets")
    assert "The balanced accuracy of the 100 test samples is no finite number." in card
    assert "nan" not in card


@pytest.mark.parametrize("last", ["None", "nan", "TODO", "![x](https://example.org/x.png)", "a|b<c>`d`", "x" * 5000])
def test_classes_are_called_as_they_are(exported, fitted, last):
    changed = {**fitted, "classes": ["Defect", last]}
    text = fitted_card(dataclasses.replace(exported, fitted=changed), Base(), Licence("mit"), "me/pets")
    check_card(text)
    assert f"order: `Defect`, `{last.replace('`', chr(39))[:100]}" in text
    assert len(text) < 10_000
