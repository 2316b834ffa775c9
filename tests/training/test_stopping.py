import math

import pytest
import torch
from torch import nn

from zoo.errors import InvalidRecord
from zoo.training.stopping import Best, Judge


def learner():
    torch.manual_seed(0)
    made = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 2))
    made[2].requires_grad_(False)
    return made


def judged(scores, patience=2, **named):
    """The best of some scores, with the weights of step k filled with k."""
    values, network = iter(scores), learner()
    best = Best(Judge(lambda: next(values), every=1, patience=patience))
    for done in range(1, len(scores) + 1):
        with torch.no_grad():
            network[0].weight.fill_(done)
            network[1].running_mean.fill_(done)
        best.see(done, network, None)
        if best.stops:
            break
    return best, network


def test_the_best_weights_and_statistics_come_back():
    best, network = judged([0.1, 0.5, 0.4, 0.5])
    assert best.stops
    assert (best.step, best.score) == (2, 0.5)  # the first of equals
    best.restore(network)
    assert network[0].weight.unique().tolist() == [2.0]
    assert network[1].running_mean.unique().tolist() == [2.0]


def test_what_is_kept_is_a_copy_of_what_trains():
    best, network = judged([0.1])
    assert "2.weight" not in best.weights
    assert {"0.weight", "1.running_mean", "1.num_batches_tracked"} <= set(best.weights)
    network[0].weight.data.zero_()
    assert best.weights["0.weight"].unique().tolist() == [1.0]


@pytest.mark.parametrize(
    ("scores", "patience", "seen"),
    [([3, 2, 1, 0], 2, 3), ([1, 2, 3, 4], 1, 4), ([3, 2, 4, 3, 2], 2, 5), ([1, 1], 1, 2)],
)
def test_patience_counts_scores_without_a_new_best(scores, patience, seen):
    best, _ = judged(scores, patience)
    assert len(best.scores) == seen


def test_scores_that_are_no_numbers_are_the_worst():
    best, network = judged([math.nan, 0.2, math.nan], patience=5)
    assert (best.step, best.score, best.stops) == (2, 0.2, False)
    lost, network = judged([math.nan, math.nan], patience=2)
    assert lost.stops
    lost.restore(network)
    assert network[0].weight.unique().tolist() == [2.0]
    assert lost.note(2, 10) == "none of 2 scores was a number, so the weights of the last step are kept"


def test_negative_scores_have_a_best_too():
    assert judged([-3.0, -1.0, -2.0])[0].step == 2


def test_notes():
    assert judged([0.5, 0.25, 0.125])[0].note(3, 10) == (
        "training stopped at step 3 of 10: the best score (0.5) was at step 1, whose weights are kept"
    )
    assert judged([0.5, 0.75])[0].note(2, 2) == "the best score (0.75) was at step 2, whose weights are kept"


def test_a_score_leaves_no_trace():
    network = learner().train()
    network[1].eval()

    def score():
        network.eval()
        torch.rand(3)
        return 1.0

    state = torch.get_rng_state()
    Best(Judge(score)).see(1, network, torch.device("cpu"))
    assert torch.equal(state, torch.get_rng_state())
    assert [part.training for part in network.modules()] == [True, True, False, True]


@pytest.mark.parametrize("name", ["every", "patience"])
def test_settings(name):
    with pytest.raises(InvalidRecord, match=f"{name} must be 1 or more, received 0"):
        Judge(lambda: 0.0, **{name: 0})


def test_the_last_step_is_always_due():
    best = Best(Judge(lambda: 0.0, every=4))
    assert [done for done in range(1, 11) if best.due(done, 10)] == [4, 8, 10]


def test_weights_that_are_kept_can_be_written_whatever_their_layout(tmp_path):
    """A network for images is channels-last while it trains, and safetensors takes no such tensor."""
    from safetensors.torch import save

    network = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    best = Best(Judge(lambda: 1.0, every=1))
    best.see(1, network, None)
    assert len(save(best.weights)) > 432
    kept = network.weight.detach().clone()
    nn.init.zeros_(network.weight)
    best.restore(network)
    assert torch.equal(network.weight, kept)
    assert network.weight.is_contiguous(memory_format=torch.channels_last)
