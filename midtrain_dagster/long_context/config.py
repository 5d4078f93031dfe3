"""The long-context tasks: one line a task."""

from typing import Annotated, Any

from pydantic import BeforeValidator

from midtrain_dagster.long_context.tasks.needle import Needle


def _spelled_out(section: Any) -> Any:
    """A task's name alone stands for the task with its defaults."""
    return {"task": section} if isinstance(section, str) else section


LongContextTask = Annotated[Needle, BeforeValidator(_spelled_out)]
