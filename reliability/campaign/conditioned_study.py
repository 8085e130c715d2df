"""The card of a study, conditioned on the observations that the study brings."""

import json
from collections.abc import Sequence

from reliability.campaign.kept import kept
from reliability.conditioning import condition
from reliability.errors import InputError
from reliability.technology import Technology
from reliability.technology.observed import Observation


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

    def posterior() -> Technology:
        try:
            return condition(card, observations, seed=seed)
        except InputError as error:
            raise InputError(f"observation: {error}") from None

    return kept(
        "cards",
        (card.fingerprint, told, str(seed)),
        posterior,
        read=Technology.from_json,
        write=Technology.to_json,
    )
