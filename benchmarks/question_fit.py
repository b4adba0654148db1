"""The logistic fit behind the probabilities of questions; `suggestions.py --fit` prints it."""

import numpy as np
from scipy.optimize import minimize


def logistic(parts: list) -> dict:
    """Fit with a bias for each set, whose priors differ, and take the lowest of those."""
    x, y = (np.concatenate(column) for column in zip(*parts, strict=True))
    which = np.repeat(np.arange(len(parts)), [len(part[1]) for part in parts])
    x = np.column_stack([np.eye(len(parts))[which], x])
    sign = np.where(y, 1.0, -1.0)

    def loss(w: np.ndarray) -> float:
        return np.logaddexp(0, -sign * (x @ w)).sum() + (w[len(parts) :] ** 2).sum() / 20

    w = minimize(loss, np.zeros(x.shape[1])).x
    weights = np.round(w[len(parts) :], 3).tolist()
    return {"bias": round(float(w[: len(parts)].min()), 3), "weights": weights}
