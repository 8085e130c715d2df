"""Noise against its closed forms and measured traces."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate
from scipy.signal import welch

from reliability.devices import noise as N
from reliability.errors import InputError
from reliability.random import stream
from reliability.technology import load_technology

MODEL = N._example()
QUIET = replace(MODEL, white=0.0, flicker=0.0)
RATE = 400.0  # samples/s of the measured traces
NO_TRAP = N.Traps(np.zeros(1), np.ones(1), np.ones(1))


def measured(shared):
    return np.loadtxt(shared / "measured" / "techA_read_noise.tsv.gz")[:, 2:]


def density(trace, length=8192):
    f, p = welch(trace, RATE, nperseg=length)
    return f[1:], p[1:]


def band(f, p, low, high):
    return p[(f >= low) & (f < high)].mean()


def two_levels(trace):
    """Levels and mean dwell times of a telegraph trace: Otsu's threshold, with hysteresis."""
    x = np.sort(trace)
    n = np.arange(1, len(x))
    total = np.cumsum(x)
    between = n * (len(x) - n) * (total[:-1] / n - (total[-1] - total[:-1]) / (len(x) - n)) ** 2
    limit = x[between.argmax()]
    low, high = trace[trace < limit].mean(), trace[trace >= limit].mean()
    up = np.empty(len(trace), bool)
    now = trace[0] > limit
    for i, value in enumerate(trace):
        if abs(value - (low + high) / 2) > 0.15 * (high - low):
            now = value > limit
        up[i] = now
    switches = max(np.count_nonzero(np.diff(up)) / 2, 1)
    return low, high, up.sum() / RATE / switches, (~up).sum() / RATE / switches


def test_log_time_variance_is_the_integral_of_the_density():
    t = 1.0
    area, _ = integrate.quad(
        lambda log_f: float(N.flicker_density(MODEL, 1e-4, np.exp(log_f))) * np.exp(log_f),
        np.log(1 / t), np.log(1 / (2 * MODEL.flicker_onset)),
    )  # fmt: skip
    assert N.flicker_sigma(MODEL, 1e-4, t) ** 2 == pytest.approx(area, rel=1e-5)


def test_published_pcm_read_noise():
    """aihwkit: sigma/G = Q sqrt(ln((t + t_r) / (2 t_r))), Q = min(0.0088/g^0.65, 0.2)."""
    pcm = N.Noise.from_technology(load_technology("pcm-mushroom"))
    grow = np.sqrt(np.log((3600 + 250e-9) / (2 * 250e-9)))
    g = np.array([0.001, 0.1, 0.5, 1.0])
    expected = np.minimum(0.0088 / g**0.65, 0.2) * grow
    np.testing.assert_allclose(N.flicker_sigma(pcm, g * 25e-6, 3600.0), expected, rtol=1e-9)
    assert N.flicker_amplitude(pcm, 0.001 * 25e-6) == 0.2
    z = np.random.default_rng(2).standard_normal(100_000)
    reads = N.read(pcm, np.full(z.size, 12.5e-6), 3600.0, z)
    assert reads.std() / 12.5e-6 == pytest.approx(expected[2], rel=4.5 / np.sqrt(2e5))


def test_published_cmo_hfox_read_noise():
    """aihwkit: sigma = 0.0277316483 log10(G) sqrt(ln((t + t_r) / (2 t_r))) uS, t_r = 1 us."""
    model = N.Noise.from_technology(load_technology("oxram-cmo-hfox"))
    g = np.array([10.0, 40.0, 80.0])
    expected = 0.0277316483 * np.log10(g) * np.sqrt(np.log((100 + 1e-6) / 2e-6)) / g
    np.testing.assert_allclose(N.flicker_sigma(model, g * 1e-6, 100.0), expected, rtol=1e-9)


def test_series_has_the_density_of_the_closed_form():
    model = replace(MODEL, white=0.002, flicker_onset=5e-3)
    times = np.arange(16_384) / RATE
    g = np.full(24, 1e-4)
    quiet = N.Traps(np.zeros(24), np.ones(24), np.ones(24))
    trace = N.series(model, g, times, quiet, stream(1, "noise")) / 1e-4
    f, p = welch(trace, RATE, nperseg=4096, axis=0)
    p = p.mean(axis=1)
    for low in (0.4, 1.0, 5.0, 20.0):
        inside = (f >= low) & (f < 2 * low)
        expected = (N.flicker_density(model, 1e-4, f[inside]) + 2 * 0.002**2 / RATE).mean()
        assert p[inside].mean() == pytest.approx(expected, rel=0.2)


def test_telegraph_series_has_the_lorentzian():
    trap = N.Traps(np.full(40, 0.2), np.full(40, 0.05), np.full(40, 0.02))
    g = np.full(40, 1e-4)
    trace = N.series(QUIET, g, np.arange(8192) / RATE, trap, stream(2, "noise")) / 1e-4
    p = 0.02 / 0.07
    taken = 1 - trace * (1 - 0.2 * p)  # the reads scatter around their mean
    assert set(np.unique(np.abs(taken).round(9))) == {0.0, 0.2}
    assert (taken > 0.1).mean() == pytest.approx(p, abs=0.01)
    one = N.Traps(*(x[0] for x in trap))
    lag = 8 / RATE
    cov = ((taken[:-8] - 0.2 * p) * (taken[8:] - 0.2 * p)).mean()
    assert cov == pytest.approx(0.04 * p * (1 - p) * np.exp(-lag / one.correlation_time), rel=0.05)
    f, q = welch(trace, RATE, nperseg=2048, axis=0)
    low = (f > 0.3) & (f < 20)
    ratio = q.mean(axis=1)[low] / N.telegraph_density(one, f[low])
    assert ratio.mean() == pytest.approx(1.0, abs=0.05)
    area = integrate.quad(lambda x: N.telegraph_density(one, x)[0], 0, np.inf)[0]
    assert area == pytest.approx(0.04 * p * (1 - p) / (1 - 0.2 * p) ** 2, rel=1e-6)


def test_series_does_not_need_equal_steps():
    """Variance of the increments over irregular times, as for equal ones."""
    trap = N.Traps(np.full(4000, 0.2), np.full(4000, 1.0), np.full(4000, 1.0))
    g = np.full(4000, 1e-4)
    trace = N.series(QUIET, g, np.array([0.0, 0.1, 0.7]), trap, stream(3, "noise")) / 1e-4
    for i, j, step in ((0, 1, 0.1), (1, 2, 0.6), (0, 2, 0.7)):
        expected = 0.5 * 0.04 * (1 - np.exp(-2 * step)) / 0.9**2
        observed = ((trace[j] - trace[i]) ** 2).mean()
        assert observed == pytest.approx(expected, rel=4.5 / np.sqrt(4000 * expected / 0.04))


def test_traps_are_spread_log_uniformly():
    u = np.random.default_rng(0).random((4, 50_000))
    traps = N.traps(MODEL, 1e-4, u)
    active = traps.amplitude > 0
    assert active.mean() == pytest.approx(0.3, abs=0.01)
    middle = np.sqrt(MODEL.telegraph_shortest * MODEL.telegraph_longest)
    assert (traps.capture < middle).mean() == pytest.approx(0.5, abs=0.01)
    assert traps.capture.min() >= MODEL.telegraph_shortest
    assert traps.emission.max() <= MODEL.telegraph_longest
    assert np.median(traps.amplitude[active]) == pytest.approx(0.05, rel=0.03)
    assert (traps.amplitude <= 1).all()


def test_telegraph_is_heavier_at_low_conductance():
    u = np.random.default_rng(0).random((4, 20_000))
    low, high = (N.traps(MODEL, g, u).amplitude for g in (1e-5, 2e-4))
    assert np.quantile(low, 0.99) > 2 * np.quantile(high, 0.99)


def test_reads_have_the_stated_moments():
    z = np.random.default_rng(4).standard_normal(200_000)
    g = np.full(z.size, 5e-5)
    out = N.read(MODEL, g, 1.0, z)
    sigma = np.hypot(N.white_sigma(MODEL, 5e-5), N.flicker_sigma(MODEL, 5e-5, 1.0))
    assert out.mean() == pytest.approx(5e-5, rel=4.5 * sigma / np.sqrt(z.size))
    assert out.std() / 5e-5 == pytest.approx(sigma, rel=4.5 / np.sqrt(2 * z.size))


def test_traps_scatter_reads_around_the_mean():
    rng = np.random.default_rng(4)
    u = rng.random((5, 200_000))
    g = np.full(200_000, 5e-5)
    out = N.read(QUIET, g, 1.0, np.zeros(g.size), u)
    traps = N.traps(QUIET, g, u[:4])
    p, a = traps.filled, traps.amplitude
    variance = (a**2 * p * (1 - p) / (1 - a * p) ** 2).mean()
    assert out.mean() / 5e-5 == pytest.approx(1.0, abs=4.5 * np.sqrt(variance / 200_000))
    assert out.var() / 5e-5**2 == pytest.approx(variance, rel=0.05)


def test_no_read_is_nothing_however_small_the_cell():
    """8.3 % of HRS cells of a card read 0 S when their amplitudes were extrapolated."""
    u = np.random.default_rng(4).random((5, 100_000))
    z = np.random.default_rng(5).standard_normal(100_000)
    for g in (1e-5, 1e-7):
        cells = np.full(100_000, g)
        out = N.read(MODEL, cells, 1.0, z, u)
        assert out.min() > 0
        assert N.traps(MODEL, cells, u[:4]).amplitude.max() <= 0.5
        quiet = N.read(QUIET, cells, 0.0, np.zeros(cells.size), u)  # traps and no more
        assert quiet.mean() == pytest.approx(g, rel=0.02)
        assert quiet.min() >= g / 2 * 0.99
        assert quiet.max() <= 2 * g * 1.01


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 1e9), st.floats(-5, 5))
def test_no_noise_changes_nothing(time, z):
    g = np.array([3e-5])
    assert N.read(QUIET, g, time, np.array([z])) == g
    assert (N.series(QUIET, g, np.arange(3.0), NO_TRAP, stream(1, "x")) == g).all()


@given(st.floats(1e-6, 1e6))
def test_unit_of_conductance_does_not_matter(unit):
    scaled = replace(MODEL, reference_conductance=MODEL.reference_conductance * unit)
    g, z = np.array([2e-5]), np.array([0.7])
    np.testing.assert_allclose(
        N.read(scaled, g * unit, 1.0, z) / unit, N.read(MODEL, g, 1.0, z), rtol=1e-9
    )


def test_single_precision_stays():
    out = N.read(MODEL, np.full(3, 1e-4, np.float32), 1.0, np.zeros(3, np.float32))
    assert out.dtype == np.float32


def test_times_must_increase():
    with pytest.raises(InputError, match="increasing"):
        N.series(MODEL, np.array([1e-4]), np.array([0.0, 0.0]), NO_TRAP, stream(1, "x"))


def test_flicker_of_a_measured_cell(shared):
    """Q fitted below 1 Hz on the first half of the 9.5 uS trace gives the density of the second
    half from 1 to 100 Hz, and that of a series, within a factor of 2.5.
    """
    trace = measured(shared)[0]
    mean, half = trace.mean(), len(trace) // 2
    f, p = density(trace[:half] / mean)
    low = (f > 0.1) & (f < 1)
    q = np.sqrt((p[low] * f[low]).mean())
    model = replace(MODEL, reference_conductance=mean, flicker=q, white=0.0, flicker_onset=2.5e-3)
    times = np.arange(16_384) / RATE
    series = N.series(model, np.array([mean]), times, NO_TRAP, stream(5, "x"))
    for x in (trace[half:], series[:, 0]):
        f, p = density(x / mean)
        for octave in (1.0, 4.0, 16.0, 64.0):
            inside = (f >= octave) & (f < 2 * octave)
            expected = N.flicker_density(model, mean, f[inside]).mean()
            assert 1 / 2.5 < p[inside].mean() / expected < 2.5


@pytest.mark.parametrize("cell", [1, 2])
def test_telegraph_of_measured_cells(shared, cell):
    """Levels and dwell times of the trace, put into the model, give its density in the decade of
    the Lorentzian's slope and the growth of its increments, within a factor of 3: the traces have
    18 and 9 transitions, and further small levels besides the two.
    """
    trace = measured(shared)[cell]
    low, high, up, down = two_levels(trace)
    trap = N.Traps(np.array([1 - low / high]), np.array([up]), np.array([down]))
    f, p = density(trace / high, 16384)
    flicker = np.sqrt(np.median((p * f)[(f > 5) & (f < 20)]))
    white = np.sqrt(band(f, p, 120, 200) * RATE / 2)
    inside = (f > 0.2) & (f < 2)
    middle = float(1 - trap.amplitude[0] * trap.filled[0])  # mean over the upper level
    expected = N.telegraph_density(trap, f[inside])[0] * middle**2 + flicker**2 / f[inside]
    assert 1 / 3 < np.exp(np.log(p[inside] / expected).mean()) < 3
    model = replace(
        MODEL, reference_conductance=high, flicker=flicker, white=white, flicker_onset=0.02
    )
    copies = 16
    many = N.Traps(*(np.repeat(x, copies) for x in trap))
    x = N.series(
        model, np.full(copies, high * middle), np.arange(16_384) / RATE, many, stream(6, "x")
    )
    for lag in (1, 16, 256, 4096):
        ours = (x[lag:] - x[:-lag]).std()
        assert 1 / 3 < ours / (trace[lag:] - trace[:-lag]).std() < 3


def test_card_spans_the_measured_cells(shared):
    """The card's power law against the five traces: sigma within a factor of 4 of each, no bias."""
    model = N.Noise.from_technology(load_technology("techA"))
    ratio = []
    for trace in measured(shared):
        g, t = trace.mean(), len(trace) / RATE
        f, p = density(trace / g)
        expected = N.flicker_density(model, g, 1.0) + 2 * N.white_sigma(model, g) ** 2 / RATE
        ratio.append(np.sqrt(np.interp(1.0, f, p) / expected))
        assert N.flicker_sigma(model, g, t) < 0.5
    assert np.all((np.array(ratio) > 1 / 4) & (np.array(ratio) < 4))
    assert abs(np.log(ratio).mean()) < np.log(2)


def test_traps_are_thermally_activated() -> None:
    """0.5 eV: 25 to 85 degC make capture and emission 26 times faster, as often filled."""
    model = N.Noise.from_technology(load_technology("oxram-130nm"))
    u = np.random.default_rng(4).random((4, 50))
    cold, room, hot = (N.traps(model, 1e-4, u, t) for t in (298.15, None, 358.15))
    np.testing.assert_allclose(cold.capture, room.capture)
    factor = math.exp(0.5 / 8.617333262e-5 * (1 / 298.15 - 1 / 358.15))
    np.testing.assert_allclose(cold.capture / hot.capture, factor)
    np.testing.assert_allclose(cold.correlation_time / hot.correlation_time, factor)
    np.testing.assert_allclose(cold.filled, hot.filled)
    np.testing.assert_array_equal(cold.amplitude, hot.amplitude)
