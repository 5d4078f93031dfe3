"""The entry point, of ``midtrain`` and ``python -m midtrain``.

It imports next to nothing, so that whoever stops the command while it still loads gets one line.
"""

import sys

from midtrain_dagster.core import interruption


def main() -> None:
    """Run the command; a person who stops it gets one line, at any moment, and no traceback."""
    try:
        with interruption.noted():
            from midtrain.command import main

            main()
    except KeyboardInterrupt:
        code = interruption.exit_code()
        print("stopped; what was finished is kept: run again to go on")
        sys.exit(code)


if __name__ == "__main__":
    main()
