import json
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from small_backbones import small

import zoo
from zoo.contracts import Padded
from zoo.data.generated import Source, TextureSource
from zoo.data.raw import RawData, from_labelled, from_list
from zoo.data.raw_files import read_raw
from zoo.errors import DataError, IncompatibleError, UnknownName, UsageError
from zoo.training import sources
from zoo.training.prefetching import Prefetched
from zoo.training.sources import SampleSource, batch_of, bytes_of_context

TEXTS = [f"text number {index}" + " word" * (index % 5) for index in range(30)]


@pytest.fixture(scope="module")
def bert():
    return small("transformers/bert")


@pytest.fixture(scope="module")
def pocket():
    return zoo.load("pocket/resnet10", pretrained=False, seed=0)


def same(one, other):
    return torch.equal(one.inputs.values, other.inputs.values) and torch.equal(one.inputs.mask, other.inputs.mask)


def test_a_batch_depends_on_seed_and_number_alone(bert):
    source = SampleSource(from_list(TEXTS, "text"), bert)
    assert isinstance(source, Source)
    batches = [source.at(step, 4, seed=1) for step in range(12)]
    fresh = SampleSource(from_list(TEXTS, "text"), bert, keep_bytes=0)
    for step in (11, 3, 7):
        assert same(fresh.at(step, 4, seed=1), batches[step])
    assert not same(fresh.at(3, 4, seed=2), batches[3])
    with Prefetched(lambda step: fresh.at(step, 4, seed=1), steps=12, workers=3) as ahead:
        assert all(same(ahead(step), batches[step]) for step in range(12))
    assert batches[0].targets.tolist() == [0] * 4


def test_every_sample_comes_once_an_epoch(pocket):
    digits = from_labelled(zoo.read_data("digits").taken(np.arange(12)))
    source = SampleSource(digits, pocket)
    seen = torch.cat([source.at(step, 4, seed=0).targets for step in range(3)])
    assert sorted(seen.tolist()) == sorted(digits.targets.tolist())
    assert source.classes == 10


def test_batches_with_replacement_and_other_sources(pocket):
    source = SampleSource(from_labelled(zoo.read_data("digits")), pocket)
    one, same_again = (source.batch(8, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(one.inputs, same_again.inputs)
    assert one.inputs.shape == (8, 1, 32, 32)
    textures = TextureSource(classes=4)
    first = batch_of(textures, 0, 4, seed=3)
    assert torch.equal(first.inputs, batch_of(textures, 0, 4, seed=3).inputs)
    assert not torch.equal(first.inputs, batch_of(textures, 1, 4, seed=3).inputs)
    assert torch.equal(batch_of(source, 2, 8, 0).inputs, source.at(2, 8, 0).inputs)


def test_views_by_kind_of_samples(bert, pocket):
    texts = SampleSource(from_list(TEXTS, "text"), bert)
    batch = texts.at(0, 8, seed=0)
    view = texts.corrupt(batch.inputs, torch.Generator().manual_seed(0))
    assert isinstance(view, Padded)
    plain = SampleSource(from_list(TEXTS, "text"), bert, augmentation="none")
    assert plain.corrupt(batch.inputs, torch.Generator()) is batch.inputs
    digits = SampleSource(from_labelled(zoo.read_data("digits")), pocket)
    inputs = digits.at(0, 4, 0).inputs
    assert not torch.equal(digits.corrupt(inputs, torch.Generator().manual_seed(0)), inputs)
    with pytest.raises(UnknownName, match="augmentation"):
        SampleSource(from_list(TEXTS, "text"), bert, augmentation="warps")


def test_two_texts_are_two_inputs(bert):
    source = SampleSource(from_list([("one", "two words")] * 4, "text"), bert)
    first, second = source.at(0, 3, seed=0).inputs
    assert len(first.values) == len(second.values) == 3
    assert first.values.shape[1] < second.values.shape[1]
    assert isinstance(source.corrupt((first, second), torch.Generator()), tuple)


class Spotty(list):
    """Samples of which some cannot be read."""

    def __init__(self, samples, bad):
        super().__init__(samples)
        self.bad = bad

    def __getitem__(self, index):
        if index in self.bad:
            raise DataError("it is broken. Fix: mend it.")
        return super().__getitem__(index)


def spotty(bad):
    return RawData("texts", Spotty(TEXTS, bad), "d", [f"line {at}" for at in range(len(TEXTS))])


def test_unreadable_samples_are_refused_or_replaced_by_the_next(bert):
    with pytest.raises(DataError, match=r"line 3 cannot be used \(it is broken\).*bad_samples='skip'"):
        SampleSource(spotty({3}), bert).at(0, 30, seed=0)
    source, whole = SampleSource(spotty({3, 4}), bert, policy="skip"), SampleSource(from_list(TEXTS, "text"), bert)
    assert source._readable(3)[0] == source._readable(4)[0] == 5
    steps = range(8)
    batches = [source.at(step, 4, seed=0) for step in steps]
    assert sorted(source.bad) == [3, 4]
    assert source.bad[3].origin == "line 3"
    later = SampleSource(spotty({3, 4}), bert, policy="skip")
    assert all(same(later.at(step, 4, seed=0), batches[step]) for step in reversed(steps))
    assert sum(same(whole.at(step, 4, seed=0), batches[step]) for step in steps) >= 6


def test_a_cap_and_all_unreadable(bert):
    source = SampleSource(spotty({0, 1, 2}), bert, policy="cap 7%")
    with pytest.raises(DataError, match=r"3 of 30 samples of texts cannot be read, more than the 7 %"):
        source.at(0, 30, seed=0)
    with pytest.raises(DataError, match="none of the 30 samples of texts can be read: line"):
        SampleSource(spotty(set(range(30))), bert, policy="skip").at(0, 2, seed=0)
    with pytest.raises(UsageError, match="no policy"):
        SampleSource(spotty(set()), bert, policy="ignore")


def test_what_no_process_could_read_is_counted_together(bert, monkeypatch):
    one, other = (SampleSource(spotty({3, 9}), bert, policy="cap 4%") for _ in range(2))
    one._readable(3)
    other._readable(9)
    held = [*one.bad.values(), *other.bad.values()]
    monkeypatch.setattr(sources, "gathered", lambda found: [found, held])
    with pytest.raises(DataError, match="2 of 30 samples of texts cannot be read, more than the 4 %"):
        one.state()
    with pytest.raises(DataError, match="2 of 30 samples"):  # in every process, so that none waits for the others
        other.state()
    one, resumed = (SampleSource(spotty({3, 9}), bert, policy="skip") for _ in range(2))
    resumed.restore(json.loads(json.dumps(one.state())))
    assert sorted(resumed.bad) == [3, 9]
    assert resumed.bad[9] == other.bad[9]


def test_what_was_read_ahead_of_a_checkpoint_is_no_licence_to_skip_it(bert):
    first = SampleSource(spotty({3}), bert)
    with pytest.raises(DataError, match="it is broken"):
        first._readable(3)  # by a reader thread, for a later step than that of the checkpoint
    state = json.loads(json.dumps(first.state()))
    for policy in ("error", "cap 1%"):
        with pytest.raises(DataError, match="cannot be used"):
            SampleSource(spotty({3}), bert, policy=policy).restore(state)
    mended = SampleSource(spotty(set()), bert)
    mended.restore(state)
    assert mended.bad == {}


def test_ids_beyond_the_vocabulary(bert):
    class Wrong:
        spec, module = bert.spec, bert.module

        @staticmethod
        def preprocess(texts):
            return Padded(torch.full((1, 4), 320), torch.ones(1, 4, dtype=torch.bool))

    source = SampleSource(from_list(TEXTS, "text"), Wrong)
    with pytest.raises(IncompatibleError, match=r"gives the id 320 .*vocabulary of 320"):
        source.at(0, 2, seed=0)


def test_clips_shorter_than_a_frame(tmp_path):
    backbone = small("transformers/wav2vec2")
    for name, length in (("a", 8000), ("b", 50), ("c", 9000)):
        soundfile.write(tmp_path / f"{name}.wav", np.random.default_rng(0).normal(size=length) / 10, 16000)
    raw = read_raw(tmp_path, "speech")
    with pytest.raises(DataError, match=r"b\.wav cannot be used \(a clip has 50 samples"):
        SampleSource(raw, backbone).at(0, 3, seed=0)
    source = SampleSource(raw, backbone, policy="skip")
    assert len(source.at(0, 3, seed=0).targets) == 3
    assert [Path(one.origin).name for one in source.bad.values()] == ["b.wav"]


def test_little_is_kept_when_little_may_be(pocket):
    opened = []

    class Counted(list):
        def __getitem__(self, index):
            opened.append(index)
            return super().__getitem__(index)

    digits = zoo.read_data("digits")
    raw = RawData("d", Counted(digits.samples[:6]), "d")
    for keep, wanted in ((2**20, 6), (0, 12)):
        opened.clear()
        source = SampleSource(raw, pocket, keep_bytes=keep)
        for step in range(4):
            source.at(step, 3, seed=0)
        assert len(opened) == wanted


def test_threads_share_a_source(bert):
    source, found = SampleSource(from_list(TEXTS, "text"), bert), {}

    def draw(step):
        found[step] = source.at(step, 6, seed=0)

    threads = [threading.Thread(target=draw, args=(step,)) for step in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    fresh = SampleSource(from_list(TEXTS, "text"), bert)
    assert all(same(found[step], fresh.at(step, 6, seed=0)) for step in range(10))


def test_how_much_text_fills_the_context(bert, pocket):
    most = bytes_of_context(bert, ["word " * 100])
    assert 0.85 * bert.spec.context < most < bert.spec.context
    assert bytes_of_context(bert, []) == 2**20


def test_texts_longer_than_the_context_do_not_stretch_the_pieces(bert):
    context = bert.spec.context
    most = bytes_of_context(bert, ["word " * context])  # what does not fit is cut off, and must not count as read
    assert 0.85 * context < most < context
