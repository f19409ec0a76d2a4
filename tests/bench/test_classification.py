"""`bench.classification`: what it reports, that it repeats itself, and how often it looks at the test set."""

import json
import sys

import pytest
from bench_sets import image_set, loader

from medtutor import memory
from medtutor.bench import classification, small, table
from medtutor.data import card
from medtutor.errors import DataError
from medtutor.training import recipe_for

FEW_EPOCHS = 3


@pytest.fixture
def short(monkeypatch):
    """The fake set, and three epochs of what the rule would give."""
    import dataclasses

    load = loader()
    monkeypatch.setattr(small, "load", load)
    monkeypatch.setattr(small, "recipe_for", lambda train: dataclasses.replace(recipe_for(train), epochs=FEW_EPOCHS))
    return load


@pytest.fixture
def predicted(monkeypatch):
    """The splits that were predicted, in order."""
    seen, real = [], small.predict

    def predict(net, images, **settings):
        seen.append(images.split)
        return real(net, images, **settings)

    monkeypatch.setattr(small, "predict", predict)
    return seen


def test_the_record_has_the_promised_keys_and_is_plain_json(short):
    result = classification("pneumoniamnist", seeds=2, size=12)
    assert json.loads(json.dumps(result)) == result
    promised = {"dataset", "source", "seeds", "test", "val", "train_cpu_s", "train_wall_s", "peak_rss_mb", "params"}
    assert set(result) == promised | {"published", "size", "recipe", "device", "hog_svm"}
    assert (result["dataset"], result["source"], result["seeds"]) == ("pneumoniamnist", "folder", [0, 1])
    for part in ("test", "val"):
        assert set(result[part]) == {"auc", "acc"}
        for score in result[part].values():
            assert set(score) == {"mean", "low", "high", "per_seed"}
            assert len(score["per_seed"]) == 2
            assert score["mean"] == pytest.approx(sum(score["per_seed"]) / 2, abs=1e-5)
            assert score["low"] <= score["mean"] <= score["high"]
    for seconds in (result["train_cpu_s"], result["train_wall_s"]):
        assert set(seconds) == {"mean", "per_seed"}
        assert len(seconds["per_seed"]) == 2 and min(seconds["per_seed"]) > 0
    assert set(result["published"]) >= {"auc", "acc", "model", "source"}
    assert set(result["hog_svm"]) == {"test", "val", "cpu_s", "C", "train_images"}
    assert set(result["hog_svm"]["test"]["auc"]) == {"value", "low", "high"}
    assert result["params"] == sum(p.numel() for p in recipe_for(image_set()).net().parameters())


def test_the_same_seeds_give_the_same_scores(short):
    first, again = (classification("pneumoniamnist", seeds=2, size=12, baseline=False) for _ in range(2))
    assert first["test"] == again["test"]
    assert first["val"] == again["val"]
    assert (
        classification("pneumoniamnist", seeds=1, size=12, baseline=False)["test"]["auc"]["per_seed"]
        == (first["test"]["auc"]["per_seed"][:1])
    )


def test_the_test_set_is_predicted_once_a_seed_and_loaded_once(short, predicted):
    classification("pneumoniamnist", seeds=3, size=12, baseline=False)
    assert predicted.count("test") == 3
    assert short.asked.count("test") == 1


def test_training_sees_train_and_validation_only(short, monkeypatch):
    seen, real = [], small.fit

    def fit(net, train, val, **settings):
        seen.append((train.split, val.split))
        return real(net, train, val, **settings)

    monkeypatch.setattr(small, "fit", fit)
    classification("pneumoniamnist", seeds=2, size=12, baseline=False)
    assert seen == [("train", "train"), ("train", "val"), ("train", "val")]  # the first warms up


def test_the_recipe_does_not_know_the_name_of_the_set():
    other = dict(title="Another", modality="ultrasound", classes=("benign", "malignant"), published=None)
    assert recipe_for(image_set()).as_dict() == recipe_for(image_set(name="breastmnist", **other)).as_dict()


def test_a_set_without_published_figures_has_none(short, monkeypatch):
    monkeypatch.setattr(small, "load", loader(published=None))
    result = classification("pneumoniamnist", seeds=1, size=12)
    assert result["published"] is None
    assert "published" not in table(result)


def test_a_multi_label_set_is_measured_too(short, monkeypatch):
    load = loader(task="multi-label, binary-class", classes=("a", "b", "c"))
    monkeypatch.setattr(small, "load", load)
    result = classification("pneumoniamnist", seeds=1, size=12)
    assert 0.5 < result["test"]["auc"]["mean"] <= 1
    assert result["hog_svm"] is None


def test_less_than_one_seed_is_refused():
    with pytest.raises(DataError, match="At least one seed"):
        classification("pneumoniamnist", seeds=0)


def test_every_published_figure_names_its_model_and_source():
    published = card("pneumoniamnist").published
    assert set(published) >= {"auc", "acc", "model", "source"}


def test_the_table_shows_each_row_with_its_interval(short):
    result = classification("pneumoniamnist", seeds=1, size=12)
    lines = table(result).splitlines()
    assert [line.split("  ")[0].split(",")[0] for line in lines[1:4]] == [
        "small residual network", "HOG + SVM", "published: ResNet-18 (28)",
    ]  # fmt: skip
    auc = result["hog_svm"]["test"]["auc"]
    assert f"{auc['value']:.3f} ({auc['low']:.3f} to {auc['high']:.3f})" in lines[2]
    assert "OFFLINE SAMPLE" in table(result | {"source": "sample"}).splitlines()[0]
    assert "not measured on this system" in table(result | {"peak_rss_mb": None})


def test_peak_memory_is_that_of_the_whole_process(tmp_path, monkeypatch):
    assert memory.peak_rss_mb() > 100  # torch alone is more
    status = tmp_path / "status"
    status.write_text("VmPeak:\t  900000 kB\nVmHWM:\t  500000 kB\nVmRSS:\t  300000 kB\n")
    assert memory.peak_rss_mb(status) == 512.0
    assert memory.peak_rss_mb(tmp_path / "none") > 100  # macOS has no such file
    monkeypatch.setitem(sys.modules, "resource", None)  # Windows has neither
    assert memory.peak_rss_mb(tmp_path / "none") is None
