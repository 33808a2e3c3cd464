"""A step of training against PyTorch, on one thread; ``make bench`` runs it with the other benchmarks.

The same model, start, 20 minibatches of 128 pictures and rule (Adam, float32); the parameters at the end are compared
first. PyTorch is optional: without it only Downhill's times are there. Alone: ``PYTHONPATH=. python benchmarks/training.py``.
"""

import numpy as np
from peers import HAS_TORCH, compare

from lib.data import load
from lib.descent import Optimizer
from lib.models import ConvolutionalNetwork, LogisticRegression, Network
from lib.rules import adam

STEPS, BATCH, LR = 20, 128, 1e-3
MODELS = {
    "logistic regression 196-10": (LogisticRegression(196, 10), 1.5),
    "network 196-100-100-10": (Network((196, 100, 100, 10)), 1.5),
    "convolutional c8-c16-c32-fc128": (ConvolutionalNetwork((1, 14, 14), (8, 16, 32), 128, 10), 3.0),
}

if HAS_TORCH:
    import torch
    from torch import nn


def ours(model, theta, batches):
    """A function that trains on all minibatches once, from ``theta``."""

    def train():
        optimizer = Optimizer(adam, theta.copy(), lr=LR)
        for X, y in batches:
            optimizer.step(model.gradient(optimizer.theta, X, y))
        return optimizer.theta

    return train


def module(model):
    """The same model in PyTorch, its weights not yet set."""
    if isinstance(model, ConvolutionalNetwork):
        channels = (model.image[0], *model.filters)
        stages = [part for pair in zip(channels, channels[1:])
                  for part in (nn.Conv2d(*pair, 3, padding=1), nn.MaxPool2d(2), nn.ReLU())]  # fmt: skip
        inputs = model.shapes[-4][0]
        return nn.Sequential(nn.Unflatten(1, model.image), *stages, nn.Flatten(), nn.Linear(inputs, model.hidden),
                             nn.ReLU(), nn.Linear(model.hidden, model.classes))  # fmt: skip
    sizes = model.sizes if isinstance(model, Network) else (model.features, model.classes)
    parts = [part for pair in zip(sizes, sizes[1:]) for part in (nn.Linear(*pair), nn.ReLU())]
    return nn.Sequential(*parts[:-1])


def theirs(model, theta, batches):
    """The same in PyTorch."""
    net, cost = module(model), nn.CrossEntropyLoss()
    layers = [torch.tensor(np.ascontiguousarray(turned(layer))) for layer in model.unpack(theta)]
    batches = [(torch.tensor(X), torch.tensor(y.astype(np.int64))) for X, y in batches]

    def train():
        with torch.no_grad():
            for parameter, layer in zip(net.parameters(), layers, strict=True):
                parameter.copy_(layer)
        optimizer = torch.optim.Adam(net.parameters(), lr=LR)
        for X, y in batches:
            optimizer.zero_grad()
            cost(net(X), y).backward()
            optimizer.step()
        return np.concatenate([turned(each.detach().numpy()).ravel() for each in net.parameters()])

    return train


def turned(layer):
    """A matrix of weights as the other side stores it: transposed."""
    return layer.T if layer.ndim == 2 else layer


def comparisons():
    """A comparison for each model, a list of dicts."""
    data, made = load("fashion", np.float32), []
    order = np.random.default_rng(0).permutation(len(data.y_train))[: STEPS * BATCH].reshape(STEPS, BATCH)
    batches = [(data.X_train[rows], data.y_train[rows]) for rows in order]
    for name, (model, target) in MODELS.items():
        theta = model.start(0, np.float32)
        runs, targets = {"Downhill": ours(model, theta, batches)}, {}
        if HAS_TORCH:
            runs["PyTorch"], targets["PyTorch"] = theirs(model, theta, batches), target
            assert np.allclose(runs["Downhill"](), runs["PyTorch"](), rtol=1e-3, atol=1e-3)
        title = f"{name}, {model.size:,} parameters, {STEPS} steps with gradients"
        made.append(compare("training", title, runs, turns=21, targets=targets))
    return made


if __name__ == "__main__":
    comparisons()
