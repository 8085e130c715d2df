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


def first_to_fire(weights, threshold, sequence, *, leak, desensitization):
    """Run one sample on one chip in time coding; return the class and the number of events."""
    f = np.float32
    outputs = weights.shape[1]
    charge = [f(0)] * outputs
    above = [-threshold[j] for j in range(outputs)]
    events = 0
    for k, i in enumerate(sequence):
        gain = f((1 - desensitization) ** k)
        for j in range(outputs):
            charge[j] = f(charge[j] * f(1 - leak)) + weights[i, j] * gain
        above = [charge[j] - threshold[j] for j in range(outputs)]
        events += 1
        if max(above) >= 0:
            break
    return above.index(max(above)), events
