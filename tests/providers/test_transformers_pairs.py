import pytest
import torch

from zoo.contracts import Padded
from zoo.errors import DataError, IncompatibleError
from zoo.providers.transformers_pairs import check, clip_or_text_preprocess, pair_preprocess, to_context


def texts(samples):
    return Padded(torch.ones(len(samples), 2, dtype=torch.long), torch.ones(len(samples), 2, dtype=torch.bool))


def images(samples):
    return torch.zeros(len(samples), 3, 2, 2)


def test_kinds_of_samples():
    preprocess = pair_preprocess(images, texts)
    both = preprocess([(object(), "a"), (object(), "b")])
    assert (both.vision.shape[0], both.text.values.shape[0]) == (2, 2)
    assert preprocess(["a"]).vision is None
    assert preprocess([object()]).text is None
    for wrong in (["a", object()], "a", [], [("a", object())]):
        with pytest.raises(DataError):
            preprocess(wrong)
    with pytest.raises(DataError, match="clips and texts"):
        clip_or_text_preprocess(texts, texts)(["a", 1])


def test_the_path_of_a_sound_is_a_clip_and_a_string_that_names_none_is_a_text(tmp_path):
    sound = tmp_path / "a.WAV"
    sound.touch()
    preprocess = clip_or_text_preprocess(lambda samples: "clips", lambda samples: "texts")
    assert preprocess([str(sound)]) == preprocess([sound]) == preprocess([0.5]) == "clips"
    assert preprocess(["a dog barks"]) == preprocess([str(tmp_path / "b.wav")]) == "texts"
    with pytest.raises(DataError, match="clips and texts"):
        preprocess([str(sound), "a dog barks"])


def test_texts_fill_the_context():
    found = to_context(texts, 5, 9)(["a"])
    assert found.values.tolist() == [[1, 1, 9, 9, 9]]
    assert found.mask.sum() == 2


def test_refusals_say_why():
    with pytest.raises(IncompatibleError, match="videos"):
        check("videoprism")
