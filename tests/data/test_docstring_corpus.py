import numpy as np

from zoo.data.docstring_corpus import corpus, filtered
from zoo.data.docstring_names import NAMES
from zoo.data.docstring_tasks import text_task
from zoo.data.docstrings import Docstring, Docstrings

OWN = "A text that nobody has written before, about whales and their songs in winter."


def made(*texts):
    return filtered(Docstrings(tuple(Docstring(*text) for text in texts), {"made": "1"}))


def test_texts_of_the_tasks_are_left_out_train_and_test():
    for name in ("docstring_areas", "scipy_packages", "parameter_types"):
        task = text_task(name)
        texts = [task.samples[index] for index in (0, len(task) - 1)]
        assert [task.parts[index] for index in (0, len(task) - 1)] == ["train", "test"]
        for text in texts:
            found = made(("other", "other.a", f"{OWN}\n\n{text}"), ("other", "other.b", f"Before. {text} After."))
            assert found.documents == ((OWN,),)
            assert found.removed == 2


def test_names_within_a_text_do_not_hide_it():
    task = text_task("docstring_areas")
    words = task.samples[0].split()
    original = " ".join([*words[:4], "asyncio", *words[4:]])
    assert "asyncio" in NAMES["python"]
    assert made(("python", "m", original)).documents == ()
    assert made(("python", "m", original)).removed == 1


def test_modules_of_test_texts_are_left_out_whole():
    task = text_task("scipy_packages")
    train, test = (set(task.groups[task.parts == part].tolist()) for part in ("train", "test"))
    places = [sorted(part)[0].split("/") for part in (train, test)]
    found = made(*((*place, f"{OWN} {place[1]} it is") for place in places))
    assert len(found.documents) == 1
    assert places[0][1] in found.documents[0][0]
    assert found.modules_out == 1
    assert "1 modules of test texts are left out" in found.leakage


def test_paragraphs_come_once():
    assert made(("a", "a", OWN), ("b", "b", f"{OWN.upper()}\n\n{OWN[::-1]}")).documents == ((OWN,), (OWN[::-1],))
    assert made(("a", "a", OWN)).digest != made(("a", "a", OWN + " More.")).digest


def test_the_corpus_of_a_package():
    found = corpus(("packaging",))
    assert found is corpus(("packaging",))
    assert list(found.versions) == ["packaging"]
    assert np.mean([len(document) for document in found.documents]) > 1
