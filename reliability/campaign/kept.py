"""What takes long to make and can be made again, kept in the user's cache folder."""

import contextlib
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import TypeVar

from reliability.compiled_cache import user_cache
from reliability.files import replace_text
from reliability.version import __version__

_Thing = TypeVar("_Thing")


def kept(
    folder: str,
    of: Sequence[str],
    make: Callable[[], _Thing],
    *,
    read: Callable[[str], _Thing],
    write: Callable[[_Thing], str],
) -> _Thing:
    """Return what was kept, else make it and keep it.

    A file that cannot be read, or a home that cannot be written, costs making it again and nothing
    else.

    Parameters
    ----------
    folder : str
        Kind of thing, in the cache folder.
    of : sequence of str
        All that it depends on, besides the version of the package.
    make : callable
    read, write : callable
        From and to text; ``read`` raises ValueError where the text is none of this kind.
    """
    cache = user_cache()
    key = sha256("\n".join((__version__, *of)).encode()).hexdigest()[:32]
    file = cache and cache / folder / key
    with contextlib.suppress(OSError, ValueError):
        if file:
            return read(file.read_text("utf-8"))
    found = make()
    with contextlib.suppress(OSError):
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
            replace_text(file, write(found))
    return found
