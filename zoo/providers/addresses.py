"""Weights that a library publishes at an address, most of them as pickles: read only where a person names the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.errors import WeightsError
from zoo.io.urls import fetch_url, file_name
from zoo.providers.weights import read_weights

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from zoo.specs import BackboneSpec


def weights_at_address(spec: BackboneSpec, allow_pickle: str) -> dict[str, Tensor]:
    """The tensors of `spec.source`, an address: from torch's cache, else from the network.

    Raises:
        WeightsError: a pickle that was not named (nothing is fetched then), or a damaged file.
        Offline, StoreError: as `fetch_url` says.
    """
    path = file_at_address(spec, allow_pickle)
    return read_weights(path, allow_pickle=allow_pickle)


def file_at_address(spec: BackboneSpec, allow_pickle: str) -> Path:
    """The file of `spec.source` on this machine, its digest checked as far as the catalog or its name state one.

    Raises:
        WeightsError: a pickle that was not named; nothing is fetched then.
        Offline, StoreError: as `fetch_url` says.
    """
    name = file_name(spec.source)
    if not name.endswith(".safetensors") and name != allow_pickle:
        named = f", not {allow_pickle}" if allow_pickle else ""
        raise WeightsError(
            f"the weights of {spec.name} are published as a pickle{named}, and pickles can run code. zoo reads only "
            f"the tensors of one, and only if you name it. Nothing was fetched. Fix: allow_pickle={name!r}, or choose "
            "weights in safetensors (timm has most of these architectures)."
        )
    return fetch_url(spec.source, spec.digest)
