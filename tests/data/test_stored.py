import random
import threading

import pytest

from zoo.data import stored
from zoo.data.lines import cut_texts
from zoo.data.stored import Cells, Pieces, Store
from zoo.errors import DataError


def test_cells_come_back_as_they_were_by_any_thread():
    rng = random.Random(0)
    kept = [rng.choice(["é" * rng.randint(1, 9), bytes(rng.randint(1, 9)), None, "\ud800"]) for _ in range(300)]
    store = Store()
    cells = Cells(store)
    for cell in kept:
        cells.add(cell, "a cell")
    store.close_writing()
    assert list(cells) == kept
    cells.add("more", "a cell")  # after some were read
    kept.append("more")
    assert list(cells) == kept
    assert cells.filled.tolist() == [cell is not None for cell in kept]
    wrong = []

    def read(seed):
        for index in random.Random(seed).choices(range(301), k=300):
            wrong.extend([index] if cells[index] != kept[index] else [])

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_what_wraps_bytes_and_what_is_blank():
    cells = Cells(Store())
    assert cells.filled.tolist() == []
    given = [{"bytes": b"a", "path": "b.png"}, {"bytes": None, "path": "c.png"}, {"bytes": None, "path": None}, " \n"]
    for cell in given:
        cells.add(cell, "a cell")
    assert list(cells) == [{"bytes": b"a", "path": None}, {"bytes": None, "path": "c.png"}, None, None]
    with pytest.raises(DataError, match="row 3 must hold a text, received int"):
        cells.add(3, "row 3")


def test_a_full_disk_is_told(monkeypatch):
    class Full:
        def write(self, data):
            raise OSError(28, "No space left on device")

        def flush(self):
            self.write(b"")

        def close(self):
            self.flush()

    monkeypatch.setattr(stored.tempfile, "TemporaryFile", lambda **_: Full())
    with pytest.raises(DataError, match=r"No space left on device\)\. Fix: free space there, or set TMPDIR"):
        Store().add(b"x")
    with pytest.raises(DataError, match="TMPDIR"):
        Store().close_writing()


def test_no_place_for_a_file(monkeypatch):
    def none(**_):
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(stored.tempfile, "TemporaryFile", none)
    with pytest.raises(DataError, match=r"No usable temporary directory found\)\. Fix: set TMPDIR"):
        Store()


def test_pieces_are_those_of_texts_in_memory():
    rng = random.Random(1)
    texts = ["".join(rng.choices("ab é\u3000\n日", k=rng.randint(1, 80))) + "x" for _ in range(300)]
    made, (plain, notes) = Pieces(texts, lambda some: 12), cut_texts(texts, lambda some: 12)
    assert list(made) == plain
    assert made.notes == notes
    assert list(Pieces(texts)) == [text.strip() for text in texts]
    assert len(Pieces([], lambda some: 12)) == 0
