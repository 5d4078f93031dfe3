"""Resiliparse's extraction of pages, in the peers' environment.

    PEERS_PYTHON -m benchmarks.extraction_resiliparse PAGES OUT

PAGES holds the markup of a page a line, as a JSON string; OUT becomes as many lines of text.
"""

import json
import sys
from pathlib import Path

from resiliparse.extract.html2text import extract_plain_text


def main() -> None:
    """Extract each page's main text without alternative texts of pictures."""
    source, target = map(Path, sys.argv[1:])
    texts = [
        extract_plain_text(json.loads(line), main_content=True, alt_texts=False)
        for line in source.read_text(encoding="utf-8").splitlines()
    ]
    target.write_text("\n".join(map(json.dumps, texts)), encoding="utf-8")


if __name__ == "__main__":
    main()
