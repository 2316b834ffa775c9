"""What `zoo show` prints of a backbone: its facts, what fits it, and a snippet that runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.catalog.fit import KNOWN_WHEN_BUILT
from zoo.catalog.query import licence_class
from zoo.cli.shown import shape, size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zoo.specs import BackboneSpec

SAMPLES = {  # modality -> what a sample is called in the snippet
    "vision": "[image]",
    "text": '["a sentence"]',
    "speech": "[waveform]",
    "image-text": "[image]",
}


def page(spec: BackboneSpec, fitting: Mapping[str, Mapping[str, str]]) -> str:
    """The page of one backbone.

    Args:
        spec: its record.
        fitting: a title such as "fine-tune by" -> name -> why it does not fit, or "" (`zoo.catalog.fit.fits`).

    Example:
        >>> from zoo.specs import BackboneSpec
        >>> print(page(BackboneSpec("a/net", "a", "net", modality="text"), {"tasks": {"tag": "needs tokens"}}))
        name               a/net
        modality           text
        parameters         ?
        gives              pooled
        padding            fixed
        pre-trained        no
        licence            no weights
        tasks              none; not tag (needs tokens)
        <BLANKLINE>
        import zoo
        backbone = zoo.load("a/net", pretrained=False)
        inputs = backbone.preprocess(["a sentence"])
        features = backbone.encode(inputs)["text"].pooled
    """
    lines = facts(spec) | {title: _said(names) for title, names in fitting.items()}
    text = "\n".join(f"{name:<18} {value}" for name, value in lines.items() if value)
    return f"{text}\n\n{snippet(spec)}"


def facts(spec: BackboneSpec) -> dict[str, str]:
    """What is known, by title; what is not known or does not apply is empty."""
    pretrained = f"{spec.objective or 'yes'}, on {spec.pretrained_on or 'see source'}" if spec.pretrained else "no"
    return {
        "name": spec.name,
        "family": spec.family,
        "modality": spec.modality,
        "parameters": size(spec),
        "pooled width": str(spec.pooled_dim or ""),
        "token width": str(spec.token_dim or ""),
        "gives": ", ".join(spec.can),
        **(_image(spec) if spec.modality in ("vision", "image-text") else {}),
        **(_text(spec) if spec.modality in ("text", "image-text") else {}),
        **(_speech(spec) if spec.modality == "speech" else {}),
        "stride": f"{spec.stride} {'samples' if spec.modality == 'speech' else 'pixels'} a token"
        if spec.stride
        else "",
        "padding": spec.padding.replace("_", " "),
        "pre-trained": pretrained,
        "licence": _licence(spec) if spec.pretrained else "no weights",
        "source": spec.source,
        "weights": f"{spec.weights_format}, to be trusted by name only" if spec.weights_format == "pickle" else "",
        "re-made by": f"zoo pretrain --recipe {spec.recipe}" if spec.recipe else "",
        "read from": spec.library,
    }


def snippet(spec: BackboneSpec) -> str:
    """Python that loads the backbone and encodes one sample."""
    scratch = "" if spec.pretrained else ", pretrained=False"
    sample = SAMPLES.get(spec.modality, "[sample]")
    if spec.modality == "image-text":
        take = 'image = backbone.encode(inputs)["vision"].pooled'
    else:
        take = f'features = backbone.encode(inputs)["{spec.modality}"].pooled'
    return f'import zoo\nbackbone = zoo.load("{spec.name}"{scratch})\ninputs = backbone.preprocess({sample})\n{take}'


def _licence(spec: BackboneSpec) -> str:
    kind = licence_class(spec.licence)
    return spec.licence if kind == spec.licence else f"{spec.licence} ({kind})"


def _image(spec: BackboneSpec) -> dict[str, str]:
    return {
        "input [C, H, W]": shape(spec) if spec.input_size else "?",
        "mean / std": f"{list(spec.mean)} / {list(spec.std)}" if spec.mean else "",
        "resize": f"{spec.interpolation}, crop {spec.crop_mode} {spec.crop_pct:g}",
    }


def _text(spec: BackboneSpec) -> dict[str, str]:
    case = {True: ", folds case", False: ", keeps case", None: ""}[spec.lower_case]
    return {
        "context": f"{spec.context} tokens" if spec.context else "",
        "tokenizer": f"{spec.tokenizer}{case}" if spec.tokenizer else "",
    }


def _speech(spec: BackboneSpec) -> dict[str, str]:
    return {
        "sample rate": f"{spec.sample_rate} Hz, one channel" if spec.sample_rate else "",
        "waveform": "each clip to mean 0 and variance 1" if spec.normalize_waveform else "as it is",
    }


def _said(names: Mapping[str, str]) -> str:
    later = [name for name, reason in names.items() if reason == KNOWN_WHEN_BUILT]
    said = [", ".join(name for name, reason in names.items() if not reason and name not in later) or "none"]
    reasons = dict.fromkeys(filter(None, names.values()))
    if reasons:
        against = (f"{', '.join(n for n in names if names[n] == reason)} ({reason})" for reason in reasons)
        said.append(f"not {'; '.join(against)}")
    if later:
        said = [*(said if said != ["none"] else []), f"{KNOWN_WHEN_BUILT}: {', '.join(later)}"]
    return "; ".join(said)
