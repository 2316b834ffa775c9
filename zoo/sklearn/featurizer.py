"""A frozen backbone as a scikit-learn transformer: raw images, sounds or texts in, features out.

Example:
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> model = make_pipeline(Featurizer("pocket/resnet10.glyphs"), LogisticRegression(max_iter=500))
    >>> images = [np.full((8, 8), value, dtype=np.uint8) for value in (0, 20, 235, 255)]
    >>> model.fit(images, [0, 0, 1, 1]).predict(images).tolist()
    [0, 0, 1, 1]
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin

from zoo.data.labelled import Opened
from zoo.errors import DataError
from zoo.providers.batching import encode_samples
from zoo.providers.loading import load, spec_of
from zoo.training.device import choose_device

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from zoo.contracts import Backbone

KEPT = 2  # backbones that stay in memory, so that the clones of a grid search share one


class Featurizer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]  # no types
    """Pooled features of raw samples, each as if it had been encoded alone; nothing is trained.

    Samples are what the backbone's `preprocess` takes (PIL images, uint8 arrays, waveforms, texts), and paths of images
    and sounds. The backbone is loaded at the first `transform`, and is no part of a pickle: where the pickle is
    read, the name is loaded again. Clones with equal settings share it, and `Pipeline(memory=...)` keeps what it says.

    Args:
        backbone: what `zoo.load` takes.
        pretrained: False takes the architecture's own initialisation, by `seed`.
        weights: a file with weights for that graph.
        seed: of the initialisation.
        batch_size: samples that go through the network together; it changes no feature.
        device: auto, cpu, cuda or mps.
        modality: which features to give, where samples are image-text pairs: vision or text; empty for the only one.
        allow_pickle: the file name of the weights, if they are a pickle that you trust.
    """

    def __init__(
        self,
        backbone: str = "pocket/resnet10.glyphs",
        *,
        pretrained: bool = True,
        weights: str | Path | None = None,
        seed: int = 0,
        batch_size: int = 32,
        device: str = "auto",
        modality: str = "",
        allow_pickle: str = "",
    ) -> None:
        self.backbone = backbone
        self.pretrained = pretrained
        self.weights = weights
        self.seed = seed
        self.batch_size = batch_size
        self.device = device
        self.modality = modality
        self.allow_pickle = allow_pickle

    def fit(self, X: Sequence[Any], y: Any = None) -> Self:  # noqa: N803, ARG002  # scikit-learn's names
        """See that the backbone exists; nothing is learnt, and nothing is loaded.

        Raises:
            UnknownName: no such backbone.
        """
        spec_of(self.backbone)
        return self

    def transform(self, X: Sequence[Any]) -> NDArray[np.float32]:  # noqa: N803
        """Features [N, D] of N raw samples.

        Raises:
            DataError: a sample that cannot be used; or pairs, and `modality` does not say which features to give.
            UnknownName, WeightsError, Offline, MissingDependency, DeviceError: as `zoo.load` says.
        """
        backbone = self._loaded()
        opened = Opened(X, "image" if backbone.spec.modality == "vision" else "")
        found = encode_samples(backbone, opened, self.batch_size)
        name = self.modality or next(iter(found))
        if name not in found or (len(found) > 1 and not self.modality):
            raise DataError(
                f"these samples have features of {' and '.join(sorted(found))}, and modality={self.modality!r} "
                f"names {'none' if self.modality else 'neither'} of them. Fix: modality={next(iter(found))!r}."
            )
        features: NDArray[np.float32] = found[name].pooled.float().numpy()
        return features

    def __sklearn_is_fitted__(self) -> bool:
        """It learns nothing, so it is always ready."""
        return True

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks: it needs no fit, and takes any kind of sample."""
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.no_validation = True
        return tags

    @property
    def _n_features_out(self) -> int:
        return self._loaded().pooled_dim

    def _loaded(self) -> Backbone:
        weights = None if self.weights is None else str(self.weights)
        device = choose_device(self.device)
        return shared(self.backbone, self.pretrained, weights, self.seed, device, self.allow_pickle)


@lru_cache(maxsize=KEPT)
def shared(
    name: str, pretrained: bool, weights: str | None, seed: int, device: str, allow_pickle: str, layers: bool = False
) -> Backbone:
    """The backbone of these settings, loaded once; nobody may train it."""
    backbone = load(name, pretrained=pretrained, weights=weights, seed=seed, allow_pickle=allow_pickle, layers=layers)
    backbone.module.to(device)
    return backbone
