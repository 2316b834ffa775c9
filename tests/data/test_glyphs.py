from __future__ import annotations

import hashlib
import sys
import unicodedata
from dataclasses import fields

import numpy as np
import pytest
from PIL import ImageFont

from zoo.data import glyphs as module
from zoo.data.glyphs import FONTS, GlyphSet, draw_glyph, included, render_glyphs
from zoo.errors import DataError, MissingDependency


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("glyphs") / "new folder" / "glyphs.npz"


@pytest.fixture(scope="module")
def glyphs(cache) -> GlyphSet:
    return render_glyphs(cache)


class TestTheSet:
    def test_counts_are_those_of_the_trial(self, glyphs):
        """3,218 classes and 18,943 bitmaps with FreeType 2.14, Unicode 14 and matplotlib 3.11's fonts."""
        assert 3150 <= glyphs.classes <= 3300
        assert 18_600 <= len(glyphs.images) <= 19_300
        assert 0 <= glyphs.skipped < 100
        assert set(glyphs.fonts.tolist()) == set(range(len(FONTS)))

    def test_shapes_and_types(self, glyphs):
        count = len(glyphs.images)
        assert glyphs.images.shape == (count, 40, 40)
        assert glyphs.images.dtype == np.uint8
        for array in (glyphs.labels, glyphs.code_points, glyphs.fonts):
            assert array.shape == (count,)
            assert array.dtype == np.int64
        assert np.array_equal(np.unique(glyphs.labels), np.arange(glyphs.classes))
        assert glyphs.digest == hashlib.sha256(glyphs.images.tobytes() + glyphs.labels.tobytes()).hexdigest()

    def test_glyphs_keep_to_a_centred_box_and_mostly_fill_it(self, glyphs):
        assert not glyphs.images[:, :4].any()
        assert not glyphs.images[:, -4:].any()
        assert not glyphs.images[:, :, :4].any()
        assert not glyphs.images[:, :, -4:].any()
        tall, wide = glyphs.images.any(2).sum(1), glyphs.images.any(1).sum(1)
        assert (np.maximum(tall, wide) >= 26).mean() > 0.85

    def test_nothing_of_the_downstream_tasks_is_in(self, glyphs):
        for code_point in np.unique(glyphs.code_points).tolist():
            character = chr(code_point)
            name = unicodedata.name(character, "")
            assert not any(script in name for script in ("GEORGIAN", "ARMENIAN", "TIFINAGH")), name
            assert "DIGIT" not in name, name
            for part in unicodedata.normalize("NFKD", character):
                assert unicodedata.numeric(part, None) is None, name
                assert unicodedata.category(part)[0] != "N", name

    def test_other_exclusions_hold(self, glyphs):
        for code_point in np.unique(glyphs.code_points).tolist():
            assert not unicodedata.decomposition(chr(code_point)), hex(code_point)
            assert unicodedata.category(chr(code_point)) not in ("Co", "Cn", "Cc", "Zs"), hex(code_point)
            block = unicodedata.name(chr(code_point), "").split(" ")
            assert block[0] != "BRAILLE"
            assert block[:2] != ["BOX", "DRAWINGS"]
            assert block[0] != "HEXAGRAM"


class TestLabels:
    def test_one_code_point_is_one_class_in_all_fonts(self, glyphs):
        pairs = set(zip(glyphs.code_points.tolist(), glyphs.labels.tolist(), strict=True))
        assert len(pairs) == len(np.unique(glyphs.code_points))

    def test_look_alikes_are_merged_and_others_are_not(self, glyphs):
        label = dict(zip(glyphs.code_points.tolist(), glyphs.labels.tolist(), strict=True))
        assert label[ord("A")] == label[0x391] == label[0x410]  # Latin, Greek, Cyrillic
        assert len({label[ord(letter)] for letter in "abcdefghijkmnopqrstuvwxyzABDEFGHJKLMNPQRTUY"}) == 43
        assert glyphs.classes < len(np.unique(glyphs.code_points))

    def test_merging_matches_a_slow_rewrite(self, glyphs):
        rows = np.flatnonzero(
            np.isin(glyphs.code_points, [*range(0x41, 0x7B), *range(0x391, 0x3CA), *range(0x410, 0x450)])
        )
        images, points = glyphs.images[rows], glyphs.code_points[rows]
        half: dict[int, list[int]] = {}
        for image, point in zip(images.astype(int), points.tolist(), strict=True):
            cells = [int(image[i : i + 2, j : j + 2].sum()) for i in range(0, 40, 2) for j in range(0, 40, 2)]
            half.setdefault(point, cells)
        groups: dict[int, int] = {}
        for point in sorted(half):
            groups[point] = point
            for earlier in sorted(groups)[:-1]:
                a, b = half[point], half[earlier]
                distance = sum((p - q) ** 2 for p, q in zip(a, b, strict=True))
                if 25 * distance < min(sum(p * p for p in a), sum(q * q for q in b)):
                    groups[point] = groups[earlier]
                    break
        order = {group: index for index, group in enumerate(sorted(set(groups.values())))}
        expected = [order[groups[point]] for point in points.tolist()]
        assert module._merge(images, points).tolist() == expected

    def test_a_glyph_is_recognised_in_a_font_not_seen(self, glyphs):
        """Nearest class mean of the other fonts, on DejaVu Serif: chance is 0.03 %."""
        test = glyphs.fonts == FONTS.index("DejaVuSerif")
        known = np.unique(glyphs.labels[~test])
        small = glyphs.images.reshape(-1, 20, 2, 20, 2).mean((2, 4)).reshape(-1, 400).astype(np.float32)
        means = np.stack([small[~test & (glyphs.labels == label)].mean(0) for label in known])
        rows = np.flatnonzero(test & np.isin(glyphs.labels, known))[::5]
        distances = (means**2).sum(1) - 2 * small[rows] @ means.T
        assert (known[distances.argmin(1)] == glyphs.labels[rows]).mean() > 0.4


class TestDrawing:
    def test_blank_and_tiny_glyphs_give_none(self):
        font = ImageFont.load_default(40)
        assert draw_glyph(font, " ") is None
        assert draw_glyph(ImageFont.load_default(4), ".") is None

    @pytest.mark.parametrize("character", [*"aZ!+→☺Жلנ", "ƻ"])
    def test_included(self, character):
        assert included(ord(character))

    @pytest.mark.parametrize("character", [*"07²½Ⅷ①٣三გԱⵣéﬁ𝐀⠿─䷀ ", "\ue000", "\n", "\x7f", "֎"])
    def test_left_out(self, character):
        assert not included(ord(character))


class TestCacheAndErrors:
    def test_two_renders_and_the_cache_agree(self, glyphs, cache, monkeypatch):
        again = render_glyphs()
        assert again.digest == glyphs.digest
        monkeypatch.setattr(module, "_render", lambda: pytest.fail("the cache was not used"))
        cached = render_glyphs(cache)
        for field in fields(GlyphSet):
            assert np.array_equal(getattr(cached, field.name), getattr(glyphs, field.name)), field.name
        assert [file.name for file in cache.parent.iterdir()] == ["glyphs.npz"]  # nothing half-written stays

    def test_a_cache_of_other_versions_is_drawn_again(self, glyphs, tmp_path, monkeypatch):
        path = tmp_path / "glyphs.npz"
        module._write(path, glyphs, "rules=0")
        monkeypatch.setattr(module, "_render", lambda: glyphs)
        assert render_glyphs(path).digest == glyphs.digest
        with np.load(path, allow_pickle=False) as stored:
            assert str(stored["made_by"]) == module._versions()

    @pytest.mark.parametrize("damage", [b"", b"not a zip", b"PK\x03\x04 cut off"])
    def test_a_damaged_cache_is_named(self, tmp_path, damage):
        path = tmp_path / "glyphs.npz"
        path.write_bytes(damage)
        with pytest.raises(DataError, match=r"glyphs\.npz cannot be read.*delete it"):
            render_glyphs(path)

    def test_flipped_bytes_are_noticed(self, glyphs, cache, tmp_path):
        data = bytearray(cache.read_bytes())
        data[len(data) // 4 : len(data) // 4 + 16] = bytes(16)
        path = tmp_path / "glyphs.npz"
        path.write_bytes(data)
        with pytest.raises(DataError, match="cannot be read"):
            render_glyphs(path)

    def test_a_failed_write_leaves_the_old_cache(self, glyphs, tmp_path, monkeypatch):
        path = tmp_path / "glyphs.npz"
        path.write_bytes(b"old")

        def fail(*args, **options):
            raise OSError("disk full")

        monkeypatch.setattr(np, "savez_compressed", fail)
        with pytest.raises(OSError, match="disk full"):
            module._write(path, glyphs, "x")
        assert path.read_bytes() == b"old"
        assert list(tmp_path.iterdir()) == [path]

    def test_without_matplotlib_the_message_says_what_to_install(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        with pytest.raises(MissingDependency, match=r"matplotlib's fonts.*\[report\]"):
            render_glyphs()

    def test_a_missing_font_is_named(self, tmp_path, monkeypatch):
        import matplotlib

        monkeypatch.setattr(matplotlib, "get_data_path", lambda: str(tmp_path))
        with pytest.raises(DataError, match=r"without DejaVuSans\.ttf"):
            render_glyphs()
