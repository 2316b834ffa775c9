import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.data.lines import Lines, cut_at, cut_texts, pieces, some_texts, text_lines
from zoo.errors import DataError


def write(folder, *contents):
    files = []
    for at, content in enumerate(contents):
        files.append(folder / f"{at}.txt")
        files[-1].write_bytes(content)
    return files


def test_lines_of_several_files_in_order(tmp_path):
    files = write(tmp_path, b"one\r\n\n  two \n", b"", b"\xef\xbb\xbfthree\nno end")
    lines = Lines(files)
    assert list(lines) == ["one", "two", "three", "no end"]
    assert lines.blank == 1
    assert lines.origin(2) == f"{files[2]} from byte 3"
    assert lines.longest == 6


def test_long_lines_come_in_pieces_that_lose_nothing(tmp_path):
    text = " ".join(f"word{index}" for index in range(200))
    lines = Lines(write(tmp_path, f"short\n{text}\nlast\n".encode()), most=50)
    assert lines[0] == "short"
    assert lines[len(lines) - 1] == "last"
    middle = [lines[index] for index in range(1, len(lines) - 1)]
    assert " ".join(middle) == text
    assert max(len(one) for one in middle) <= 50
    assert lines.cut == len(middle) - 1


def test_a_line_that_just_fits_is_not_cut(tmp_path):
    lines = Lines(write(tmp_path, b"a" * 10 + b"\n" + b"b" * 10 + b"\r\nc\n"), most=11)
    assert list(lines) == ["a" * 10, "b" * 10, "c"]
    assert lines.cut == 0


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="a bé字\n", max_size=120), st.integers(4, 20))
def test_the_same_as_a_slow_rewrite(tmp_path_factory, text, most):
    path = tmp_path_factory.mktemp("lines") / "a.txt"
    path.write_bytes(text.encode())
    lines = Lines([path], most=most)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(len(one.encode()) <= most and one == one.strip() for one in lines)
    wanted = []
    for line in text.split("\n"):
        data = line.encode()
        while len(data) > most:
            place = cut_at(data, most)
            wanted.append(data[:place].decode().strip())
            data = data[place:]
        wanted.append(data.decode().strip())
    assert list(lines) == [one for one in wanted if one]


def test_what_is_not_utf8_is_told_when_it_is_read(tmp_path):
    lines = Lines(write(tmp_path, b"fine\n\xff\xfe\n"))
    assert lines[0] == "fine"
    with pytest.raises(DataError, match="not UTF-8"):
        lines[1]
    assert some_texts(lines) == ["fine"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_cannot_be_read(tmp_path):
    (file,) = write(tmp_path, b"x")
    file.chmod(0)
    with pytest.raises(DataError, match="cannot be read"):
        Lines([file])


def test_a_file_that_went_away(tmp_path):
    (file,) = write(tmp_path, b"x")
    lines = Lines([file])
    file.unlink()
    with pytest.raises(DataError, match="cannot be read"):
        lines[0]
    with pytest.raises(DataError, match="cannot be read"):
        Lines([file])


def test_the_digest_is_of_texts_and_cuts(tmp_path):
    one = Lines(write(tmp_path, b"a b\nc\n"))
    assert one.digest == Lines(write(tmp_path, b"a b\r\n\nc")).digest
    assert one.digest != Lines(write(tmp_path, b"a\nb\nc\n")).digest
    assert one.digest != Lines(write(tmp_path, b"a b\nc\n"), most=2).digest


def test_the_limit_is_asked_for_and_used(tmp_path):
    files = write(tmp_path, b"short\n" + b"word " * 100)
    asked = []

    def most(texts):
        asked.append(texts)
        return 100

    assert max(map(len, text_lines(files, most))) <= 100
    assert asked[0][0] == "short"
    assert len(text_lines(files)) == 2


def test_texts_in_memory():
    assert cut_texts(["one", ""])[1] == ("1 blank texts are left out",)
    assert cut_texts([" "]) == ([], ("1 blank texts are left out",))
    assert pieces("é" * 5, 4) == ["éé", "éé", "é"]
