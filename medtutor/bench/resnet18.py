"""`medtutor bench reference`: the network and recipe of the published MedMNIST figures, for a few epochs."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import nn

from medtutor.bench.hog import hog_svm
from medtutor.bench.scores import of_one
from medtutor.bench.small import classification
from medtutor.data import load
from medtutor.errors import DataError
from medtutor.evaluate import auc
from medtutor.training import loss_for, pick_device, predict, scale

PUBLISHED_EPOCHS = 100


def reference(name: str, epochs: int = 1, size: int = 28, seeds: int = 3) -> dict[str, Any]:
    """ResNet-18 as in the MedMNIST v2 experiments (doi 10.1038/s41597-022-01721-8), for `epochs` of its 100 epochs.

    Adam at 0.001, batch size 128, a tenth of the rate after half and three quarters of the 100 epochs, images scaled
    to [-1, 1], no augmentation; the weights with the best validation AUC are the ones tested. Two things make it
    cheaper here than in the published script: its images are tensors already (loading is about 1 % of its time), and
    only validation is looked at after each epoch, not train and test too. Beside it, measured in the same run, the
    course's small network (`seeds` times) and HOG + SVM. Returns plain data for JSON: "dataset", "size", "source",
    "reference" ("test" and "val" as in `hog_svm`: one seed), "small" (as `classification`), "ratio_cpu", "hog_svm",
    "published". Raises `DataError` for volumes and for fewer than one epoch.
    Source: github.com/MedMNIST/experiments, MedMNIST2D/train_and_eval_pytorch.py.
    """
    if epochs < 1:
        raise DataError(f"At least one epoch is needed, got {epochs}.")
    train, val, test = (load(name, split, size) for split in ("train", "val", "test"))
    if train.images.ndim != 4:
        raise DataError(f"The 2D ResNet-18 reads images, and {name} holds volumes; choose one of the 2D sets.")
    small = classification(name, seeds, size, baseline=False)
    device = pick_device()
    torch.manual_seed(0)
    net = resnet18(train.images.shape[1], len(train.card.classes)).to(device)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.001)
    schedule = torch.optim.lr_scheduler.MultiStepLR(
        optimizer, [PUBLISHED_EPOCHS // 2, PUBLISHED_EPOCHS * 3 // 4], gamma=0.1
    )
    images, labels = train.images.to(device), train.labels.to(device)
    best = (-1.0, None)
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(epochs):
        net.train()
        for batch in torch.randperm(len(images), device=device).split(128):
            if len(batch) == 1:
                continue
            loss = loss_for(train.task, net(scale(images[batch])), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
        score = auc(val.labels, predict(net, val).numpy(), task=val.task)
        if score > best[0]:
            best = (score, {key: value.clone() for key, value in net.state_dict().items()})
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    net.load_state_dict(best[1])
    return {
        "dataset": train.card.name,
        "size": size,
        "source": train.source,
        "reference": {
            "model": f"ResNet-18, {epochs} of {PUBLISHED_EPOCHS} epochs",
            "params": sum(p.numel() for p in net.parameters()),
            "epochs": epochs,
            "test": of_one(test, predict(net, test).numpy()),
            "val": of_one(val, predict(net, val).numpy()),
            "train_cpu_s": round(cpu, 2),
            "train_wall_s": round(wall, 2),
            "all_epochs_cpu_s": round(cpu / epochs * PUBLISHED_EPOCHS, 1),
        },
        "small": small,
        "ratio_cpu": round(cpu / epochs * PUBLISHED_EPOCHS / small["train_cpu_s"]["mean"], 1),
        "hog_svm": hog_svm(train, val, test),
        "published": train.card.published,
    }


def resnet18(channels: int, classes: int) -> nn.Module:
    """The published ResNet-18 for 28 pixels: torchvision's with a 3 x 3 stem of stride 1 and no pooling after it.

    Source: github.com/MedMNIST/experiments, MedMNIST2D/models.py; its weights start from PyTorch's defaults, so those
    of torchvision are drawn anew.
    """
    from torchvision.models import resnet18 as torchvision_resnet18

    net = torchvision_resnet18(num_classes=classes)
    net.conv1 = nn.Conv2d(channels, 64, 3, padding=1, bias=False)
    net.maxpool = nn.Identity()
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            module.reset_parameters()
    return net
