"""The metrics give scikit-learn's and MedMNIST's values, for one set and for many resamples, and refuse bad input."""

import numpy as np
import pytest
import torch
from medmnist.evaluator import getACC, getAUC
from sklearn import metrics as sk

from medtutor import evaluate
from medtutor.errors import DataError, UnknownNameError

TASKS = ("binary-class", "multi-class", "multi-label", "ordinal-regression")


def made(task, n=80, seed=0, ties=False):
    """Labels and probabilities of `n` images that know something of each other; `ties`: many equal scores."""
    rng = np.random.default_rng(seed)
    if task == "binary-class":
        labels = np.arange(n) % 2
        scores = np.clip(0.3 * labels + rng.random(n) * 0.7, 0, 1)
    elif task == "multi-label":
        labels = (rng.random((n, 3)) < (0.2, 0.5, 0.8)).astype(int)
        scores = np.clip(0.3 * labels + rng.random((n, 3)) * 0.7, 0, 1)
    else:
        labels = np.arange(n) % 4
        scores = rng.dirichlet(np.ones(4), n) + np.eye(4)[labels] * 0.3
        scores /= scores.sum(axis=1, keepdims=True)
    if ties and task in ("binary-class", "multi-label"):
        scores = scores.round(1)
    return labels, scores


def counts_of(n, rows=25, seed=0):
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=rows)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("task", TASKS)
def test_auc_and_accuracy_are_those_of_medmnist(task, ties):
    for seed in range(3):
        labels, scores = made(task, seed=seed, ties=ties)
        theirs = "multi-label, binary-class" if task == "multi-label" else task
        # column labels (N, 1), as MedMNIST stores them, are taken too
        column = labels if task == "multi-label" else labels[:, None]
        for ours in (labels, column):
            assert evaluate.auc(ours, scores, task=task) == pytest.approx(getAUC(labels, scores, theirs), abs=1e-12)
            assert evaluate.accuracy(ours, scores, task=task) == pytest.approx(
                getACC(labels, scores, theirs), abs=1e-12
            )


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.9])
def test_the_binary_decisions_are_those_of_scikit_learn(threshold):
    labels, scores = made("binary-class", ties=True)
    called = scores > threshold
    pairs = {
        evaluate.accuracy: sk.accuracy_score(labels, called),
        evaluate.sensitivity: sk.recall_score(labels, called),
        evaluate.specificity: sk.recall_score(labels, called, pos_label=0),
        evaluate.ppv: sk.precision_score(labels, called),
        evaluate.npv: sk.precision_score(labels, called, pos_label=0),
    }
    for metric, expected in pairs.items():
        assert metric(labels, scores, threshold=threshold) == pytest.approx(expected, abs=1e-12)


def test_the_probabilities_are_judged_as_by_scikit_learn():
    labels, scores = made("binary-class")
    scores[:2] = 0, 1  # sure, and one of the two is wrong
    assert evaluate.brier(labels, scores) == pytest.approx(sk.brier_score_loss(labels, scores), abs=1e-12)
    assert evaluate.log_loss(labels, scores) == pytest.approx(sk.log_loss(labels, scores), abs=1e-9)
    labels, scores = made("multi-class")
    one_hot = np.eye(4)[labels]
    assert evaluate.brier(labels, scores) == pytest.approx(((scores - one_hot) ** 2).sum(1).mean(), abs=1e-12)
    assert evaluate.log_loss(labels, scores) == pytest.approx(sk.log_loss(labels, scores), abs=1e-12)
    labels, scores = made("multi-label")
    each = [sk.log_loss(labels[:, k], scores[:, k]) for k in range(3)]
    assert evaluate.log_loss(labels, scores) == pytest.approx(np.mean(each), abs=1e-12)
    each = [sk.brier_score_loss(labels[:, k], scores[:, k]) for k in range(3)]
    assert evaluate.brier(labels, scores) == pytest.approx(np.mean(each), abs=1e-12)


def test_the_edges_have_the_values_that_they_should():
    perfect, wrong, same = [0.1, 0.2, 0.8, 0.9], [0.9, 0.8, 0.2, 0.1], [0.3] * 4
    labels = [0, 0, 1, 1]
    assert [evaluate.auc(labels, s) for s in (perfect, wrong, same)] == [1, 0, 0.5]
    assert evaluate.auc([0, 1], [0.2, 0.7]) == 1
    assert evaluate.accuracy([0, 1], [0.5, 0.5]) == 0.5, "a probability equal to the threshold is a no"
    assert evaluate.brier([1, 0], [1.0, 0.0]) == 0
    assert evaluate.auc(labels, [-4.0, 2.0, 3.0, 9.0]) == 1, "the order of logits is enough for a binary AUC"


def test_tensors_lists_half_precision_and_two_columns_give_the_same_value():
    labels, scores = made("binary-class", ties=True)
    expected = evaluate.auc(labels, scores)
    both = np.stack([1 - scores, scores], axis=1)
    weights = torch.tensor(scores, requires_grad=True)
    for form in (scores.tolist(), torch.tensor(scores), weights, both, torch.tensor(both), scores[:, None]):
        assert evaluate.auc(torch.tensor(labels), form) == pytest.approx(expected)
    half = torch.softmax(torch.randn(80, 4, generator=torch.Generator().manual_seed(0)), 1).bfloat16()
    assert 0 < evaluate.auc(made("multi-class")[0], half) < 1


METRICS = [
    (evaluate.auc, TASKS),
    (evaluate.accuracy, TASKS),
    (evaluate.brier, TASKS),
    (evaluate.log_loss, TASKS),
    *[(m, TASKS[:1]) for m in (evaluate.sensitivity, evaluate.specificity, evaluate.ppv, evaluate.npv)],
]


@pytest.mark.parametrize("metric, task", [(m, task) for m, tasks in METRICS for task in tasks])
def test_all_resamples_at_once_equal_one_after_the_other(metric, task):
    labels, scores = made(task, n=40, ties=True)
    options = {"task": task} if task != "binary-class" else {}
    counts = counts_of(40)
    together = metric(labels, scores, counts=counts, **options)
    for row, value in zip(counts, together, strict=True):
        chosen = np.repeat(np.arange(40), row)
        assert value == pytest.approx(metric(labels[chosen], scores[chosen], **options), abs=1e-12)


def test_a_resample_without_the_class_is_nan_and_no_other_is():
    labels, scores = np.array([0, 0, 1]), np.array([0.2, 0.6, 0.7])
    counts = np.array([[3, 0, 0], [0, 0, 3], [1, 1, 1]])
    found = {
        evaluate.auc: [np.nan, np.nan, 1],
        evaluate.sensitivity: [np.nan, 1, 1],
        evaluate.specificity: [1, np.nan, 0.5],
        evaluate.ppv: [np.nan, 1, 0.5],
        evaluate.npv: [1, np.nan, 1],
    }
    for metric, expected in found.items():
        np.testing.assert_array_equal(metric(labels, scores, counts=counts), expected)


def test_decisions_follow_the_task():
    assert evaluate.decide([0.2, 0.5, 0.7]).tolist() == [0, 0, 1]
    assert evaluate.decide([[0.2], [0.7]]).tolist() == [0, 1]
    assert evaluate.decide([[0.8, 0.2], [0.3, 0.7]], threshold=0.75).tolist() == [0, 0]
    assert evaluate.decide([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3]]).tolist() == [1, 0]
    assert evaluate.decide([[0.9, 0.8], [0.1, 0.6]], task="multi-label").tolist() == [[1, 1], [0, 1]]
    with pytest.raises(DataError, match="apply a sigmoid"):
        evaluate.decide([-2.0, 3.0])
    with pytest.raises(DataError, match=r"Binary scores must be"):
        evaluate.decide(np.full((2, 3), 1 / 3), task="binary-class")
    with pytest.raises(DataError, match=r"must be \(N, classes\)"):
        evaluate.decide([0.1, 0.9], task="multi-class")


def test_the_confusion_matrix_is_scikit_learns_and_holds_classes_that_nobody_saw():
    labels, scores = made("multi-class")
    predicted = evaluate.decide(scores)
    np.testing.assert_array_equal(evaluate.confusion(labels, predicted, 4), sk.confusion_matrix(labels, predicted))
    wide = evaluate.confusion(labels[:, None], predicted, ["a", "b", "c", "d", "never seen"])
    assert wide.shape == (5, 5) and wide[4].sum() == wide[:, 4].sum() == 0 and wide.sum() == len(labels)
    assert evaluate.confusion([0, 0, 1], [0, 1, 1], np.int64(2)).tolist() == [[1, 1], [0, 1]]


def test_the_roc_is_scikit_learns():
    labels, scores = made("binary-class", ties=True)
    for ours, theirs in zip(evaluate.roc(labels, scores), sk.roc_curve(labels, scores), strict=True):
        np.testing.assert_array_equal(ours, theirs)


P3 = [[0.2, 0.3, 0.5]] * 2


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: evaluate.auc([0, 1, 1], [0.1, float("nan"), float("inf")]), "2 of 3 images .* first at index 1"),
        (lambda: evaluate.auc([0, float("nan")], [0.1, 0.2]), "labels must be whole numbers"),
        (lambda: evaluate.auc([0, float("inf")], [0.1, 0.2]), "labels must be whole numbers"),
        (lambda: evaluate.auc([0, 1, 1], [0.1, 0.2]), "3 labels but 2 scores"),
        (lambda: evaluate.auc([], []), "nothing to measure"),
        (lambda: evaluate.auc([0, 1], 0.5), "a single number"),
        (lambda: evaluate.auc([1, 1], [0.1, 0.2]), "all images are of class 1"),
        (lambda: evaluate.auc([0, 0], [0.1, 0.2]), "no image is of class 1"),
        (lambda: evaluate.auc([0, 1], P3), "no image is of class 2"),
        (lambda: evaluate.auc([0, 2], [0.1, 0.2]), "Label 2 is out of range: with 2 classes"),
        (lambda: evaluate.auc([-1, 1], [0.1, 0.2]), "Label -1 is out of range"),
        (lambda: evaluate.auc([0, 3], P3), "from 0 to 2"),
        (lambda: evaluate.auc(["a", "b"], [0.1, 0.2]), "labels must be numbers"),
        (lambda: evaluate.auc([0, 1], [[0.1, 0.9], [0.2]]), "differ in length"),
        (lambda: evaluate.auc([0, 1], np.zeros((2, 2, 2))), r"must be \(N,\) or \(N, classes\)"),
        (lambda: evaluate.auc([0, 1], P3, task="binary-class"), r"must be \(N,\) or \(N, 2\)"),
        (lambda: evaluate.auc([0, 1], [0.1, 0.2], task="multi-class"), r"must be \(N, classes\)"),
        (lambda: evaluate.auc([0, 1], P3, task="multi-label"), r"must both be \(N, K\)"),
        (lambda: evaluate.auc([[0, 1], [1, 0]], [0.1, 0.2], task="binary-class"), "must be class indices"),
        (lambda: evaluate.auc([0, 1], [[2.0, -1.0], [0.0, 3.0]]), "from -1 to 3; apply a softmax"),
        (lambda: evaluate.auc([0, 1], [[0.9, 0.9], [0.1, 0.9]]), "index 0 sum to 1.800"),
        (lambda: evaluate.accuracy([0, 1], [0.1, 2.0]), "apply a sigmoid"),
        (lambda: evaluate.brier([0, 1], [-0.5, 0.5]), "must be probabilities"),
        (lambda: evaluate.sensitivity([0, 1], P3), "needs two classes"),
        (lambda: evaluate.sensitivity([0, 0], [0.1, 0.9]), "no image of class 1"),
        (lambda: evaluate.specificity([1, 1], [0.1, 0.9]), "no image of class 0"),
        (lambda: evaluate.ppv([0, 1], [0.1, 0.2]), "no image with a probability above 0.5"),
        (lambda: evaluate.npv([0, 1], [0.8, 0.9]), "no image with a probability up to 0.5"),
        (lambda: evaluate.roc([1, 1], [0.1, 0.2]), "both classes, but all 2 labels are 1"),
        (lambda: evaluate.roc([0, 1], P3), "pass one column"),
        (lambda: evaluate.confusion([0, 2], [0, 1], 2), "go from 0 to 2, but there are 2 classes"),
        (lambda: evaluate.confusion([0, 1], [0], 2), "2 labels and 1 predicted"),
        (lambda: evaluate.confusion([0, 1], P3, 3), r"use decide\(scores\)"),
        (lambda: evaluate.confusion([], [], 2), "0 labels"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_words(call, words):
    with pytest.raises(DataError, match=words):
        call()


def test_an_unknown_task_is_refused_with_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'multi-class'"):
        evaluate.auc([0, 1], [0.1, 0.9], task="multiclass")
