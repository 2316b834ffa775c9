"""One cell of each arm: the same labels for all, a test split that only final cells read, and values made by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import zoo
import zoo.benchmarking.arms as arms
import zoo.benchmarking.fits as module
from zoo.benchmarking.arms import Job, SealedTest, Workbench, timed
from zoo.benchmarking.suite import load_suite
from zoo.data.batches import substream
from zoo.errors import DataError, IncompatibleError, ScratchArmError, UnknownName

BUDGET, SEED = 3, 5


def tiny(**changes):
    """The digits suite with few steps and small parts."""
    suite = dataclasses.replace(load_suite("digits"), steps=3, split={"test": 150, "validation": 100, "seed": 0})
    return dataclasses.replace(suite, **changes)


@pytest.fixture(scope="module")
def workbench():
    return Workbench(tiny())


def job(workbench, role, phase="final", seed=SEED, search=None, **recipe):
    arm = next(arm for arm in workbench.suite.arms if arm.role == role)
    run = workbench.run_spec(arm, BUDGET, seed, phase, {"lr": 0.003, "penalty": 1.0}[arm.search])
    return Job(dataclasses.replace(run, recipe=run.recipe | recipe), search or {})


def only(suite, role, **changes):
    """The arms of a suite, those of one role with changes."""
    return tuple(dataclasses.replace(arm, **changes) if arm.role == role else arm for arm in suite.arms)


def by_hand(workbench, features):
    """Test accuracy and predictions of StandardScaler + LogisticRegression on features [N, D] of all samples."""
    targets, known = workbench.data.targets, workbench.labels(BUDGET, SEED)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=2000))
    model.fit(features[known], targets[known])
    predicted = model.predict(features[workbench.split.test])
    return 100.0 * np.mean(predicted == targets[workbench.split.test]), predicted.tolist()


# ------------------------------------------------------------------------------------------------------ labels, splits


def test_all_arms_learn_from_the_same_labels(workbench, monkeypatch):
    used = {}

    def note(run, labels):
        used[run.role] = labels.tolist()
        return lambda indices: torch.zeros(len(indices), 10), {}

    monkeypatch.setattr(workbench, "_fit", note)
    for role in "SPFC":
        workbench.run(job(workbench, role))
    expected = workbench.labels(BUDGET, SEED)
    assert used == dict.fromkeys("SPFC", expected.tolist())
    assert np.bincount(workbench.data.targets[expected]).tolist() == [BUDGET] * 10
    assert set(expected) <= set(workbench.split.train)
    assert set(expected) != set(workbench.labels(BUDGET, SEED + 1))


def test_opening_the_test_split_is_counted():
    sealed = SealedTest(np.array([4, 2]))
    assert sealed.reads == 0
    assert sealed.finalize().tolist() == [4, 2]
    assert sealed.reads == 1


@pytest.mark.parametrize(("phase", "reads", "part"), [("tune", 0, "validation"), ("final", 1, "test")])
def test_only_final_cells_read_the_test_split(workbench, monkeypatch, phase, reads, part):
    opened, scored = [], []
    finalize = SealedTest.finalize
    monkeypatch.setattr(SealedTest, "finalize", lambda self: opened.append(1) or finalize(self))

    def outputs(indices):
        scored.extend(indices.tolist())
        return torch.zeros(len(indices), 10)

    monkeypatch.setattr(workbench, "_fit", lambda run, labels: (outputs, {}))
    result = workbench.run(job(workbench, "C", phase))
    assert (result["test_reads"], len(opened), result["split"]) == (reads, reads, part)
    assert scored == getattr(workbench.split, part).tolist()


def test_unknown_phase(workbench):
    with pytest.raises(UnknownName, match=r"phase 'finals'. Nearest: final"):
        workbench.run(job(workbench, "C", "finals"))


# --------------------------------------------------------------------------------------------------------- one arm each


def test_scratch_is_deterministic_and_depends_on_its_seed(workbench):
    first, again = (workbench.run(job(workbench, "S")) for _ in range(2))
    assert first == again
    assert workbench.run(job(workbench, "S", seed=SEED + 1))["loss"] != first["loss"]


def test_a_cell_does_not_depend_on_the_random_state_or_move_it(workbench):
    torch.manual_seed(1)
    first = workbench.run(job(workbench, "S"))
    torch.manual_seed(2)
    before = torch.get_rng_state()
    assert workbench.run(job(workbench, "S")) == first
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(("role", "name"), [("S", "pocket/resnet10"), ("P", "pocket/resnet10.glyphs")])
def test_what_training_starts_from(workbench, monkeypatch, role, name):
    starts = []

    def note(adaptation, groups, backbone, head, *rest, **options):
        starts.append(({k: v.clone() for k, v in backbone.module.state_dict().items()}, head.weight.clone()))
        return ()

    monkeypatch.setattr(module, "fit_adapted", note)
    workbench.run(job(workbench, role))
    expected = zoo.load(name, pretrained=role == "P", seed=SEED).module.state_dict()
    assert all(torch.equal(starts[0][0][key], value) for key, value in expected.items())
    torch.manual_seed(substream(SEED, "head"))
    assert torch.equal(starts[0][1], torch.nn.Linear(256, 10).weight)  # the head: one for all arms of a seed


def test_scratch_and_pretrained_differ_only_in_their_start(workbench):
    scratch, pretrained = workbench.run(job(workbench, "S")), workbench.run(job(workbench, "P"))
    same = ("graph", "trained_parameters", "total_parameters")
    assert [scratch[name] for name in same] == [pretrained[name] for name in same]
    assert scratch["trained_parameters"] == scratch["total_parameters"]
    assert pretrained["score"] != scratch["score"]
    recipes = [job(workbench, role).run.recipe for role in "SP"]
    assert recipes[0] == recipes[1]


def test_digests_say_what_an_arm_starts_from(workbench):
    digests = workbench.digests
    assert digests["C"] == ""
    assert len({digests["S"], digests["P:glyphs"], digests["P:textures"]}) == 3
    assert digests["P:glyphs"] == digests["F:glyphs"] != digests["P:textures"]


def test_the_scratch_linter_guards_the_arm(workbench):
    with pytest.raises(ScratchArmError, match="batches of 4"):
        workbench.run(job(workbench, "S", batch_size=4))
    assert workbench.run(job(workbench, "P", batch_size=4))["status"] == "ok"


def test_classical_equals_a_scikit_learn_pipeline(workbench):
    pixels = np.stack([np.asarray(image, dtype=float).ravel() for image in workbench.data.samples]) / 255
    score, predicted = by_hand(workbench, pixels)
    result = workbench.run(job(workbench, "C"))
    assert result["score"] == pytest.approx(score)
    assert result["predictions"] == predicted
    assert result["trained_parameters"] == 65 * 10


def test_the_probe_equals_features_and_scikit_learn(workbench):
    backbone = zoo.load("pocket/resnet10.glyphs")
    backbone.module.eval()
    with torch.inference_mode():
        inputs = [backbone.preprocess([image]) for image in workbench.data.samples]
        features = torch.cat([backbone.encode(torch.cat(inputs[i : i + 100]))["vision"].pooled
                              for i in range(0, len(inputs), 100)])  # fmt: skip
    score, predicted = by_hand(workbench, features.numpy())
    result = workbench.run(job(workbench, "F"))
    assert np.mean(np.array(result["predictions"]) == predicted) > 0.99  # float32 head against float64 solver
    assert result["score"] == pytest.approx(score, abs=1.0)
    assert result["trained_parameters"] == 257 * 10


# ------------------------------------------------------------------------------------------------------------- the row


@pytest.mark.parametrize("role", "SPFC")
def test_a_final_result_agrees_with_itself(workbench, role):
    result = workbench.run(job(workbench, role, search={"chosen": {"lr": 0.1}, "lr_edge": True}))
    targets = workbench.data.targets[workbench.split.test]
    hits = "".join("1" if p == t else "0" for p, t in zip(result["predictions"], targets, strict=True))
    assert result["correct"] == hits
    assert result["score"] == pytest.approx(100 * hits.count("1") / len(targets))
    assert (result["chosen"], result["lr_edge"]) == ({"lr": 0.1}, True)


def test_a_trial_holds_no_answers(workbench):
    assert set(workbench.run(job(workbench, "C", "tune"))) == {
        *("status", "split", "score", "loss", "test_reads", "flops")
    }


def test_longer_schedules_train_longer(workbench):
    arm = workbench.suite.scratch_arms[0]
    run = workbench.run_spec(arm, BUDGET, SEED, "tune", 0.003, schedule=3)
    assert (run.recipe["steps"], run.recipe["schedule"]) == (9, 3)
    assert run.key() != workbench.run_spec(arm, BUDGET, SEED, "tune", 0.003).key()


def test_what_running_took_is_measured(workbench):
    result, measured = timed(workbench, job(workbench, "C"))
    assert result == workbench.run(job(workbench, "C"))
    assert measured["seconds"] > 0
    assert measured["peak_memory_mb"] > 50
    assert measured["device"] == "cpu"


# -------------------------------------------------------------------------------------- refused before anything is run


def test_a_budget_beyond_the_smallest_class():
    with pytest.raises(DataError, match="a budget of 500 labels a class was asked for"):
        Workbench(tiny(budgets=(1, 500)))


def test_another_number_of_classes():
    suite = tiny()
    with pytest.raises(DataError, match="says 9 classes, and digits has 10"):
        Workbench(dataclasses.replace(suite, task=dataclasses.replace(suite.task, classes=9)))


def test_an_unknown_metric():
    suite = tiny()
    with pytest.raises(UnknownName, match=r"metric 'acuracy'. Nearest: accuracy"):
        Workbench(dataclasses.replace(suite, task=dataclasses.replace(suite.task, metric="acuracy")))


def test_an_unknown_backbone_or_adaptation():
    suite = tiny()
    with pytest.raises(UnknownName, match=r"resnet10.glyphs"):
        Workbench(dataclasses.replace(suite, arms=only(suite, "P", backbone="pocket/resnet10.glyps")))
    with pytest.raises(UnknownName, match="linear_probe"):
        Workbench(dataclasses.replace(suite, arms=only(suite, "F", adaptation="linear_prob")))


@pytest.mark.parametrize(("role", "adaptation"), [("S", "linear_probe"), ("P", "linear_probe"), ("F", "full")])
def test_an_adaptation_that_does_not_go_with_the_role(role, adaptation):
    suite = tiny()
    with pytest.raises(IncompatibleError, match=f"role {role}, .* Fix: roles S, P and M take 'full'"):
        Workbench(dataclasses.replace(suite, arms=only(suite, role, adaptation=adaptation)))


@pytest.mark.parametrize("adaptation", ["lora", "top_k", "lp_ft"])
def test_scratch_cannot_have_what_needs_trained_weights(adaptation):
    suite = tiny()
    with pytest.raises(IncompatibleError, match="role S, which has no trained weights"):
        Workbench(dataclasses.replace(suite, arms=only(suite, "S", adaptation=adaptation)))


def test_scratch_with_layer_decay_is_refused():
    suite = tiny()
    bench = Workbench(dataclasses.replace(suite, arms=only(suite, "S", options={"layer_decay": 0.7})))
    with pytest.raises(ScratchArmError, match="different rates"):
        bench.run(job(bench, "S"))


@pytest.mark.parametrize(
    ("role", "changes", "error", "message"),
    [
        ("P", {"adaptation": "lora", "options": {"rnk": 4}}, UnknownName, "option of lora 'rnk'. Nearest: rank"),
        ("F", {"options": {"penalty": 1.0}}, IncompatibleError, "sets penalty, which zoo searches"),
        ("C", {"options": {"rank": 1}}, IncompatibleError, "takes no options"),
    ],
)
def test_options_that_an_arm_cannot_have(role, changes, error, message):
    suite = tiny()
    with pytest.raises(error, match=message):
        Workbench(dataclasses.replace(suite, arms=only(suite, role, **changes)))


@pytest.mark.parametrize(
    ("adaptation", "options"), [("lora", {"rank": 2}), ("top_k", {"blocks": 2}), ("lp_ft", {"layer_decay": 0.8})]
)
def test_adaptations_of_pretrained_arms(adaptation, options):
    suite = tiny()
    arms = tuple(arm for arm in only(suite, "P", adaptation=adaptation, options=options) if arm.id in ("S", "P:glyphs"))
    bench = Workbench(dataclasses.replace(suite, arms=arms))
    result = bench.run(job(bench, "P"))
    assert result == bench.run(job(bench, "P"))
    assert job(bench, "P").run.recipe.items() >= options.items()
    assert result["graph"] == bench.run(job(bench, "S"))["graph"]
    assert (result["trained_parameters"] < result["total_parameters"]) == (adaptation != "lp_ft")
    assert any("runs at every step" in note for note in result["warnings"]) == (adaptation == "top_k")
    assert result["flops"]["extract"] > 0 if adaptation == "lp_ft" else result["flops"]["extract"] == 0


def test_nearest_neighbours_as_a_frozen_arm():
    suite = tiny()
    arms = tuple(arm for arm in only(suite, "F", adaptation="knn") if arm.id in ("S", "F:glyphs"))
    bench = Workbench(dataclasses.replace(suite, arms=arms, grids=suite.grids | {"k": [1, 3, 10]}))
    run = bench.run_spec(arms[1], BUDGET, SEED, "final", 90.0)  # a searched value comes as a float
    result = bench.run(Job(run))
    assert run.recipe["k"] == 90.0
    assert (result["trained_parameters"], result["flops"]["train"]) == (0, 0)
    assert result["score"] > 20


# ----------------------------------------------------------------------------------------------------- texts and groups


def of_texts(tmp_path, **changes):
    from trained import texts, trained

    data = texts(tmp_path / "t.csv", group=[f"g{i // 3}" for i in range(60)])
    from zoo.benchmarking.own import own_suite

    suite = own_suite(data, [trained("bert", tmp_path / "bert")], budgets=(2,), steps=2, seeds=2)
    return dataclasses.replace(suite, longer=(), **changes)


def test_rows_name_the_clusters_of_their_test_items(tmp_path):
    bench = Workbench(of_texts(tmp_path))
    arm = next(arm for arm in bench.suite.arms if arm.role == "C")
    result = bench.run(Job(bench.run_spec(arm, 2, 0, "final", 0.1)))
    groups = bench.data.groups[bench.split.test]
    assert len(result["clusters"]) == len(groups)
    assert np.array_equal(np.equal.outer(*[result["clusters"]] * 2), np.equal.outer(groups, groups))
    assert not set(groups) & set(bench.data.groups[bench.split.train])
    assert any("no group stands on two sides" in note for note in bench.setting.notes)


def test_arms_that_may_not_be_padded_alike_do_not_share_their_inputs(monkeypatch):
    def strict(name, **options):
        backbone = zoo.load(name, **options)
        padding = "equal_length" if "textures" in name else "masked"
        return dataclasses.replace(backbone, spec=dataclasses.replace(backbone.spec, padding=padding))

    monkeypatch.setattr(arms, "load", strict)
    bench = Workbench(tiny())
    found = {name: inputs.padding for name, inputs in bench._inputs_of.items()}
    assert found == {"S": "masked", "P:glyphs": "masked", "F:glyphs": "masked",
                     "P:textures": "equal_length", "F:textures": "equal_length"}  # fmt: skip


def test_arms_with_the_same_preprocessing_share_their_inputs(tmp_path):
    bench = Workbench(of_texts(tmp_path))
    assert len({id(inputs) for inputs in bench._inputs_of.values()}) == 1
    bench.read_once({"F:bert.mine", "C"})
    assert len(bench._frozen) == 1
    frozen = next(iter(bench._frozen.values()))
    read = len(frozen)
    arm = next(arm for arm in bench.suite.arms if arm.role == "F")
    for phase in ("tune", "final"):
        bench.run(Job(bench.run_spec(arm, 2, 0, phase, 0.1)))
    assert len(frozen) == read == len(np.unique(np.concatenate(bench.parts)))


def test_reading_once_changes_no_result(workbench):
    fresh = Workbench(tiny())
    before = {role: fresh.run(job(fresh, role)) for role in "FC"}
    fresh = Workbench(tiny())
    fresh.read_once({arm.id for arm in fresh.suite.arms})
    assert {role: fresh.run(job(fresh, role)) for role in "FC"} == before


@pytest.mark.parametrize("name", ["warp", "shift_gain_noise"])
def test_an_augmentation_of_other_samples(tmp_path, name):
    suite = of_texts(tmp_path)
    with pytest.raises(IncompatibleError, match=r"Nearest: token_dropout"):
        Workbench(dataclasses.replace(suite, training=suite.training | {"augmentation": name}))


def test_texts_train_with_an_augmentation_of_texts(tmp_path):
    suite = of_texts(tmp_path)
    bench = Workbench(dataclasses.replace(suite, training=suite.training | {"augmentation": "token_dropout"}))
    run = bench.run_spec(suite.scratch_arms[0], 2, 0, "final", 1e-3)
    first, again = (bench.run(Job(run)) for _ in range(2))
    assert first == again
