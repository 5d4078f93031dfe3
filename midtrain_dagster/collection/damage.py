"""What of a file could not be read, counted: of damaged data by an estimate.

How many records stood in a damaged stretch nobody can tell. What is known is how many bytes of the
file a record takes on average, by those that are good, and of members that are told apart how many
they are and how many records a good one holds. The estimate is at least one.
"""

from collections.abc import Iterator

from midtrain_dagster.collection.record import Rejection
from midtrain_dagster.core.members import Block, Damage


class Damages:
    """The damages of one file, neighbours as one, and the good records that they are measured by.

    A damage is told before the next good block, so that it can be measured by those before it; of
    a file that begins with one, behind the first.
    """

    def __init__(self, name: str, what: str):
        self._name = name
        self._what = what
        self.last = "the start"
        """What was read last, good or not, by its name."""
        self._records = self._packed = self._unpacked = self._members = 0
        self._start = self._stop = -1
        self._reason = ""
        self._cut = False
        self._known = self._lost_members = 0
        self._lost_bytes = 0.0

    def good(self, block: Block) -> Iterator[Rejection]:
        """A block was read; what was damaged before it is told."""
        if self._records:
            yield from self.told()
        self._packed += block.packed
        self._unpacked += len(block.data)
        self._members += bool(block.begins and block.data)

    def records(self, number: int) -> None:
        """So many good records were read."""
        self._records += number

    @property
    def nothing_read(self) -> bool:
        """Whether no good block was read."""
        return not self._packed

    def add(self, damage: Damage, known: int = 0, known_bytes: int = 0) -> Iterator[Rejection]:
        """A stretch is damaged, of which ``known`` records are told by themselves, which would be
        so many bytes unpacked. Another stretch before it is told first."""
        if self._stop != damage.start:
            yield from self.told()
            self._start, self._reason = damage.start, damage.reason
        self._stop = damage.stop
        self._cut |= damage.cut
        if damage.given and not damage.cut:
            self._reason += f"; {damage.given} bytes of this member were read before, unchecked"
        self._known += known
        self._lost_members += damage.whole_members
        if not damage.whole_members:
            packed = known_bytes * self._packed / max(1, self._unpacked)
            self._lost_bytes += max(0.0, damage.stop - damage.start - packed)

    def told(self, at_end: bool = False) -> Iterator[Rejection]:
        """What is damaged, as a rejection; at the end of a file without a record, of all of it."""
        if self._stop < 0:
            return
        place = f"{self._stop - self._start} bytes from byte {self._start} on"
        if self._cut or (at_end and not self._records):
            detail = f"after {self.last}: {self._reason} ({place})"
            yield Rejection(self._name, "broken_stream", detail)
        elif number := self._estimate():
            plural = "s" if number > 1 else ""
            detail = f"about {number} {self._what}{plural} in {place}: {self._reason}"
            yield Rejection(f"{self._name}:byte {self._start}", "damaged_data", detail, number)
        self._start = self._stop = -1
        self._cut = False
        self._known = self._lost_members = 0
        self._lost_bytes = 0.0

    def _estimate(self) -> int:
        """How many records are lost beside those that are known."""
        by_members = self._lost_members * self._records / max(1, self._members) - self._known
        by_bytes = self._lost_bytes * self._records / max(1, self._packed)
        return max(round(max(0.0, by_members) + by_bytes), 0 if self._known else 1)
