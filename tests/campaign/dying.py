"""Work that fails, in a module that costs a worker nothing to import."""

import os


def die_or_double(number: int) -> int:
    if number == 3:
        os._exit(9)  # what the kernel does to a process that takes all memory
    if number == 4:
        raise ValueError("four")
    return 2 * number
