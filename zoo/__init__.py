"""zoo: load backbones by one contract, and find out whether pre-training is worth it on your data.

Names are imported when they are first used, so that `import zoo` is instant and loads no deep-learning library.

Example:
    >>> import zoo
    >>> zoo.describe("pocket/resnet10.glyphs").licence
    'apache-2.0'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.version import __version__

if TYPE_CHECKING:
    from zoo.benchmarking.own import own_suite
    from zoo.benchmarking.report import write_report
    from zoo.benchmarking.runner import bench
    from zoo.benchmarking.store import read_rows, read_suite
    from zoo.catalog.query import describe, find
    from zoo.contracts import Backbone, Batch, Features
    from zoo.data.sources.read import read_data
    from zoo.embedding.run import embed
    from zoo.errors import ZooError
    from zoo.hub.native.export import export
    from zoo.hub.publishing import publish
    from zoo.objectives import compatible
    from zoo.providers.loading import fingerprint, load
    from zoo.providers.module import wrap
    from zoo.specs import BackboneSpec, Result, RunSpec, TaskSpec
    from zoo.training.finetuning import finetune
    from zoo.training.fitted import load_model
    from zoo.training.pretraining import pretrain

_HOMES = {
    "bench": "zoo.benchmarking.runner",
    "compatible": "zoo.objectives",
    "describe": "zoo.catalog.query",
    "embed": "zoo.embedding.run",
    "export": "zoo.hub.native.export",
    "find": "zoo.catalog.query",
    "finetune": "zoo.training.finetuning",
    "fingerprint": "zoo.providers.loading",
    "load": "zoo.providers.loading",
    "load_model": "zoo.training.fitted",
    "own_suite": "zoo.benchmarking.own",
    "pretrain": "zoo.training.pretraining",
    "publish": "zoo.hub.publishing",
    "read_data": "zoo.data.sources.read",
    "read_rows": "zoo.benchmarking.store",
    "read_suite": "zoo.benchmarking.store",
    "wrap": "zoo.providers.module",
    "write_report": "zoo.benchmarking.report",
    "Backbone": "zoo.contracts",
    "BackboneSpec": "zoo.specs",
    "Batch": "zoo.contracts",
    "Features": "zoo.contracts",
    "Result": "zoo.specs",
    "RunSpec": "zoo.specs",
    "TaskSpec": "zoo.specs",
    "ZooError": "zoo.errors",
}

__all__ = [
    "Backbone",
    "BackboneSpec",
    "Batch",
    "Features",
    "Result",
    "RunSpec",
    "TaskSpec",
    "ZooError",
    "__version__",
    "bench",
    "compatible",
    "describe",
    "embed",
    "export",
    "find",
    "finetune",
    "fingerprint",
    "load",
    "load_model",
    "own_suite",
    "pretrain",
    "publish",
    "read_data",
    "read_rows",
    "read_suite",
    "wrap",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'zoo' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
