"""Eight numbers as one value inside compiled functions.

A loop over arrays is turned into vector instructions only as far as the compiler can prove that it
may; here it is written down. ``load`` and ``store`` move eight neighbouring numbers between a
C-contiguous array and a value, and arithmetic, comparison and `choose` act on each of the eight
alone, with the rounding of the same operation on single numbers. Values of this kind exist only
inside functions compiled by numba; the compiler maps them to whatever vectors the machine has.
"""

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.cgutils import get_or_insert_function
from numba.extending import intrinsic, models, overload, register_model

LANES = 8
_ELEMENTS = {"float32": ir.FloatType(), "int32": ir.IntType(32), "mask": ir.IntType(1)}


class Lanes(types.Type):
    """Type of eight float32, eight int32 or eight truth values."""

    def __init__(self, element: str) -> None:
        self.element = element
        super().__init__(name=f"{element} x {LANES}")


_FLOAT, _INT, _MASK = (Lanes(name) for name in _ELEMENTS)
_OF = {types.float32: _FLOAT, types.int32: _INT}


@register_model(Lanes)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Lanes) -> None:
        super().__init__(manager, kind, ir.VectorType(_ELEMENTS[kind.element], LANES))


def _pointer(context, builder, array_type, array, index):  # type: ignore[no-untyped-def]
    data = context.make_array(array_type)(context, builder, array).data
    place = builder.gep(data, [index])
    return builder.bitcast(place, context.get_value_type(_OF[array_type.dtype]).as_pointer())


@intrinsic
def load(typing, array, index):  # type: ignore[no-untyped-def]
    """Return the eight elements of a flat array from ``index`` on."""

    def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.load(_pointer(context, builder, signature.args[0], *arguments), align=4)

    return _OF[array.dtype](array, types.intp), emit


@intrinsic
def store(typing, array, index, value):  # type: ignore[no-untyped-def]
    """Write eight elements of a flat array from ``index`` on."""

    def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        place = _pointer(context, builder, signature.args[0], *arguments[:2])
        builder.store(arguments[2], place, align=4)
        return context.get_dummy_value()

    return types.none(array, types.intp, _OF[array.dtype]), emit


@intrinsic
def repeat(typing, number):  # type: ignore[no-untyped-def]
    """Return eight times the same float32 or int32."""

    def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        vector = context.get_value_type(signature.return_type)
        index = ir.IntType(32)
        none = ir.Constant(vector, ir.Undefined)
        first = builder.insert_element(none, arguments[0], ir.Constant(index, 0))
        order = ir.Constant(ir.VectorType(index, LANES), [0] * LANES)
        return builder.shuffle_vector(first, none, order)

    return _OF[number](number), emit


@intrinsic
def choose(typing, mask, yes, no):  # type: ignore[no-untyped-def]
    """Return the elements of ``yes`` where the mask is true and of ``no`` elsewhere."""

    def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.select(*arguments)

    return yes(_MASK, yes, yes), emit


@intrinsic
def bits(typing, mask):  # type: ignore[no-untyped-def]
    """Return a mask as an integer whose bit c is lane c."""

    def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.zext(builder.bitcast(arguments[0], ir.IntType(LANES)), ir.IntType(64))

    return types.int64(_MASK), emit


def _named(name: str) -> Callable:
    """Return what emits the compiler's own function of float32 lanes."""

    def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        kind = context.get_value_type(_FLOAT)
        function = ir.FunctionType(kind, [kind] * len(arguments))
        full = f"llvm.{name}.v{LANES}f32"
        return builder.call(get_or_insert_function(builder.module, function, full), arguments)

    return emit


@intrinsic
def multiply_add(typing, a, b, c):  # type: ignore[no-untyped-def]
    """Return a * b + c of float32 lanes, rounded once."""
    return _FLOAT(_FLOAT, _FLOAT, _FLOAT), _named("fma")


@intrinsic
def nearest(typing, a):  # type: ignore[no-untyped-def]
    """Return the nearest whole numbers of float32 lanes, of two the even one."""
    return _FLOAT(_FLOAT), _named("rint")


def _define(operation: Callable, kind: Lanes, result: Lanes, instruction: Callable) -> None:
    """Give an operator its meaning for two values of a kind."""

    @intrinsic
    def on_lanes(typing, a, b):  # type: ignore[no-untyped-def]
        def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            return instruction(builder, *arguments)

        return result(kind, kind), emit

    @overload(operation)
    def meaning(a, b):  # type: ignore[no-untyped-def]
        return (lambda a, b: on_lanes(a, b)) if a == kind and b == kind else None


_define(operator.add, _FLOAT, _FLOAT, ir.IRBuilder.fadd)
_define(operator.sub, _FLOAT, _FLOAT, ir.IRBuilder.fsub)
_define(operator.mul, _FLOAT, _FLOAT, ir.IRBuilder.fmul)
_define(operator.add, _INT, _INT, ir.IRBuilder.add)
_define(operator.sub, _INT, _INT, ir.IRBuilder.sub)
_define(operator.and_, _MASK, _MASK, ir.IRBuilder.and_)
_define(operator.or_, _MASK, _MASK, ir.IRBuilder.or_)
for _operation, _sign in ((operator.ge, ">="), (operator.le, "<="), (operator.gt, ">")):
    _define(_operation, _FLOAT, _MASK, lambda b, x, y, s=_sign: b.fcmp_ordered(s, x, y))
    _define(_operation, _INT, _MASK, lambda b, x, y, s=_sign: b.icmp_signed(s, x, y))
