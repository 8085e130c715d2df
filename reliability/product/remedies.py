"""What can be done to a macro whose failures are too many: each remedy alone, and what it costs."""

import math
from collections.abc import Iterator
from dataclasses import replace

from reliability.mission import Segment
from reliability.product.error_correction import bch, secded
from reliability.product.macro import Setting
from reliability.product.maintenance import Policy

_MOST_COPIES = 7
_SPARES = 1000  # data words to a spare one
_TIMES = 10  # maintenance over the mission


def remedies(
    setting: Setting, use: Segment, policy: Policy
) -> Iterator[tuple[str, Setting, Policy]]:
    """Yield what each remedy that a macro does not have makes of it.

    A code that corrects one more bit, two more cells per bit, spare words (one in 1000), reads of
    alternating polarity, and, of a macro that is not maintained, refresh or scrubbing at a tenth of
    the mission. The read reference is chosen anew where it is not given.

    Parameters
    ----------
    setting : Setting
    use : Segment
        The mission.
    policy : Policy

    Examples
    --------
    >>> from reliability.mission import MissionProfile
    >>> from reliability.product.error_correction import Code
    >>> macro = Setting.of(MissionProfile([]), 2**20, Code(72, 64, 1))
    >>> [name for name, *_ in remedies(macro, Segment("10 years"), Policy("none"))][:2]
    ['code that corrects 2 bits', '3 cells per bit']
    """
    macro = setting.macro
    code, copies = macro.code, macro.cells_per_bit

    def with_macro(**changes: object) -> Setting:
        return replace(setting, macro=replace(macro, **changes))  # type: ignore[arg-type]

    corrects = code.corrects + 1
    better = secded(code.data_bits) if corrects == 1 else bch(code.data_bits, corrects=corrects)
    bits = "1 bit" if corrects == 1 else f"{corrects} bits"
    yield f"code that corrects {bits}", with_macro(code=better), policy
    if copies + 2 <= _MOST_COPIES:
        yield f"{copies + 2} cells per bit", with_macro(cells_per_bit=copies + 2), policy
    if not macro.spare_words:
        spares = math.ceil(macro.words / _SPARES)
        yield f"{spares} spare words", with_macro(spare_words=spares), policy
    if use.reads and not (use.alternating or policy.alternating):
        yield "reads of alternating polarity", setting, replace(policy, alternating=True)
    interval = use.time / _TIMES
    if policy.kind != "none" or setting.profile.segments:
        return
    if interval >= macro.words * policy.write_time:
        for kind in ("refresh", "scrub"):
            kept = Policy(
                kind, interval, policy.write_time, policy.write_energy, policy.read_energy,
                policy.alternating,
            )  # fmt: skip
            yield f"{kind} {_TIMES} times", setting, kept
