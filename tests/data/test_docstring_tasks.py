import collections
import re
import shutil

import numpy as np
import pytest

from zoo.data import docstring_tasks
from zoo.data.docstring_names import NAMES
from zoo.data.docstring_tasks import DIGESTS, FILES, text_task
from zoo.data.docstring_texts import plain, runs, runs_of
from zoo.data.images import DATASETS
from zoo.data.sources import read_data
from zoo.errors import DataError

TASKS = {"docstring_areas": 8, "scipy_packages": 6, "parameter_types": 6}


@pytest.mark.parametrize(("name", "classes"), TASKS.items())
class TestEveryTask:
    def test_is_registered_and_fixed(self, name, classes):
        data = read_data(name)
        assert data.digest == DIGESTS[name] == DATASETS.get(name)().digest
        assert (data.inputs, data.answer, len(data.classes)) == ("text", "classification", classes)
        assert data.targets.dtype == np.int64

    def test_parts_are_large_enough(self, name, classes):
        data = text_task(name)
        counts = {part: np.bincount(data.targets[data.parts == part]) for part in ("train", "test")}
        assert counts["train"].min() >= 54
        assert counts["test"].min() >= 47
        assert 400 <= counts["test"].sum() <= 800

    def test_train_and_test_share_no_module_and_no_eight_words(self, name, classes):
        data = text_task(name)
        train, test = data.parts == "train", data.parts == "test"
        assert not set(data.groups[train]) & set(data.groups[test])
        copied = runs_of(text for text, chosen in zip(data.samples, test, strict=True) if chosen)
        assert not any(runs(text) & copied for text, chosen in zip(data.samples, train, strict=True) if chosen)

    def test_texts_come_once_and_have_eight_words(self, name, classes):
        texts = [plain(text) for text in text_task(name).samples]
        assert collections.Counter(texts).most_common(1)[0][1] == 1
        assert min(len(text.split()) for text in texts) >= 8

    def test_no_label_stands_in_its_text(self, name, classes):
        package = {"docstring_areas": "python", "scipy_packages": "scipy"}.get(name)
        if package is None:  # descriptions may say "array": that is what tells the type
            return
        words = re.compile(rf"\b({'|'.join(map(re.escape, NAMES[package]))})\b", re.IGNORECASE)
        assert not [text for text in text_task(name).samples if words.search(text)]


def test_another_file_is_refused(tmp_path):
    shutil.copy(FILES / "docstring_areas.jsonl.gz", tmp_path)
    with (tmp_path / "docstring_areas.jsonl.gz").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(DataError, match=r"was changed: its SHA-256 is .* Fix: install zoo again"):
        text_task("docstring_areas", tmp_path)
    with pytest.raises(DataError, match="cannot be read"):
        text_task("scipy_packages", tmp_path)


def test_all_files_are_small_and_come_with_their_licences():
    assert sum(file.stat().st_size for file in FILES.glob("*.gz")) < 2e6
    notice = (FILES / "NOTICE").read_text(encoding="utf-8")
    for name in ("SciPy", "NumPy", "scikit-learn", "pandas", "NetworkX", "PYTHON SOFTWARE FOUNDATION LICENSE"):
        assert name in notice
    assert all(f"{name}.jsonl.gz" in notice for name in DIGESTS)
    assert docstring_tasks.docstring_areas().notes[0].startswith("docstring_areas: fixed texts from")
