"""wav2vec 2.0: parts of a clip are hidden, and the network tells the right code of each from others of the clip."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import nn

from zoo.adaptations.options import number, own_options, whole
from zoo.contracts import Backbone, Batch, Padded
from zoo.errors import DataError, IncompatibleError, WeightsError
from zoo.objectives.gathering import gather_here
from zoo.objectives.quantiser import Quantiser, contrastive_loss, gumbel, unused_part
from zoo.objectives.span_masks import among_all, other_hidden, span_mask

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.data.generated import Source

HEADS = ("quantizer.", "project_q.", "project_hid.")  # what transformers' Wav2Vec2ForPreTraining has beside its network


class Wav2Vec2:
    """Contrast the code of each hidden frame with those of other hidden frames of its clip; use many codes.

    Source: Baevski et al. 2020 (https://arxiv.org/abs/2006.11477). As there: spans of 10 frames that begin at 6.5 % of
    them, 100 others, cosines divided by 0.1, 0.1 times the diversity loss, and a Gumbel temperature that falls from 2
    by the factor 0.999995 a step to 0.5. Codes, their widths and dropout are those of the network's configuration. The
    loss is that of transformers' Wav2Vec2ForPreTraining, divided by the number of hidden frames; two details of the
    first implementation, which transformers leaves out as well, are left out: a penalty on the size of the frames, and
    a tenth of the gradient for the convolutions. Heads of a checkpoint that has them go on from where they are.

    From scratch the network at first says much the same of all hidden frames, and the loss stays at the logarithm of
    `others` + 1 until it tells them apart, which may take very many steps.

    Options:
        starts, span: at which part of the frames a hidden span begins, and its frames (20 ms each in most networks).
        others: how many codes the right one is told apart from.
        temperature: cosines are divided by it.
        diversity: weight of the diversity loss.
        gumbel, gumbel_decay, gumbel_least: the temperature of the choice of codes.

    Example:
        >>> Wav2Vec2(others=10).others
        10
    """

    needs: ClassVar = frozenset({"tokens"})
    options: ClassVar = {
        "starts": number(0.065, "a share above 0 and below 1", lambda value: 0 < value < 1),
        "span": whole(10, 2),  # a single hidden frame has no others
        "others": whole(100),
        "temperature": number(0.1, "a number above 0", lambda value: value > 0),
        "diversity": number(0.1, "0 or more", lambda value: value >= 0),
        "gumbel": number(2.0, "a number above 0", lambda value: value > 0),
        "gumbel_decay": number(0.999995, "above 0, up to 1", lambda value: 0 < value <= 1),
        "gumbel_least": number(0.5, "a number above 0", lambda value: value > 0),
    }
    divisible = False  # how many codes are in use is a matter of the whole batch
    gathers = True

    def __init__(self, **options: Any) -> None:
        self.own = own_options("wav2vec2", self, options)
        self.others: int = self.own["others"]
        self.notes: tuple[str, ...] = ()

    def build(self, backbone: Backbone, source: Source) -> nn.Module:  # noqa: ARG002  (part of the contract)
        """The quantiser and two projections, with a checkpoint's weights where it has them.

        Raises:
            IncompatibleError: another network than transformers' wav2vec 2.0.
            WeightsError: a checkpoint whose heads are incomplete or of another shape.
        """
        check_network(backbone)
        self._network: Any = backbone.module
        self._heads = Wav2Vec2Heads(self._network.config)
        loaded = load_heads(self._heads, backbone)
        told = "begin with those of its checkpoint" if loaded else "begin anew: its checkpoint has none"
        self.notes = (f"wav2vec2: the quantiser and projections for {backbone.spec.name} {told}",)
        return self._heads

    def views(self, batch: Batch, generator: torch.Generator) -> Batch:
        """The clips, and of their frames: which are hidden [B, T], others [B, T, K], and Gumbel noise [B, T, G, V].

        Others are hidden frames of the clip, by their number among these; where nothing is hidden they mean nothing.

        Raises:
            DataError: all clips are too short to hide anything.
        """
        clips: Any = batch.inputs
        if isinstance(clips, torch.Tensor):
            clips = Padded(clips, torch.ones(clips.shape[:2], dtype=torch.bool, device=clips.device))
        counts = self._network._get_feat_extract_output_lengths(clips.mask.sum(1)).cpu()
        steps = int(self._network._get_feat_extract_output_lengths(clips.mask.shape[1]))
        hidden = span_mask(counts, steps, generator, starts=self.own["starts"], span=self.own["span"])
        if not hidden.any():
            raise DataError(
                f"the clips of this batch have {counts.tolist()[:5]} frames, and nothing is hidden in fewer than 4. "
                "Fix: longer clips, or join short ones."
            )
        others = other_hidden(hidden, self.others, generator)
        quantiser = self._heads.quantizer
        noise = gumbel((*hidden.shape, quantiser.groups, quantiser.entries), generator)
        device = clips.values.device
        made: Any = (clips, hidden.to(device), others.to(device), noise.to(device))
        return Batch(made, batch.targets)

    def loss(self, backbone: Backbone, heads: nn.Module, views: Batch) -> Tensor:
        """Contrastive and diversity loss, a mean over the hidden frames of all processes."""
        assert isinstance(heads, Wav2Vec2Heads)
        given: Any = views.inputs
        clips, hidden, others, noise = given
        heard, said = self._hidden(backbone, heads, clips, hidden)
        noise, others = noise[hidden], among_all(others, hidden)
        temperature = max(self.own["gumbel_least"], self.own["gumbel"] * self.own["gumbel_decay"] ** int(heads.step))
        codes, used = heads.quantizer(heads.dropout(heard), noise if heads.training else None, temperature)
        gather = gather_here()
        counts = gather(said.new_full((1,), float(len(said)))).rows
        told = contrastive_loss(heads.project_hid(said), heads.project_q(codes), others, self.own["temperature"])
        found: Tensor = told / counts.mean() + self.own["diversity"] * unused_part(used, gather)
        return found

    @torch.no_grad()
    def after_step(self) -> None:
        """The Gumbel temperature falls."""
        self._heads.step += 1

    def _hidden(self, backbone: Backbone, heads: Wav2Vec2Heads, clips: Padded, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Of the hidden frames: what the convolutions heard [M, C], and what the network says [M, D]."""
        kept: list[Tensor] = []
        mask = getattr(backbone.module, "masked_spec_embed", None)
        mask = heads.masked_spec_embed if mask is None else mask

        def hide(_part: nn.Module, _inputs: Any, output: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
            frames, heard = output
            kept.append(heard)
            return torch.where(hidden[..., None], mask.to(frames.dtype), frames), heard

        handle = self._network.feature_projection.register_forward_hook(hide)
        try:
            tokens = backbone.encode(clips)[backbone.spec.modality].tokens
        finally:
            handle.remove()
        assert tokens is not None
        return kept[0][hidden], tokens[hidden]


class Wav2Vec2Heads(nn.Module):
    """What stands beside the network, under the names that transformers has for it, and the count of steps."""

    step: Tensor

    def __init__(self, config: Any) -> None:
        super().__init__()
        groups, entries = config.num_codevector_groups, config.num_codevectors_per_group
        self.quantizer = Quantiser(config.conv_dim[-1], groups, entries, config.codevector_dim)
        self.project_hid = nn.Linear(config.hidden_size, config.proj_codevector_dim)
        self.project_q = nn.Linear(config.codevector_dim, config.proj_codevector_dim)
        self.dropout = nn.Dropout(config.feat_quantizer_dropout)
        if not config.mask_time_prob and not config.mask_feature_prob:  # then the network has none of its own
            self.masked_spec_embed = nn.Parameter(torch.rand(config.hidden_size))
        self.register_buffer("step", torch.zeros((), dtype=torch.long))


def check_network(backbone: Backbone) -> None:
    """Refuse anything but transformers' wav2vec 2.0 without an adapter.

    Raises:
        IncompatibleError: with the reason.
    """
    spec, network = backbone.spec, backbone.module
    if spec.provider != "transformers" or spec.arch != "wav2vec2":
        raise IncompatibleError(
            f"wav2vec2 pre-trains networks of its own type, and {spec.name} is {spec.provider}'s {spec.arch}. "
            "Fix: choose transformers/wav2vec2 or a checkpoint of it."
        )
    if spec.padding != "masked" or getattr(network, "adapter", None) is not None:
        raise IncompatibleError(
            f"{spec.name} has an adapter, whose frames are fewer than those that are hidden. "
            "Fix: choose a checkpoint without one."
        )


def load_heads(heads: nn.Module, backbone: Backbone) -> bool:
    """Fill the heads from the folder that the backbone's weights came from; whether there were any.

    Raises:
        WeightsError: some are missing, or of another shape.
    """
    network: Any = backbone.module
    folder = Path(str(network.config._name_or_path or "\0"))
    found: dict[str, Tensor] = {}
    try:
        files = sorted(folder.glob("model*.safetensors"))
    except (OSError, ValueError):
        files = []
    if files:
        from safetensors import safe_open

        for file in files:
            with safe_open(file, framework="pt") as tensors:
                found |= {name: tensors.get_tensor(name) for name in tensors.keys() if name.startswith(HEADS)}  # noqa: SIM118
    if not found:
        return False
    wanted = {name: value for name, value in heads.state_dict().items() if name.startswith(HEADS)}
    if {name: value.shape for name, value in found.items()} != {name: value.shape for name, value in wanted.items()}:
        raise WeightsError(
            f"the quantiser in {folder} is not that of its own configuration: it has {', '.join(sorted(found))}, and "
            f"{', '.join(sorted(wanted))} are expected. Fix: another checkpoint, or remove these from it."
        )
    heads.load_state_dict(found, strict=False)
    return True
