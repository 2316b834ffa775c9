"""`zoo.export`: a backbone or a fitted model as a folder in the format of its own library, compared before it counts.

| provider     | format       | a linear head is                                                   |
|--------------|--------------|--------------------------------------------------------------------|
| timm         | timm         | the network's classifier                                           |
| transformers | transformers | in the library's class where that is equal, else beside `AutoModel` |
| torchaudio   | transformers | in the library's class                                             |
| torchvision  | torchvision  | the builder's last layer                                           |
| open_clip    | open_clip    | beside                                                             |
| pocket       | torch        | the class's last layer (images)                                    |
|              | transformers | beside (text, speech)                                              |
| your module  | torch        | beside                                                             |
| LoRA, `merge=False` | peft  | beside                                                             |

Other heads (`knn`, `layer_mix`), thresholds and the temperature of probabilities have no place upstream: they stand in
`zoo.json` and `head.safetensors`, which `zoo.load_model` reads.
"""

from __future__ import annotations

import dataclasses
import json
import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from zoo.contracts import Backbone
from zoo.data.labelled import inputs_of
from zoo.errors import IncompatibleError, WeightsError
from zoo.hub.native.parts import Model, Staged, example, write_tensors
from zoo.hub.native.rounding import rounding_of
from zoo.hub.native.samples import RATE, sample_of, write_sample
from zoo.hub.native.verify import compared
from zoo.io.atomic import explained, replace
from zoo.io.digests import file_digest
from zoo.io.safety import files_in
from zoo.providers.exported import HEAD, RECORD, Exported, is_exported, read_exported
from zoo.providers.loading import load
from zoo.providers.repositories import FOLDER
from zoo.registry import Registry
from zoo.tasks.scaled import ScaledLinear
from zoo.training.fitted import RECORD as FITTED
from zoo.training.fitted import FittedModel, load_model
from zoo.training.matching import answering

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from zoo.specs import BackboneSpec

EXPORTERS: Registry = Registry(
    "exporter",
    {
        "timm": "zoo.hub.native.timm:stage",
        "transformers": "zoo.hub.native.transformers:stage",
        "torchaudio": "zoo.hub.native.torchaudio:stage",
        "torchvision": "zoo.hub.native.torchvision:stage",
        "open_clip": "zoo.hub.native.open_clip:stage",
        "pocket": "zoo.hub.native.pocket:stage",
        "module": "zoo.hub.native.plain:stage_own",
    },
)
INPUTS = {"vision": "image", "text": "text", "speech": "audio", "image-text": "both"}


def export(
    model: FittedModel | Backbone | str | Path,
    out: str | Path,
    *,
    merge: bool = True,
    check: bool = True,
    say: Callable[[str], None] | None = None,
) -> Exported:
    """Write a model as its own library's files, load them there without zoo, and compare what comes out.

    Args:
        model: what `zoo.finetune` or `zoo.load` gave, the folder of one, or a name that `zoo.load` takes.
        out: the folder to make; it appears whole or not at all.
        merge: of a model that `lora` fitted: True writes all weights, False the adapter alone.
        check: run the snippet in a fresh process (`verify`); your own module is not run, since its class is yours.
        say: is told each note.

    Returns:
        The record, which also stands in `out/zoo.json`.

    Raises:
        WeightsError: `out` is taken, or upstream gives other outputs.
        IncompatibleError: a model that no library's format holds, with the reason.
        MissingDependency: the library is not installed.

    Example:
        >>> found = zoo.export("runs/photos", "runs/photos-timm")                      # doctest: +SKIP
        >>> found.library, found.gives, found.tolerance                                # doctest: +SKIP
        ('timm', 'logits', 1.2e-07)
    """
    folder = Path(out).expanduser()
    if folder.exists():
        raise WeightsError(f"{folder} is there already, and it is left as it is. Fix: choose another folder.")
    given = taken(model)
    made = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.tmp")
    try:
        with explained(f"{folder} cannot be written"):
            made.mkdir(parents=True)
            record = staged(given, made, merge=merge)
            if check and record.backbone.provider != "module":
                record = compared(record)
            stored = dataclasses.replace(record, folder="").to_json()
            replace(made / RECORD, json.dumps(stored, indent=1).encode())
            made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    for note in record.notes if say else ():
        say(note)  # type: ignore[misc]  # seen in the line above
    return dataclasses.replace(record, folder=str(folder))


def taken(model: FittedModel | Backbone | str | Path) -> Model:
    """The model with an example of its inputs and what zoo gives for it."""
    if isinstance(model, str | Path):
        place = Path(model).expanduser()
        has_head = (place / FITTED).is_file() or (is_exported(place) and bool(read_exported(place).fitted))
        model = load_model(place) if has_head else load(str(model))
    if not isinstance(model, FittedModel | Backbone):
        raise IncompatibleError(
            f"export takes a fitted model, a backbone, or the folder of one, received {type(model).__name__}. "
            "Fix: wrap a module of your own with zoo.wrap."
        )
    fitted = model if isinstance(model, FittedModel) else None
    backbone = fitted.backbone if fitted else model
    assert isinstance(backbone, Backbone)
    inputs = inputs_of(fitted.spec.task.kind) if fitted else INPUTS.get(backbone.spec.modality, "image")
    sample = sample_of(inputs, backbone.spec.sample_rate or RATE)
    modality = answering(backbone.spec, fitted.spec.task.kind) if fitted else ""

    def run() -> tuple[Tensor, Tensor]:
        features = example(backbone, inputs, sample, modality)
        return features, fitted.outputs([sample]) if fitted else features

    found = Model(backbone, fitted, inputs, sample, *run())
    parts = [backbone.module, *([fitted.head] if fitted else [])]
    features, outputs = rounding_of(parts, run, (found.features, found.outputs), (0.0, found.scale))
    return dataclasses.replace(found, rounding=(features, outputs))


def staged(model: Model, folder: Path, *, merge: bool = True) -> Exported:
    """Write all files but `zoo.json` to `folder`, and make the record of them; nothing is compared yet."""
    spec, fitted = model.spec, model.fitted
    kept = public(spec) if merge else spec  # an adapter needs to find its base
    if fitted and fitted.spec.start == "from scratch":
        kept = dataclasses.replace(kept, origin="scratch")  # who fits them further must not claim a base
    if merge:
        if spec.provider not in EXPORTERS.names():
            raise IncompatibleError(
                f"{spec.name} is of {spec.provider}, for which zoo writes no format. It knows: "
                f"{', '.join(EXPORTERS.names())}. Fix: zoo.wrap(backbone.module), which is exported as your own."
            )
        found: Staged = EXPORTERS.get(spec.provider)(model, folder)
    else:
        from zoo.hub.native.adapter import stage

        found = stage(model, folder)
    formula = head_code(fitted) if fitted and not found.inside else ""
    ids = _ids(model) if spec.provider == "transformers" and not spec.source and spec.modality == "text" else None
    sample = write_sample(model.inputs, folder, spec.sample_rate or RATE, ids)
    if fitted:
        write_tensors(folder / HEAD, {name: t.detach().clone() for name, t in fitted.head.state_dict().items()})
    head = "" if not fitted else "inside" if found.inside else "beside" if formula else "zoo"
    gives = "logits" if head in ("inside", "beside") and found.gives != "adapter" else found.gives
    whole = head in ("inside", "beside")
    expected = model.outputs if whole or not fitted else model.features
    files = {name: file_digest(folder / name, "0" * 64) for name in files_in(folder)}
    return Exported(
        library=found.library,
        gives=gives,
        backbone=kept,
        head=head,
        snippet=snippet_of(found.code, formula, with_head=bool(formula) or found.inside),
        files=files,
        weights=found.weights,
        fitted=dataclasses.replace(fitted.spec, backbone=kept, digest="").to_json() if fitted else {},
        tensors=found.tensors,
        head_keys=found.head_keys,
        preprocessing=found.preprocessing,
        sample=sample,
        expected=tuple(tuple(map(float, row)) for row in expected),
        rounding=model.rounding[whole],
        scale=model.scale if whole else 0.0,
        notes=(*found.notes, *_told(fitted, head)),
        folder=str(folder),
    )


def public(spec: BackboneSpec) -> BackboneSpec:
    """The record without paths of this machine, which name repositories that lie in a folder.

    Example:
        >>> from zoo.specs import BackboneSpec
        >>> spec = BackboneSpec("/home/me/bert", "transformers", "bert", source="folder:/home/me/bert")
        >>> public(spec).name, public(spec).source
        ('transformers/bert', '')
    """
    if not spec.source.startswith(FOLDER):
        return spec
    place = spec.source.removeprefix(FOLDER)
    if spec.name != place:  # it has a name of its own, and only its tokenizer or processor lies there
        return dataclasses.replace(spec, source="")
    name = Path(place).name
    tag = name if spec.tag == spec.name else spec.tag
    return dataclasses.replace(spec, name=f"{spec.provider}/{name}", tag=tag, source="")


def snippet_of(code: str, formula: str, *, with_head: bool) -> str:
    """The whole snippet: imports first, then the folder, the library's part, and the head where that stands beside.

    Example:
        >>> snippet_of("import timm; features = 1", "", with_head=False).splitlines()[-1]
        'outputs = features'
    """
    lines = [line for line in (code + formula).splitlines() if line.strip()]
    first = {line for line in lines if line.startswith(("import ", "from "))} | {"import torch"}
    if "load_file(" in code + formula:
        first.add("from safetensors.torch import load_file")
    rest = [line for line in lines if line not in first] + ([] if with_head else ["outputs = features"])
    return "\n".join([*sorted(first), "", 'folder = "."  # where this file lies', *rest, ""])


def head_code(fitted: FittedModel) -> str:
    """Code from `features` to `outputs` for a head that is a formula; "" for one that only zoo computes."""
    from zoo.adaptations.zero_shot import ZeroShotHead

    begin = f'\nhead = load_file(f"{{folder}}/{HEAD}")\n'
    head: Any = fitted.head
    if isinstance(head, ScaledLinear):
        plain = 'torch.nn.functional.linear(features, head["weight"], head["bias"])'
        return f'{begin}outputs = {plain} * head["deviation"] + head["mean"]\n'
    if type(head) is torch.nn.Linear:
        bias = ', head["bias"]' if head.bias is not None else ""
        return f'{begin}outputs = torch.nn.functional.linear(features, head["weight"]{bias})\n'
    if isinstance(head, ZeroShotHead):
        unit = "torch.nn.functional.normalize(features, dim=1)"
        return f'{begin}outputs = head["scale"] * {unit} @ head["vectors"].T\n'
    return ""


def _told(fitted: FittedModel | None, head: str) -> tuple[str, ...]:
    """What a user should know of the head."""
    if fitted is None:
        return ()
    if head == "zoo":
        return (f"the head of {fitted.spec.method} has no place in the library: zoo.load_model computes it",)
    if fitted.spec.temperature != 1.0:
        return (f"probabilities are softmax or sigmoid of outputs / {fitted.spec.temperature:.6g} (calibration)",)
    return ()


def _ids(model: Model) -> list[int]:
    """The numbers of the example's tokens."""
    prepared = model.backbone.preprocess([model.sample]).values[0]
    return [int(one) for one in (prepared[:, 0] if prepared.ndim == 2 else prepared)]
