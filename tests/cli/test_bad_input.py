"""Input as people have it: each is read, or refused in one paragraph that says what to do, by Python as by command."""

import csv

import numpy as np
import pytest
from PIL import Image
from running import run
from small_data import backbone_for, labels_for, samples_for, sound

import zoo

PHOTOS = "pocket/resnet10.glyphs"


def image(path, kind=0, mode="L"):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(len(path.stem)).integers(0, 60, (12, 12, 3)) + 150 * kind
    Image.fromarray(pixels.astype(np.uint8)).convert(mode).save(path)


def folder(root, counts, ending="png"):
    for kind, (name, count) in enumerate(counts.items()):
        for index in range(count):
            image(root / name / f"{index}.{ending}", kind % 2)
    return root


def table(path, rows, head=("review", "stars")):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([head, *rows])
    return path


def rows(tmp_path):
    return list(zip(samples_for("text", 24, tmp_path / "x"), labels_for("classification", 24), strict=True))


def broken(tmp_path):
    root = folder(tmp_path / "photos", {"a": 10, "b": 10})
    (root / "a" / "3.png").write_text("no image")
    return root


def numbered(at, number):
    return table(at / "a.csv", [(text, number(place)) for place, (text, _) in enumerate(rows(at))])


CASES = {  # what it is: how it is made, options, and what is said
    "one class": (lambda at: folder(at / "one class", {"only": 6}), {}, "needs at least 2"),
    "a class of one sample": (
        lambda at: folder(at / "photos", {"a": 9, "b": 9, "rare": 1}),
        {},
        "class 'rare' of photos has 1 sample; at least 3",
    ),
    "no labels": (lambda at: folder(at / "bare", {".": 4}), {}, "holds images and no labels"),
    "nothing": (lambda at: (at / "empty").mkdir() or at / "empty", {}, "nothing that zoo reads as data"),
    "an unreadable image": (broken, {}, r"1 of 20 samples of photos cannot be read \(5 %\): .*3\.png"),
    "too many unreadable images": (broken, {"bad_samples": "cap 1%"}, "more than the 1 % that are allowed"),
    "no policy": (broken, {"bad_samples": "ignore"}, "'ignore' is no policy for bad samples"),
    "labels above the class": (
        lambda at: folder(at / "photos", {"a": 9, "b": 9}),
        {"labels": 50},
        "a budget of 50 labels a class",
    ),
    "an empty label": (
        lambda at: table(at / "a.csv", [*rows(at), ("a cat", "")]),
        {},
        "1 of 25 labels are empty.*row 24",
    ),
    "NaN for a number": (
        lambda at: numbered(at, lambda place: "nan" if place == 7 else place / 3),
        {"answer": "regression"},
        r"row 7 of .*a\.csv, holds 'nan', which is no finite number",
    ),
    "classes or quantities": (
        lambda at: numbered(at, lambda place: place % 5 + 0.5),
        {},
        "which may be classes or quantities",
    ),
    "one class in a table": (lambda at: numbered(at, lambda place: "x"), {}, "has one class only, 'x'"),
    "an unknown role": (
        lambda at: table(at / "a.csv", rows(at)),
        {"roles": {"txt": "review"}},
        "unknown role 'txt'. Nearest: text",
    ),
    "an unknown column": (
        lambda at: table(at / "a.csv", rows(at)),
        {"roles": {"text": "rview"}},
        "unknown column 'rview'. Nearest: review",
    ),
    "texts for a backbone of images": (
        lambda at: table(at / "a.csv", rows(at)),
        {},
        "is a backbone for vision, and text_classification is for text",
    ),
    "a text file": (lambda at: table(at / "a.txt", []), {}, r"a\.txt is no table that zoo reads"),
    "a path that is none": (lambda at: at / "nowhere", {}, "unknown data set .*nowhere"),
}


@pytest.mark.parametrize("case", CASES)
def test_refused_in_one_paragraph(case, tmp_path, capsys):
    make, options, message = CASES[case]
    source = make(tmp_path)
    labels = options.get("labels")
    settings = {name: value for name, value in options.items() if name != "labels"}
    with pytest.raises(zoo.ZooError, match=f"(?s){message}"):
        zoo.finetune(PHOTOS, source, labels_per_class=labels, quiet=True, out=tmp_path / "out", **settings)
    assert not list((tmp_path / "out").iterdir())  # nothing is half written
    words = []
    for name, value in options.items():
        pairs = [f"{role}={column}" for role, column in value.items()] if name == "roles" else [str(value)]
        words += [word for pair in pairs for word in (f"--{name.rstrip('s') if name == 'roles' else name}", pair)]
    words = [word.replace("_", "-") if word.startswith("--") else word for word in words]
    code, _, err = run(capsys, "finetune", PHOTOS, str(source), *words)
    assert code == 2
    assert err.startswith("zoo finetune: ")
    assert err.count("\n") == 1
    assert any(word in err for word in ("Fix:", "Nearest:", "Give a known name", "Expected layout:"))


@pytest.mark.parametrize("policy", ["skip", "cap 10%"])
def test_samples_that_cannot_be_read_are_left_out_where_that_is_asked_for(policy, tmp_path, capsys):
    code, out, _ = run(
        capsys, "finetune", PHOTOS, str(broken(tmp_path)), "--method", "linear_probe", "--bad-samples", policy,
        "--out", str(tmp_path / "out"),
    )  # fmt: skip
    assert code == 0
    assert "1 of 20 samples of photos cannot be read and left out" in out
    scores = zoo.load_model(tmp_path / "out").spec.scores
    assert scores["labels"] + scores["validation_items"] + scores["test_items"] == 19


def test_pictures_of_every_kind(tmp_path):
    """Animations, CMYK, 16 bits a channel, palettes and transparency beside plain grey ones."""
    root = folder(tmp_path / "photos", {"dark": 6, "bright": 6})
    frames = [Image.new("RGB", (12, 12), (90 * at, 0, 0)) for at in range(3)]
    frames[0].save(root / "dark" / "film.gif", save_all=True, append_images=frames[1:])
    Image.new("CMYK", (12, 12), (10, 10, 10, 0)).save(root / "bright" / "print.jpg")
    deep = np.random.default_rng(0).integers(30_000, 65_535, (12, 12), dtype=np.uint16)
    Image.fromarray(deep).save(root / "bright" / "deep.png")
    Image.new("RGBA", (12, 12), (10, 20, 30, 40)).save(root / "dark" / "glass.png")
    Image.new("P", (12, 12), 3).save(root / "dark" / "palette.png")
    model = zoo.finetune(PHOTOS, root, method="linear_probe", quiet=True)
    odd = ["dark/film.gif", "bright/print.jpg", "bright/deep.png", "dark/glass.png", "dark/palette.png"]
    assert len(model.predict([root / name for name in odd])) == 5


def test_sounds_of_two_rates_and_channels(tmp_path):
    """44.1 kHz in stereo beside 16 kHz in mono: the same tone gives nearly the same features."""
    backbone = backbone_for("audio", tmp_path / "repository")
    for kind, name in enumerate(("low", "high")):
        (tmp_path / "sounds" / name).mkdir(parents=True)
        for index in range(8):
            tone, place = 300 + 900 * kind + index, tmp_path / "sounds" / name / f"{index}.wav"
            other = {"rate": 44_100, "channels": 2, "length": 6000 + index} if index % 2 else {"length": 2200 + index}
            sound(place, tone=tone, **other)
    model = zoo.finetune(backbone, tmp_path / "sounds", method="linear_probe", device="cpu", quiet=True)
    sound(tmp_path / "a.wav", length=16_000)
    sound(tmp_path / "b.wav", length=44_100, rate=44_100, channels=2)
    here, there = model.outputs([str(tmp_path / "a.wav"), str(tmp_path / "b.wav")])
    assert (here - there).norm() < 0.05 * here.norm()


def test_paths_with_spaces_and_accents(tmp_path, capsys):
    root = folder(tmp_path / "fotos été 照片", {"klasse eins": 8, "ключ": 8})
    out, answers = tmp_path / "mein modell", tmp_path / "antworten é.csv"
    code, said, _ = run(capsys, "finetune", PHOTOS, str(root), "--method", "linear_probe", "--out", str(out))
    assert code == 0
    assert f"`zoo predict '{out}' FILES`" in said
    code, _, _ = run(capsys, "predict", str(out), str(root), "--out", str(answers))
    assert code == 0
    with answers.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert {row["prediction"] for row in found} == {"klasse eins", "ключ"}
    assert len(found) == 16


def test_empty_texts_are_told(tmp_path, capsys):
    backbone_for("text", tmp_path / "repository")
    source = table(tmp_path / "a.csv", [*rows(tmp_path), ("", "low"), ("  ", "high")])
    code, out, _ = run(capsys, "finetune", str(tmp_path / "repository"), str(source), "--method", "linear_probe")
    assert code == 0
    assert "2 of 26 texts are empty" in out


def test_a_model_that_exists_is_left_as_it_is(photos, tmp_path, capsys):
    arguments = ("finetune", PHOTOS, str(photos), "--method", "linear_probe", "--out", str(tmp_path / "out"))
    assert run(capsys, *arguments)[0] == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    code, _, err = run(capsys, *arguments)
    assert code == 2
    assert "holds a fitted model already, and it is left as it is. Fix: choose another --out" in err
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
