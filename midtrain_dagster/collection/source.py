"""A source as a recipe writes it: one section a reader, chosen by the field ``reader``.

A source is a set of files and the way to read documents out of them. ``preset: NAME`` fills in what
a published data set needs (``presets.py``); any field may be said besides, and what is said wins.
"""

from typing import Annotated

from pydantic import BeforeValidator, Field

from midtrain_dagster.collection.presets import AlsoByPreset, expanded
from midtrain_dagster.collection.readers.code_fixes import CodeFixesSource
from midtrain_dagster.collection.readers.html import HtmlSource
from midtrain_dagster.collection.readers.json_lines import JsonLinesSource
from midtrain_dagster.collection.readers.manual_page import ManualPageSource
from midtrain_dagster.collection.readers.metamath import MetamathSource
from midtrain_dagster.collection.readers.parquet import ParquetSource
from midtrain_dagster.collection.readers.pdf import PdfSource
from midtrain_dagster.collection.readers.planted import PlantedSource
from midtrain_dagster.collection.readers.python_installation import PythonInstallationSource
from midtrain_dagster.collection.readers.recall import RecallSource
from midtrain_dagster.collection.readers.stack_exchange import StackExchangeSource
from midtrain_dagster.collection.readers.text import TextSource
from midtrain_dagster.collection.readers.tool_calls import ToolCallsSource
from midtrain_dagster.collection.readers.warc import WarcSource
from midtrain_dagster.collection.readers.wet import WetSource

Source = Annotated[
    ParquetSource
    | JsonLinesSource
    | WarcSource
    | WetSource
    | StackExchangeSource
    | HtmlSource
    | TextSource
    | PdfSource
    | ManualPageSource
    | MetamathSource
    | PythonInstallationSource
    | ToolCallsSource
    | PlantedSource
    | RecallSource
    | CodeFixesSource,
    Field(discriminator="reader"),
    BeforeValidator(expanded),
    AlsoByPreset(),
]
"""What is validated is written out, ``preset`` included: a preset is a shorthand and no cause."""
