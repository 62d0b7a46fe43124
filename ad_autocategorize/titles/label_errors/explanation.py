"""Which words of a title decided between two categories, by leaving each out in turn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.scorer import TitleScorer

# Titles explained with one call of the scorer; each becomes as many titles as it has words.
BATCH = 128
MAX_WORDS = 20
SHOWN_WORDS = 6
TINY = 1e-6
# A smaller change of the log-odds explains nothing.
LEAST_WEIGHT = 0.1

WordWeights = list[tuple[str, float]]


def deciding_words(
    scorer: TitleScorer, titles: Sequence[str], against: Sequence[Path], towards: Sequence[Path]
) -> list[WordWeights]:
    """Return for each title its words that weigh most, with what each adds to the log-odds of ``towards`` over ``against``.

    A negative weight speaks for ``against``. Paths that the scorer does not know have a probability of zero.
    """
    column = {path: index for index, path in enumerate(scorer.tree.categories)}
    answers: list[WordWeights] = []
    for start in range(0, len(titles), BATCH):
        batch = slice(start, start + BATCH)
        pairs = [(column.get(a), column.get(b)) for a, b in zip(against[batch], towards[batch], strict=True)]
        answers += _explain([title.split()[:MAX_WORDS] for title in titles[batch]], pairs, scorer)
    return answers


def _explain(
    titles: list[list[str]], pairs: list[tuple[int | None, int | None]], scorer: TitleScorer
) -> list[WordWeights]:
    # Each title whole, then without each of its words.
    variants: list[str] = []
    for words in titles:
        variants.append(" ".join(words))
        variants += [" ".join(words[:i] + words[i + 1 :]) for i in range(len(words))]
    starts = np.cumsum([0, *(len(words) + 1 for words in titles)])
    probabilities = scorer.probabilities(variants) + TINY
    answers = []
    for number, (words, (against, towards)) in enumerate(zip(titles, pairs, strict=True)):
        part = np.log(probabilities[starts[number] : starts[number + 1]])
        nothing = np.full(len(part), np.log(TINY))
        odds = (part[:, towards] if towards is not None else nothing) - (
            part[:, against] if against is not None else nothing
        )
        weighed = list(zip(words, (odds[0] - odds[1:]).round(2).tolist(), strict=True))
        heaviest = sorted(weighed, key=lambda pair: -abs(pair[1]))[:SHOWN_WORDS]
        answers.append([pair for pair in heaviest if abs(pair[1]) >= LEAST_WEIGHT])
    return answers
