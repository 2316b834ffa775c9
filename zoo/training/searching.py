"""`--search N`: learning rate, weight decay and a method's own options, tried by optuna and scored on validation."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from zoo.errors import IncompatibleError, MissingDependency, TrainingDiverged
from zoo.training.jobs import fit

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from zoo.training.jobs import Job
    from zoo.training.trainspec import TrainSpec

WORST = -1e9  # what a trial scores that diverged
SPACE: dict[str, tuple[float, float] | list[Any]] = {  # of options, by name: a range, or a list of choices
    "layer_decay": (0.6, 1.0),
    "rank": [2, 4, 8, 16, 32],
    "blocks": [1, 2, 3, 4],
}
RATES = (1e-5, 1e-2)
DECAYS = (1e-4, 0.3)


def search_settings(
    job: Job,
    spec: TrainSpec,
    options: Mapping[str, Any],
    trials: int,
    say: Callable[[str], None] | None,
    fixed: Collection[str] = (),
) -> tuple[TrainSpec, dict[str, Any], tuple[str, ...]]:
    """The settings with the best score on validation of `trials` trials; the test part is never read.

    The tree-structured Parzen estimator of optuna proposes (Bergstra et al. 2011), the first trial being the settings
    as given; the median rule stops trials that lie behind. Each trial starts from the same weights, which the backbone
    has again afterwards.

    Args:
        job: what is fitted.
        spec, options: the settings to begin with.
        trials: how many.
        say: is given a line for each trial.
        fixed: options that keep their value.

    Raises:
        IncompatibleError, TrainingDiverged: no trial came to an end with a score; it is the reason of the last one.
        MissingDependency: optuna is not installed.
    """
    optuna = import_optuna()
    tell = say or (lambda _: None)
    module = job.backbone.module
    start = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}
    searched = [name for name in SPACE if name in options and name not in fixed]

    def settings(values: Mapping[str, Any]) -> tuple[TrainSpec, dict[str, Any]]:
        own = {name: values[name] for name in searched}
        return dataclasses.replace(spec, lr=values["lr"], weight_decay=values["weight_decay"]), {**options, **own}

    failures: list[Exception] = []

    def objective(trial: Any) -> float:
        values: dict[str, Any] = {
            "lr": trial.suggest_float("lr", *RATES, log=True),
            "weight_decay": trial.suggest_float("weight_decay", *DECAYS, log=True),
        }
        for name in searched:
            space = SPACE[name]
            values[name] = (
                trial.suggest_categorical(name, space) if isinstance(space, list) else trial.suggest_float(name, *space)
            )
        seen = 0

        def watch(score: float) -> None:
            nonlocal seen
            seen += 1
            trial.report(score, seen)
            if trial.should_prune():
                raise optuna.TrialPruned

        module.load_state_dict(start)
        try:
            head = fit(job, *settings(values), watch=watch).head
            found = job.score(head, job.split.validation)
        except (TrainingDiverged, IncompatibleError) as error:  # the settings are to blame, and others may do
            failures.append(error)
            tell(f"trial {trial.number + 1} of {trials}: {error}")
            return WORST
        finally:
            module.load_state_dict(start)
        tell(f"trial {trial.number + 1} of {trials}: {found:.2f}   {_shown(values)}")
        return found

    sampler = optuna.samplers.TPESampler(seed=spec.seed, n_startup_trials=max(3, trials // 3))
    study = optuna.create_study(direction="maximize", sampler=sampler, pruner=optuna.pruners.MedianPruner(3, 2))
    first = {
        "lr": min(max(spec.lr, RATES[0]), RATES[1]),
        "weight_decay": min(max(spec.weight_decay, DECAYS[0]), DECAYS[1]),
    }
    study.enqueue_trial(first | {name: _nearest(SPACE[name], options[name]) for name in searched})
    study.optimize(objective, n_trials=trials)
    finished = [trial for trial in study.trials if trial.state.name == "COMPLETE" and (trial.value or 0.0) > WORST]
    if not finished:
        raise failures[-1]  # a first trial is never stopped, so there is one
    best = study.best_params
    pruned = sum(trial.state.name == "PRUNED" for trial in study.trials)
    note = f"{_shown(best)}: the best of {trials} trials on validation ({study.best_value:.2f}), {pruned} stopped early"
    tell(note)
    return *settings(best), (note,)


def import_optuna() -> Any:
    """The library, which says nothing of its own from now on, or the error that says how to get it."""
    try:
        import optuna
    except ImportError as error:
        raise MissingDependency("optuna", "search") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _nearest(space: tuple[float, float] | list[Any], value: Any) -> Any:
    """A value as the space can have it."""
    if isinstance(space, list):
        return min(space, key=lambda choice: abs(choice - value))
    return min(max(value, space[0]), space[1])


def _shown(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value:.3g}" for name, value in values.items())
