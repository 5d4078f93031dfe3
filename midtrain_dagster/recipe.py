"""A recipe: the whole run as one document.

Each section is a model of the room that it configures (``recipe_sections.py``), and each room says
what does not fit together (``ROOM/problems.py``), so that a mistake is found when the recipe is
loaded and not hours into a run. The graph is built from the validated recipe.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Self

from pydantic import model_validator

from midtrain_dagster.collection import problems as collection
from midtrain_dagster.collection.default_data import LANGUAGE_MODEL
from midtrain_dagster.core.filesystem import located
from midtrain_dagster.core.problems import DisagreementError, Problem, Search, View
from midtrain_dagster.curation import problems as curation
from midtrain_dagster.curation.signals.word_lists import Entries as WordEntries
from midtrain_dagster.curation.signals.word_lists import read_lists
from midtrain_dagster.curation.takedown import Entries, read_entries
from midtrain_dagster.decontamination import problems as decontamination
from midtrain_dagster.evaluation import problems as evaluation
from midtrain_dagster.evaluation.settings import EvaluationSettings
from midtrain_dagster.experiments.microanneals import problems as microanneals
from midtrain_dagster.experiments.search import problems as search
from midtrain_dagster.laws.decay import problems as decay_laws
from midtrain_dagster.laws.decay.problems import RunSeen
from midtrain_dagster.long_context import problems as long_context
from midtrain_dagster.long_context.settings import Gates, LongContext
from midtrain_dagster.mixture import problems as mixture
from midtrain_dagster.mixture.method import Capped
from midtrain_dagster.mixture.reference import MixtureReference
from midtrain_dagster.probe import problems as probe
from midtrain_dagster.recipe_sections import Sections
from midtrain_dagster.synthesis import problems as synthesis
from midtrain_dagster.synthesis import small_generators
from midtrain_dagster.synthesis.assembly import Assembly
from midtrain_dagster.synthesis.method import Method
from midtrain_dagster.tokens import problems as tokens
from midtrain_dagster.training import problems as training
from midtrain_dagster.training import runs
from midtrain_dagster.training.fine_tuning import fine_tunings
from midtrain_dagster.training.retention import keeps_milestones
from midtrain_dagster.training.runs import Run
from midtrain_dagster.training.scale import Scale, distortions


class Recipe(Sections):
    """A run of mid-training, from sources to report."""

    def path(self, relative: str) -> str:
        """A path of the recipe as it is to be opened: URIs as they are, others from its folder."""
        return located(relative, self.folder)

    def folder_or_hub(self, named: str) -> str:
        """A folder of the recipe if there is one of that name, else the name: a hub id."""
        path = self.path(named)
        return path if Path(path).is_dir() else named

    def removal_entries(self) -> Entries:
        """The removal list, read. Raises :class:`RemovalListError` for a file that is none."""
        listed = self.removed
        return read_entries(self.path(listed) if isinstance(listed, str) else listed)

    def runs(self) -> list[Run]:
        """Every training run, at the recipe's scale, in order; fine-tunings last."""
        every = runs.runs(self.stages, self.scale, seed=self.seed)
        return [*every, *self._fine_tunings()]

    def _fine_tunings(self) -> list[Run]:
        if self.fine_tuning is None:
            return []
        full = runs.runs(self.stages, Scale(), seed=self.seed)
        ingredients = {name: list(self.ingredients(name)) for name in self.soups}
        return fine_tunings(
            self.fine_tuning, self._made, full, ingredients, self.scale, seed=self.seed
        )

    @property
    def measures(self) -> EvaluationSettings:
        """What is measured on held-out documents: the section ``evaluation``, completed."""
        return self._measures(self.runs())

    @property
    def measured_domains(self) -> list[str]:
        """The domains of held-out losses: what people wrote, and what the recipe asks for."""
        measured = self.measures
        return sorted({*self.view.written_by_people, *measured.general, *measured.targets})

    def _measures(self, every: list[Run]) -> EvaluationSettings:
        return self.evaluation.completed(
            natural=sorted(self.view.written_by_people),
            raised=runs.raised_domains(every, self.view.domain_of_band),
            longest=max(run.stage.sequence_length for run in every),
        )

    @property
    def gates(self) -> dict[str, Gates]:
        """What stages have to show before others may start from them, by the stage's name."""
        asked = {
            name: stage.checks.of_start(stage.start)
            for name, stage in self.stages.items()
            if stage.checks is not None
        }
        return {name: gates for name, gates in asked.items() if gates is not None}

    @property
    def contexts(self) -> LongContext | None:
        """What is hidden in long contexts: the section ``long_context`` at the recipe's scale."""
        return self.long_context.scaled(self.scale.length) if self.long_context else None

    @property
    def haystack(self) -> list[str]:
        """The domains whose held-out documents fill long contexts."""
        named = self.long_context.haystack if self.long_context else None
        return sorted(named or self.view.written_by_people)

    @property
    def general_domains(self) -> list[str]:
        """The general domains, and their bands, as mixtures name them."""
        general = self.measures.general
        return [*general, *(band for each in general for band in self.view.bands.get(each, ()))]

    @property
    def judges_language(self) -> bool:
        """Whether documents' languages are looked at: a model is named, or some kind is asked."""
        if self.language_model is not None:
            return True
        kinds = {source.kind for source in self.sources.values()}
        kinds |= {method.KIND for method in self.synthesis.values()}
        return self.curation.asks_language(kinds) or bool(self.curation.listed)

    def word_lists(self) -> WordEntries | None:
        """The words that rules look for, by category and language; None if none does.

        Raises :class:`WordListError` for a list that cannot be read.
        """
        return read_lists(self.curation.word_lists, self.path) if self.curation.listed else None

    @property
    def edits_text(self) -> bool:
        """Whether anything in documents that stay is cut or replaced."""
        return bool(self.personal_data or self.repeated_text or self.curation.cutting)

    @property
    def language_identifier(self) -> Path:
        """The fastText model: the one that is named, or that of the default data."""
        return Path(self.path(self.language_model)) if self.language_model else LANGUAGE_MODEL

    def checkpoints(self) -> list[str]:
        """Every checkpoint of the graph, the base first, each soup after its last ingredient; what
        fine-tuning makes of them comes last."""
        made = self._made
        tuned = [] if self.fine_tuning is None else self.fine_tuning.tuned(made)
        return [*made, *map(runs.fine_tuned, tuned)]

    @property
    def _made(self) -> list[str]:
        return runs.checkpoints(self.stages, self.soups, base_given=self.base_given)

    def ingredients(self, soup: str) -> dict[str, float]:
        """The checkpoints that a soup is made of, each with its share."""
        return runs.ingredients(self.soups[soup], self.stages)

    def behind_law(self, name: str) -> list[str]:
        """The checkpoints whose logs a law reads: those of its runs and all that they go back
        to."""
        seen, found = _runs_seen(self.runs()), dict[str, None]()
        for run in self.laws[name].runs:
            found |= dict.fromkeys(each for each in decay_laws.lineage(run, seen) if each in seen)
        return list(found)

    def distortions(self) -> list[str]:
        """Each proportion that the recipe's scale does not keep, in words."""
        full, scaled = runs.runs(self.stages, Scale(), seed=self.seed), self.runs()
        return distortions(runs.own_stages(full), runs.own_stages(scaled))

    @property
    def has_conversations(self) -> bool:
        """Whether any of its sources holds conversations, or a method of synthesis writes some:
        there is a chat template for them."""
        return bool(
            self.conversing or any(source.has_conversations for source in self.sources.values())
        )

    @property
    def conversing(self) -> dict[str, Method]:
        """The methods of synthesis that write conversations."""
        return {
            name: method
            for name, method in self.synthesis.items()
            if not isinstance(method, Assembly) and method.CONVERSATIONS
        }

    @property
    def added_tokens(self) -> list[str]:
        """The tokens that stages need beside text, which a tokenizer gets that is trained."""
        fills = [run.stage.fill_in_the_middle for run in self.runs()]
        return list(dict.fromkeys(name for fill in fills if fill for name in fill.names))

    @property
    def drawn_towards(self) -> dict[str, list[str]]:
        """The methods of synthesis that draw towards what the probe finds, with their domains."""
        return {
            name: list(method.domains)
            for name, method in self.synthesis.items()
            if not isinstance(method, Assembly) and method.draw == "towards_unknown"
        }

    @property
    def teachers(self) -> dict[str, str]:
        """The method of synthesis whose accepted pairs each small generator learns."""
        return {name: each.pairs_of for name, each in self.generators.items()}

    @property
    def late_mixtures(self) -> set[str]:
        """The mixtures that are known only when some checkpoint has been trained, since proxies or
        microanneals start from it."""
        late = {f"microanneals/{name}" for name in self.microanneals} | {
            f"swarm/{name}"
            for name, each in self.mixture_search.items()
            if search.starts_late(each, base_given=self.base_given)
        }
        return {name for name, each in self.mixtures.items() if late & set(each.reads.values())}

    @property
    def base_given(self) -> bool:
        """Whether the base is a checkpoint from outside, not a stage."""
        return self.base.checkpoint is not None

    @property
    def view(self) -> View:
        """What each room sees of the others' sections."""
        return View(
            seed=self.seed,
            sources={name: source.domain for name, source in self.sources.items()},
            synthetic={name: method.domain for name, method in self.synthesis.items()},
            assembled={
                name for name, method in self.synthesis.items() if isinstance(method, Assembly)
            },
            constructed={source.domain for source in self.sources.values()}
            - {source.domain for source in self.sources.values() if not source.constructed},
            benchmarks=tuple(self.benchmarks),
            raters=tuple(self.raters),
            mixtures=tuple(self.mixtures),
            capped={
                name: each.max_epochs
                for name, each in self.mixtures.items()
                if isinstance(each, Capped)
            },
            microanneals=tuple(self.microanneals),
            searches=self._searches,
            bands={domain: each.names(domain) for domain, each in self.bands.items()},
            conversations={
                source.domain for source in self.sources.values() if source.has_conversations
            }
            | {method.domain for method in self.conversing.values()},
        )

    @property
    def _searches(self) -> dict[str, Search]:
        """The searches, as mixtures see them that are found from them."""
        natural = View(
            sources={name: each.domain for name, each in self.sources.items()},
            bands={domain: each.names(domain) for domain, each in self.bands.items()},
        )
        return {
            name: Search(each.kept, sum(each.rounds), search.targets(each, natural))
            for name, each in self.mixture_search.items()
        }

    @property
    def _fed(self) -> dict[str, set[str]]:
        """By search, the stages that are trained on a mixture that is found from it."""
        fed: dict[str, set[str]] = {}
        for run in runs.runs(self.stages, Scale(), seed=self.seed):
            if isinstance(run.stage.mixture, MixtureReference):
                named = self.mixtures.get(run.stage.mixture.from_)
                for asset in () if named is None else named.reads.values():
                    fed.setdefault(asset.removeprefix("swarm/"), set()).add(run.stage_name)
        return fed

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        problems = list(self._problems(self.view))
        if problems:
            raise DisagreementError(problems)
        return self

    def _problems(self, view: View) -> Iterator[Problem]:
        yield from collection.problems(self.sources, self.benchmarks)
        yield from curation.problems(
            self.curation, self.raters, self.duplicates, self.sampling, view, self.bands
        )
        yield from decontamination.problems(self.decontamination, view)
        yield from synthesis.problems(self.synthesis, view)
        yield from small_generators.problems(self.synthesis, self.teachers)
        yield from probe.problems(
            self.probe, self.drawn_towards, self.checkpoints(), view, base_given=self.base_given
        )
        yield from tokens.problems(self.tokenizer, base_given=self.base_given)
        every = runs.runs(self.stages, Scale(), seed=self.seed)
        yield from mixture.problems(self.mixtures, view, runs.trained_on_found(every))
        yield from search.problems(
            self.mixture_search,
            search.Around(
                view,
                self.checkpoints(),
                {name: stage.start for name, stage in self.stages.items()},
                {run.name: run.stage.tokens for run in every if run.role == "stage"},
                self._fed,
                [name for name, each in self.benchmarks.items() if each.answer or each.gold],
                self.scale,
            ),
        )
        yield from training.problems(
            self.stages,
            self.soups,
            self.scale,
            base_given=self.base_given,
            view=view,
            model=self.base.model,
        )
        yield from training.fine_tuning_problems(
            self.fine_tuning,
            self._made,
            runs.runs(self.stages, Scale(), seed=self.seed),
            view,
        )
        yield from microanneals.problems(
            self.microanneals,
            runs.runs(self.stages, Scale(), seed=self.seed),
            self.scale,
            self.fine_tuning,
            view,
            base_given=self.base_given,
            waiting={name: set(each.reads.values()) for name, each in self.mixtures.items()},
        )
        yield from decay_laws.problems(
            self.laws, _runs_seen(self.runs()), runs.BASE if self.base_given else None
        )
        yield from long_context.problems(
            self.long_context,
            {name: stage.checks for name, stage in self.stages.items() if stage.checks},
            {name: (stage.start, stage.sequence_length) for name, stage in self.stages.items()},
            view,
        )
        shorter = runs.shorter_controls(every)
        yield from evaluation.problems(
            self.benchmarks,
            self._measures(every),
            view,
            shorter_controls=shorter,
            keep_milestones=any(keeps_milestones(run.stage) for run in every),
        )


def _runs_seen(every: list[Run]) -> dict[str, RunSeen]:
    """The runs as the decay laws see them."""
    return {
        run.name: RunSeen(
            start=run.start,
            mixture=run.stage.mixture,
            window=run.stage.sequence_length,
            batch=run.stage.batch_tokens,
            steps=run.stage.steps,
        )
        for run in every
    }
