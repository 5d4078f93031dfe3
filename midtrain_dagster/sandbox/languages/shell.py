"""Shell: bash, as MultiPL-E runs it, with what stands in /usr."""

from midtrain_dagster.sandbox.language import Language

SHELL = Language(
    file="main.sh",
    command=("/bin/bash", "main.sh"),
    example="echo $((6 * 7))",
    last="__ended=$?; printf '\\nMARK\\n'; exit $__ended",
    also=("sh", "bash"),
    needs={"/bin/bash": "bash"},
)
