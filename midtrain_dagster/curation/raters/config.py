"""The methods that rate documents, as a recipe's ``raters`` name them.

===========  ===============================================================  ==============
method       what it is                                                       ratings
===========  ===============================================================  ==============
fasttext     a linear classifier, trained here or given                       0 to 1
embedding    a regression on sentence embeddings, from labels of 0 to 5       0 to 5
pairwise     Bradley-Terry scores of judged pairs, generalised by regression  real, mean 0
combination  percentiles of other raters, the highest or the mean             0 to 1, or bins
===========  ===============================================================  ==============

Labels and judgements come from a file, or from a text generator as a judge.
"""

from typing import Annotated

from pydantic import Field

from midtrain_dagster.curation.raters.methods import combination, embedding, fasttext, pairwise

RaterConfig = Annotated[
    fasttext.Config | embedding.Config | pairwise.Config | combination.Config,
    Field(discriminator="method"),
]
