import pytest
import torch

from tests.providers.small_backbones import small
from zoo.contracts import Padded
from zoo.errors import IncompatibleError
from zoo.objectives.hidden_frames import hidden_frames, samples_of


@pytest.mark.parametrize("arch", ["wav2vec2", "hubert", "wavlm", "sew"])
def test_hiding_is_the_librarys_own(arch):
    backbone = small(f"transformers/{arch}")
    network = backbone.module
    found = hidden_frames(backbone)
    waves = torch.randn(2, 4000, generator=torch.Generator().manual_seed(0))
    hidden = torch.rand(2, found.count(4000), generator=torch.Generator().manual_seed(1)) < 0.5
    with torch.no_grad():
        tokens = found.encode(backbone, waves, hidden, None)
        network.config.apply_spec_augment = True
        wanted = network(waves, mask_time_indices=hidden).last_hidden_state
    assert torch.allclose(tokens, wanted, atol=1e-5)
    assert (found.field, found.stride) == (400, 320)
    assert found.own is network.masked_spec_embed
    assert not found.point._forward_hooks


def test_a_clip_in_a_padded_batch_is_as_alone():
    backbone = small("transformers/hubert")
    found = hidden_frames(backbone)
    waves = torch.randn(2, 4000, generator=torch.Generator().manual_seed(0))
    mask = torch.arange(4000) < torch.tensor([4000, 2500])[:, None]
    assert samples_of(Padded(waves, mask)).tolist() == [4000, 2500]
    hidden = torch.zeros(2, found.count(4000), dtype=torch.bool)
    hidden[:, 2:5] = True
    with torch.no_grad():
        both = found.encode(backbone, Padded(waves, mask), hidden, None)
        alone = found.encode(backbone, waves[1:, :2500], hidden[1:, : found.count(2500)], None)
    assert torch.allclose(both[1, : alone.shape[1]], alone[0], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "name", ["transformers/whisper", "transformers/wav2vec2-bert", "transformers/audio-spectrogram-transformer"]
)
def test_other_networks_are_refused(name):
    with pytest.raises(IncompatibleError, match=r"cannot be trained by masked prediction.*Fix: choose"):
        hidden_frames(small(name))
