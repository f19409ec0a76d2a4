"""`bench.reference` and HOG + SVM: the published network and recipe, and an honest baseline."""

import json

import numpy as np
import pytest
import torch
from bench_sets import image_set, loader
from sets import small_net

from medtutor.bench import hog, reference, resnet18, table
from medtutor.bench.hog import hog_features, hog_svm
from medtutor.errors import DataError

# the tiny networks below are trained so little that some give one class to all
pytestmark = pytest.mark.filterwarnings("ignore:All resamples give")

# MedMNIST2D/models.py of github.com/MedMNIST/experiments: channels and stride of the four layers, two blocks each
LAYERS = ((64, 1), (128, 2), (256, 2), (512, 2))


def published_parameters(channels: int, classes: int) -> int:
    """Weights of the published definition, counted from its layers."""
    count, before = channels * 64 * 9 + 2 * 64, 64
    for width, stride in LAYERS:
        for first in (before, width):
            count += first * width * 9 + width * width * 9 + 4 * width
            count += first * width + 2 * width if first != width or (stride != 1 and first is before) else 0
        before = width
    return count + 512 * classes + classes


@pytest.mark.parametrize("channels, classes", [(1, 2), (3, 9)])
def test_the_network_has_the_parameters_of_the_published_one(channels, classes):
    count = sum(p.numel() for p in resnet18.resnet18(channels, classes).parameters())
    assert count == published_parameters(channels, classes)
    if (channels, classes) == (1, 2):
        assert count == 11_168_706


def test_the_network_has_the_layers_of_the_published_one():
    net, seen = resnet18.resnet18(1, 2).eval(), {}
    for name in ("conv1", "layer1", "layer2", "layer3", "layer4", "fc"):
        getattr(net, name).register_forward_hook(lambda _, __, out, name=name: seen.update({name: tuple(out.shape)}))
    net(torch.zeros(2, 1, 28, 28))
    assert seen == {
        "conv1": (2, 64, 28, 28), "layer1": (2, 64, 28, 28), "layer2": (2, 128, 14, 14), "layer3": (2, 256, 7, 7),
        "layer4": (2, 512, 4, 4), "fc": (2, 2),
    }  # fmt: skip


def test_its_weights_start_from_pytorchs_defaults():
    torch.manual_seed(0)
    weight = resnet18.resnet18(1, 2).layer4[1].conv2.weight
    bound = (512 * 9) ** -0.5  # uniform within 1 / sqrt(fan in); torchvision's own are normal and larger
    assert 0.9 * bound < weight.abs().max() <= bound


@pytest.fixture
def tiny(monkeypatch):
    """The fake set, with a tiny network in the place of ResNet-18, and the bench of the small network left out."""
    monkeypatch.setattr(resnet18, "load", loader())
    monkeypatch.setattr(resnet18, "resnet18", lambda channels, classes: small_net())
    result = {"train_cpu_s": {"mean": 0.5}, "params": 1, "seeds": [0], "dataset": "x", "size": 12, "source": "folder"}
    score = {"mean": 0.9, "low": 0.8, "high": 1.0}
    result |= {"peak_rss_mb": 1.0, "test": {"auc": score, "acc": score}}
    monkeypatch.setattr(resnet18, "classification", lambda *_, **__: result)


def test_the_rate_falls_after_half_and_three_quarters_of_the_100_epochs(tiny, monkeypatch):
    rates = []

    class Adam(torch.optim.Adam):
        def step(self, *args):
            rates.append(self.param_groups[0]["lr"])
            return super().step(*args)

    monkeypatch.setattr(torch.optim, "Adam", Adam)
    assert resnet18.PUBLISHED_EPOCHS == 100
    monkeypatch.setattr(resnet18, "PUBLISHED_EPOCHS", 8)  # the same in little
    reference("pneumoniamnist", epochs=7, size=12)
    by_epoch = np.array(rates).reshape(7, 2)  # 160 images are 2 batches of 128
    assert by_epoch[:4] == pytest.approx(1e-3)
    assert by_epoch[4:6] == pytest.approx(1e-4)
    assert by_epoch[6:] == pytest.approx(1e-5)


def test_the_epoch_with_the_best_validation_is_the_one_tested(tiny, monkeypatch):
    states, scores, tested = [], iter([0.6, 0.9, 0.7]), []
    real = resnet18.predict

    def predict(net, images):
        if images.split == "test":
            tested.append(net.head[1].weight.clone())
        elif len(states) < 3:
            states.append(net.head[1].weight.clone())
        return real(net, images)

    monkeypatch.setattr(resnet18, "predict", predict)
    monkeypatch.setattr(resnet18, "auc", lambda *_, **__: next(scores))
    reference("pneumoniamnist", epochs=3, size=12)
    assert len(tested) == 1
    assert torch.equal(tested[0], states[1])
    assert not torch.equal(states[1], states[2])


def test_one_epoch_shows_the_ratio_and_all_rows(tiny):
    result = reference("pneumoniamnist", epochs=1, size=12)
    assert json.loads(json.dumps(result)) == result
    row = result["reference"]
    assert row["all_epochs_cpu_s"] == pytest.approx(100 * row["train_cpu_s"], abs=0.6)
    assert result["ratio_cpu"] == pytest.approx(row["all_epochs_cpu_s"] / 0.5, abs=0.2)  # both are rounded
    text = table(result)
    assert all(words in text for words in ("ResNet-18, 1 of 100 epochs", "HOG + SVM", "published:", "small residual"))


def test_volumes_and_no_epochs_are_refused(monkeypatch):
    monkeypatch.setattr(resnet18, "load", loader(volumes=True))
    with pytest.raises(DataError, match="holds volumes"):
        reference("pneumoniamnist", size=12)
    with pytest.raises(DataError, match="At least one epoch"):
        reference("pneumoniamnist", epochs=0)


def test_hog_is_left_out_where_it_is_not_defined():
    volumes = [image_set(split, volumes=True) for split in ("train", "val", "test")]
    assert hog_svm(*volumes) is None
    settings = {"task": "multi-label, binary-class", "classes": ("a", "b", "c")}
    assert hog_svm(*(image_set(split, **settings) for split in ("train", "val", "test"))) is None


def test_hog_chooses_c_on_validation_and_scores_as_the_machine_decides(monkeypatch):
    read, real = [], hog.of_one
    monkeypatch.setattr(hog, "of_one", lambda images, scores: read.append(images.split) or real(images, scores))
    asked = []
    monkeypatch.setattr(
        hog, "auc", lambda labels, scores, task: asked.append(len(labels)) or [0.7, 0.9, 0.8][len(asked) - 1]
    )
    train, val, test = (image_set(split) for split in ("train", "val", "test"))
    result = hog_svm(train, val, test)
    assert asked == [60, 60, 60]
    assert result["C"] == 10
    assert read == ["val", "test"]

    from sklearn.svm import SVC

    chosen = np.random.default_rng(0).permutation(len(train))
    machine = SVC(C=10).fit(hog_features(train.images.numpy())[chosen], train.labels.numpy()[chosen])
    accuracy = machine.score(hog_features(test.images.numpy()), test.labels.numpy())
    assert result["test"]["acc"]["value"] == pytest.approx(accuracy, abs=1e-5)
    assert result["test"]["acc"]["low"] <= accuracy <= result["test"]["acc"]["high"]
    assert accuracy > 0.7


def test_hog_of_a_large_set_trains_on_a_random_part(monkeypatch):
    monkeypatch.setattr(hog, "LARGEST", 100)
    result = hog_svm(*(image_set(split) for split in ("train", "val", "test")))
    assert result["train_images"] == 100
