"""JavaScript by Node.js, as MultiPL-E runs it."""

from midtrain_dagster.sandbox.language import Language

JAVASCRIPT = Language(
    file="main.js",
    command=("/usr/bin/node", "main.js"),
    example="console.log(6 * 7)",
    last=';require("fs").writeSync(1, "\\nMARK\\n");',
    also=("js",),
    needs={"/usr/bin/node": "nodejs"},
    threads=16,
    reserves=True,
)
