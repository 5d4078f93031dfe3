"""Rust by rustc alone: no crates, the compiler's own edition, checks of overflow, as MultiPL-E."""

from midtrain_dagster.sandbox.language import Language

RUST = Language(
    file="main.rs",
    compiler=(
        *("/usr/bin/rustc", "--cap-lints", "allow", "-C", "codegen-units=1"),
        *("-o", "program", "main.rs"),
    ),
    command=("./program",),
    example='fn main() { println!("{}", 6 * 7); }',
    also=("rs",),
    needs={"/usr/bin/rustc": "rustc"},
)
