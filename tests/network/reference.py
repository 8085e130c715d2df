"""A slow, obvious version of the spiking evaluator, straight from the description of the chip."""

import numpy as np


def classify(weights, upper, lower, sequence, *, refractory, leak, delta_s):
    """Run one image on one chip; return the class and the number of input events."""
    f = np.float32  # the same rounding as the chip-parallel kernel
    outputs = weights.shape[1]
    charge = [f(0)] * outputs
    count = [0] * outputs
    rest = [0] * outputs
    events = 0
    for i in sequence:
        events += 1
        for j in range(outputs):
            charge[j] = f(charge[j] * f(1 - leak)) + weights[i, j]
            if rest[j] > 0:
                rest[j] -= 1
            elif charge[j] >= upper[j]:
                charge[j] -= upper[j]
                count[j] += 1
                rest[j] = refractory
            elif charge[j] <= -lower[j]:
                charge[j] += lower[j]
                count[j] -= 1
                rest[j] = refractory
        ranked = sorted(count, reverse=True)
        if ranked[0] - ranked[1] >= delta_s:
            break
    return int(np.argmax(count)), events
