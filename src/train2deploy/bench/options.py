"""What the user asks of `make bench`, and the plan that comes of it."""

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from train2deploy import paths, stack
from train2deploy.bench import article, measure, names
from train2deploy.cloud_settings import config
from train2deploy.errors import UserError

BATCHED = {
    "SAGEMAKER_TFS_ENABLE_BATCHING": "true",
    "SAGEMAKER_TFS_MAX_BATCH_SIZE": "32",
    "SAGEMAKER_TFS_BATCH_TIMEOUT_MICROS": "0",
    "SAGEMAKER_TFS_MAX_ENQUEUED_BATCHES": "100",
}
"""Batching where nothing is given. As the container has it by default, a batch for each CPU may
wait: with more than a few clients many requests would be refused."""

MOST_CLIENTS = 512
MOST_RETRIES = 120  # so many disturbed measurements are repeated: about as many as there are


@dataclass(frozen=True)
class Options:
    """What the user asked for; None: the default of a whole or of a quick run."""

    quick: bool = False
    rounds: int | None = None
    seconds: float | None = None
    clients: tuple[int, ...] = (1, 8, 32, 64)
    against: Path | None = None  # another package, archive or directory
    article_words: int = article.WORDS  # in the word vectors of the article's handler
    peers: bool = False  # measure other servers, too
    settings: tuple[str, ...] = ()  # of batching, as KEY=VALUE (see cloud_settings.config)

    @property
    def batching(self) -> dict[str, str]:
        """The variables of the endpoint that batches."""
        given = config.load(config.overrides(self.settings), needs=())
        return given.serving_variables if given.batching else dict(BATCHED)

    def plan(
        self, endpoints: Sequence[str], sessions: Sequence[str] = (names.RAW,)
    ) -> measure.Plan:
        """The default takes five minutes on a quiet machine, ten on another; quick about one."""
        return measure.Plan(
            rounds=self.rounds or (2 if self.quick else 5),
            seconds=self.seconds or (0.5 if self.quick else 1.5),
            clients=self.clients,
            endpoints=endpoints,
            sessions=sessions,
            retries=0 if self.quick else MOST_RETRIES,
        )

    def command(self) -> str:
        """The command that repeats this run."""
        words = ["make", "bench", *([f"STACK={stack.TODAYS}"] if stack.is_todays() else [])]
        if self.against:
            words.append(f"AGAINST={paths.relative(self.against)}")
        if self.quick:
            words.append("QUICK=1")
        if self.rounds:
            words.append(f"ROUNDS={self.rounds}")
        if self.seconds:
            words.append(f"SECONDS={self.seconds:g}")
        if self.clients != Options.clients:
            words.append("CLIENTS=" + ",".join(map(str, self.clients)))
        if self.article_words != Options.article_words:
            words.append(f"ARTICLE_WORDS={self.article_words}")
        if self.peers:
            words.append("PEERS=1")
        words += self.settings
        return shlex.join(words)


def of(arguments: argparse.Namespace) -> Options:
    """Options as the command line gives them.

    Raises:
        UserError: the clients or the settings are not what they should be.
    """
    options = Options(
        quick=arguments.quick,
        rounds=arguments.rounds,
        seconds=arguments.seconds,
        clients=_numbers(arguments.clients) if arguments.clients else Options.clients,
        against=arguments.against,
        article_words=arguments.article_words or Options.article_words,
        peers=arguments.peers,
        settings=tuple(arguments.set),
    )
    _ = options.batching  # what is wrong with the settings is said before anything starts
    return options


def _numbers(clients: str) -> tuple[int, ...]:
    numbers = tuple(sorted({int(word) for word in clients.split(",")}))
    if numbers[-1] > MOST_CLIENTS:
        raise UserError(f"CLIENTS={clients}: expected numbers from 1 to {MOST_CLIENTS}.")
    return numbers
