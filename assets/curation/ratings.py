"""Ratings: every rater's judgement of every document, and the combinations of several.

How a rater rates is the method's affair (`raters.method`); this module knows none by name.
"""

import dagster as dg

from assets.attributes import AttributeGroup
from assets.build import Build, Built
from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.curation.raters import ratings
from midtrain_dagster.curation.raters.method import MODEL, ByPart, Rating, versions


def ratings_asset(use: AttributeGroup) -> dg.AssetsDefinition:
    """The asset ``ratings``."""
    recipe = use.recipe
    trained = {name: f"rater_{name}" for name, rater in recipe.raters.items() if rater.is_trained}
    # Those that combine others come after them.
    order = sorted(recipe.raters.items(), key=lambda named: bool(named[1].combines))
    combining = any(rater.combines for _, rater in order)

    @use.asset(
        "ratings",
        versions=versions_of(ratings)
        | {key: number for _, rater in order for key, number in versions(rater).items()},
        section={name: rater.rating_section for name, rater in recipe.raters.items()},
        inputs={
            "documents": use.documents,
            **{key: f"rater/{name}" for name, key in trained.items()},
            # A percentile is one of bytes, and the signals know how many a document has.
            **({"signals": use.key("signals")} if combining else {}),
        },
        external=lambda _: {name: rater.rating_digests(recipe.path) for name, rater in order},
        rows="ratings",
    )
    def ratings_table(build: Build) -> Built:
        """What each rater says of each document, a column a rater."""
        rated: dict[str, ByPart] = {}
        for name, rater in order:
            rated[name] = rater.rate_documents(
                Rating(
                    documents=build["documents"].parts("documents"),
                    model=build[trained[name]].parts(MODEL) if name in trained else (),
                    digests=build.external[name],
                    find=recipe.path,
                    run=build.by_work,
                    others=rated,
                    scales={other: recipe.raters[other].SCALE for other in rater.combines},
                    signals=build["signals"].parts("signals") if combining else (),
                )
            )
        return build.parts(ratings.gathering(rated))

    return ratings_table
