"""The card of a study, conditioned on the observations that the study brings."""

import json
from collections.abc import Sequence
from hashlib import sha256

from pydantic import ValidationError

from reliability.compiled_cache import user_cache
from reliability.conditioning import condition
from reliability.errors import InputError
from reliability.files import replace_text
from reliability.technology import Technology
from reliability.technology.observed import Observation
from reliability.version import __version__


def conditioned(card: Technology, observations: Sequence[Observation], seed: int) -> Technology:
    """Return a card conditioned on observations, as `reliability.condition` does.

    That takes seconds to minutes, and each command on a study and each of its resumptions asks for
    the card: it is kept in the user's cache folder.

    Parameters
    ----------
    card : Technology
    observations : sequence of Observation
    seed : int

    Raises
    ------
    InputError
        Observations that contradict the card or one another.
    """
    told = json.dumps([one.model_dump() for one in observations], sort_keys=True)
    key = sha256("\n".join((__version__, card.fingerprint, told, str(seed))).encode()).hexdigest()
    folder = user_cache()
    kept = folder and folder / "cards" / f"{key[:32]}.json"
    try:
        if kept and kept.is_file():
            return Technology.from_json(kept.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError):
        pass  # of another program or cut short: made again
    try:
        found = condition(card, observations, seed=seed)
    except InputError as error:
        raise InputError(f"observation: {error}") from None
    if kept:
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            replace_text(kept, found.to_json())
        except OSError:
            pass  # a home that cannot be written: conditioned again next time
    return found
