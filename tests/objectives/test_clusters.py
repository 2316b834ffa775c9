import numpy as np
import pytest
import torch
import torchaudio
from safetensors.torch import load_model, save_file

from zoo.errors import DataError
from zoo.objectives.clusters import ClusterHead, Clusters


def tones(*hertz, seconds=0.5):
    time = torch.arange(int(16_000 * seconds)) / 16_000
    noise = torch.randn(len(hertz), len(time), generator=torch.Generator().manual_seed(0))
    return torch.stack([torch.sin(6.2831853 * one * time) for one in hertz]) + 0.01 * noise


def fitted(count=3, *hertz):
    made = Clusters(count, 16_000, 400, 320)
    made.fit(list(made.describe(tones(*(hertz or (200, 900, 4000))))))
    return made


def test_a_frame_for_each_of_the_networks():
    made = Clusters(3, 16_000, 400, 320)
    for samples in (400, 719, 720, 16_000):
        assert made.describe(torch.randn(1, samples)).shape == (1, (samples - 400) // 320 + 1, 39)


def test_coefficients_equal_a_slow_rewrite():
    wave = tones(700, seconds=0.2)[0]
    found = Clusters(3, 16_000, 400, 320).describe(wave[None])[0, 4, :13]
    window = torch.hann_window(400)
    samples = wave[4 * 320 : 4 * 320 + 400] * window
    power = torch.fft.rfft(torch.nn.functional.pad(samples, (56, 56))).abs() ** 2
    bands = torchaudio.functional.melscale_fbanks(257, 0.0, 8000.0, 23, 16_000).T @ power
    wanted = [
        sum(
            float(np.log(band + 1e-6)) * np.cos(np.pi / 23 * (place + 0.5) * order)
            for place, band in enumerate(bands.tolist())
        )
        * np.sqrt((1 if order == 0 else 2) / 23)
        for order in range(13)
    ]
    assert torch.allclose(found, torch.tensor(wanted, dtype=torch.float32), atol=1e-3)


def test_sounds_fall_into_their_clusters_again():
    made = fitted()
    waves = tones(210, 4100, 880, 205)
    labels = made(waves, torch.full((4,), waves.shape[1])).mode(1).values.tolist()
    assert labels[0] == labels[3]
    assert len(set(labels)) == 3
    assert torch.equal(made.centres, fitted().centres)
    assert "centres" in made.state_dict()


def test_padding_changes_no_target():
    made = fitted()
    waves = tones(200, 4000)
    lengths = torch.tensor([8000, 3000])
    labels = made(waves.masked_fill(torch.arange(8000) >= lengths[:, None], 0), lengths)
    assert torch.equal(labels[1, :9], made(waves[1:, :3000], lengths[1:])[0])
    assert torch.equal(labels[0], made(waves[:1], lengths[:1])[0])
    alone = made(waves[1:], lengths[1:])  # a chunk of a batch, without its longest clip
    assert torch.equal(alone, labels[1:])


def test_logits_are_those_of_torchaudios_pretraining_model():
    head = ClusterHead(fitted(), 16, 8, 0.1)
    theirs = torchaudio.models.wav2vec2.components.LogitGenerator(16, 3, 8, skip_masked=False, skip_nomask=True)
    with torch.no_grad():
        theirs.label_embeddings.copy_(head.labels)
        theirs.final_proj.load_state_dict(head.project.state_dict())
    tokens, labels = torch.randn(1, 12, 16), torch.randint(3, (1, 12))
    every = torch.ones(1, 12, dtype=torch.bool)
    wanted = theirs(tokens, labels, every, ~every)[0]
    wanted = torch.nn.functional.cross_entropy(wanted, torch.zeros(12, dtype=torch.long))
    found = torch.nn.functional.cross_entropy(head(tokens[0]), labels[0])
    assert abs(found.item() - wanted.item()) < 1e-5


def test_too_few_frames_are_refused():
    with pytest.raises(DataError, match=r"100 clusters need as many different frames.*have 72.*Fix: more or longer"):
        fitted(100, 200, 900, 4000)


def test_a_checkpoint_is_read_again(tmp_path):
    made, fresh = fitted(), Clusters(3, 16_000, 400, 320)
    save_file(made.state_dict(), tmp_path / "heads.safetensors")
    load_model(fresh, tmp_path / "heads.safetensors")
    assert torch.equal(fresh.centres, made.centres)
