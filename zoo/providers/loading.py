"""`zoo.load`: one call for every backbone of every provider, pre-trained or from scratch."""

from __future__ import annotations

import inspect
import json
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.catalog.query import backbones, describe
from zoo.contracts import Backbone
from zoo.errors import IncompatibleError, WeightsError
from zoo.io.fetch import HUB
from zoo.providers.exported import RECORD as EXPORTED
from zoo.providers.exported import is_exported, read_exported, tensors_of
from zoo.providers.published import fetched, hub_spec
from zoo.providers.repositories import carried, is_repository, looked_at, spec_of_repository
from zoo.providers.weights import graph_digest, load_strictly, read_weights
from zoo.registry import Registry
from zoo.specs import BackboneSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zoo.providers.exported import Exported
    from zoo.providers.weights import Tensors

RECORD, WEIGHTS = "backbone.json", "model.safetensors"

PROVIDERS = Registry(
    "provider",
    {
        "pocket": "zoo.providers.pocket:load",
        "timm": "zoo.providers.timm:load",
        "torchaudio": "zoo.providers.torchaudio:load",
        "transformers": "zoo.providers.transformers:load",
        "torchvision": "zoo.providers.torchvision:load",
        "open_clip": "zoo.providers.open_clip:load",
        "module": "zoo.providers.module:load",
    },
    group="zoo.providers",
)


def load(
    name: str,
    *,
    pretrained: bool = True,
    weights: str | Path | None = None,
    seed: int | None = None,
    allow_pickle: str = "",
    layers: bool = False,
) -> Backbone:
    """Build a backbone: the same call and the same shapes for all of them.

    Args:
        name: `provider/arch.tag`, a folder that `zoo pretrain` or `zoo export` wrote, a name written
            `module/package.module:function`, or a repository of another library:
            `hf-hub:ORGANISATION/NAME[@REVISION]`, or a folder with its files.
        pretrained: False builds exactly the same graph with the architecture's own initialisation.
        weights: a .safetensors file to load into that graph instead of the weights that `name` stands for.
        allow_pickle: the file name of the weights, if they are a pickle which you trust (all that torchvision publishes
            is); only tensors are read of it. The error that asks for this says the name.
        seed: seed of the initialisation; the global random state is left as it was. None draws from it.
        layers: True gives `Features.layers`, the output of every block, as well; without it they cost nothing.

    Raises:
        UnknownName: no such backbone; the message carries the nearest names.
        WeightsError: weights that are missing, damaged, or made for another architecture.
        Offline: weights that are not on this machine, without a network.
        IncompatibleError: `weights` together with `pretrained=False`; `allow_pickle` where no pickle can be read;
            `layers` of a network that has none which fit the contract.
        MissingDependency: the provider's library is not installed.

    Example:
        >>> load("pocket/resnet10", pretrained=False, seed=0).spec.pooled_dim
        256
    """
    if weights is not None and not pretrained:
        raise IncompatibleError("weights were given together with pretrained=False. Fix: leave one of them out.")
    (spec, exported), folder, digest, tensors = _resolved(name), Path(name).expanduser(), "", None
    if exported is not None and weights is None and pretrained:
        tensors = tensors_of(exported)
    elif exported is None and (folder / RECORD).is_file() and weights is None:
        weights, digest = folder / WEIGHTS, spec.digest
    if weights is not None and pretrained:
        tensors = read_weights(Path(weights).expanduser(), digest, allow_pickle=allow_pickle)
        allow_pickle = ""
    return build(spec, pretrained=pretrained, tensors=tensors, seed=seed, allow_pickle=allow_pickle, layers=layers)


def spec_of(name: str) -> BackboneSpec:
    """The record of whatever `load` takes, without building it.

    Raises:
        UnknownName: no such backbone.
        WeightsError: a folder that is not one of a backbone.

    Example:
        >>> spec_of("pocket/resnet10.glyphs").tag
        'glyphs'
    """
    return _resolved(name)[0]


def _resolved(name: str) -> tuple[BackboneSpec, Exported | None]:
    """The record of a name, and that of the export where zoo wrote the folder or the repository."""
    if name.startswith(HUB):
        found = looked_at(name)
        if EXPORTED not in found.files:
            return spec_of_repository(name, found), None
        exported = read_exported(fetched(found))
        return _own_code_refused(hub_spec(exported, found), exported.folder), exported
    if is_exported(folder := Path(name).expanduser()):
        exported = read_exported(folder)
        return _own_code_refused(exported.spec, folder), exported
    if is_repository(name):
        return spec_of_repository(name), None
    if folder.is_dir():
        return read_folder(folder), None
    if name.startswith("module/"):
        return BackboneSpec(name=name, provider="module", arch=name.removeprefix("module/")), None
    return describe(name), None


def build(
    spec: BackboneSpec,
    *,
    pretrained: bool,
    tensors: Tensors | None = None,
    seed: int | None = None,
    allow_pickle: str = "",
    layers: bool = False,
) -> Backbone:
    """The backbone of a record: by its provider, or by the plug-in that registered it.

    Raises:
        IncompatibleError: `allow_pickle`, and this provider reads no pickles; the plug-in gave no backbone; or
            `layers`, and the network cannot give them.
    """
    with seeded(seed) if seed is not None else nullcontext():
        if spec.provider in PROVIDERS.names():
            provider = PROVIDERS.get(spec.provider)
            options = {"allow_pickle": allow_pickle} if allow_pickle else {}
            if options and "allow_pickle" not in inspect.signature(provider).parameters:
                raise IncompatibleError(
                    f"allow_pickle={allow_pickle!r} was given, and {spec.name} comes with no pickle. Fix: leave it out."
                )
            backbone = provider(spec, pretrained=pretrained, tensors=tensors, **options)
        else:
            backbone = backbones.get(spec.name)(pretrained=pretrained and tensors is None)
            if tensors is not None:
                load_strictly(backbone.module, tensors, spec.name)
    if not isinstance(backbone, Backbone):
        raise IncompatibleError(f"{spec.name} must be built as a zoo.Backbone, received {type(backbone).__name__}.")
    if layers:
        from zoo.providers.layers import with_layers  # imports torch

        backbone = with_layers(backbone)
    return backbone


def read_folder(folder: Path) -> BackboneSpec:
    """The record of a backbone folder, as `zoo pretrain` writes it.

    Raises:
        WeightsError: not such a folder; or it asks for Python code by name, which no folder may.
    """
    try:
        spec = BackboneSpec.from_json(json.loads((folder / RECORD).read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(
            f"{folder} is not a backbone folder: {RECORD} cannot be read ({error}). "
            f"Expected {RECORD} and {WEIGHTS}, as `zoo pretrain --out FOLDER` writes them."
        ) from error
    _own_code_refused(spec, folder)
    return carried(spec, folder)


def _own_code_refused(spec: BackboneSpec, folder: str | Path) -> BackboneSpec:
    if spec.provider != "module":
        return spec
    raise WeightsError(
        f"{folder} holds weights of the Python function {spec.arch!r}, and zoo runs no code that a folder names. "
        f'Fix: if you trust it, name it yourself: zoo.load("{spec.name}", weights="{Path(folder) / WEIGHTS}").'
    )


def fingerprint(backbone: Backbone) -> str:
    """SHA-256 of the graph: equal for a pre-trained backbone and the same name built from scratch.

    Covers the module tree (names, classes and settings) and the shapes and types of all tensors, never their values.

    Example:
        >>> glyphs, scratch = load("pocket/resnet10.glyphs"), load("pocket/resnet10.glyphs", pretrained=False)
        >>> fingerprint(glyphs) == fingerprint(scratch)
        True
    """
    return graph_digest(backbone.module)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch within the block and give the global random state back afterwards."""
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield
