import numpy as np
import pytest

from zoo.data import spoken
from zoo.data.images import DATASETS, load_images
from zoo.data.splits import split_data
from zoo.data.synthesiser_phones import voice
from zoo.data.synthesiser_voices import distinct_voice

TASKS = ["spoken_words", "spoken_languages", "speakers"]


@pytest.fixture(scope="module", params=TASKS)
def data(request):
    return getattr(spoken, request.param)(each=2)


def test_tasks_are_known_by_name():
    assert set(TASKS) <= set(DATASETS.names())
    assert load_images is not None


def test_clips_are_a_second_at_16_khz(data):
    wave, rate = data.samples[0]
    assert (wave.dtype, wave.shape, rate) == (np.float32, (16_000,), 16_000)
    assert 0.05 < np.abs(wave).max() < 1
    assert data.kind == "audio_classification"


def test_it_says_that_it_is_synthetic(data):
    assert "synthetic" in data.notes[0]
    assert data.digest[:12] in data.notes[0]


def test_every_class_is_in_both_parts_and_no_group_is(data):
    for part in ("train", "test"):
        here = data.parts == part
        assert (np.bincount(data.targets[here]) == 2).all()
        assert len(np.bincount(data.targets[here])) == len(data.classes)
    assert not set(data.groups[data.parts == "train"]) & set(data.groups[data.parts == "test"])


def test_the_same_bytes_come_again(data):
    made = getattr(spoken, data.name).__wrapped__(each=2)
    assert made.digest == data.digest
    assert made.samples.numbers.tobytes() == data.samples.numbers.tobytes()


def test_parts_are_used_as_they_are():
    data = spoken.spoken_words(each=6)
    parts, _ = split_data(data)
    assert len(parts.test) == 6 * 16
    assert (data.parts[parts.test] == "test").all()
    assert not set(data.groups[parts.train]) & set(data.groups[parts.validation])


def test_no_voice_of_a_task_was_pretrained_on():
    known = {voice("pretraining", k).pitch for k in range(240)}
    purposes = ("words train", "words test", "languages train", "languages test")
    assert not known & {voice(purpose, k).pitch for purpose in purposes for k in range(24)}
    known = {distinct_voice("pretraining", k).pitch for k in range(64)}
    assert not known & {distinct_voice("speakers", k).pitch for k in range(16)}


def test_no_word_of_a_speaker_is_in_two_groups():
    data = spoken.speakers(each=4)
    assert len(set(data.groups)) > 30
    firsts = set(spoken.said_words("train")[::2]) | set(spoken.said_words("test")[::2])
    assert set(data.groups) <= {"-".join(word) for word in firsts}
