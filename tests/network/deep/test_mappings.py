"""Mappings and converters against a plain NumPy computation, on random small networks."""

import numpy as np
import pytest

import reliability as rel
from reliability.network.deep.adc import FINE, transfer
from reliability.network.deep.converters import Adc, Dac
from reliability.network.deep.dac import levels, sample_drive
from tests.network.deep.onnx_models import convolve, model, onnx, tensor

make = onnx.helper.make_node
SINGLE = ("offset", "reference", "dummy", "twos_complement")


def random_network(path, rng):
    """A dense layer, or a padded convolution, of random size, and what NumPy makes of it."""
    if rng.random() < 0.6:
        rows, outputs = int(rng.integers(1, 12)), int(rng.integers(1, 9))
        w = rng.normal(size=(rows, outputs)).astype(np.float32)
        nodes, shape = [make("MatMul", ["x", "w"], ["y"], name="fc")], [("x", ["N", rows])]
        made = model(nodes, [tensor("w", w)], shape, [("y", ["N", outputs])])
        path.write_bytes(made.SerializeToString())
        return w, (rows,), lambda x, matrix: x @ matrix
    inner, outputs = int(rng.integers(1, 4)), int(rng.integers(1, 6))
    w = rng.normal(size=(outputs, inner, 2, 2)).astype(np.float32)
    nodes = [make("Conv", ["x", "w"], ["y"], name="fc", pads=[1, 0, 0, 1])]
    made = model(
        nodes, [tensor("w", w)], [("x", ["N", inner, 4, 3])], [("y", ["N", outputs, 4, 3])]
    )
    path.write_bytes(made.SerializeToString())

    def run(x, matrix):
        return convolve(x, matrix.T.reshape(-1, inner, 2, 2), (1, 0, 0, 1), (1, 1), 1)

    return w.reshape(outputs, -1).T, (inner, 4, 3), run


def random_tiling(rng, levels):
    mapping = str(rng.choice(["differential", *SINGLE]))
    cells = "bits" if mapping == "twos_complement" or not levels or rng.random() < 0.3 else "levels"
    pairing = "columns"
    if mapping == "differential":
        pairing = str(rng.choice(["columns", "rows", "separate"]))
    return rel.Tiling(
        cells, weight_bits=int(rng.integers(2, 7)), mapping=mapping, pairing=pairing,
        bits_per_cell=int(rng.integers(1, 3)) if levels else 1,
        scale=str(rng.choice(["channel", "layer"])), rows=2 * int(rng.integers(1, 5)),
        columns=int(rng.integers(16, 30)),
    )  # fmt: skip


def ends_of(card):
    """Least conductance, and that of a full digit over it, of two states or of levels."""
    if "target.maximum" in card:
        return card["target.minimum"], card["target.maximum"] - card["target.minimum"], 0.0
    from reliability.network.conductances import idle_conductance, state_difference

    series = card["access.series_resistance"]
    return idle_conductance(card), state_difference(card), series


def matrix_of(g, w, tiling, card):
    """The matrix that cells of conductance g make, weight by weight in loops."""
    rows, outputs = w.shape
    least, unit, series = ends_of(card)
    g = g.astype(float) / (1 + series * g.astype(float))
    largest = (
        np.abs(w).max(axis=0) if tiling.scale == "channel" else np.full(outputs, np.abs(w).max())
    )
    bits, own = tiling.weight_bits, tiling.bits_per_cell
    top, full = 2 ** (bits - 1) - 1, 2**own - 1
    slices = tiling.slices
    if tiling.cells == "levels":
        worth = [1.0 if tiling.mapping == "differential" else 2.0]
    else:
        worth = [2.0 ** (own * s) * full / top for s in range(slices)]
        if tiling.mapping == "twos_complement":
            worth = [*worth[:-1], -(2.0 ** (bits - 1)) / top]
    out = np.zeros((rows, outputs))
    if tiling.mapping == "differential":
        pair = g.reshape(slices, rows, outputs, 2)
        for s in range(slices):
            out += worth[s] * (pair[s, :, :, 0] - pair[s, :, :, 1]) / unit
        return out * largest
    many = {"offset": 0, "reference": 2, "dummy": 1, "twos_complement": 1}[tiling.mapping]
    held = g[: slices * rows * outputs].reshape(slices, rows, outputs)
    beside = g[slices * rows * outputs :].reshape(rows, -1, many) if many else None
    on_a_tile = (tiling.columns - many) // slices
    constant = 0.0 if tiling.mapping == "twos_complement" else -1.0
    for o in range(outputs):
        for r in range(rows):
            total = constant
            for s in range(slices):
                if many == 0:
                    digit = (held[s, r, o] - least) / unit
                else:
                    digit = (held[s, r, o] - beside[r, o // on_a_tile].mean()) / unit
                    digit += 0.5 if tiling.mapping == "reference" else 0.0
                total += worth[s] * digit
            out[r, o] = total * largest[o]
    return out


@pytest.mark.parametrize(
    ("card", "seeds"),
    [("techB", range(5)), ("oxram-130nm", range(4)),
     pytest.param("techB", range(5, 150), marks=pytest.mark.slow),
     pytest.param("oxram-130nm", range(4, 80), marks=pytest.mark.slow)],
)  # fmt: skip
def test_mappings_make_the_matrix_that_numpy_makes_of_their_cells(card, seeds, tmp_path) -> None:
    """Random networks, tilings and chips; ideal cells give the rounded weights."""
    card, path = rel.load_technology(card), tmp_path / "net.onnx"
    for seed in seeds:
        rng = np.random.default_rng(seed)
        w, shape, run = random_network(path, rng)
        tiling = random_tiling(rng, "target.maximum" in card)
        net = rel.load_network(path)
        chips = rel.program_layers(card, net, tiling, chips=1, seed=seed)
        x = rng.normal(size=(4, *shape)).astype(np.float32)
        data, zero = (x, np.zeros(4, int)), {"metric": lambda outputs, target: 0.0, "outputs": True}
        found = rel.evaluate(net, chips, tiling=tiling, data=data, **zero)["outputs"].values[0]
        matrix = matrix_of(chips["conductance"].values[0], w, tiling, card)
        expected = run(x.astype(float), matrix)
        assert found == pytest.approx(expected, abs=2e-4 * np.abs(expected).max()), tiling
        ideal = rel.evaluate(net, tiling=tiling, data=data, **zero)["outputs"].values[0]
        scale = np.abs(w).max(axis=0) if tiling.scale == "channel" else np.abs(w).max()
        top = 2 ** (tiling.weight_bits - 1) - 1
        rounded = np.rint(w / scale * top) / top * scale if tiling.cells == "bits" else w
        assert ideal == pytest.approx(run(x.astype(float), rounded), abs=1e-4)


def adc(sums, bits, low, high):
    """A uniform converter from its description."""
    if low >= 0:
        step, first, last = high / (2**bits - 1), 0, 2**bits - 1
    else:
        last = 2 ** (bits - 1) - 1
        step, first = max(-low, high) / last, -last
    return np.clip(np.rint(sums / step), first, last) * step


@pytest.mark.parametrize("serial", [False, True])
def test_converters_on_every_mapping(serial, tmp_path) -> None:
    """Dense layers on ideal cells: codes of the inputs, sums of tiles, bits one by one."""
    path = tmp_path / "net.onnx"
    for seed in range(14):
        rng = np.random.default_rng(100 + seed)
        rows, outputs = int(rng.integers(2, 14)), int(rng.integers(1, 6))
        w = rng.normal(size=(rows, outputs)).astype(np.float32)
        made = model([make("MatMul", ["x", "w"], ["y"], name="fc")], [tensor("w", w)],
                     [("x", ["N", rows])], [("y", ["N", outputs])])  # fmt: skip
        path.write_bytes(made.SerializeToString())
        mapping = str(rng.choice(["differential", "reference", "dummy"]))
        high, dac, bits = 4, int(rng.integers(2, 6)), int(rng.integers(4, 9))
        tiling = rel.Tiling(mapping=mapping, rows=high, dac_bits=dac, adc_bits=bits,
                            serial_inputs=serial)  # fmt: skip
        x = rng.normal(size=(6, rows)).astype(np.float32)
        x = np.abs(x) if seed % 2 else x
        codes = 2**dac - 1 if seed % 2 else max(2 ** (dac - 1) - 1, 1)
        step = np.abs(x).max() / codes
        code = np.rint(x / np.float32(step)).astype(int)
        scale = np.abs(w).max(axis=0)
        u = (w / scale).astype(float)
        read = {"differential": u, "reference": u / 2, "dummy": (1 + u) / 2}[mapping]
        planes = [(step, code.astype(float))]
        if serial:
            many = codes.bit_length() + (0 if seed % 2 else 1)
            planes = [(step * 2.0**k * (-1 if k == many - 1 and not seed % 2 else 1),
                       (code >> k & 1).astype(float)) for k in range(many)]  # fmt: skip
            sums = [
                [p[:, t : t + high] @ read[t : t + high] for t in range(0, rows, high)]
                for _, p in planes
            ]
        else:  # ranges are those of inputs that are not rounded
            sums = [
                [
                    x.astype(float)[:, t : t + high] @ read[t : t + high]
                    for t in range(0, rows, high)
                ]
            ]
            planes = [(1.0, code * step)]
        every = np.concatenate([s for plane in sums for s in plane])
        low, top = every.min(), every.max()
        if mapping == "differential":
            low = -max(-low, top)
        expected = np.zeros((6, outputs))
        for value, plane in planes:
            for t in range(0, rows, high):
                got = adc(plane[:, t : t + high] @ read[t : t + high], bits, low, top)
                expected += value * got
        expected *= scale * (1 if mapping == "differential" else 2)
        if mapping == "dummy":
            expected -= scale * (code * step).sum(axis=1, keepdims=True)
        found = rel.evaluate(path, tiling=tiling, data=(x, np.zeros(6, int)), outputs=True,
                             metric=lambda outputs, target: 0.0)["outputs"].values[0]  # fmt: skip
        # a sum within rounding of a code's edge may go either way
        off = np.abs(found - expected) > 1e-4 * np.abs(expected).max()
        assert off.mean() < 0.1, (seed, tiling)


def test_transfer_functions_from_their_descriptions() -> None:
    """A ramp counts its levels, a SAR converter searches; both against loops over inputs."""
    rng = np.random.default_rng(1)
    for steps in (14, 15, 31):
        x = (np.arange((steps + 1) * FINE) + 0.5) / FINE
        z = 0.3 * rng.normal(size=steps)
        level = np.cumsum(np.maximum(1 + z, 0))
        level *= steps / level[-1]
        counted = [sum(edge <= v for edge in level) for v in x]
        assert transfer("ramp", steps, z).tolist() == counted
        z = 0.1 * rng.normal(size=steps.bit_length())
        weight = [2.0**k + z[k] * 2 ** (k / 2) for k in range(len(z))]
        last = sum(weight[k] for k in range(len(z)) if steps >> k & 1)
        searched = []
        for v in x:
            code, held = 0, 0.0
            for k in reversed(range(len(z))):
                if code + 2**k <= steps and held + weight[k] * steps / last <= v:
                    code, held = code + 2**k, held + weight[k] * steps / last
            searched.append(code)
        assert transfer("sar", steps, z).tolist() == searched
    ideal = transfer("sar", 15, np.zeros(4))
    assert ideal.tolist() == (np.arange(16 * FINE) // FINE).tolist()


def one_layer(path, w):
    made = model([make("MatMul", ["x", "w"], ["y"], name="fc")], [tensor("w", w)],
                 [("x", ["N", len(w)])], [("y", ["N", w.shape[1]])])  # fmt: skip
    path.write_bytes(made.SerializeToString())
    return path


def outputs_of(path, card, x, **tiling):
    return rel.evaluate(path, card, tiling=rel.Tiling(**tiling), data=(x, np.zeros(len(x), int)),
                        chips=30, seed=2, metric=lambda outputs, target: 0.0,
                        outputs=True)["outputs"].values  # fmt: skip


def test_errors_of_converters_have_the_spread_that_is_asked_for(tmp_path) -> None:
    """On cells that are almost ideal, outputs move by offsets, gains and noise in steps."""
    card = rel.load_technology("techB")
    rng = np.random.default_rng(3)
    w = rng.normal(size=(8, 30)).astype(np.float32)
    path = one_layer(tmp_path / "net.onnx", w)
    x = rng.normal(size=(20, 8)).astype(np.float32)
    fine = {"rows": 8, "adc_bits": 16, "adc_range": 2.0}
    plain = outputs_of(path, card, x, **fine)

    def moved(**errors):
        return outputs_of(path, card, x, adc=errors, **fine) - plain

    scale = np.abs(w).max(axis=0)
    step = 2 * np.abs(x @ (w / scale)).max() / (2**15 - 1) * scale
    by_offset = moved(offset=300.0) / step
    assert by_offset.std(axis=1).max() < 1  # the same for all images
    assert by_offset.mean(axis=1).std() == pytest.approx(300, rel=0.06)
    shared = moved(offset=300.0, columns=10) / step
    assert np.abs(np.diff(shared[:, 0].reshape(30, 3, 10), axis=-1)).max() < 2
    gain = moved(gain=0.05)
    slope = (gain * plain).sum(axis=1) / (plain**2).sum(axis=1)
    assert slope.std() == pytest.approx(0.05, rel=0.06)
    noise = moved(noise=200.0) / step
    assert noise.std() == pytest.approx(200, rel=0.02)
    assert np.abs(np.corrcoef(noise.reshape(30, -1))[np.triu_indices(30, 1)]).max() < 0.2
    assert np.array_equal(moved(noise=200.0) / step, noise)  # and from the seed alone


def test_a_ramp_is_shared_by_the_columns_of_a_tile_and_a_sar_is_not(tmp_path) -> None:
    """Columns of equal weights on ideal cells: one ramp gives equal codes, SAR converters not."""
    w = np.repeat(np.random.default_rng(5).normal(size=(6, 1)), 12, axis=1).astype(np.float32)
    path, x = one_layer(tmp_path / "net.onnx", w), np.random.default_rng(6).normal(size=(200, 6))
    x = x.astype(np.float32)

    def codes(**adc):
        return outputs_of(path, None, x, adc_bits=6, adc=adc)[0]

    ramp, sar = codes(kind="ramp", mismatch=0.4), codes(kind="sar", mismatch=0.4)
    assert (ramp == ramp[:, :1]).all()
    assert (sar != sar[:, :1]).any(axis=1).mean() > 0.05
    halves = codes(kind="sar", mismatch=0.4, columns=6)
    assert (halves[:, :6] == halves[:, :1]).all()
    plain = outputs_of(path, None, x, adc_bits=6)[0]
    step = np.diff(np.unique(plain)).min()
    assert 0 < np.abs(ramp - plain).max() < 5 * step


def test_levels_of_input_converters_from_their_descriptions() -> None:
    """Sums of bits, and steps one after the other, in loops."""
    rng = np.random.default_rng(2)
    for top in (7, 15, 31):
        z = 0.1 * rng.normal(size=(2, top.bit_length()))
        for row, found in zip(z, levels("binary", top, z), strict=True):
            weight = [2.0**k + row[k] * 2 ** (k / 2) for k in range(row.size)]
            sums = [sum(weight[k] for k in range(row.size) if c >> k & 1) for c in range(top + 1)]
            assert found == pytest.approx(np.array(sums) * top / sums[-1])
        z = 0.3 * rng.normal(size=top)
        ladder = np.array([sum(1 + z[:c]) for c in range(top + 1)])
        assert levels("ladder", top, z) == pytest.approx(ladder * top / ladder[-1])
    assert levels("ladder", 3, np.full(3, -2.0)).tolist() == [0.0, 0.0, 0.0, 0.0]


def driven(x, tiling, found, low):
    """Rows (image, row, ...) as converters of these errors drive them, number by number."""
    top = 2 ** (tiling.dac_bits - (low < 0)) - 1
    step = np.abs(x).max() / top
    code = np.rint(x / step).astype(int)
    wide = (-1, *(1 for _ in x.shape[2:]))
    level = code.astype(float)
    if found.table is not None:
        row = np.broadcast_to(np.arange(x.shape[1]).reshape(wide), x.shape)
        level = np.sign(code) * found.table.astype(float)[row, np.abs(code)]
    return step * (found.gain.reshape(wide) * level + found.offset.reshape(wide))


@pytest.mark.parametrize("kind", ["binary", "ladder"])
@pytest.mark.parametrize("signed", [False, True])
def test_errors_of_input_converters_against_numpy(kind, signed, tmp_path) -> None:
    """Each row of a dense layer, and of grouped and padded convolutions, has its own converter."""
    rng = np.random.default_rng(4)
    dac = Dac(kind, offset=0.5, gain=0.1, mismatch=0.2)
    tiling = rel.Tiling(rows=4, dac_bits=4, dac=dac)
    tiles = slice(0, 4), slice(4, 8)
    found = sample_drive(dac, 7 if signed else 15, tiles, "fc", np.zeros(3, np.int64), 2)
    assert np.array_equal(found.table[0], found.table[3]) == (kind == "ladder")
    assert not np.array_equal(found.table[0], found.table[4])
    w = rng.normal(size=(8, 3)).astype(np.float32)
    x = rng.normal(size=(6, 8)).astype(np.float32)
    x = x if signed else np.abs(x)
    how = {"rows": 4, "dac_bits": 4, "dac": dac}
    got = outputs_of(one_layer(tmp_path / "fc.onnx", w), None, x, **how)[0]
    assert got == pytest.approx(driven(x, tiling, found, x.min()) @ w, abs=1e-4)
    for groups in (1, 2):
        held = rng.normal(size=(4, 2, 2, 2)).astype(np.float32)
        node = make("Conv", ["x", "w"], ["y"], name="fc", group=groups, pads=[1, 0, 0, 1],
                    strides=[2, 1])  # fmt: skip
        shape = 2 * groups, 5, 3
        net = model([node], [tensor("w", held)], [("x", ["N", *shape])], [("y", ["N", 4, 3, 3])])
        (tmp_path / "conv.onnx").write_bytes(net.SerializeToString())
        x = rng.normal(size=(3, *shape)).astype(np.float32)
        x = x if signed else np.abs(x)
        got = outputs_of(tmp_path / "conv.onnx", None, x, **how)[0]
        padded = np.pad(x, ((0, 0), (0, 0), (1, 0), (0, 1)))
        for group in range(groups):
            rows = [padded[:, 2 * group + c, i : i + 5 : 2, j : j + 3]
                    for c in range(2) for i in range(2) for j in range(2)]  # fmt: skip
            rows = np.append(np.stack(rows, axis=1), np.full((1, 8, 3, 3), np.abs(x).max()), 0)
            made = driven(rows, tiling, found, x.min())[:-1]
            many = 4 // groups
            own = held[group * many : (group + 1) * many].reshape(many, 8)
            expected = np.einsum("nrij,or->noij", made, own)
            assert got[:, group * many : (group + 1) * many] == pytest.approx(expected, abs=1e-4)


def test_pulses_of_serial_inputs_have_the_errors_of_their_row(tmp_path) -> None:
    rng = np.random.default_rng(9)
    dac, w = Dac(offset=0.1, gain=0.1), rng.normal(size=(5, 3)).astype(np.float32)
    found = sample_drive(dac, 7, (slice(0, 5),), "fc", np.zeros(3, np.int64), 2)
    x = rng.uniform(size=(6, 5)).astype(np.float32)
    path = one_layer(tmp_path / "net.onnx", w)
    got = outputs_of(path, None, x, dac_bits=3, dac=dac, serial_inputs=True)[0]
    step = x.max() / 7
    code, expected = np.rint(x / step).astype(int), 0.0
    for k in range(3):
        pulse = found.gain * (code >> k & 1) + found.offset
        expected = expected + step * 2**k * (pulse @ w)
    assert got == pytest.approx(expected, abs=1e-4)


def test_errors_of_input_converters_have_the_spread_that_is_asked_for(tmp_path) -> None:
    """Thirty chips of almost ideal cells; noise is drawn for every pulse, the same for columns."""
    card = rel.load_technology("techB")
    w = np.repeat(np.eye(8, dtype=np.float32), 2, axis=1)
    path, x = one_layer(tmp_path / "net.onnx", w), np.ones((20, 8), np.float32)
    plain = outputs_of(path, card, x, rows=8, dac_bits=8)

    def moved(**errors):
        return outputs_of(path, card, x, rows=8, dac_bits=8, dac=errors) - plain

    offset = moved(offset=3.0) * 255
    assert offset[..., 0::2].mean(axis=1).std() == pytest.approx(3, rel=0.12)
    assert np.abs(offset - offset[:, :1]).max() < 0.01
    assert (moved(gain=0.1) / plain).std() == pytest.approx(0.1, rel=0.12)
    noise = moved(noise=3.0) * 255
    assert noise.std() == pytest.approx(3, rel=0.05)
    assert np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1] > 0.98
    assert abs(np.corrcoef(noise[..., 0].ravel(), noise[..., 2].ravel())[0, 1]) < 0.15


def physical(g, tiling, idle, rows, outputs):
    """Arrays of each tile as they lie on the chip, and which cell reads which weight."""
    s, mapping = tiling.slices, tiling.mapping
    many = {"offset": 0, "reference": 2, "dummy": 1, "twos_complement": 1}.get(mapping, 0)
    wide = tiling.outputs_of_a_tile
    held = g[: s * rows * outputs * (2 if mapping == "differential" else 1)]
    held = held.reshape(s, rows, outputs, -1)
    beside = g[held.size :].reshape(rows, -1, many) if many else None
    for first in range(0, rows, tiling.weight_rows):
        for t, left in enumerate(range(0, outputs, wide)):
            arrays = [np.full((tiling.rows, tiling.columns), idle)
                      for _ in range(2 if tiling.pairing == "separate" else 1)]  # fmt: skip
            places = {}
            for r in range(first, min(first + tiling.weight_rows, rows)):
                for o in range(left, min(left + wide, outputs)):
                    for k in range(s):
                        for side in range(held.shape[-1]):
                            array, row, column = 0, r - first, ((o - left) * s + k)
                            if mapping == "differential" and tiling.pairing == "columns":
                                column = column * 2 + side
                            elif tiling.pairing == "rows":
                                row = 2 * row + side
                            elif tiling.pairing == "separate":
                                array = side
                            arrays[array][row, column] = held[k, r, o, side]
                            places[k, r, o, side] = array, row, column
                for c in range(many):
                    arrays[0][r - first, wide * s + c] = beside[r, t, c]
                    places["beside", r, t, c] = 0, r - first, wide * s + c
            yield arrays, places


@pytest.mark.parametrize(
    ("mapping", "pairing"),
    [("differential", "columns"), ("differential", "rows"), ("differential", "separate"),
     ("offset", "columns"), ("reference", "columns"), ("dummy", "columns"),
     ("twos_complement", "columns")],
)  # fmt: skip
def test_ir_drop_of_each_mapping_on_arrays_laid_out_cell_by_cell(
    mapping, pairing, tmp_path
) -> None:
    """Volt by volt through `solve_crossbar`, which is checked against netlists elsewhere."""
    card = rel.load_technology("techB")
    rng = np.random.default_rng(7)
    w = rng.normal(size=(7, 5)).astype(np.float32)
    path = one_layer(tmp_path / "net.onnx", w)
    cells = "bits" if mapping == "twos_complement" else "levels"
    lines = {"word_line_resistance": 20.0, "bit_line_resistance": 40.0, "sense_resistance": 100.0}
    tiling = rel.Tiling(cells, weight_bits=3, mapping=mapping, pairing=pairing, rows=4, columns=9,
                        **lines)  # fmt: skip
    net = rel.load_network(path)
    chips = rel.program_layers(card, net, tiling, chips=1)
    g = chips["conductance"].values[0].astype(float)
    least, _, _ = ends_of(card)
    seen = g.copy()
    shape = (tiling.slices, 7, 5, 2 if mapping == "differential" else 1)
    flat = np.arange(np.prod(shape)).reshape(shape)
    for arrays, places in physical(g, tiling, least, 7, 5):
        reads = [np.array([rel.solve_crossbar(a, volts, **lines)["output_current"].values
                           for volts in np.eye(tiling.rows)]) for a in arrays]  # fmt: skip
        for key, (array, row, column) in places.items():
            if key[0] == "beside":
                _, r, t, c = key
                many = tiling.references
                across = (g.size - flat.size) // (7 * many)
                seen[flat.size + (r * across + t) * many + c] = reads[array][row, column]
            else:
                seen[flat[key]] = reads[array][row, column]
    x = rng.normal(size=(5, 7)).astype(np.float32)
    found = outputs_of(path, chips, x, cells=cells, weight_bits=3, mapping=mapping,
                       pairing=pairing, rows=4, columns=9, **lines)[0]  # fmt: skip
    expected = x @ matrix_of(seen, w, tiling, card)
    assert found == pytest.approx(expected, abs=1e-3 * np.abs(expected).max())
    assert np.abs(expected - x @ matrix_of(g, w, tiling, card)).max() > 0.01


def two_layers(path, rng):
    """Images (2, 4, 4) through a convolution, relu and a dense layer."""
    w1, w2 = rng.normal(size=(5, 2, 3, 3)), rng.normal(size=(20, 3))
    nodes = [make("Conv", ["x", "w1"], ["a"], name="first"), make("Relu", ["a"], ["b"]),
             make("Flatten", ["b"], ["c"]),
             make("MatMul", ["c", "w2"], ["y"], name="last")]  # fmt: skip
    made = model(nodes, [tensor("w1", w1), tensor("w2", w2)],
                 [("x", ["N", 2, 4, 4])], [("y", ["N", 3])])  # fmt: skip
    path.write_bytes(made.SerializeToString())
    return rel.load_network(path), w1.astype(np.float32), w2.astype(np.float32)


def test_batch_norm_compensation_sets_mean_and_deviation_of_each_channel(tmp_path) -> None:
    """First layer by NumPy: moments over images and places become those of the ideal network."""
    rng = np.random.default_rng(11)
    net, w1, w2 = two_layers(tmp_path / "net.onnx", rng)
    card, x = rel.load_technology("techB"), rng.normal(size=(30, 2, 4, 4)).astype(np.float32)
    tiling = rel.Tiling(compensation="batch_norm")
    chips = rel.program_layers(card, net, tiling, chips=1)
    g = chips["conductance"].values[0]
    flat1, cut = w1.reshape(5, -1).T, 2 * w1.size

    def first(matrix):
        return convolve(x, matrix.T.reshape(5, 2, 3, 3), (0, 0, 0, 0), (1, 1), 1)

    ideal, seen = first(flat1), first(matrix_of(g[:cut], flat1, tiling, card))
    over = {"axis": (0, 2, 3), "keepdims": True}
    set_ = (seen - seen.mean(**over)) / seen.std(**over) * ideal.std(**over) + ideal.mean(**over)
    hidden = np.maximum(set_, 0).reshape(30, -1)
    expected = hidden @ matrix_of(g[cut:], w2, tiling, card)
    found = outputs_of(net, chips, x, compensation="batch_norm")[0]
    assert found == pytest.approx(expected, abs=1e-4 * np.abs(expected).max())
    plain = outputs_of(net, chips, x)[0]
    assert np.abs(plain - expected).max() > 1e-3
    with pytest.raises(rel.InputError, match="batch_norm needs two layers or more"):
        outputs_of(one_layer(tmp_path / "one.onnx", w2), card, x.reshape(30, -1)[:, :20],
                   compensation="batch_norm")  # fmt: skip


@pytest.mark.parametrize("kind", ["gain_columns", "drift_columns"])
def test_a_factor_of_each_column_from_its_own_cells(kind, tmp_path) -> None:
    rng = np.random.default_rng(12)
    w = rng.normal(size=(9, 4)).astype(np.float32)
    path, card = one_layer(tmp_path / "net.onnx", w), rel.load_technology("pcm-mushroom")
    chips = rel.program_layers(card, rel.load_network(path), rel.Tiling(), chips=1)
    chips = rel.age(chips, rel.MissionProfile.constant("1 day"))
    g, then = (chips[name].values[0].astype(float) for name in ("conductance", "programmed"))
    _, unit, _ = ends_of(card)
    u, pair = w / np.abs(w).max(axis=0), g.reshape(9, 4, 2)
    read = (pair[..., 0] - pair[..., 1]) / unit
    factor = (u**2).sum(axis=0) / (u * read).sum(axis=0)
    if kind == "drift_columns":
        factor = then.reshape(9, 4, 2).sum(axis=(0, 2)) / pair.sum(axis=(0, 2))
    x = rng.normal(size=(5, 9)).astype(np.float32)
    expected = x @ (read * factor * np.abs(w).max(axis=0))
    assert outputs_of(path, chips, x, compensation=kind)[0] == pytest.approx(expected, rel=1e-4)


def test_gain_calibration_at_intervals(tmp_path) -> None:
    """After 30 h with a calibration each day, the factor is that of 24 h on the cells of 30 h."""
    rng = np.random.default_rng(13)
    w = rng.normal(size=(9, 4)).astype(np.float32)
    path, card = one_layer(tmp_path / "net.onnx", w), rel.load_technology("pcm-mushroom")
    x, how = rng.normal(size=(5, 9)).astype(np.float32), {"chips": 2, "seed": 4}

    def run(time, **tiling):
        profile = rel.MissionProfile.constant(time)
        return rel.evaluate(path, card, data=(x, np.zeros(5, int)), profile=profile, outputs=True,
                            tiling=rel.Tiling(**tiling), **how)["outputs"].values  # fmt: skip

    day, later = ({name: run(t, compensation=name) for name in ("none", "gain")}
                  for t in ("24 h", "30 h"))  # fmt: skip
    factor = day["gain"][:, 0, 0] / day["none"][:, 0, 0]
    found = run("30 h", compensation="gain", calibration_interval=86400.0)
    assert found == pytest.approx(later["none"] * factor[:, None, None], rel=1e-4)
    assert np.abs(found - later["gain"]).max() > 1e-4
    chips = rel.age(rel.program_layers(card, rel.load_network(path), rel.Tiling(), chips=1),
                    rel.MissionProfile.constant("1 day"))  # fmt: skip
    with pytest.raises(rel.InputError, match="the cells are aged already; give the mission"):
        outputs_of(path, chips, x, compensation="gain", calibration_interval=1.0)


def test_layers_have_settings_of_their_own(tmp_path) -> None:
    rng = np.random.default_rng(14)
    net, w1, w2 = two_layers(tmp_path / "net.onnx", rng)
    x = rng.normal(size=(6, 2, 4, 4)).astype(np.float32)
    own = {"last": {"cells": "bits", "weight_bits": 3, "mapping": "twos_complement"}}
    found = outputs_of(net, None, x, layers=own)[0]
    hidden = np.maximum(convolve(x, w1, (0, 0, 0, 0), (1, 1), 1), 0).reshape(6, -1)
    scale = np.abs(w2).max(axis=0)
    expected = hidden @ (np.rint(w2 / scale * 3) / 3 * scale)
    assert found == pytest.approx(expected, abs=1e-4 * np.abs(expected).max())
    with pytest.raises(rel.InputError, match="did you mean 'last'"):
        outputs_of(net, None, x, layers={"lasst": {"rows": 2}})
    card = rel.load_technology("techB")
    counts = rel.map_network(
        net, rel.Tiling(layers=own), technology=card, input_shape=(2, 4, 4), draws=2
    )
    assert counts["cells"].values.tolist() == [2 * w1.size, 3 * w2.size + 20]
    separate = rel.map_network(net, rel.Tiling(pairing="separate"), technology=card,
                               input_shape=(2, 4, 4),
                               draws=2)  # fmt: skip
    assert separate["tiles"].values.tolist() == [2, 2]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"mapping": "twos_complement"}, "twos_complement needs cells 'bits'"),
        ({"mapping": "dummy", "pairing": "rows"}, "pairing: dummy has no pairs"),
        ({"mapping": "offset", "cells": "pairs"}, "offset does not go with pairs"),
        ({"mapping": "balanced"}, "unknown mapping of a tiling 'balanced'"),
        ({"pairing": "rows", "rows": 5}, "rows needs an even number of rows, got 5"),
        ({"serial_inputs": True}, "serial_inputs: needs dac_bits"),
        ({"adc": {"offset": 1}}, "adc: needs adc_bits"),
        ({"dac": {"offset": 1}}, "dac: needs dac_bits"),
        ({"dac_bits": 4, "dac": {"kind": "sar"}}, "unknown kind of dac 'sar'"),
        ({"dac_bits": 4, "dac": {"gain": -1}}, "dac: gain: got -1, allowed 0 or more"),
        ({"dac_bits": 4, "dac": {"nois": 1}}, "setting of tiling: dac 'nois'"),
        ({"dac_bits": 4, "dac": 3}, "dac: got int, expected a Dac"),
        ({"dac_bits": 14, "dac": {"mismatch": 1}}, "dac: mismatch: allowed up to 12 dac_bits"),
        ({"dac_bits": 4, "serial_inputs": True, "dac": {"mismatch": 1}}, "single bits"),
        ({"adc_bits": 4, "adc": {"kind": "flash"}}, "unknown kind of adc 'flash'"),
        ({"adc_bits": 4, "adc": {"kind": "ramp", "columns": 4}}, "one comparator for each column"),
        ({"calibration_interval": 9.0}, "acts with the compensation drift or gain"),
        ({"layers": {"a": {"rowz": 2}}}, "did you mean 'rows'"),
        ({"layers": {"a": {"compensation": "gain"}}}, "compensation is the same for all layers"),
        ({"layers": {"a": {"adc_bits": 1}}}, "layers: a: tiling: adc_bits: got 1"),
    ],
)
def test_settings_that_mean_nothing_together_are_refused_in_one_line(settings, says) -> None:
    with pytest.raises(rel.InputError, match=says) as found:
        rel.Tiling(**settings)
    assert "\n" not in str(found.value)


def test_converters_are_public_beside_tiling() -> None:
    assert rel.Tiling(adc_bits=6, adc=Adc(noise=0.5)) == rel.Tiling(adc_bits=6, adc={"noise": 0.5})
    assert rel.Tiling(dac_bits=6, dac=rel.Dac(gain=0.5)).dac == Dac(gain=0.5)


def test_errors_of_converters_are_keys_of_a_study_and_in_its_method() -> None:
    from reliability.campaign.tables import TilingTable
    from reliability.report.tiling_words import circuit_words

    card = rel.load_technology("techB")
    held = TilingTable(dac_bits=4, dac={"kind": "ladder", "mismatch": 0.1, "gain": 0.02})
    tiling = held.tiling(card)
    assert tiling.dac == Dac("ladder", mismatch=0.1, gain=0.02)
    said = "input converters (one ladder for the rows of a tile) with mismatch 0.1 steps, gain 0.02"
    assert said in list(circuit_words(tiling))
    assert tiling.ideal().dac is None
