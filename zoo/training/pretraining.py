"""Pre-train a backbone by a recipe, or on data of one's own, and write a folder that `zoo.load` reads."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.adaptations.groups import parameter_groups
from zoo.data.bad_samples import write_bad_samples
from zoo.errors import DataError, IncompatibleError, UsageError
from zoo.objectives import compatible
from zoo.providers.loading import load, seeded, spec_of
from zoo.providers.weights import weights_digest
from zoo.specs import digest_of
from zoo.training.assembling import objective_of, recipe_of, recipe_with, source_of
from zoo.training.device import choose_device
from zoo.training.embedding_start import start_embeddings
from zoo.training.flops import step_flops
from zoo.training.kept import CHECKPOINTS, claim_together, save_backbone, unread
from zoo.training.learner import ObjectiveLearner
from zoo.training.loop import History, check_batch, make_accelerator, train
from zoo.training.prefetching import Prefetched
from zoo.training.processes import launched, processes, rank, wait
from zoo.training.recipe import Recipe, load_recipe
from zoo.training.sharing import rows_suffice
from zoo.training.sources import SampleSource, batch_of
from zoo.training.watching import Watcher, usual_every

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zoo.contracts import Backbone
    from zoo.data.generated import Source


def pretrain(
    what: str | Path | Recipe,
    out: str | Path,
    *,
    data: Any = None,
    objective: str = "",
    options: Mapping[str, Any] | None = None,
    init: str = "scratch",
    name: str = "",
    column: str = "",
    bad_samples: str = "error",
    augmentation: str = "",
    workers: int = 2,
    probe_every: int | None = None,
    tracker: str = "",
    quiet: bool = False,
    **settings: Any,
) -> Backbone:
    """Pre-train from scratch, or go on from weights that are there, and save the backbone in `out`.

    An unfinished run found in `out` goes on where it stopped, and ends with the same weights; a finished one is loaded.
    Under `torchrun` the processes share each batch.

    Args:
        what: a recipe (the name of one that comes with zoo, the path of a TOML file, or a `Recipe`); or, with `data`, a
            backbone: whatever `zoo.load` takes.
        out: folder for the result (see `zoo.training.kept`) and, until it is finished, its checkpoints.
        data: a generated source (`glyphs` ...), whatever `zoo.data.raw_files.read_raw` reads, or labelled data.
        objective, options: what it learns, and the objective's own options.
        init: `scratch`, `pretrained` for the weights that the backbone's name stands for, or `ppmi`; see `Recipe`.
        name: the tag of the result; the objective's name unless told.
        column: of a table, the one that holds the samples; two with a comma between them for pairs.
        bad_samples: what becomes of samples that cannot be read: `error`, `skip`, or `cap 5%`; they are listed.
        augmentation: what corrupts samples of your own, where the objective asks for that.
        workers: threads that read ahead; they change no result.
        probe_every: steps between two looks at the features: a kNN probe where there are labels. None looks ten times,
            0 never.
        tracker: of accelerate, such as `tensorboard`.
        quiet: no progress, and nothing said.
        settings: fields of `TrainSpec` (steps, batch_size, lr, seed, device, precision, accumulate, ema ...). Beside a
            recipe they stand instead of its own, and the recipe digest in the result then differs.

    Raises:
        UnknownName, InvalidRecord: the recipe, its backbone, data, objective or a setting cannot be found or read.
        UsageError: `data` without an objective, or what belongs to a run without a recipe beside a recipe.
        IncompatibleError: the objective needs something that the backbone cannot do, or sizes differ.
        DataError: no samples, or samples that cannot be read where the policy does not allow it.
        WeightsError: `out` holds a run of another recipe or on other data, or cannot be written.
        MissingDependency: the tracker's library is not installed.

    Example:
        >>> pretrain("glyphs", "runs/glyphs")                                               # doctest: +SKIP
        >>> pretrain("transformers/bert", "runs/mine", data="texts/", objective="mlm")      # doctest: +SKIP
    """
    given = {
        "objective": objective, "options": dict(options or {}), "init": init, "name": name, "column": column,
        "bad_samples": bad_samples, "augmentation": augmentation,
    }  # fmt: skip
    recipe = recipe_of(str(what), data, given, settings) if data is not None else recipe_with(what, given, settings)
    training, folder = recipe.training, Path(out).expanduser()
    say = _silent if quiet else _on_stderr
    if workers < 0 or (probe_every or 0) < 0:
        raise UsageError(f"workers and probe_every are 0 or more, received {workers}, {probe_every}. Fix: 0 for none.")
    if reason := compatible(recipe.objective, spec_of(recipe.backbone)):
        raise IncompatibleError(f"{reason}. Fix: choose another backbone or objective (`zoo show BACKBONE`).")
    if launched() > 1:  # before anything is written: who writes it is known from now on
        make_accelerator(choose_device(training.device), training.precision)

    backbone = load(recipe.backbone, pretrained=recipe.init == "pretrained", seed=training.seed)
    chosen = objective_of(recipe, backbone)
    source = source_of(recipe, backbone, recipe.data if data is None else data, chosen)
    if recipe.init == "ppmi":
        start_embeddings(backbone, source, seed=training.seed)
    with seeded(training.seed):
        learner = ObjectiveLearner(backbone, chosen, source)
    watcher = Watcher(
        backbone, source, size=training.batch_size, every=usual_every(training.steps, probe_every),
        steps=training.steps, tracker=tracker, place=folder / "tracker", say=say,
    )  # fmt: skip
    own = source if isinstance(source, SampleSource) else None
    check_batch(learner, training)  # what cannot be used is refused before the claim
    batch_of(source, 0, training.batch_size, training.seed)
    if claim_together(folder, recipe, source):
        return load(str(folder))
    told_by_data = own.data.notes if own else getattr(source, "notes", ())
    notes = (*backbone.notes, *told_by_data, *getattr(chosen, "notes", ()))
    apart = own if own and rows_suffice(learner, own, training.batch_size, training.seed) else None
    if own and processes() > 1 and not apart:
        notes = (*notes, "every process reads all rows of a batch: this objective's views mix its samples")
    for note in notes:
        say(note)

    def read(step: int) -> Any:
        if apart:
            return apart.own(step, training.batch_size, training.seed)
        return batch_of(source, step, training.batch_size, training.seed)

    try:
        with Prefetched(read, training.steps, workers if own else 0) as batches:
            history = train(
                learner,
                parameter_groups(learner, lr=training.lr, weight_decay=training.weight_decay),
                (lambda step: apart.joined(batches(step))) if apart else batches,
                training,
                after_step=chosen.after_step,
                observe=watcher,
                checkpoints=folder / CHECKPOINTS,
                identity=digest_of([recipe.digest, source.digest, weights_digest(learner)]),
                label=f"pre-training {recipe.backbone} on {recipe.data}",
                quiet=quiet,
            )
    except DataError as error:
        raise unread(error, folder, watcher.done, training.steps) from error
    finally:
        watcher.end()
    cost = _cost(recipe, source, history, watcher.seconds)  # in every process: a loss that gathers waits for all
    if rank() == 0:
        bad = sorted(own.bad.values(), key=lambda one: one.index) if own else []
        if own and bad:
            say(f"{len(bad)} of {len(own.data)} samples cannot be read; {folder / 'bad_samples.jsonl'} lists them")
            write_bad_samples(folder / "bad_samples.jsonl", bad)
        warned = [watcher.warned] if watcher.warned else []
        told = {
            "probe": watcher.scores, "health": watcher.healths, "notes": [*notes, *history.notes, *warned],
            "bad_samples": len(bad),
        }  # fmt: skip
        kept = {"losses": history.losses, "cost": cost, **told}
        save_backbone(backbone, recipe, source, folder, kept)
    wait()
    return load(str(folder))


def pretraining_flops(recipe: str | Path | Recipe, source: Source | None = None) -> int:
    """FLOPs of the whole pre-training by this recipe: those of one step times the steps. Nothing is trained.

    Args:
        recipe: as `pretrain` takes it.
        source: its data, where they are read already.

    Raises:
        UnknownName, InvalidRecord: the recipe, its backbone, data or objective cannot be found or read.
        IncompatibleError: the network has recurrent layers, which torch's counter does not see.

    Example:
        >>> pretraining_flops("glyphs") % load_recipe("glyphs").training.steps
        0
    """
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    training = recipe.training
    backbone = load(recipe.backbone, pretrained=False, seed=training.seed)
    objective = objective_of(recipe, backbone)
    source = source or source_of(recipe, backbone, recipe.data, objective)
    with seeded(training.seed):
        learner = ObjectiveLearner(backbone, objective, source)
    return training.steps * step_flops(learner, batch_of(source, 0, training.batch_size, training.seed))


def _cost(recipe: Recipe, source: Source, history: History, probing: float) -> dict[str, Any]:
    """FLOPs of the whole run (None where they cannot be counted), and the seconds of the steps that were timed here.

    A run that was resumed knows only the seconds of its last part: `timed_steps` says how many steps that were. The
    probe's seconds are among them, and are told beside.
    """
    try:
        flops: int | None = pretraining_flops(recipe, source)
    except Exception:  # a network, or the counter, may refuse in any way; the weights are worth keeping all the same
        flops = None
    seconds = {"seconds": round(history.seconds, 3), "cpu_seconds": round(history.cpu_seconds, 3)}
    pace = recipe.training.batch_size * history.timed_steps / max(history.seconds - probing, 1e-9)
    timed = {"timed_steps": history.timed_steps, "steps": recipe.training.steps}
    return {
        "flops": flops,
        **seconds,
        **timed,
        "samples_per_second": round(pace, 2),
        "probe_seconds": round(probing, 3),
    }


def _on_stderr(line: str) -> None:
    if rank() == 0:
        print(line, file=sys.stderr)


def _silent(line: str) -> None:
    """Say nothing."""
