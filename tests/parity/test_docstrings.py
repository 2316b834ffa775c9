import doctest

from scripts import script

docstrings = script("docstrings")


def test_examples_hold():
    assert doctest.testmod(docstrings).failed == 0


def test_texts_of_a_library(tmp_path, monkeypatch):
    package = tmp_path / "a_small_library"
    (package / "tests").mkdir(parents=True)
    long = "one two three four five six seven eight nine"
    (package / "__init__.py").write_text(f'def first():\n    """{long} numpy."""\n\n\ndef again():\n    """{long}"""\n')
    (package / "short.py").write_text('def few():\n    """Few words."""\n')
    (package / "broken.py").write_text("def (\n")
    (package / "tests" / "test_it.py").write_text(f'def tested():\n    """{long} tested"""\n')
    monkeypatch.syspath_prepend(tmp_path)
    assert docstrings.library_texts("a_small_library") == [long]


def test_text_is_drawn_evenly_and_shared_text_is_left_out(monkeypatch):
    texts = {library: [f"{library} {place}" for place in range(9)] + ["shared"] for library in docstrings.LIBRARIES}
    monkeypatch.setattr(docstrings, "library_texts", texts.__getitem__)
    samples, labels = docstrings.which_library(each=4)
    assert [labels.count(library) for library in docstrings.LIBRARIES] == [4] * 4
    assert "shared" not in samples
    assert all(text.startswith(label) for text, label in zip(samples, labels, strict=True))
    assert docstrings.which_library(each=4) == (samples, labels)
