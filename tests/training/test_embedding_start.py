import numpy as np
import pytest
import torch

import zoo
from zoo.data.docstring_sources import DocstringSource
from zoo.errors import IncompatibleError
from zoo.training.embedding_start import SMOOTHING, WINDOW, neighbour_vectors, start_embeddings


def slow_information(stream, vocabulary, skipped):
    counts = np.zeros((vocabulary, vocabulary))
    for here, one in enumerate(stream):
        for there, other in enumerate(stream):
            if 0 < abs(here - there) <= WINDOW and one not in skipped and other not in skipped:
                counts[one, other] += 1 / abs(here - there)
    sums = counts.sum(1)
    expected = np.outer(sums, sums**SMOOTHING) / (sums**SMOOTHING).sum()
    return np.maximum(np.log(counts / np.where(expected > 0, expected, 1), where=counts > 0, out=0 * counts), 0)


def test_vectors_are_the_factors_of_the_information():
    stream = np.random.default_rng(0).zipf(1.3, 400) % 12
    vectors = neighbour_vectors(stream, 12, 11, skipped=(0, 1))
    assert vectors.dtype == np.float32
    assert np.abs(vectors[:2]).max() < 1e-6
    left, values, _ = np.linalg.svd(slow_information(stream.tolist(), 12, (0, 1)))
    wanted = (left * values) @ left.T  # what vectors @ vectors.T gives back: the same whatever their signs
    assert np.allclose(vectors @ vectors.T, wanted, atol=1e-4)


def test_words_of_like_neighbours_are_alike():
    rng = np.random.default_rng(0)
    stream = np.concatenate([[1, 2, rng.choice([3, 4]), 5, 0, 0, 0, 0, 0, 6, 7, 8, 0, 0, 0, 0, 0] for _ in range(200)])
    vectors = neighbour_vectors(stream, 9, 4, skipped=(0,))
    cosine = lambda a, b: vectors[a] @ vectors[b] / np.linalg.norm(vectors[a]) / np.linalg.norm(vectors[b])  # noqa: E731
    assert cosine(3, 4) > 0.95 > 0.5 > cosine(3, 6)


@pytest.fixture(scope="module")
def source():
    return DocstringSource(("packaging", "joblib"))


def test_embeddings_start_from_the_data_and_all_else_stays(source):
    made, plain = (zoo.load("pocket/gpt2", pretrained=False, seed=3) for _ in range(2))
    start_embeddings(made, source)
    before, after = plain.module.wte.weight, made.module.wte.weight
    assert torch.equal(before[:5], after[:5])
    assert not torch.equal(before[5:], after[5:])
    assert after[5:].std().item() == pytest.approx(before.std().item(), rel=0.01)
    same = {
        name for name, value in made.module.state_dict().items() if torch.equal(value, plain.module.state_dict()[name])
    }
    assert set(made.module.state_dict()) - same == {"wte.weight"}
    again = zoo.load("pocket/gpt2", pretrained=False, seed=3)
    start_embeddings(again, source)
    assert torch.equal(after, again.module.wte.weight)
    assert after.requires_grad


def test_what_has_no_tokens_is_refused(source):
    images = zoo.load("pocket/resnet10", pretrained=False)
    with pytest.raises(IncompatibleError, match="has not both"):
        start_embeddings(images, source)
    with pytest.raises(IncompatibleError, match="init = 'ppmi' needs data that are read as one stream"):
        start_embeddings(zoo.load("pocket/gpt2", pretrained=False), object())


def test_too_small_a_vocabulary_is_refused(source):
    backbone = zoo.load("pocket/gpt2", pretrained=False)
    backbone.module.resize_token_embeddings(100)
    with pytest.raises(IncompatibleError, match="the data have 6000 tokens, and pocket/gpt2 has 100"):
        start_embeddings(backbone, source)
