"""The weights of the flat models beside the cascade, fitted to titles that none of them has seen.

The loss is the generalised cross entropy, ``(1 - p ** q) / q`` of the right category's probability p (Zhang and Sabuncu,
"Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels", 2018). It lies between the log-likelihood
(q to 0), on which a few wrongly filed ads have much influence, and the expected share of right answers (q = 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

FloatArray = NDArray[np.float64]

# The q of the loss.
ROBUSTNESS = 0.5
# The weight of the penalty on the squared distance of a weight's logarithm from the usual one's, in units of one title's loss.
WEIGHT_PRIOR = 5.0
# The softmax of a title is over so many categories, the best and the right one: the others have next to no probability.
LOOKED_AT = 24
# The score of a category in a round that did not learn it.
ABSENT = -1e4
# The target of a title whose category was not learned, so that every answer is wrong.
UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores that a model's parts give titles that they have not seen.

    Attributes
    ----------
    parts : shape (1 + flat models, titles, categories): the cascade's log-probabilities of whole paths, then the flat models'
        scores.
    targets : shape (titles,): the right category's column, or ``UNKNOWN``.
    """

    parts: FloatArray
    targets: NDArray[np.intp]

    def total(self, weights: Sequence[float]) -> FloatArray:
        """Return the weighted sum of the parts, shape (titles, categories); the cascade weighs 1."""
        return np.asarray(np.tensordot(np.array([1.0, *weights]), self.parts, 1))

    def known(self) -> Scores:
        """Return the scores of the titles whose category was learned."""
        known = self.targets != UNKNOWN
        return Scores(self.parts[:, known], self.targets[known])

    def narrow(self, weights: Sequence[float]) -> Scores:
        """Return the scores of ``LOOKED_AT`` categories per title: the right one, in the last column, and the best others."""
        kept = min(LOOKED_AT, self.parts.shape[2])
        rows = np.arange(len(self.targets))
        total = self.total(weights)
        total[rows, self.targets] = -np.inf
        others = np.argpartition(-total, kept - 2, axis=1)[:, : kept - 1] if kept > 1 else np.empty((len(rows), 0), int)
        columns = np.column_stack([others, self.targets])
        parts = np.take_along_axis(self.parts, columns[None], axis=2)
        return Scores(parts, np.full(len(rows), kept - 1, dtype=np.intp))


def join(rounds: Sequence[Scores]) -> Scores:
    """Concatenate the titles of several rounds.

    Each round has columns of its own. Those with fewer columns are filled up with ones that no title can be filed at.
    """
    width = max(scores.parts.shape[2] for scores in rounds)
    padded = []
    for scores in rounds:
        missing = width - scores.parts.shape[2]
        cascade = np.pad(scores.parts[:1], ((0, 0), (0, 0), (0, missing)), constant_values=ABSENT)
        flat = np.pad(scores.parts[1:], ((0, 0), (0, 0), (0, missing)))
        padded.append(np.concatenate([cascade, flat]))
    return Scores(np.concatenate(padded, axis=1), np.concatenate([scores.targets for scores in rounds]))


@dataclass(frozen=True, slots=True)
class Combination:
    """The weights of the flat models beside the cascade, and the loss of each title with them, shape (titles,)."""

    weights: list[float]
    losses: FloatArray


def fit_combination(scores: Scores, usual: Sequence[float], free: Sequence[bool]) -> Combination:
    """Fit the weights that are ``free``; the others stay as ``usual`` has them.

    A common scale of all scores is fitted too, and not returned: it only keeps the weights from standing in for a temperature.
    Every title's category must be known.
    """
    narrow = scores.narrow(usual)
    fitted = np.flatnonzero(free)
    start = np.array(usual, dtype=np.float64)

    # ``values`` are logarithms: that of the scale, then those of the factors by which the fitted weights differ from the usual
    # ones.
    def weights_at(values: FloatArray) -> FloatArray:
        weights = start.copy()
        weights[fitted] *= np.exp(values[1:])
        return weights

    def objective(values: FloatArray) -> tuple[float, FloatArray]:
        losses, gradient = _loss(narrow, float(values[0]), weights_at(values))
        # The scale costs nothing.
        distance = np.concatenate([[0.0], values[1:]])
        slopes = np.concatenate([gradient[:1], gradient[1:][fitted]])
        loss = losses.sum() + WEIGHT_PRIOR * distance @ distance
        return float(loss), slopes + 2 * WEIGHT_PRIOR * distance

    found = minimize(objective, np.zeros(1 + len(fitted)), jac=True, method="L-BFGS-B", options={"maxiter": 50}).x
    weights = weights_at(found)
    return Combination(weights.tolist(), _loss(narrow, float(found[0]), weights)[0])


def _loss(scores: Scores, log_scale: float, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the loss of each title, and the gradient of their sum by the logarithms of the scale and of the weights."""
    scale, rows = np.exp(log_scale), np.arange(len(scores.targets))
    total = scale * scores.total(weights.tolist())
    logs = log_softmax(total, axis=1)
    powers = np.exp(ROBUSTNESS * logs[rows, scores.targets])
    probabilities = np.exp(logs)

    def slope(part: FloatArray) -> float:
        return float(-(powers * (part[rows, scores.targets] - (probabilities * part).sum(axis=1))).sum())

    of_weights = [slope(scale * weight * part) for weight, part in zip(weights, scores.parts[1:], strict=True)]
    return (1 - powers) / ROBUSTNESS, np.array([slope(total), *of_weights])
