"""Measure what padding and batching do to each text type of transformers: `zoo/providers/transformers_padding.json`.

    python -m zoo.upkeep.transformers_padding [TYPE ...]

Each type is built small (`zoo.conformance.tiny`), its weights are moved off their initialisation, and the features of
samples alone are compared with those in a padded batch, through the very encoder that the provider uses. Types that
cannot be built or do not react to their input are kept with the reason, and are batched by length.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from typing import TYPE_CHECKING, Any

from zoo.catalog.rows import rows_of, spec_of
from zoo.conformance.tiny import tiny
from zoo.contracts import Padded
from zoo.providers.transformers_library import library, settled
from zoo.providers.transformers_text import TABLE, text_encoder
from zoo.providers.transformers_weights import scratch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor, nn

    Encode = Callable[[Tensor, Tensor | None], Any]

LENGTHS = (5, 11, 11, 70, 150)  # the longest beyond the chunks and windows of sparse attention
LARGEST = 40_000_000  # parameters; a type that cannot be made smaller is not measured
REACTS = 1e-3


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure all types, or those that are named, and write the table."""
    parser = argparse.ArgumentParser(
        prog="python -m zoo.upkeep.transformers_padding", description=__doc__.split("\n")[0]
    )
    parser.add_argument("types", nargs="*", metavar="TYPE", help="of the catalog (default: all text types)")
    options = parser.parse_args(arguments)
    table = json.loads(TABLE.read_text(encoding="utf-8"))["types"] if TABLE.is_file() else {}
    for arch in options.types or list(text_types()):
        table[arch] = measure(arch)
        print(arch, json.dumps(table[arch]), flush=True)
    lines = ",\n".join(f"  {json.dumps(arch)}: {json.dumps(table[arch])}" for arch in sorted(table))
    version = f"transformers {library().__version__}"
    TABLE.write_text(f'{{"library": {json.dumps(version)}, "types": {{\n{lines}\n}}}}\n', encoding="utf-8")
    return 0


def text_types() -> Iterator[str]:
    """The text model types of the catalog."""
    for spec in map(spec_of, rows_of("transformers")):
        if spec.modality == "text" and not spec.tag:
            yield spec.arch


def measure(arch: str) -> dict[str, Any]:
    """The row of a type: its errors and whether it is causal; or why that is not known.

    Example:
        >>> row = measure("gpt2")
        >>> row["causal"], row["padding_error"] < 1e-4
        (True, True)
    """
    import torch

    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            config = settled(tiny(arch))
            with torch.device("meta"):
                size = sum(parameter.numel() for parameter in scratch(config).network.parameters())
            if size > LARGEST:
                return {"unknown": f"the smallest that could be made of it has {size:,} parameters"}
            rows = [_errors(config, seed) for seed in (0, 1)]
    except Exception as error:  # a type may fail in any way: it is not measured, and says why
        return {"unknown": f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"}
    if any(row is None for row in rows):
        return {"unknown": "it does not react to its input, so nothing can be seen"}
    first, second = (row for row in rows if row is not None)
    errors = {name: float(f"{max(first[name], second[name]):.1e}") for name in ("padding_error", "batch_error")}
    return errors | {"causal": bool(first["causal"] and second["causal"])}


def _errors(config: Any, seed: int) -> dict[str, Any] | None:
    import torch

    torch.manual_seed(seed)
    network = perturbed(scratch(config).network, seed)
    pad = getattr(config, "pad_token_id", None)
    encoder = text_encoder(network, "mean", pad if isinstance(pad, int) and pad >= 0 else 0)

    def encode(ids: Tensor, mask: Tensor) -> Tensor:
        tokens = encoder(ids, mask)["text"].tokens
        assert tokens is not None
        return tokens

    generator = torch.Generator().manual_seed(seed)
    most = min(300, getattr(config, "vocab_size", None) or 300)
    samples = [torch.randint(5, most - 2, (1, length), generator=generator) for length in LENGTHS]
    alone = [encode(sample, torch.ones_like(sample, dtype=torch.bool)) for sample in samples]
    if relative(alone[1], alone[2]) < REACTS or not all(torch.isfinite(one).all() for one in alone):
        return None
    batch = padded(samples)
    together = encode(batch.values, batch.mask)
    pair = torch.cat(samples[1:3])
    equal = encode(pair, torch.ones_like(pair, dtype=torch.bool))
    changed = samples[3].clone()
    changed[0, -1] = samples[4][0, 0] if changed[0, -1] != samples[4][0, 0] else samples[4][0, 1]
    before = relative(alone[3][:, :-1], encode(changed, torch.ones_like(changed, dtype=torch.bool))[:, :-1])
    return {
        "padding_error": max(
            relative(one, row[None, : one.shape[1]]) for one, row in zip(alone, together, strict=True)
        ),
        "batch_error": max(relative(one, row[None]) for one, row in zip(alone[1:3], equal, strict=True)),
        "causal": before < 1e-6,
    }


def perturbed(network: nn.Module, seed: int) -> nn.Module:
    """The network in evaluation mode, its weights moved: branches that start at zero hide faults."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    return network.eval()


def padded(samples: Sequence[Tensor]) -> Padded:
    """Rows [1, T] of any length as one Padded."""
    import torch

    ids = torch.zeros(len(samples), max(sample.shape[1] for sample in samples), dtype=samples[0].dtype)
    mask = torch.zeros(ids.shape, dtype=torch.bool)
    for index, sample in enumerate(samples):
        ids[index, : sample.shape[1]], mask[index, : sample.shape[1]] = sample[0], True
    return Padded(ids, mask)


def relative(expected: Tensor, found: Tensor) -> float:
    """The largest difference, in parts of the largest value."""
    if expected.shape != found.shape or not found.isfinite().all():
        return float("inf")
    return float((expected - found).abs().max() / expected.abs().max().clamp(min=1e-12))


if __name__ == "__main__":
    sys.exit(main())
