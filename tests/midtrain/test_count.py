import argparse

import pytest

from midtrain.count import count


def test_a_count_is_of_at_least_one() -> None:
    assert count("20") == 20
    for text in ("0", "-1", "x", "", "1.5"):
        with pytest.raises(argparse.ArgumentTypeError, match="no number from 1 on"):
            count(text)
