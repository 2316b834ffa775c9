"""zoo in scikit-learn's terms: features of a frozen backbone, and fitted models, for pipelines and grid searches."""

from zoo.sklearn.estimators import Classifier, Regressor
from zoo.sklearn.featurizer import Featurizer

__all__ = ["Classifier", "Featurizer", "Regressor"]
