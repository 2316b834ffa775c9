import torch
import transformers

from zoo.conformance.tiny import tiny
from zoo.providers.positions import fill_positions, sine_cosine
from zoo.providers.transformers_library import settled
from zoo.providers.transformers_weights import scratch


def test_every_place_of_a_grid_has_its_own():
    found = sine_cosine((3, 5), 32)
    assert found.shape == (15, 32)
    assert torch.unique(found, dim=0).shape == (15, 32)


def test_a_vit_mae_from_scratch_has_the_librarys_own_positions():
    network = scratch(settled(tiny("vit_mae"))).network
    own = network.embeddings.position_embeddings.clone()
    for part in network.modules():  # the library's own way, which it takes back again
        part._is_hf_initialized = False
    network.embeddings.initialize_weights()
    assert own.any()
    assert torch.allclose(own, network.embeddings.position_embeddings, atol=1e-6)


def test_a_decoder_too_and_others_are_left_alone():
    model = transformers.ViTMAEForPreTraining(tiny("vit_mae"))
    decoder = model.decoder
    with torch.no_grad():
        model.vit.embeddings.position_embeddings.fill_(0.5)
    fill_positions(model)
    assert (model.vit.embeddings.position_embeddings == 0.5).all()
    own = decoder.decoder_pos_embed.clone()
    decoder.initialize_weights(own.shape[1] - 1)
    assert torch.allclose(own, decoder.decoder_pos_embed, atol=1e-6)
