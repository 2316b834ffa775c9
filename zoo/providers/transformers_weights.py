"""Networks of transformers with their weights: from a folder on this machine, with every key accounted for."""

from __future__ import annotations

import importlib
import inspect
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import IncompatibleError, UnknownName, WeightsError
from zoo.io.fetch import HUB
from zoo.io.repository import fetch_repository
from zoo.io.safety import check_folder, files_in
from zoo.providers.repositories import FOLDER, read_json
from zoo.providers.transformers_library import LOCAL, config_of, library, quietly, settled, takes
from zoo.providers.weights import graph_digest, load_strictly

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import nn

    from zoo.providers.weights import Tensors
    from zoo.specs import BackboneSpec

SETTINGS = ("*.json", "*.txt", "*.model", "*.tiktoken", "*.jinja", "1_Pooling/*.json")
PATTERNS = ("model*.safetensors", *SETTINGS)
# Poolers that no feature goes through stay out of the graph; these two types' is a norm that features do go through.
KEPT_POOLERS = ("beit", "data2vec-vision")
WITH_HEAD = ("parakeet_ctc", "lasr_ctc", "granite_speech5_ctc")  # the library has these only with a head for letters
# What may be missing from a checkpoint: no feature depends on it, or (the pooler's norm) it starts as the identity.
_MAY_LACK = re.compile(
    r"(^|\.)(pooler\.layernorm\.\w+|masked_spec_embed|mask_token|position_ids|logit_scale|logit_bias)$"
)


@dataclass(frozen=True)
class Loaded:
    """A network, the configuration that it was built from, and what loading has to tell."""

    network: nn.Module
    config: Any
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """A folder with a repository's files; `commit` is empty for a folder of the user's own."""

    folder: Path
    commit: str = ""
    notes: tuple[str, ...] = ()


def place_of(spec: BackboneSpec, patterns: tuple[str, ...] = PATTERNS) -> Place:
    """The files of a record's repository on this machine, every one checked.

    Raises:
        Offline, WeightsError, UnsafeContent: as `fetch_repository` and `check_folder` say.
    """
    if spec.source.startswith(HUB):
        found = fetch_repository(spec.source.removeprefix(HUB), spec.revision, patterns)
        return Place(found.folder, found.commit, found.notes)
    folder = Path(spec.source.removeprefix(FOLDER))
    if not spec.source.startswith(FOLDER) or not folder.is_dir():
        raise WeightsError(
            f"{spec.name} has its files nowhere: {spec.source or 'it has no source'}. Fix: copy them again."
        )
    check_folder(folder)
    return Place(folder)


def read_config(folder: Path) -> Any:
    """The configuration in a folder, settled as `zoo` wants it.

    Raises:
        WeightsError: there is none, or it is damaged.
        UnknownName: it is of a model type that the installed library does not have.
    """
    auto = library().AutoConfig
    known = importlib.import_module("transformers.models.auto.configuration_auto").CONFIG_MAPPING_NAMES
    arch = str(read_json(folder / "config.json").get("model_type", ""))
    if arch not in known:
        raise UnknownName("model type", arch, known, f"transformers {library().__version__} is installed.")
    try:
        with quietly():
            return settled(auto.from_pretrained(folder, **LOCAL))
    except Exception as error:  # the library raises many kinds
        raise WeightsError(f"{folder / 'config.json'} is no configuration of {arch}: {error}") from error


def scratch(config: Any) -> Loaded:
    """The network of a configuration by its own initialisation, in float32."""
    import torch

    auto = library().AutoModel
    try:
        with quietly():
            whole = auto.from_config(config, dtype=torch.float32, trust_remote_code=False, **_options(config))
    except ImportError as error:
        raise IncompatibleError(f"{config.model_type} needs a library that is not installed: {error}") from error
    except Exception as error:
        raise IncompatibleError(
            f"transformers cannot build {config.model_type} from this configuration: {type(error).__name__}: {error}"
        ) from error
    if config.model_type == "vit_mae":
        from zoo.providers.positions import fill_positions

        fill_positions(whole)
    return Loaded(*_encoder_of(whole, config))


def from_folder(folder: Path, config: Any, name: str) -> Loaded:
    """The network with the weights of a folder: safetensors, float32, as the library itself loads them.

    Raises:
        WeightsError: no safetensors; or damaged, missing or wrongly shaped weights of the backbone.
    """
    if not any(file.endswith(".safetensors") for file in files_in(folder)):
        raise WeightsError(
            f"{name} has no model*.safetensors, and zoo reads no pickles unless one is named. Fix: choose a revision "
            f"that has them; or, if you trust its pickle, zoo.load({name!r}, weights=FILE, allow_pickle=NAME)."
        )
    return _loaded(folder, config, name)


def from_tensors(tensors: Tensors, config: Any, name: str) -> Loaded:
    """The network with given tensors: its own names (as zoo saves them), or those of a published checkpoint."""
    built = scratch(config)
    own = built.network.state_dict()
    if not set(own) ^ set(tensors):
        load_strictly(built.network, tensors, name)
        return built
    if not any(key.endswith(tuple(own)) for key in tensors):
        load_strictly(built.network, tensors, name)  # another architecture: the message counts and shows
    return _loaded(None, config, name, dict(tensors))


def _loaded(folder: Path | None, config: Any, name: str, tensors: dict[str, Any] | None = None) -> Loaded:
    import torch

    options: dict[str, Any] = {"config": config, "dtype": torch.float32, "output_loading_info": True}
    options["local_files_only"] = True  # a class of the library itself, so there is no remote code to trust
    options |= {"use_safetensors": True} if tensors is None else {"state_dict": tensors}
    try:
        with quietly():
            whole, told = _class_of(config).from_pretrained(folder, **options, **_options(config))
    except Exception as error:  # damaged files, wrong shapes: the library has a kind for each
        raise WeightsError(
            f"the weights of {name} cannot be loaded into {config.model_type}: {_short(error)}"
        ) from error
    network, config, notes = _encoder_of(whole, config)
    prefix = next(f"{path}." if path else "" for path, part in whole.named_modules() if part is network)
    missing = sorted(key.removeprefix(prefix) for key in told["missing_keys"] if key.startswith(prefix))
    lost = [key for key in missing if not _MAY_LACK.search(key)]
    wrong = [str(key[0]) for key in told.get("mismatched_keys", ())]
    if lost or wrong or told.get("error_msgs"):
        raise WeightsError(
            f"the weights of {name} are not those of its {type(network).__name__}:{_counted('missing', lost)}"
            f"{_counted('of another shape', wrong)}{_counted('damaged', told.get('error_msgs', ()))}. "
            "Fix: name the backbone that these weights belong to."
        )
    return Loaded(network, config, (*notes, *_told(name, missing, told["unexpected_keys"])))


def _options(config: Any) -> dict[str, Any]:
    """Leave out the pooler that nobody trained for features: in many checkpoints it is missing altogether."""
    cls = _class_of(config)
    if config.model_type in KEPT_POOLERS or not takes(cls.__init__, "add_pooling_layer"):
        return {}
    return {"add_pooling_layer": False}


def _class_of(config: Any) -> Any:
    """The class of network that `AutoModel` picks for a configuration."""
    from transformers.models.auto.modeling_auto import MODEL_MAPPING

    found: Any = MODEL_MAPPING.get(type(config), None)
    if isinstance(found, list | tuple):
        named = {cls.__name__: cls for cls in found}
        found = next((named[name] for name in getattr(config, "architectures", None) or () if name in named), found[0])
    if found is None:
        raise IncompatibleError(
            f"transformers has no bare network of the type {config.model_type}. Fix: choose another."
        )
    return found


def _encoder_of(whole: Any, config: Any) -> tuple[Any, Any, tuple[str, ...]]:
    """Of a network with encoder and decoder, the encoder: it alone says what an input is."""
    if config.model_type not in WITH_HEAD and not getattr(config, "is_encoder_decoder", False):
        return whole, config, ()
    encoder = whole.encoder if config.model_type in WITH_HEAD else whole.get_encoder()
    count = {id(p): p.numel() for p in whole.parameters()}
    left = sum(count.values()) - sum(parameter.numel() for parameter in encoder.parameters())
    return encoder, config, (f"of {config.model_type} the encoder is used; {left:,} parameters of the rest are not",)


def _told(name: str, missing: Iterable[str], unexpected: Iterable[str]) -> tuple[str, ...]:
    notes = []
    if missing := sorted(missing):
        notes.append(f"{name}: not in the checkpoint, and used by no feature{_counted('', missing)}")
    if unexpected := sorted(unexpected):
        notes.append(f"{name}: in the checkpoint, and not of the backbone{_counted('', unexpected)}")
    return tuple(notes)


def _counted(what: str, names: Iterable[Any]) -> str:
    listed = [str(name) for name in names]
    if not listed:
        return ""
    shown = f"({', '.join(listed[:4])}{', ...' if len(listed) > 4 else ''})"
    return f" {len(listed)} {what} {shown}" if what else f": {len(listed)} tensors {shown}"


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {inspect.cleandoc(str(error))[:400]}"


def same_graph(loaded: Loaded, spec: BackboneSpec) -> bool:
    """Whether the record's own configuration makes the graph that was loaded; it is built without memory to see."""
    import torch

    with torch.device("meta"):
        expected = scratch(config_of(spec)).network
    return graph_digest(expected) == graph_digest(loaded.network)
