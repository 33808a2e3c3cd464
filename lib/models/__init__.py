"""Models whose loss is a function of one flat vector of parameters, with gradients derived by hand.

An update rule knows one array ``theta``. So does a model here: its layers are views of slices of that array, and its
gradient is an array of the same shape. Every model is a frozen dataclass of its sizes with the same face:

- ``model.size``: the number of parameters; ``model.shapes``: the shapes of the layers, in their order in ``theta``;
- ``model.start(seed)``: a vector to begin with;
- ``model.unpack(theta)``: the layers, as views;
- ``model.loss(theta, X, y)`` and ``model.gradient(theta, X, y)``, for a batch of examples, and both at the price of one
  by ``model.loss_and_gradient(theta, X, y)``.

``theta`` may have leading axes of runs, shape (runs, size): one call then computes every run's loss or gradient on the
same batch. The dtype of ``theta`` is the dtype of the whole computation. A ``theta`` that has diverged gives an
infinite or NaN loss, silently: :mod:`lib.descent` says so.

What is random, dropout and the autoencoder's noise, comes from a generator ``rng`` given to these functions, and is the
same for all runs: runs then differ by what they compare and nothing else. Without ``rng`` there is no dropout, as in a
test.

The gradients are tested against automatic differentiation and central differences.
"""

from .autoencoder import VariationalAutoencoder
from .convolution import ConvolutionalNetwork
from .logistic import LogisticRegression
from .network import Network

__all__ = ["ConvolutionalNetwork", "LogisticRegression", "Network", "VariationalAutoencoder"]
