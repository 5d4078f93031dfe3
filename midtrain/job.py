"""What a cluster runs for a submission: ``python -m midtrain.job RECIPE [DIGEST [UNTIL]]``.

It is `midtrain run`, with a Dagster instance for this time only: whoever submitted it has the one
that stays. ``DIGEST`` is that of the recipe's text there, so that nothing else is made; a RayJob,
whose image has the recipe, needs none.
"""

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from midtrain.exit_codes import UNUSABLE
from midtrain_dagster.core import interruption
from midtrain_dagster.core.causes import digest


def main(recipe: str, expected: str | None = None, until: str | None = None) -> int:
    """Run the recipe; the exit code."""
    if not Path(recipe).is_file():
        print(f"{Path.cwd() / recipe}: there is no such recipe on this cluster")
        return UNUSABLE
    found = digest(Path(recipe).read_bytes().decode("utf-8-sig").encode())
    if expected not in (None, found):
        print(f"{Path.cwd() / recipe}: this is another recipe than the one that was submitted")
        return UNUSABLE
    from midtrain.command import main as command

    with TemporaryDirectory(prefix="midtrain-") as folder:
        os.environ["DAGSTER_HOME"] = folder
        try:
            command(["run", recipe, *(["--until", until] if until else [])])
        except SystemExit as ended:
            return int(ended.code or 0)
    return 0


if __name__ == "__main__":
    try:
        with interruption.noted():
            code = main(*sys.argv[1:])
    except KeyboardInterrupt:
        code = interruption.exit_code()
        print("stopped; what was finished is kept")
    sys.exit(code)
