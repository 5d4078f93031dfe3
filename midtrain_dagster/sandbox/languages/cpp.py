"""C++17 by g++, as MultiPL-E compiles it: not optimised, with assertions."""

from midtrain_dagster.sandbox.language import Language

CPP = Language(
    file="main.cpp",
    compiler=("/usr/bin/g++", "-std=c++17", "-w", "-fmax-errors=3", "-o", "program", "main.cpp"),
    command=("./program",),
    example='#include <iostream>\nint main() { std::cout << 6 * 7 << "\\n"; }',
    also=("c++",),
    needs={"/usr/bin/g++": "g++"},
)
