"""A team's instance on Debian's PostgreSQL, as ``deploy/dagster.yaml`` has it; it is killed."""

import shutil
from pathlib import Path
from typing import Any

import psycopg2
import pytest

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
RECIPE = REPOSITORY / "tests" / "recipes" / "minimal.yaml"
UNTIL = ("--until", "token_shards")


def test_instance_goes_on_where_its_database_was_killed(postgres: Any, new_command: Any) -> None:
    """Killed in the middle of a run, and away for another; then it ends as one undisturbed."""
    undisturbed, disturbed = new_command("undisturbed"), new_command("disturbed")
    finished = undisturbed("run", str(RECIPE), *UNTIL)
    assert finished.code == 0, finished.output

    home = disturbed.root / ".dagster"
    home.mkdir(parents=True)
    shutil.copy(REPOSITORY / "deploy" / "dagster.yaml", home)
    disturbed.beside = postgres.environment

    process = disturbed.start("run", str(RECIPE), *UNTIL)
    printed = []
    for line in process.stdout:
        printed.append(line)
        if line.startswith("  documents   "):
            postgres.kill()
    process.stdout.close()
    assert process.wait() == 1, printed
    assert sum("does not answer, trying again: connection to" in line for line in printed) in (1, 2)
    assert printed[-2].startswith("the Dagster instance's database: connection to server")
    assert printed[-1] == "what was made is kept: run again when it answers\n"
    kept = disturbed.files()
    assert kept, "the documents were made before"

    away = disturbed("run", str(RECIPE), *UNTIL)
    assert away.code == 2
    assert "the Dagster instance's database: connection to server" in away.output
    assert "Traceback" not in away.output
    assert disturbed.files() == kept

    postgres.start()
    finished = disturbed("run", str(RECIPE), *UNTIL)
    assert finished.code == 0, finished.output
    assert disturbed.manifests() == undisturbed.manifests()
    assert kept.items() <= disturbed.files().items(), "what was kept was made again"
    outputs = "".join([*printed, away.output, finished.output])
    assert postgres.password not in outputs
    written = (path for path in disturbed.root.rglob("*") if path.is_file())
    assert not [path for path in written if postgres.password.encode() in path.read_bytes()]

    connection = psycopg2.connect(
        host="127.0.0.1", port=postgres.port, user="postgres", password=postgres.password
    )
    cursor = connection.cursor()
    cursor.execute("SELECT asset_key FROM asset_keys WHERE last_materialization IS NOT NULL")
    assert '["minimal", "token_shards"]' in {row[0] for row in cursor.fetchall()}
    cursor.execute("SELECT status, count(*) FROM runs GROUP BY status")
    assert dict(cursor.fetchall()) == {"FAILURE": 1, "SUCCESS": 1}
    connection.close()


def test_variable_that_is_not_set_is_named(new_command: Any, monkeypatch: Any) -> None:
    command = new_command("unset")
    home = command.root / ".dagster"
    home.mkdir(parents=True)
    shutil.copy(REPOSITORY / "deploy" / "dagster.yaml", home)
    finished = command("run", str(RECIPE), *UNTIL)
    assert finished.code == 2
    assert "DAGSTER_POSTGRES_HOST" in finished.output and "Traceback" not in finished.output
