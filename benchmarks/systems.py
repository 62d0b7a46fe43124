"""The systems compared: ours and its peers, each behind the same two methods."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path as FilePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

Path = tuple[str, ...]
LOADS = 9
FloatArray = NDArray[np.float64]


class System:
    """Something that learns titles and ranks category paths; ``classes`` are the paths, columns of ``scores``."""

    name = ""
    #: Whether scores are probabilities, so that a calibration error means something.
    calibrated = False
    classes: list[Path]

    def fit(self, titles: Sequence[str], paths: Sequence[Path], language: str) -> None:
        raise NotImplementedError

    def scores(self, titles: Sequence[str]) -> FloatArray:
        raise NotImplementedError

    def size(self) -> int:
        """Return the bytes of the saved model."""
        import pickle

        return len(pickle.dumps(self.__dict__))

    def load_seconds(self) -> float | None:
        """Return the median time in which the saved model is ready to score, its digest checked; ``None`` for not measured."""
        return None


class Ours(System):
    name = "this project"
    calibrated = True

    def __init__(self, name: str = "this project", **settings: Any) -> None:
        self.name, self._settings = name, settings

    def fit(self, titles: Sequence[str], paths: Sequence[Path], language: str) -> None:
        from ad_autocategorize.titles.settings import TitleSettings
        from ad_autocategorize.titles.training.training import train

        keys: dict[Path, int] = {}
        encoded = [
            tuple(keys.setdefault(path[:depth], len(keys)) for depth in range(1, len(path) + 1)) for path in paths
        ]
        names = {key: path[-1] for path, key in keys.items()}
        self._scorer = train(titles, encoded, TitleSettings(language=language, **self._settings), jobs=1).scorer
        self.classes = [tuple(names[key] for key in path) for path in self._scorer.tree.categories]

    def scores(self, titles: Sequence[str]) -> FloatArray:
        if len(titles) == 1:
            # What a request runs; the answer is turned into a row for the sake of comparison only.
            self._scorer.suggest(titles[0])
            return np.zeros((1, len(self.classes)))
        return self._scorer.probabilities(titles)

    def size(self) -> int:
        with tempfile.TemporaryDirectory() as folder:
            self._scorer.save(FilePath(folder) / "model", metadata={})
            return sum(file.stat().st_size for file in (FilePath(folder) / "model").iterdir())

    def load_seconds(self) -> float:
        from ad_autocategorize.titles.scorer import TitleScorer

        times = []
        with tempfile.TemporaryDirectory() as folder:
            self._scorer.save(FilePath(folder) / "model", metadata={})
            for _ in range(LOADS):
                start = time.perf_counter()
                TitleScorer.load(FilePath(folder) / "model")
                times.append(time.perf_counter() - start)
        return sorted(times)[LOADS // 2]


def word_features() -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer()


def all_features() -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_union

    return make_union(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), min_df=2, sublinear_tf=True),
    )


class FlatSVC(System):
    """scikit-learn's LinearSVC over whole paths; C given, or chosen by cross-validation on the training titles."""

    def __init__(self, name: str, features: Any, tuned: bool = False) -> None:
        self.name, self._make_features, self._tuned = name, features, tuned

    def fit(self, titles: Sequence[str], paths: Sequence[Path], language: str) -> None:
        from sklearn.model_selection import GridSearchCV, StratifiedKFold
        from sklearn.svm import LinearSVC

        labels = [" > ".join(path) for path in paths]
        self._features = self._make_features().fit(titles)
        x = self._features.transform(titles)
        if self._tuned:
            folds = StratifiedKFold(3, shuffle=True, random_state=0)
            search = GridSearchCV(LinearSVC(), {"C": [0.1, 0.3, 1.0]}, cv=folds, n_jobs=os.cpu_count(), refit=False)
            best = search.fit(x, labels).best_params_["C"]
            self.name = f"{self.name} ({best:g})"
            self._model = LinearSVC(C=best).fit(x, labels)
        else:
            self._model = LinearSVC().fit(x, labels)
        self.classes = [tuple(label.split(" > ")) for label in self._model.classes_]

    def scores(self, titles: Sequence[str]) -> FloatArray:
        return np.asarray(self._model.decision_function(self._features.transform(titles)))


class HiClass(System):
    """LocalClassifierPerParentNode; uneven paths are padded with empty strings, as its documentation says."""

    name = "HiClass LCPN, words + characters"

    def fit(self, titles: Sequence[str], paths: Sequence[Path], language: str) -> None:
        from hiclass import LocalClassifierPerParentNode
        from sklearn.svm import LinearSVC

        depth = max(map(len, paths))
        self._features = all_features().fit(titles)
        padded = np.array([[*path, *[""] * (depth - len(path))] for path in paths], dtype=object)
        self._model = LocalClassifierPerParentNode(LinearSVC()).fit(self._features.transform(titles), padded)
        self.classes = sorted(set(paths))
        self._position = {path: index for index, path in enumerate(self.classes)}

    def scores(self, titles: Sequence[str]) -> FloatArray:
        answers = self._model.predict(self._features.transform(titles))
        scores = np.zeros((len(titles), len(self.classes) + 1))
        for row, answer in enumerate(answers):
            path = tuple(step for step in answer if step)
            scores[row, self._position.get(path, len(self.classes))] = 1
        return scores


class Omikuji(System):
    name = "Omikuji (Parabel), words + characters"

    def fit(self, titles: Sequence[str], paths: Sequence[Path], language: str) -> None:
        import omikuji

        self.classes = sorted(set(paths))
        position = {path: index for index, path in enumerate(self.classes)}
        self._features = all_features().fit(titles)
        x = self._features.transform(titles).tocsr()
        lines = [f"{x.shape[0]} {x.shape[1]} {len(self.classes)}"]
        for row, path in enumerate(paths):
            lines.append(f"{position[path]} " + " ".join(f"{c}:{v:.6f}" for c, v in self._row(x, row)))
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write("\n".join(lines) + "\n")
            file.flush()
            self._model = omikuji.Model.train_on_data(file.name, omikuji.Model.default_hyper_param())

    def scores(self, titles: Sequence[str]) -> FloatArray:
        x = self._features.transform(titles).tocsr()
        scores = np.zeros((len(titles), len(self.classes)))
        for row in range(len(titles)):
            for label, score in self._model.predict(self._row(x, row), top_k=10):
                scores[row, label] = score
        return scores

    def size(self) -> int:
        import pickle

        with tempfile.TemporaryDirectory() as folder:
            self._model.save(folder)
            files = sum(file.stat().st_size for file in FilePath(folder).rglob("*") if file.is_file())
        return files + len(pickle.dumps(self._features))

    @staticmethod
    def _row(x: Any, row: int) -> list[tuple[int, float]]:
        part = slice(x.indptr[row], x.indptr[row + 1])
        return list(zip(x.indices[part].tolist(), x.data[part].tolist(), strict=True))


class FastText(System):
    name = "fastText, 50 epochs, subwords"
    calibrated = True

    def fit(self, titles: Sequence[str], paths: Sequence[Path], language: str) -> None:
        import fasttext

        self.classes = sorted(set(paths))
        position = {path: index for index, path in enumerate(self.classes)}
        with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
            for title, path in zip(titles, paths, strict=True):
                file.write(f"__label__{position[path]} {self._clean(title)}\n")
            file.flush()
            self._model = fasttext.train_supervised(
                file.name, epoch=50, lr=0.5, wordNgrams=2, minn=2, maxn=5, verbose=0, thread=os.cpu_count() or 1
            )

    def scores(self, titles: Sequence[str]) -> FloatArray:
        scores = np.zeros((len(titles), len(self.classes)))
        for row, title in enumerate(titles):
            # The binding's own predict() still asks NumPy 2 for a copy-free array that it refuses.
            for probability, label in self._model.f.predict(self._clean(title) + "\n", 10, 0.0, "strict"):
                scores[row, int(label.removeprefix("__label__"))] = probability
        return scores

    def size(self) -> int:
        with tempfile.NamedTemporaryFile(suffix=".bin") as file:
            self._model.save_model(file.name)
            return FilePath(file.name).stat().st_size

    @staticmethod
    def _clean(title: str) -> str:
        return " ".join(title.lower().split())


def make_systems() -> dict[str, System]:
    """Return the systems by the short names of the command line."""
    return {
        "ours": Ours(),
        "ours-words": Ours(
            "this project, the cascade alone on words", features="words", naive_bayes_weight=0.0, flat_svc_weight=0.0
        ),
        "svc-words": FlatSVC("flat LinearSVC, words", word_features),
        "svc": FlatSVC("flat LinearSVC, words + characters", all_features),
        "svc-tuned": FlatSVC("flat LinearSVC, words + characters, C tuned", all_features, tuned=True),
        "hiclass": HiClass(),
        "omikuji": Omikuji(),
        "fasttext": FastText(),
    }
