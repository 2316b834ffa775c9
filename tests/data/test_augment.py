import pytest
import torch

from zoo.contracts import Padded, Pair
from zoo.data.augment import AUGMENTATIONS, augmented, check_augmentation, layout_of, named, unchanged
from zoo.data.augment_images import warp_mild
from zoo.data.labelled import INPUTS
from zoo.errors import IncompatibleError, UnknownName
from zoo.providers.bundles import Bundle


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def full(values):
    return Padded(values, torch.ones(values.shape[:2], dtype=torch.bool))


BATCHES = {
    "images": torch.rand(4, 3, 16, 16, generator=generator()),
    "waveforms": full(torch.randn(4, 400, generator=generator())),
    "frames": full(torch.randn(4, 50, 20, generator=generator())),
    "tokens": full(torch.arange(4 * 60).view(4, 60)),
}


def values(batch):
    return batch.values if isinstance(batch, Padded) else batch


def test_each_is_for_known_inputs_and_layouts():
    for one in AUGMENTATIONS.values():
        assert set(one.inputs) <= set(INPUTS)
        assert one.layout in ("", *BATCHES)
    assert {kind for one in AUGMENTATIONS.values() for kind in one.inputs} == set(INPUTS)


@pytest.mark.parametrize("layout", BATCHES)
@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_every_pairing_works_or_is_refused_with_the_right_one(name, layout):
    batch, one = BATCHES[layout], AUGMENTATIONS[name]
    assert layout_of(batch) == layout
    if one.layout in ("", layout):
        found = augmented(name, batch, generator())
        assert type(found) is type(batch)
        assert values(found).shape == values(batch).shape
        assert values(found).dtype == values(batch).dtype
        assert torch.equal(values(found), values(batch)) == (name == "none")
        assert torch.equal(values(found), values(augmented(name, batch, generator())))
    else:
        with pytest.raises(IncompatibleError) as error:
            augmented(name, batch, generator())
        right = [other for other, each in AUGMENTATIONS.items() if each.layout == layout]
        assert f"Nearest: {', '.join(right)}." in str(error.value)
        assert "Fix:" in str(error.value)


def test_none_is_the_batch_itself_and_draws_nothing():
    source = generator()
    before = source.get_state()
    assert augmented("none", BATCHES["images"], source) is BATCHES["images"]
    assert unchanged(BATCHES, source) is BATCHES
    assert torch.equal(before, source.get_state())


def test_warp_is_what_it_was():
    wanted = warp_mild(BATCHES["images"], generator(5))
    assert torch.equal(augmented("warp", BATCHES["images"], generator(5)), wanted)
    assert torch.equal(AUGMENTATIONS["warp"](BATCHES["images"], generator(5)), wanted)


def test_parts_of_a_bundle_and_sides_of_a_pair():
    longer = full(torch.arange(2 * 90).view(2, 90))
    bundle = Bundle((BATCHES["tokens"], longer), torch.tensor([5, 0, 1, 2, 3, 4]))
    found = augmented("token_dropout", bundle, generator())
    source = generator()
    for part, before in zip(found.parts, bundle.parts, strict=True):
        assert torch.equal(part.values, augmented("token_dropout", before, source).values)
    assert torch.equal(found.order, bundle.order)
    both = Pair(BATCHES["images"], BATCHES["tokens"])
    seen = augmented("warp", both, generator())
    assert seen.text is both.text
    assert not torch.equal(seen.vision, both.vision)
    read = augmented("token_dropout", both, generator())
    assert read.vision is both.vision
    assert augmented("warp", Pair(vision=BATCHES["images"]), generator()).text is None
    with pytest.raises(IncompatibleError, match="Nearest: token_dropout"):
        augmented("warp", Pair(text=BATCHES["tokens"]), generator())
    with pytest.raises(IncompatibleError, match="Nearest: warp, crop_flip"):
        augmented("token_dropout", Pair(vision=BATCHES["images"]), generator())


def test_a_bare_tensor_is_all_real():
    found = augmented("shift_gain_noise", BATCHES["waveforms"].values, generator())
    assert torch.equal(found, augmented("shift_gain_noise", BATCHES["waveforms"], generator()).values)


def test_checked_by_the_kind_of_samples_before_anything_runs():
    for name, one in AUGMENTATIONS.items():
        for kind in INPUTS:
            if not one.inputs or kind in one.inputs:
                check_augmentation(name, kind)
            else:
                with pytest.raises(IncompatibleError, match=f"the samples are {kind}. Nearest: "):
                    check_augmentation(name, kind)
    with pytest.raises(UnknownName, match="Nearest: warp"):
        named("wrap")


def test_what_no_augmentation_knows():
    with pytest.raises(IncompatibleError, match=r"a tensor of shape \[2\]. Fix: 'none'"):
        augmented("warp", torch.zeros(2), generator())
