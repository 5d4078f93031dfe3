"""The long-context tasks: one line a task."""

from typing import Annotated, Literal

from pydantic import Field

from midtrain_dagster.core.by_name import by_name
from midtrain_dagster.long_context.tasks.common_words import CommonWords
from midtrain_dagster.long_context.tasks.coreference import Coreference
from midtrain_dagster.long_context.tasks.frequent_words import FrequentWords
from midtrain_dagster.long_context.tasks.graph_walk import GraphWalk
from midtrain_dagster.long_context.tasks.needle import Needle
from midtrain_dagster.long_context.tasks.question_answering import QuestionAnswering
from midtrain_dagster.long_context.tasks.variable_tracking import VariableTracking

_Task = Annotated[
    Needle
    | VariableTracking
    | CommonWords
    | FrequentWords
    | QuestionAnswering
    | Coreference
    | GraphWalk,
    Field(discriminator="task"),
]
_Name = Literal[
    "needle",
    "variable_tracking",
    "common_words",
    "frequent_words",
    "question_answering",
    "coreference",
    "graph_walk",
]

LongContextTask = Annotated[_Task, by_name("task", _Task | _Name)]
"""A task as ``{task: NAME, ...}`` or as the name alone. Each is a file in ``tasks/`` and a subclass
of ``task.Task``."""
