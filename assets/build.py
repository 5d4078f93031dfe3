"""An asset is declared once: what it is made of, by which methods, and the function that builds it.

:func:`artifact_asset` takes the methods' versions, the recipe's section, the inputs and the build
function, and derives the rest: Dagster's code version, the fingerprint, the upstream causes, the
metadata and the output. Each recipe has its own graph under a key prefix of its name. An asset's
``code_version`` is a hash of its versions and its section, so that Dagster's staleness is true; its
data version is the fingerprint of the artifact.
"""

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import cleandoc
from typing import Any

import dagster as dg

from assets.declaration import Declaration, External, Given, Input, PerPartition, remember
from assets.promise import expected_bytes
from midtrain_dagster.core.artifacts import Artifact, ArtifactStore, Figures, Part, scan_parts
from midtrain_dagster.core.causes import Versions
from midtrain_dagster.core.execution import Execution
from midtrain_dagster.core.lease import Holder
from midtrain_dagster.core.making import record_making
from midtrain_dagster.core.parts import Output, Work, write_output
from midtrain_dagster.core.source_file import SourceFile
from midtrain_dagster.core.used_work import record_used_work
from midtrain_dagster.recipe import Recipe
from resources.artifacts import KEYS, REUSED, ArtifactBuilder, remember_digests, require_key
from resources.generator import TextGeneratorResource

IO_MANAGER = "artifact_io_manager"

STANDING = "midtrain/standing"
"""The tag of a materialisation that holds ``Declaration.standing``."""

ROWS_OF = "rows_of"
"""What an asset's definition says under this name is the table whose rows count as its rows."""


@dataclass(frozen=True)
class Build:
    """What a build function works with: its inputs, the store, and Ray to make parts with."""

    context: dg.AssetExecutionContext
    builder: ArtifactBuilder
    inputs: Mapping[str, Given]
    external: Any = None
    """What the asset's ``external`` function found: digests of files that the recipe names."""
    method: str = ""
    fingerprint: str = ""
    used: set[str] = field(default_factory=set)
    """The folders of all units of work that were asked for."""
    replaced: set[str] = field(default_factory=set)
    """Files among what these made that must not stay in the store (``core.used_work``)."""

    def __getitem__(self, name: str) -> Artifact:
        """An input that is one artifact."""
        given = self.inputs[name]
        if not isinstance(given, Artifact):
            raise TypeError(f"{name} is partitioned by benchmark")
        return given

    def partitions(self, name: str) -> Mapping[str, Artifact]:
        """An input that is partitioned: benchmark to artifact, in the recipe's order."""
        given = self.inputs[name]
        if isinstance(given, Artifact):
            raise TypeError(f"{name} is not partitioned by benchmark")
        return given

    @property
    def partition(self) -> str:
        """The benchmark that is being made, of a partitioned asset."""
        return self.context.partition_key

    @property
    def store(self) -> ArtifactStore:
        """The artifact store."""
        return self.builder.store

    @property
    def execution(self) -> Execution:
        """Where units of work run."""
        return self.builder.execution

    @property
    def text_generator(self) -> TextGeneratorResource:
        """What completes prompts."""
        return self.builder.text_generator

    def by_work(self, works: Iterable[Work]) -> list[list[Part]]:
        """The outputs of each unit of work, in order, found or made; progress is shown."""
        asked = list(works)
        self.used.update(work.folder for work in asked)
        return self.builder.parts(self.context, asked)

    def parts(self, works: Iterable[Work]) -> list[Part]:
        """The outputs of all units of work, in order, found or made; progress is shown."""
        return [part for parts in self.by_work(works) for part in parts]

    def write(self, name: str, output: Output, label: str = "", *, file: str | None = None) -> Part:
        """Store one output of this artifact, under its fingerprint, in a ``file`` of its name or
        another."""
        folder = f"parts/{self.method}/{self.fingerprint}"
        folder = f"{folder}/{label}" if label else folder
        part = write_output(self.store.storage, folder, name, output, file=file)
        return part.model_copy(update={"label": label})


Built = Sequence[Part] | tuple[Sequence[Part], Figures]
"""What a build function returns: the artifact's parts, and figures worth showing, if any."""


def artifact_asset(
    recipe: Recipe,
    name: str,
    *,
    group: str,
    versions: Versions,
    method: str | None = None,
    section: Any = None,
    inputs: Mapping[str, str | Input] | None = None,
    external: External | PerPartition | None = None,
    gate: Callable[[Build, Artifact], None] | None = None,
    rows: str | None = None,
    metadata: Callable[[Artifact], Mapping[str, Any]] | None = None,
    beside: Callable[[Build, Artifact], Mapping[str, Any]] | None = None,
    kinds: Iterable[str] = (),
    by_benchmark: bool = False,
    description: str | None = None,
    retry: dg.RetryPolicy | None = None,
    pool: str | None = None,
    checked: bool = False,
    amount: float | None = None,
    expected_bytes: float | None = None,
) -> Callable[[Callable[[Build], Built]], dg.AssetsDefinition]:
    """Declare the asset ``name`` (``/`` between its parts) of a recipe; decorates what builds it.

    Args:
        versions: of the methods (``causes.versions_of``).
        method: the artifact's name in the store; by default that of the asset.
        section: what of the recipe is a cause; fields marked ``NOT_A_CAUSE`` are left out. Of a
            partitioned asset it may be a :class:`PerPartition`.
        inputs: name in the build function to upstream asset.
        external: digests of what lies outside the graph, looked up each time; a cause. Of a
            partitioned asset it may be a :class:`PerPartition` of such functions.
        gate: looks at the artifact, also where it was found, and raises if it may not go on. A run
            asks it again when the recipe, the artifact or an input is not what it passed before.
        rows: the table whose rows count as the asset's rows.
        metadata: what else the UI shows.
        beside: what else it shows that the artifact alone does not tell: from its inputs.
        by_benchmark: one partition for each benchmark of the recipe.
        description: by default the build function's docstring.
        retry: for what may fail by no fault of the recipe's, such as an endpoint.
        pool: of which a run takes a place; how many there are is the instance's affair.
        checked: whether Dagster's checks look at it; they are asked again as a gate is.
        amount: how much there is to do, to foretell the time; by default the bytes of its inputs.
        expected_bytes: how large it gets, where that does not follow from the amount.
    """
    path = name.split("/")
    declaration = Declaration(
        recipe=recipe,
        name=name,
        method=method or path[-1],
        versions=versions,
        section=section,
        inputs={
            key: each if isinstance(each, Input) else Input(each)
            for key, each in (inputs or {}).items()
        },
        external=external,
        by_benchmark=by_benchmark,
        judged=checked or gate is not None,
        amount=amount,
        expected_bytes=expected_bytes,
    )

    def declare(build: Callable[[Build], Built]) -> dg.AssetsDefinition:
        def make(
            context: dg.AssetExecutionContext, artifact_builder: ArtifactBuilder, **given: Any
        ) -> dg.Output[Artifact]:
            partition = context.partition_key if by_benchmark else None
            if partition is not None:
                require_key(partition, recipe.benchmarks)
            remember_digests(artifact_builder.store.storage)
            complete = {
                key: of_the_recipe(recipe, each) if isinstance(each, dict) else each
                for key, each in given.items()
            }
            found = declaration.look_up(complete, partition)
            causes = declaration.causes(complete, partition, found)
            work = Build(
                context, artifact_builder, complete, found, causes.method, causes.fingerprint
            )
            seconds: list[float] = []

            def built(_: str) -> tuple[Sequence[Part], Figures]:
                started = time.monotonic()
                result = build(work)
                seconds.append(time.monotonic() - started)
                return result if isinstance(result, tuple) else (result, {})

            def waits(holder: Holder) -> None:
                context.log.warning(f"{name} waits: {holder} is making it")

            artifact = work.store.make(
                causes.method, causes.versions, causes.section, causes.upstream, built, waits
            )
            for each in seconds:
                record_making(name, artifact, each, amount_of(declaration, complete, found))
                record_used_work(artifact, work.used, work.replaced)
            if gate:
                gate(work, artifact)
            shown = {
                REUSED: not seconds,
                **(metadata(artifact) if metadata else {}),
                **(beside(work, artifact) if beside else {}),
            }
            standing = declaration.standing(artifact.fingerprint, complete)
            return _output(artifact, rows, shown, standing)

        asset = dg.asset(
            name=path[-1],
            key_prefix=[recipe.name, *path[:-1]],
            ins={
                key: dg.AssetIn(
                    key=[recipe.name, *each.asset.split("/")],
                    metadata={KEYS: list(recipe.benchmarks)},
                )
                for key, each in declaration.inputs.items()
            },
            description=cleandoc(description or build.__doc__ or ""),
            group_name=group,
            kinds=set(kinds),
            metadata={ROWS_OF: rows} if rows else None,
            tags=dict(recipe.tags),
            owners=list(recipe.owners) or None,
            code_version=declaration.code_version,
            io_manager_key=IO_MANAGER,
            partitions_def=benchmark_partitions(recipe) if by_benchmark else None,
            # What a gate refuses costs nothing that could have been made before it.
            op_tags={"dagster/priority": "1"} if gate else None,
            retry_policy=retry,
            pool=pool,
        )(make)
        return remember(asset, declaration)

    return declare


def amount_of(declaration: Declaration, given: Mapping[str, Given], found: Any) -> float:
    """How much there is to do: as declared, or the bytes of the inputs and of files outside."""
    if declaration.amount is not None:
        return declaration.amount
    total = _bytes_outside(found)
    for name, each in declaration.inputs.items():
        if each.cause is not None:
            artifacts = given[name]
            several = [artifacts] if isinstance(artifacts, Artifact) else artifacts.values()
            total += sum(expected_bytes(artifact) for artifact in several)
    return total


def _bytes_outside(found: Any) -> float:
    """The bytes of all files in what was found outside the graph."""
    if isinstance(found, SourceFile):
        return found.bytes
    if isinstance(found, Mapping):
        # Of a file that is told by its causes, as benchmarks are, the size stands among them.
        own = found.get("bytes")
        return own if isinstance(own, int) else sum(map(_bytes_outside, found.values()))
    if isinstance(found, list | tuple):
        return sum(map(_bytes_outside, found))
    return 0.0


def benchmark_partitions(recipe: Recipe) -> dg.DynamicPartitionsDefinition:
    """The recipe's benchmarks, one key each: the one dynamic partition set of its graph."""
    return dg.DynamicPartitionsDefinition(name=f"{recipe.name}_benchmark")


def of_the_recipe(recipe: Recipe, given: Mapping[str, Artifact]) -> dict[str, Artifact]:
    """A fan-in's artifacts in the recipe's order of benchmarks; others' partitions are left out.

    Raises :class:`KeyError`, naming the recipe's benchmarks that no artifact came for.
    """
    lacking = [name for name in recipe.benchmarks if name not in given]
    if lacking:
        raise KeyError(f"no artifact for the benchmarks {', '.join(lacking)}; run their partitions")
    return {name: given[name] for name in recipe.benchmarks}


def _output(
    artifact: Artifact, table: str | None, metadata: Mapping[str, Any], standing: str
) -> dg.Output[Artifact]:
    """The handle, its fingerprint as data version, and what the UI shows."""
    parts = artifact.manifest.parts
    shown: dict[str, Any] = {
        "fingerprint": artifact.fingerprint,
        "parts": len(parts),
        "bytes": artifact.bytes,
        **{key: value for key, value in artifact.manifest.figures.items() if value is not None},
        **metadata,
    }
    if parts:
        folder = parts[0].path.rsplit("/", 1)[0]
        shown["uri"] = dg.MetadataValue.path(artifact.storage.uri(folder))
    if table:
        shown["dagster/row_count"] = artifact.rows(table)
        if artifact.has(table):
            shown["dagster/column_schema"] = _columns(artifact, table)
    if artifact.tokens:
        shown["tokens"] = artifact.tokens
    return dg.Output(
        artifact,
        metadata=shown,
        data_version=dg.DataVersion(artifact.fingerprint),
        tags={STANDING: standing},
    )


def _columns(artifact: Artifact, table: str) -> dg.TableSchema:
    """The table's columns as Polars names their types, read off the foot of its first part."""
    schema = scan_parts(artifact.storage, artifact.parts(table)[:1]).collect_schema()
    return dg.TableSchema([dg.TableColumn(name, str(kind)) for name, kind in schema.items()])


def image(png: bytes) -> dg.MarkdownMetadataValue:
    """A plot as the UI shows it: a picture inside Markdown."""
    from base64 import b64encode

    return dg.MetadataValue.md(f"![plot](data:image/png;base64,{b64encode(png).decode()})")


def markdown_table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], numbers: Iterable[str] = ()
) -> dg.MarkdownMetadataValue:
    """A table as the UI shows it; ``numbers`` are the columns that stand to the right.

    A cell may be a document's text: it is shown as it is, and makes no cell, link, picture or tag.
    A cell of pieces, each with whether it is marked, has the marked ones in bold.
    """
    right = set(numbers)
    lines = [
        f"| {' | '.join(columns)} |",
        f"|{'|'.join('---:' if column in right else '---' for column in columns)}|",
        *(f"| {' | '.join(map(_cell, row))} |" for row in rows),
    ]
    return dg.MetadataValue.md("\n".join(lines))


def _cell(cell: Any) -> str:
    return "".join(map(_piece, cell)) if isinstance(cell, tuple) else _plain(str(cell))


def _piece(piece: tuple[str, bool]) -> str:
    text, is_marked = piece
    plain = _plain(text).replace("*", r"\*")
    inner = plain.strip()
    return plain.replace(inner, f"**{inner}**", 1) if is_marked and inner else plain


def _plain(text: str) -> str:
    escaped = re.sub(r"[\\|\[`]", r"\\\g<0>", " ".join(text.splitlines()))
    return escaped.replace("&", "&amp;").replace("<", "&lt;")
