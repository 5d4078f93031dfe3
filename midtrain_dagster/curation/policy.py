"""What curation asks of a document, by its kind and format, and how much of a source may go.

Two policies have names, and a section says which it starts from:

``fineweb`` is FineWeb's own sequence, as datatrove runs it (Penedo et al. 2024, arXiv 2406.17557):
language from a score of 0.65, Gopher repetition, Gopher quality, C4 without terminal punctuation,
which **cuts** lines and citations, and FineWeb's rules on what is left. It is the same for every
kind and format, and reads each text as it stands.

``by_format``, the default, is this house's. Of prose it asks FineWeb's questions with FineWeb's
numbers, and changes four things. It cuts nothing: a heading, a list or a line of code is short and
without punctuation for good reason, and the page that is judged is the page that is trained on.
Punctuation is no word, where spaCy's words make it half of a page with figures or code, which then
has too few words with a letter for Gopher's rule. The most frequent n-gram has to occur twice. And
what is asked depends on the format: of the running text in Markdown (`prose`) all but what one sees
in a good manual too, of formats whose markup is not looked through little. Gopher's rules were made
for web prose, and keep hardly any source code and no question with its answer; so each other kind
has a policy of its own. ``docs/curation.md`` has what the two keep of the same documents, and
``docs/policies.md`` what models learn of it.

A recipe's section of a kind is laid over that kind's policy, and the section of a source over
that, field by field: ``thresholds`` and ``minimum_ratings`` name by name, and what is ``without``
is added. ``rules`` replace all rules, with every exception that the policy makes of them, ``also``
adds rules to those that there are, and ``policy`` replaces all that was said before. Short
collections need a lower ``minimum_word_count`` than Gopher's 50.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, NamedTuple

import polars as pl
from pydantic import AfterValidator, Field, field_validator

from midtrain_dagster.core.causes import CAUSE_IF_SET, NOT_A_CAUSE
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.problems import Location, Problem
from midtrain_dagster.core.schema import FORMATS, KINDS, Format
from midtrain_dagster.core.suggestion import did_you_mean
from midtrain_dagster.curation.language_codes import language_problem
from midtrain_dagster.curation.signals import rules
from midtrain_dagster.curation.signals.rules import RULES, Asked, Rule, asked, thresholds_of
from midtrain_dagster.curation.signals.word_lists import LISTED, WordLists

VERSION = 1
USES = (rules,)

Share = Annotated[float, Field(ge=0, le=1)]
Name = Literal["by_format", "fineweb"]


def _known(languages: list[str] | str) -> list[str] | str:
    if languages != "all":
        for problem in filter(None, map(language_problem, languages)):
            raise ValueError(problem)
    return languages


Languages = Annotated[
    Annotated[list[str], Field(min_length=1)] | Literal["all"], AfterValidator(_known)
]


class KindPolicy(FrozenModel):
    """What is asked of some documents. An empty policy keeps all that have any text."""

    languages: Languages = "all"
    minimum_language_score: float = 0.0
    minimum_characters: int = 1
    rules: list[Rule] = Field([])
    without: list[str] = Field([])
    thresholds: dict[str, float] = Field({})
    minimum_ratings: dict[str, float] = Field({})
    cuts: bool = False
    """Whether what C4 cuts is cut of a document that stays, and its whole text is judged."""

    @property
    def asked(self) -> list[Asked]:
        """The bounds of its rules, in order of reasons."""
        return asked(self.rules, self.thresholds, self.without)

    def over(self, section: "PolicySection") -> "KindPolicy":
        """This policy with what a section says laid over it."""
        apart = ("policy", "also")
        said = {name: value for name, value in section if value is not None and name not in apart}
        exceptions = () if section.rules is not None else self.without
        bounds = {} if section.rules is not None else self.thresholds
        said["without"] = [*exceptions, *(section.without or ())]
        said["thresholds"] = {**bounds, **(section.thresholds or {})}
        said["rules"] = [*dict.fromkeys([*said.get("rules", self.rules), *(section.also or ())])]
        said["minimum_ratings"] = {**self.minimum_ratings, **(section.minimum_ratings or {})}
        return self.model_copy(update=said)


class PolicySection(FrozenModel):
    """What a recipe says of the documents of one kind, or of one source; null is nothing said."""

    policy: Annotated[Name | None, CAUSE_IF_SET] = Field(
        None,
        description="What the rest is laid over: `by_format`, the default, or `fineweb`, whose C4 "
        "step cuts lines",
    )
    languages: Languages | None = Field(
        None, description="ISO 639 codes to keep, or `all`, in place of `curation.languages`"
    )
    minimum_language_score: Share | None = Field(
        None, description="The least score at which a judgement of language is believed"
    )
    minimum_characters: int | None = Field(
        None, ge=0, description="The least length, markup included"
    )
    rules: list[Rule] | None = Field(
        None, description="Heuristics, in order of reasons, in place of the default ones"
    )
    also: Annotated[list[Rule] | None, CAUSE_IF_SET] = Field(
        None, description="Heuristics asked beside those that there are, after them"
    )
    without: list[str] | None = Field(
        None, description="What is not asked: a rule (c4), or one bound of it (c4:longest_word)"
    )
    thresholds: dict[str, float] | None = Field(
        None, description="Bounds that replace those of the rules: minimum_SIGNAL, maximum_SIGNAL"
    )
    minimum_ratings: dict[str, float] | None = Field(
        None, description="The least rating that a document needs, by rater"
    )

    @field_validator("languages", mode="before")
    @classmethod
    def _said(cls, languages: Any) -> Any:
        if languages is None:
            raise ValueError("to keep every language, say `all`")
        return languages

    def problems(self, policies: Iterable[KindPolicy]) -> Iterator[Problem]:
        """Names of thresholds and exceptions that lead nowhere in any of ``policies``, which are
        what became of the section; places start at it."""
        merged = list(dict.fromkeys(rule for policy in policies for rule in policy.rules))
        known = thresholds_of(merged)
        for name in self.thresholds or ():
            if name not in known:
                yield (
                    ("thresholds", name),
                    f"it bounds nothing in {', '.join(merged) or 'no rule'}"
                    f"{did_you_mean(name, known)} (known there: {', '.join(known) or 'none'})",
                )
        for number, each in enumerate(self.without or ()):
            rule, _, signal = each.partition(":")
            bounds = RULES.get(rule, {}) if rule in merged else {}
            if rule not in merged:
                reason = f"no rule {rule!r} is asked there{did_you_mean(rule, merged)}"
                yield ("without", number), f"{reason} (asked: {', '.join(merged) or 'none'})"
            elif signal and signal not in bounds:
                reason = f"{rule} does not look at {signal!r}{did_you_mean(signal, bounds)}"
                yield ("without", number), f"{reason} (it looks at {', '.join(bounds)})"


DEFAULTS: dict[str, KindPolicy] = {
    "prose": KindPolicy(
        languages=["en"],
        minimum_language_score=0.65,
        rules=["gopher_repetition", "gopher_quality", "c4", "fineweb"],
    ),
    "code": KindPolicy(minimum_characters=50, rules=["source_code"]),
    "mathematics": KindPolicy(minimum_characters=50, rules=["degenerate"]),
    "qa": KindPolicy(minimum_characters=20, rules=["degenerate"]),
    "instruction": KindPolicy(minimum_characters=20, rules=["degenerate"]),
    "agent": KindPolicy(minimum_characters=20, rules=["degenerate"]),
}

# A bracket that C4 takes for code is a set or an option here; running heads and such lines as
# `Default: false` stand there again and again. That they are little of a text is asked still.
_NO_WEB_PAGE = ["c4:has_curly_bracket", "fineweb:char_dup_ratio"]
# Good manuals consist of lists, and of short items that recur.
_OF_LISTS = ["gopher_quality:bullet_line_ratio", "gopher_repetition:duplicate_line_ratio"]

# Names, paths and contents at the beginning of a manual make its language less sure.
_SURE_ENOUGH = 0.4

_MARKED_UP = PolicySection(
    minimum_language_score=_SURE_ENOUGH,
    without=[*_NO_WEB_PAGE, *_OF_LISTS],
    thresholds={"minimum_c4_sentences": 3},
)
_NOT_LOOKED_THROUGH = PolicySection(rules=["degenerate"])

FORMATS_OF_PROSE: dict[str, PolicySection] = {
    "markdown": _MARKED_UP,
    "restructuredtext": _MARKED_UP,
    "manual_page": PolicySection(
        minimum_language_score=_SURE_ENOUGH, without=[*_NO_WEB_PAGE, *_OF_LISTS]
    ),
    "pdf": PolicySection(minimum_language_score=_SURE_ENOUGH, without=_NO_WEB_PAGE),
    "latex": _NOT_LOOKED_THROUGH,
    "html": _NOT_LOOKED_THROUGH,
    "python": _NOT_LOOKED_THROUGH,
}
"""What is said of prose in these formats, over the default of prose."""


FINEWEB = KindPolicy(
    languages=["en"],
    minimum_language_score=0.65,
    rules=[
        "gopher_repetition_datatrove",
        "gopher_quality_datatrove",
        "c4_fineweb",
        "fineweb_after_c4",
    ],
    cuts=True,
)
"""FineWeb's sequence with datatrove's defaults, as FineWeb's published script has it."""


class Scope(NamedTuple):
    """Documents of one policy: of a kind, in some formats, of one source or of all others."""

    kind: str
    formats: tuple[str, ...]
    source: str | None
    apart: tuple[str, ...]
    """The sources that have policies of their own."""
    policy: KindPolicy

    @property
    def name(self) -> str:
        """What it covers, in words: ``prose``, ``prose in markdown of notes``."""
        usual = "plain" in self.formats
        written = "" if usual else f" in {', '.join(self.formats)}"
        return f"{self.kind}{written}" + (f" of {self.source}" if self.source else "")

    def holds(self, document: Mapping[str, Any]) -> bool:
        """Whether a row of the documents is one of them."""
        source = document["source"]
        of_source = source == self.source if self.source else source not in self.apart
        return document["kind"] == self.kind and document["format"] in self.formats and of_source

    @property
    def covers(self) -> pl.Expr:
        """Whether a document (columns kind, format, source) is one of them."""
        source = pl.col("source")
        of_source = source == self.source if self.source else ~source.is_in(self.apart)
        return (pl.col("kind") == self.kind) & pl.col("format").is_in(self.formats) & of_source


class CurationPolicy(FrozenModel):
    """What is asked of documents, by kind, format and source, and how much of a source may go.

    Ceilings say when a run stops and decide on no document, so they are no cause of decisions; what
    word lists hold is one of the signals.
    """

    languages: Languages = Field(
        ["en"], description="Languages of prose to keep: ISO 639 codes, or `all`"
    )
    prose: PolicySection = PolicySection()
    """Of running text: what differs from the defaults for its format."""
    code: PolicySection = PolicySection()
    """Of source code: what differs from the defaults."""
    mathematics: PolicySection = PolicySection()
    """Of mathematics: what differs from the defaults."""
    qa: PolicySection = PolicySection()
    """Of questions with answers: what differs from the defaults."""
    instruction: PolicySection = PolicySection()
    """Of instructions with answers: what differs from the defaults."""
    agent: PolicySection = PolicySection()
    """Of an agent's traces: what differs from the defaults."""
    sources: dict[str, PolicySection] = Field(
        {}, description="What is asked of the documents of single sources, by name"
    )
    word_lists: Annotated[WordLists, NOT_A_CAUSE] = WordLists()
    """Words that the rules `sexual`, `toxic` and `unwanted` look for, by language."""
    removal_ceiling: Annotated[Share, NOT_A_CAUSE] = Field(
        0.9, description="the share of a source's documents that may be dropped"
    )
    removal_ceilings: Annotated[dict[str, Share], NOT_A_CAUSE] = Field(
        default_factory=dict, description="ceilings of single sources, by name"
    )

    @classmethod
    def kinds(cls) -> tuple[str, ...]:
        """The kinds of document that have a policy."""
        return KINDS

    def of(self, kind: str, format: str = "plain", source: str | None = None) -> KindPolicy:
        """The policy of the documents of a kind in a format, of a source or of any other."""
        section: PolicySection = getattr(self, kind)
        policy = self._named(section.policy, kind, format).over(section)
        if source not in self.sources:
            return policy
        section = self.sources[source]
        if section.policy is not None:
            policy = self._named(section.policy, kind, format)
        return policy.over(section)

    def _named(self, name: Name | None, kind: str, format: str) -> KindPolicy:
        """The policy of that name for documents of a kind in a format; none is the default's."""
        policy = FINEWEB if name == "fineweb" else DEFAULTS[kind]
        if policy.languages != "all":
            policy = policy.model_copy(update={"languages": self.languages})
        if name != "fineweb" and kind == "prose" and format in FORMATS_OF_PROSE:
            policy = policy.over(FORMATS_OF_PROSE[format])
        return policy

    @property
    def spoken_languages(self) -> str:
        """Which languages are kept of prose, in words: ``en (default)``, and where others are."""
        usual = _listed(self.languages)
        if "languages" not in self.model_fields_set:
            usual += " (default)"
        others = {
            ".".join(map(str, place)): _listed(section.languages)
            for place, section, _ in self.sections
            if section.languages is not None
        }
        return "; ".join([usual, *(f"{said} by {place}" for place, said in others.items())])

    def asks_language(self, kinds: Collection[str]) -> bool:
        """Whether any document of these kinds has to be in some language."""
        scopes = (scope for scope in self.scopes if scope.kind in kinds)
        return any(scope.policy.languages != "all" for scope in scopes)

    @property
    def unrated(self) -> "CurationPolicy":
        """The same without anything that is asked of ratings."""
        said = {
            kind: getattr(self, kind).model_copy(update={"minimum_ratings": None}) for kind in KINDS
        }
        sources = {
            name: section.model_copy(update={"minimum_ratings": None})
            for name, section in self.sources.items()
        }
        return self.model_copy(update={**said, "sources": sources})

    @property
    def cutting(self) -> "CurationPolicy | None":
        """The same with nothing said but the names of policies, which is all that a cut depends on;
        None if no policy cuts."""
        if not any(scope.policy.cuts for scope in self.scopes):
            return None
        named = {kind: PolicySection(policy=getattr(self, kind).policy) for kind in KINDS}
        sources = {
            name: PolicySection(policy=section.policy)
            for name, section in self.sources.items()
            if section.policy is not None
        }
        return CurationPolicy(**named, sources=sources)

    @property
    def cuts(self) -> pl.Expr:
        """Whether what C4 cuts is cut of a document (columns kind, format, source)."""
        covered = [scope.covers for scope in self.scopes if scope.policy.cuts]
        return pl.any_horizontal(pl.lit(False), *covered)

    @property
    def sections(self) -> Iterator[tuple[Location, PolicySection, list[KindPolicy]]]:
        """What a recipe says: where, what, and what became of it."""
        for kind in KINDS:
            yield (kind,), getattr(self, kind), [self.of(kind, each) for each in FORMATS]
        for source, section in self.sources.items():
            made = [self.of(kind, each, source) for kind in KINDS for each in FORMATS]
            yield ("sources", source), section, made

    def ceiling_of(self, source: str) -> float:
        """The share of a source's documents that may be dropped."""
        return self.removal_ceilings.get(source, self.removal_ceiling)

    @property
    def scopes(self) -> list[Scope]:
        """Every document by what is asked of it; sources with a section come after the others."""
        apart = tuple(self.sources)
        found = []
        for source in (None, *apart):
            for kind in KINDS:
                formats: dict[str, list[Format]] = {}
                policies = {}
                for format in FORMATS:
                    policy = self.of(kind, format, source)
                    key = policy.model_dump_json()
                    formats.setdefault(key, []).append(format)
                    policies[key] = policy
                found += [
                    Scope(kind, tuple(formats[key]), source, apart, policy)
                    for key, policy in policies.items()
                ]
        return found

    @property
    def signals(self) -> list[str]:
        """The signals that some policy bounds, each once, sorted."""
        return sorted({each.signal for scope in self.scopes for each in scope.policy.asked})

    @property
    def listed(self) -> list[str]:
        """Those of them that go by word lists, which take the language of each document."""
        return [signal for signal in self.signals if signal in LISTED]


def _listed(languages: list[str] | str) -> str:
    return languages if isinstance(languages, str) else ", ".join(languages)
