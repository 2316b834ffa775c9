import math

import pytest
import torch
from small_backbones import small
from steps import Given, losses, start

import zoo
from zoo.contracts import Padded
from zoo.data.batches import generator_at
from zoo.objectives.sentence_pairs import SentencePairs
from zoo.providers.bundles import pooled
from zoo.training.collapse import effective_rank, health, spread, warning


def test_rank_equals_a_slow_rewrite():
    torch.manual_seed(0)
    features = torch.randn(20, 6) @ torch.diag(torch.tensor([5.0, 2, 1, 0.5, 0.1, 0.01])) + 3
    for centre in (True, False):
        values = (features - features.mean(0) if centre else features).double()
        singular = torch.linalg.eigvalsh(values.T @ values).clamp(min=0).sqrt().tolist()
        shares = [value / sum(singular) for value in singular]
        wanted = math.exp(-sum(share * math.log(share) for share in shares if share))
        assert effective_rank(features, centre=centre) == pytest.approx(wanted, rel=1e-3)


def test_spread_is_told_by_the_mean_cosine_of_all_pairs():
    torch.manual_seed(0)
    features = torch.randn(10, 5) + 1
    unit = features / features.norm(dim=1, keepdim=True)
    cosines = [(one @ other).item() for one in unit for other in unit]
    assert spread(features) == pytest.approx(math.sqrt(1 - sum(cosines) / 100), rel=1e-4)


@pytest.mark.parametrize("dimensions", [1, 3, 10])
def test_rank_counts_directions(dimensions):
    torch.manual_seed(0)
    features = torch.randn(500, dimensions) @ torch.linalg.qr(torch.randn(32, 32))[0][:dimensions] + 5
    assert effective_rank(features) == pytest.approx(dimensions, rel=0.01)


@pytest.mark.parametrize(
    "features",
    [
        torch.ones(64, 32),
        torch.zeros(64, 32),
        torch.linspace(-1, 1, 64)[:, None] * torch.ones(32),
        torch.ones(64, 32) + 1e-4 * torch.randn(64, 32, generator=torch.Generator().manual_seed(0)),
    ],
    ids=["one vector", "nothing", "a line", "a narrow cone"],
)
def test_collapsed_features_are_warned_of(features):
    assert "the features collapse" in warning(health(features))


@pytest.mark.parametrize("pretrained", [True, False])
def test_features_of_a_network_are_healthy(pretrained):
    backbone = zoo.load("pocket/resnet10.glyphs", pretrained=pretrained, seed=0)
    backbone.module.eval()
    with torch.no_grad():
        coarse = torch.rand(48, 1, 8, 8, generator=torch.Generator().manual_seed(0))
        images = torch.nn.functional.interpolate(coarse, size=32)
        found = health(backbone.encode(images)["vision"].pooled)
    assert warning(found) == ""
    assert found.rank > 5


def test_a_few_samples_say_too_little():
    assert warning(health(torch.ones(8, 32))) == ""


def test_half_precision_and_gradients_are_no_hindrance():
    features = torch.randn(32, 8, requires_grad=True, generator=None)
    found = health(features.bfloat16())
    assert found.rank > 4
    assert features.grad is None


def texts(count, generator):
    ids = torch.randint(5, 250, (count, 12), generator=generator)
    return Padded(ids, torch.ones_like(ids).bool())


class OnlyPull(SentencePairs):
    """Two views become alike, and nothing keeps samples apart: this collapses."""

    def loss(self, backbone, heads, views):
        one, other = (pooled(backbone, part) for part in views.inputs)
        return 1 - torch.nn.functional.cosine_similarity(one, other).mean()


@pytest.mark.parametrize(("objective", "collapses"), [(OnlyPull(), True), (SentencePairs(), False)])
def test_a_run_that_collapses_is_noticed(objective, collapses):
    backbone, source = small("transformers/bert"), Given(texts)
    heads, held = start(objective, backbone, source), texts(64, generator_at(1, 0))

    def look():
        backbone.module.eval()
        with torch.no_grad():
            return health(pooled(backbone, held))

    first = look()
    assert warning(first) == ""
    losses(objective, backbone, source, heads, steps=30, size=8, same=False)
    now = look()
    assert bool(warning(now, first)) is collapses
    assert now.rank > 0.8 * first.rank  # the rank alone would not tell: what differs is small, and goes all ways
