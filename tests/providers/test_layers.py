"""The mechanism on toy networks of every awkward kind, and its numbers against those that libraries give themselves."""

import dataclasses
import threading

import open_clip_small
import pytest
import torch
import torchaudio
from torch import nn
from vision import disturbed

import zoo
from zoo.catalog.query import describe
from zoo.conformance.tiny import tiny
from zoo.contracts import Backbone, Features
from zoo.errors import IncompatibleError
from zoo.providers import torchaudio as speech
from zoo.providers.layers import with_layers
from zoo.providers.loading import build
from zoo.providers.transformers_library import changes
from zoo.providers.trials import trial
from zoo.specs import BackboneSpec

CONVOLUTIONS = [(16, 10, 5), *[(16, 3, 2)] * 4, *[(16, 2, 2)] * 2]


def close(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        assert (one - other).abs().max() <= 1e-5 * other.abs().max()


class Block(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, width))

    def forward(self, x):
        return x + self.inner(x)


class Tokens(nn.Module):
    """[B, 3, 8, 8] to 16 tokens of 4; how its blocks are run is given."""

    def __init__(self, run, count=3):
        super().__init__()
        self.patch = nn.Conv2d(3, 4, 2, 2)
        self.blocks = nn.ModuleList([Block() for _ in range(count)])
        self.norm, self.run = nn.LayerNorm(4), run

    def forward(self, images):
        return self.norm(self.run(self.blocks, self.patch(images).flatten(2).transpose(1, 2)))


def plain(blocks, x):
    for block in blocks:
        x = block(x)
    return x


def wrapped(run, **how):
    torch.manual_seed(0)
    return zoo.wrap(Tokens(run, **how), input_size=(3, 8, 8), layers=True)


def images(count=2):
    return torch.randn(count, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def test_layers_are_what_the_blocks_gave_and_the_last_norm_is_not_applied():
    backbone = wrapped(plain)
    found = backbone.encode(images())["vision"]
    net, x = backbone.module, backbone.module.patch(images()).flatten(2).transpose(1, 2)
    expected = []
    for block in net.blocks:
        x = block(x)
        expected.append(x)
    close(found.layers, expected)
    close([net.norm(found.layers[-1])], [found.tokens])


def test_without_layers_nothing_is_there():
    backbone = zoo.wrap(Tokens(plain), input_size=(3, 8, 8))
    assert backbone.encode(images())["vision"].layers is None
    backbone = with_layers(backbone)
    backbone.encode(images())
    assert not any(part._forward_hooks for part in backbone.module.modules())


def test_sequence_first():
    def run(blocks, x):
        return plain(blocks, x.transpose(0, 1)).transpose(0, 1)

    close(wrapped(run).encode(images())["vision"].layers, wrapped(plain).encode(images())["vision"].layers)


def test_as_many_samples_as_tokens_confuse_nothing():
    def run(blocks, x):
        return plain(blocks, x.transpose(0, 1)).transpose(0, 1)

    close(wrapped(run).encode(images(16))["vision"].layers, wrapped(plain).encode(images(16))["vision"].layers)


def test_one_block_that_runs_again_and_again():
    def run(blocks, x):
        return plain(list(blocks) * 4, x)

    backbone = wrapped(run, count=1)
    found = backbone.encode(images())["vision"].layers
    assert len(found) == 4
    close(found[1:], [backbone.module.blocks[0](one) for one in found[:-1]])


def test_what_works_in_place_afterwards_changes_no_layer():
    def run(blocks, x):
        for block in blocks:
            x = block(x).mul_(2)
        return x

    def doubled(blocks, x):
        for block in blocks:
            x = block(x) * 2
        return x

    close(wrapped(run).encode(images())["vision"].layers, wrapped(doubled).encode(images())["vision"].layers)


def test_gradient_passes():
    backbone = wrapped(plain)
    backbone.encode(images())["vision"].layers[1].sum().backward()
    given = [block.inner[0].weight.grad is not None for block in backbone.module.blocks]
    assert given == [True, True, False]


@pytest.mark.parametrize("dropped", [0, 1, 2])
def test_a_block_that_layer_drop_left_out_passed_on_what_it_got(dropped):
    left_out = []

    def run(blocks, x):
        return plain([block for at, block in enumerate(blocks) if at not in left_out], x)

    backbone = wrapped(run)
    left_out.append(dropped)
    backbone.module.train()
    found = backbone.encode(images())["vision"].layers
    before = [backbone.module.patch(images()).flatten(2).transpose(1, 2), *found]
    assert len(found) == 3
    assert torch.equal(found[dropped], before[dropped])
    close([found[2]], [run(backbone.module.blocks, before[0])])
    backbone.module.eval()
    with pytest.raises(IncompatibleError, match="the blocks of module/own ran in another way"):
        backbone.encode(images())


def test_a_network_that_was_changed_is_said():
    again = []
    backbone = wrapped(lambda blocks, x: plain([*blocks, *again], x))
    again.append(backbone.module.blocks[0])
    with pytest.raises(IncompatibleError, match="Fix: load it again"):
        backbone.encode(images())


@pytest.mark.parametrize(
    ("run", "why"),
    [
        (lambda blocks, x: plain([block.forward for block in blocks], x), "3 of its 3 blocks .Block. do not run by th"),
        (lambda blocks, x: plain(blocks, x.flatten(0, 1)).unflatten(0, (-1, 16)), "no axis of that is the batch"),
        (lambda blocks, x: plain(blocks, x).flip(1), "token 8 of the last of them is not token 8"),
        (lambda blocks, x: plain(blocks, x) * 0 + x, "token 8 of the last of them"),
        (lambda blocks, x: plain(blocks, x - x.mean(0)), "depends on the other samples"),
    ],
)
def test_what_cannot_be_given_honestly_is_refused_at_once(run, why):
    with pytest.raises(IncompatibleError, match=why) as caught:
        wrapped(run)
    assert "Fix: load it without layers" in str(caught.value)


@pytest.mark.parametrize("as_map", [False, True])
def test_the_layers_of_a_head_are_none_however_many_weights_they_have(as_map):
    features = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3))
    flat = [nn.Flatten(), nn.Linear(64, 90), nn.Linear(90, 90)]
    head = [nn.Conv2d(4, 90, 4), nn.Conv2d(90, 90, 1), nn.Flatten()] if as_map else flat
    found = zoo.wrap(nn.Sequential(features, nn.Sequential(*head)), input_size=(3, 8, 8), layers=True)
    assert [list(layer.shape) for layer in found.encode(images())["vision"].layers] == [[2, 4, 6, 6], [2, 4, 4, 4]]


def test_a_first_block_that_takes_maps_and_gives_tokens():
    class First(Block):
        def forward(self, x):
            return super().forward(x.flatten(2).transpose(1, 2) if x.ndim == 4 else x)

    net = Tokens(lambda blocks, x: plain(blocks, x.transpose(1, 2).unflatten(2, (4, 4))))
    net.blocks = nn.ModuleList([First(), First()])
    found = zoo.wrap(net, input_size=(3, 8, 8), layers=True).encode(images())["vision"]
    assert [list(layer.shape) for layer in found.layers] == [[2, 16, 4]] * 2


def test_a_network_without_blocks_is_refused():
    with pytest.raises(IncompatibleError, match="has no row of blocks"):
        zoo.wrap(nn.Sequential(nn.Flatten(), nn.Linear(192, 4)), input_size=(3, 8, 8), layers=True)


def test_blocks_without_a_gradient_are_refused():
    class Cut(Block):
        def forward(self, x):
            with torch.no_grad():
                return super().forward(x)

    net = Tokens(plain)
    net.blocks = nn.ModuleList([Cut(), Cut()])
    with pytest.raises(IncompatibleError, match="no gradient"):
        zoo.wrap(net, input_size=(3, 8, 8), layers=True)
    zoo.wrap(net.requires_grad_(False), input_size=(3, 8, 8), layers=True)  # frozen ones should pass none


def text(run):
    """A network of texts, whose encoder gives as many tokens as it got."""
    torch.manual_seed(0)
    table, blocks = nn.Embedding(30, 4), nn.ModuleList([Block() for _ in range(2)])

    def encode(ids, mask=None):
        tokens = run(blocks, table(ids))[:, : ids.shape[1]]
        return {"text": Features(tokens.mean(1), tokens, mask)}

    spec = BackboneSpec("x/y", "x", "y", modality="text")
    return Backbone(spec, nn.ModuleDict({"table": table, "blocks": blocks}), list, encode)


def test_what_a_network_fills_up_inside_is_cut_off():
    backbone = with_layers(text(lambda blocks, x: plain(blocks, nn.functional.pad(x, (0, 0, 0, -x.shape[1] % 8)))))
    found = backbone.encode(torch.randint(5, 20, (2, 11)))["text"]
    assert [list(one.shape) for one in found.layers] == [[2, 11, 4]] * 2
    close([found.layers[-1]], [found.tokens])


def test_layers_of_several_lengths_are_not_cut_to_one():
    def shrink(blocks, x):
        return blocks[1](blocks[0](nn.functional.pad(x, (0, 0, 0, 8)))[:, :-4])

    with pytest.raises(IncompatibleError, match=r"gives \[2, 13, 4\] for 2 samples of 9 tokens"):
        with_layers(text(shrink))


def test_texts_with_layers_of_another_length_are_refused():
    with pytest.raises(IncompatibleError, match=r"gives \[2, 5, 4\] for 2 samples of 9 tokens"):
        with_layers(text(lambda blocks, x: plain(blocks, x[:, ::2]).repeat_interleave(2, 1)))


def test_the_random_state_and_the_mode_are_kept():
    backbone = zoo.wrap(Tokens(plain), input_size=(3, 8, 8))
    backbone.module.train()
    before = torch.random.get_rng_state()
    with_layers(backbone)
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(part.training for part in backbone.module.modules())


@pytest.mark.parametrize("name", ["timm/test_vit", "timm/test_convnext", "timm/test_resnet"])
def test_timm_equals_forward_intermediates(name):
    backbone = zoo.load(name, pretrained=False, seed=0, layers=True)
    disturbed(backbone.module).eval()
    inputs = trial(backbone, "vision", 2)
    with torch.no_grad():
        found = backbone.encode(inputs)["vision"].layers
        expected = backbone.module.forward_intermediates(inputs, norm=False, intermediates_only=True)
    expected = expected[1:] if name == "timm/test_resnet" else expected  # its first is the stem's
    if found[0].ndim == 3:
        found = [one[:, 1:].transpose(1, 2).reshape(expected[0].shape) for one in found]  # a class token first
    close(found, expected)


def small(arch, **values):
    spec = dataclasses.replace(describe(f"transformers/{arch}"), config=changes(tiny(arch, **values)))
    backbone = build(spec, pretrained=False, seed=0, layers=True)
    disturbed(backbone.module).eval()
    return backbone


@pytest.mark.parametrize("arch", ["bert", "gpt2", "albert", "xlnet", "convbert", "vit", "hubert"])
def test_transformers_equals_its_hidden_states(arch):
    values = {"conv_dim": [16] * 7} if arch == "hubert" else {"num_hidden_layers": 3} if arch == "albert" else {}
    backbone = small(arch, **values)
    modality = backbone.spec.modality
    inputs = trial(backbone, modality, 2)
    with torch.no_grad():
        found = backbone.encode(inputs)[modality].layers
        out = backbone.module(inputs if modality == "vision" else inputs.values, output_hidden_states=True)
    expected = list(out.hidden_states[1:])  # theirs begin with the embeddings
    if arch == "xlnet":
        found, expected = found[:-1], expected[: len(found) - 1]
    if arch == "gpt2":  # theirs end after the last norm
        close([backbone.module.ln_f(found[-1])], expected[-1:])
        found, expected = found[:-1], expected[:-1]
    assert found
    close(found, expected)


def test_convolutions_that_make_frames_are_no_layers_however_large():
    backbone = small("wav2vec2")  # 0.2 M weights in its convolutions, 0.1 M in its two layers
    found = backbone.encode(trial(backbone, "speech", 2))["speech"]
    assert [one.shape for one in found.layers] == [found.tokens.shape] * 2


def test_texts_that_are_pooled_inside_are_refused():
    with pytest.raises(IncompatibleError, match="for 2 samples of 9 tokens"):
        small("canine")


@pytest.mark.parametrize("mode", ["group_norm", "layer_norm"])
@pytest.mark.parametrize("family", ["wav2vec2", "wavlm"])
def test_torchaudio_equals_extract_features(family, mode):
    torch.manual_seed(0)
    more = {"encoder_num_buckets": 8, "encoder_max_distance": 20} if family == "wavlm" else {}
    make = torchaudio.models.wavlm_model if family == "wavlm" else torchaudio.models.wav2vec2_model
    module = make(
        extractor_mode=mode, extractor_conv_layer_config=CONVOLUTIONS, extractor_conv_bias=False,
        encoder_embed_dim=32, encoder_projection_dropout=0.1, encoder_pos_conv_kernel=16, encoder_pos_conv_groups=4,
        encoder_num_layers=3, encoder_num_heads=4, encoder_attention_dropout=0.1, encoder_ff_interm_features=48,
        encoder_ff_interm_dropout=0.1, encoder_dropout=0.1, encoder_layer_norm_first=mode == "layer_norm",
        encoder_layer_drop=0.0, aux_num_out=None, **more,
    )  # fmt: skip
    backbone = with_layers(speech.assemble(describe("torchaudio/wav2vec2_base"), disturbed(module).eval()))
    waves = trial(backbone, "speech", 2)
    with torch.no_grad():
        close(backbone.encode(waves)["speech"].layers, backbone.module.extract_features(waves.values)[0])


@pytest.mark.parametrize("kind", ["", "resnet"])
def test_open_clip_equals_forward_intermediates(kind, tmp_path):
    backbone = zoo.load(str(open_clip_small.repository(tmp_path / "it", kind)), layers=True)
    backbone.module.eval()
    inputs = dataclasses.replace(trial(backbone, "vision", 2), text=trial(backbone, "text", 2).text)
    with torch.no_grad():
        found = backbone.encode(inputs)
        expected = backbone.module.forward_intermediates(
            inputs.vision,
            inputs.text.values,
            image_output_fmt="NCHW" if kind else "NLC",
            image_output_extra_tokens=True,
        )
    close(found["text"].layers, expected["text_intermediates"])
    seen = expected["image_intermediates"]
    if kind:
        close(found["vision"].layers, seen[1:] if len(seen) > 4 else seen)
    else:
        whole = [torch.cat(pair, 1) for pair in zip(expected["image_intermediates_prefix"], seen, strict=True)]
        close(found["vision"].layers, whole)


def test_threads_that_share_a_network_see_their_own_layers():
    other = threading.Event()
    backbone = wrapped(lambda blocks, x: plain(blocks, x))
    first, second = images(), images() + 1
    alone = backbone.encode(first)["vision"].layers
    block = backbone.module.blocks[0]

    def between(_part, _given):
        if threading.current_thread() is not threading.main_thread() or other.is_set():
            return
        other.set()
        thread = threading.Thread(target=backbone.encode, args=(second,))
        thread.start()
        thread.join()

    handle = block.register_forward_pre_hook(between)
    close(backbone.encode(first)["vision"].layers, alone)
    handle.remove()
    assert other.is_set()
