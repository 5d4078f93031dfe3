from collections.abc import Callable

from midtrain_dagster.sandbox.languages.rust import RUST
from midtrain_dagster.sandbox.run import Outcome

Ends = Callable[[str, list[str]], list[Outcome]]

ASSERTED = "fn main() { assert_eq!(2, %d); }"
FLOOD = 'fn main() { loop { println!("xxxxxxxxxxxxxxxx"); } }'
HOARD = "fn main() { let mut held = Vec::new(); loop { held.push(vec![1u8; 1 << 24]); } }"
FORKS = """
use std::process::Command;
fn main() {
    let made = (0..60).take_while(|_| Command::new("/bin/sleep").arg("9").spawn().is_ok()).count();
    println!("{}", made);
}
"""
READS = 'fn main() { println!("{}", include_str!("/etc/passwd")); }'


def test_right_and_wrong_programs(ends: Ends) -> None:
    example, right, wrong, broken, reads = ends(
        "rust", [RUST.example, ASSERTED % 2, ASSERTED % 3, "fn main( {", READS]
    )
    assert (example.stdout, example.compiled) == ("42\n", True)
    assert right.succeeded
    assert (wrong.exit_code, wrong.compiled) == (101, True)
    assert (broken.exit_code, broken.compiled) == (1, False)
    assert "No such file" in reads.stderr and not reads.compiled


def test_each_ends_at_its_limit(ends: Ends) -> None:
    endless, flood, hoard, forks = ends("rust", ["fn main() { loop {} }", FLOOD, HOARD, FORKS])
    assert (endless.ended, endless.compiled) == ("cpu_time", True)
    assert (flood.ended, len(flood.stdout)) == ("output", 20_000)
    assert hoard.signal == 6
    assert 1 <= int(forks.stdout) < 16
