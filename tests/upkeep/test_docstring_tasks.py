import collections

from zoo.data import docstring_tasks as shipped
from zoo.data.docstring_texts import plain, runs, runs_of
from zoo.data.docstrings import Docstring, Docstrings
from zoo.upkeep import docstring_tasks as making
from zoo.upkeep.docstring_tasks import Item, parts_of

SENTENCE = "Item {} of {} stands here with enough words of its own to be taken as a text number {}."


def items(count=60, modules=20):
    words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"]
    for index in range(count):
        text = " ".join(words[(index * 7 + place * (index % 9 + 1)) % 10] + "x" * (index // 10) for place in range(12))
        yield Item(text, "ab"[index % 2], f"p/m{index % modules}")


def test_parts_share_neither_modules_nor_eight_words():
    parts = parts_of(items(), 5)
    assert not {item.group for item in parts["train"]} & {item.group for item in parts["test"]}
    copied = runs_of(item.text for item in parts["test"])
    assert not any(runs(item.text) & copied for item in parts["train"])
    assert max(collections.Counter(item.label for item in parts["test"]).values()) <= 5
    assert parts == parts_of(reversed(list(items())), 5)  # the order in which files are read does not matter


def test_texts_of_two_labels_or_few_words_are_left_out():
    text = "one two three four five six seven eight nine"
    both = [Item(text, "a", "p/m0"), Item(text.upper(), "b", "p/m1"), Item("only three words", "a", "p/m2")]
    assert parts_of(both, 5) == {"train": [], "test": []}


def test_each_task_reads_its_own_packages():
    prose = "Open the {} file of the user and give back what stands in it, line by line."
    described = "Add.\n\nParameters\n----------\nx : int, optional\n    How many of the rows to take at once.\n"
    texts = [
        Docstring("python", "json.decoder", prose.format("json")),
        Docstring("python", "this", prose),
        Docstring("scipy", "scipy.stats._a", prose),
        Docstring("scipy", "scipy.io._b", described),
        Docstring("torch", "torch.a", described),
    ]
    [area] = making.areas(texts)
    assert (area.label, area.group) == ("text and markup", "python/json.decoder")
    assert area.text == plain(area.text).replace("open", "Open").replace("it line", "it, line") + "."
    assert [item.label for item in making.scipy_packages(texts)] == ["stats"]
    assert [(item.label, item.group) for item in making.parameter_types(texts)] == [("int", "scipy/scipy.io._b")]


def test_a_file_is_the_same_bytes_and_is_read_back(tmp_path, monkeypatch):
    parts = parts_of(items(), 5)
    digest = making.write("docstring_areas", parts, {"python": "3.0"}, tmp_path)
    first = (tmp_path / "docstring_areas.jsonl.gz").read_bytes()
    assert making.write("docstring_areas", parts, {"python": "3.0"}, tmp_path) == digest
    assert (tmp_path / "docstring_areas.jsonl.gz").read_bytes() == first
    monkeypatch.setitem(shipped.DIGESTS, "docstring_areas", digest)
    data = shipped.text_task("docstring_areas", tmp_path)
    assert data.samples == [item.text for part in parts.values() for item in part]
    assert data.classes == ("a", "b")
    assert "python 3.0" in data.notes[0]


def test_all_three_are_made(tmp_path, capsys):
    found = Docstrings((), {"python": "3.0", "scipy": "1"})
    assert set(making.make(found, tmp_path)) == set(shipped.DIGESTS)
    assert "docstring_areas train: 0 texts" in capsys.readouterr().out
