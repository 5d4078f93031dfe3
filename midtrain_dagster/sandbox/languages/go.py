"""Go: a file of tests where it imports ``testing``, as MultiPL-E's do, else a program with a main.

Tests are compiled and run without ``go vet``, which ``go test`` asks first. An exit with 0 in the
middle of a test fails, as it does there. Libraries are those that Debian packages install, and no
module is ever fetched. One thread runs Go's code at a time, on a machine of any size.
"""

from midtrain_dagster.sandbox.language import Language

_COMPILE = """
if grep -q '"testing"' main.go; then
    cp main.go main_test.go
    exec /usr/bin/go test -c -vet=off -o program main_test.go
fi
exec /usr/bin/go build -o program main.go
"""
_RUN = "if [ -f main_test.go ]; then exec ./program -test.paniconexit0; fi; exec ./program"

GO = Language(
    file="main.go",
    compiler=("/bin/sh", "-c", _COMPILE),
    command=("/bin/sh", "-c", _RUN),
    example='package main\n\nimport "fmt"\n\nfunc main() { fmt.Println(6 * 7) }\n',
    also=("go_test.go",),
    needs={"/usr/bin/go": "golang-go"},
    environment={
        "CGO_ENABLED": "0",
        "GO111MODULE": "off",
        "GOCACHE": "/tmp/.cache",
        "GOFLAGS": "-p=2",
        "GOMAXPROCS": "1",
        "GOPATH": "/usr/share/gocode",
        "GOTOOLCHAIN": "local",
    },
    threads=16,
    reserves=True,
)
