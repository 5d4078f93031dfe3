"""The report: one HTML page that says what mid-training did, and can be read from a file.

Style sheet and figures are inline; there is no script, no font and no image from elsewhere, so the
page can be mailed, printed and kept. The same data gives the same bytes.
"""

from collections.abc import Callable

from midtrain_dagster.report import corpus_sections, results_sections
from midtrain_dagster.report import distribution_sections as look_sections
from midtrain_dagster.report.data import ReportData
from midtrain_dagster.report.lineage import lineage_svg, lineage_table
from midtrain_dagster.report.markup import Html, element, figure, join, nothing, section
from midtrain_dagster.report.stylesheet import STYLESHEET

VERSION = 2


def render(data: ReportData) -> str:
    """The whole page."""
    title = f"{data.recipe}: mid-training report"
    head = element(
        "head",
        Html('<meta charset="utf-8">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        element("title", title),
        element("style", Html(STYLESHEET)),
    )
    links = (element("li", element("a", words, href=f"#{name}")) for name, words, _ in SECTIONS)
    body = element(
        "body",
        element(
            "header",
            element("p", "Mid-training report", class_="eyebrow"),
            element("h1", data.recipe),
            element("p", data.description, class_="description"),
        ),
        element("nav", element("ol", join(links)), aria_label="Contents"),
        element("main", join(make(data) for _, _, make in SECTIONS)),
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def lineage(data: ReportData) -> Html:
    """The graph of this run and its fingerprints."""
    lead = (
        "Every artifact lies under a hash of its causes: what it was made from, by which version "
        "of which method, with which part of the recipe. The same fingerprint is the same artifact."
    )
    if data.lineage.is_empty():
        return section("lineage", "Lineage", lead, nothing("No asset has been made."))
    drawn = figure(
        lineage_svg(data.lineage),
        "lineage",
        "Groups from left to right, assets as boxes with their size; lines lead from causes to "
        "what was made of them. Dagster's own page shows the same graph live.",
    )
    return section("lineage", "Lineage", lead, drawn, lineage_table(data.lineage))


def recipe(data: ReportData) -> Html:
    """The recipe, as it was read."""
    lead = "The whole run as one document. With it and the sources, this page can be made again."
    return section("recipe", "Recipe", lead, element("pre", element("code", data.recipe_text)))


SECTIONS: tuple[tuple[str, str, Callable[[ReportData], Html]], ...] = (
    ("summary", "Summary", results_sections.summary),
    ("checks", "Gates and checks", results_sections.checks),
    ("losses", "Held-out loss", results_sections.losses),
    ("benchmarks", "Benchmarks", results_sections.benchmarks),
    ("training", "Training", results_sections.training),
    ("mixture", "Mixture", corpus_sections.mixture),
    ("curation", "Curation", corpus_sections.curation),
    ("distributions", "Signals and ratings", look_sections.distributions),
    ("contamination", "Contamination", corpus_sections.contamination),
    ("synthesis", "Synthesis", corpus_sections.synthesis),
    ("lineage", "Lineage", lineage),
    ("recipe", "Recipe", recipe),
)
"""Id, name in the contents, and maker of each section, in the order of the page."""
