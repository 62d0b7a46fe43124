"""Training anew only the nodes whose ads have changed since the version in service was trained."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ad_autocategorize.artifacts import ArtifactError
from ad_autocategorize.categories.item_photos import PhotoLearning
from ad_autocategorize.categories.learned import Learned, Progress, ReadAds, filed
from ad_autocategorize.item_photos.names import PART_KEY
from ad_autocategorize.item_photos.scorer import load_part
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.private_copies import whole_folder
from ad_autocategorize.titles.scorer import TitleScorer
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.versions.provenance import PLUGIN, library_versions
from taxonomy.tree import CategoryTree

if TYPE_CHECKING:
    # The training side.
    from ad_autocategorize.titles.training.state import TrainingState

# Once this share of the ads has changed since all nodes were trained, the vocabulary and the calibration are of another site.
MOST_CHANGED = 0.2


class WholeTrainingNeeded(Exception):
    """The version in service cannot be gone on from; the message says why, as the end of a sentence."""


@dataclass(frozen=True, slots=True)
class Champion:
    """The version in service, as a training goes on from it."""

    version: ModelVersion
    scorer: TitleScorer
    state: TrainingState

    @classmethod
    def of(cls, version: ModelVersion | None, settings: TitleSettings, seed: int) -> Champion:
        """Load a version. Raises ``WholeTrainingNeeded`` if there is none, or if it was trained in another way."""
        from ad_autocategorize.titles.training.state import STATE_FOLDER, STATE_KEY, TrainingState

        if version is None:
            raise WholeTrainingNeeded("there is no version in service to go on from")
        if version.libraries.get(PLUGIN) != library_versions().get(PLUGIN):
            raise WholeTrainingNeeded(f"another release of the plugin trained {version}")
        if settings.inherit(TitleSettings.from_dict(version.settings)).to_dict() != version.settings:
            raise WholeTrainingNeeded(f"the title settings have changed since {version}")
        folder = whole_folder(version.name)
        try:
            scorer = TitleScorer.load(folder, version.digest)
            state = TrainingState.load(folder / STATE_FOLDER, str(scorer.manifest.get(STATE_KEY)), scorer)
        except ArtifactError as error:
            raise WholeTrainingNeeded(f"what {version} left to go on from cannot be read ({error})") from error
        if state.served.checkpoint.seed != seed:
            raise WholeTrainingNeeded(f"{version} was trained with --seed {state.served.checkpoint.seed}")
        return cls(version, scorer, state)


def learn_changed(
    champion: Champion,
    read: ReadAds,
    tree: CategoryTree,
    skipped: Counter[str],
    *,
    jobs: int,
    photos: bool,
    progress: Progress,
) -> Learned | None:
    """Test on a hold-out and train, both where ads have changed alone; ``None`` where none has.

    ``photos`` says whether what the champion has learned from photos is kept. Raises ``WholeTrainingNeeded`` if too many have.
    """
    from ad_autocategorize.titles.evaluation import hold_out_changed
    from ad_autocategorize.titles.training.changes import count_changes
    from ad_autocategorize.titles.training.incremental import Ads, train_changed

    state, scorer = champion.state, champion.scorer
    words = read.learned_words(scorer.settings, scorer.words)
    learned, labels = read.with_titles(words, scorer.settings, tree, skipped)
    ads = Ads(filed(learned, labels), learned.titles, learned.paths, labels.weights, learned.unlisted)
    changed = count_changes(state.ads, ads.filed)
    if not changed and set(ads.paths) == set(scorer.tree.categories):
        return None
    if len(set(ads.paths)) < 2:
        raise WholeTrainingNeeded("fewer than two categories have ads")
    since = state.changed + changed
    if since > MOST_CHANGED * len(ads.paths):
        raise WholeTrainingNeeded(f"since {state.whole} there were {since} changes to the {len(ads.paths)} ads")
    before = state.ads.part(~state.is_tested)
    held = hold_out_changed(state.tested, before, ads, learned.keys, jobs=jobs, progress=_stage(progress, "evaluating"))
    renewed = train_changed(state.served, state.ads, ads, jobs=jobs, progress=_stage(progress, "training"))
    told = {
        "whole": state.whole,
        "nodes": renewed.nodes,
        "trained": renewed.trained_nodes,
        "waiting": renewed.waiting_nodes,
        "changed": changed,
        "changed_since": since,
    }
    carried = _carry_photos(champion, renewed.trained.scorer) if photos else PhotoLearning()
    return Learned(learned, labels, held, renewed.trained, carried, told)


def _carry_photos(champion: Champion, scorer: TitleScorer) -> PhotoLearning:
    """Return what the champion has learned from photos, for the categories of today."""
    part = load_part(whole_folder(champion.version.name), champion.scorer)
    metrics: dict[str, Any] = champion.version.metrics.get(PART_KEY, {})
    return PhotoLearning(part and part.for_categories(scorer.tree.categories), metrics)


def _stage(progress: Progress, stage: str) -> Progress:
    return lambda _, done, total: progress(stage, done, total)
