import pytest

from midtrain_dagster.laws.decay.csv_logs import read_folder, read_log
from midtrain_dagster.laws.decay.curve import LogError

ROWS = "step,lr,loss\n" + "".join(f"{step},0.001,{4 - step / 1e3}\n" for step in range(10, 40))


def test_folder_inside_says_the_size(tmp_path) -> None:
    (tmp_path / "25M").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "25M" / "long.csv").write_text(ROWS)
    (tmp_path / "notes" / "other.csv").write_text(ROWS)
    (tmp_path / "plain.csv").write_text(ROWS)
    found = {curve.name: curve.parameters for curve in read_folder(tmp_path, warmup=5)}
    assert found == {"plain": None, "25M/long": 25_000_000}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("step,lr,loss\n5,0.001,3\n", "a.csv: its log has 1 points"),
        ("step,lr,loss\n5,fast,3\n", "no CSV file with the columns step, lr, loss"),
        ("step,rate\n5,1\n", "no column lr, loss"),
        ("", "no CSV file"),
    ],
)
def test_file_that_is_no_log_is_told(tmp_path, text, told) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(LogError, match=told):
        read_log(tmp_path / "a.csv")


def test_what_is_not_there_is_told(tmp_path) -> None:
    with pytest.raises(LogError, match="there is no such file"):
        read_log(tmp_path / "a.csv")
    with pytest.raises(LogError, match="there is no CSV file with step, lr, loss"):
        read_folder(tmp_path)
    with pytest.raises(LogError, match="logs is not there"):
        read_folder(tmp_path / "logs")
    (tmp_path / "a.csv").write_text(ROWS)
    with pytest.raises(LogError, match=r"a\.csv is a file: name the folder that holds it"):
        read_folder(tmp_path / "a.csv")


def test_losses_that_are_no_numbers_are_left_out_and_counted(tmp_path) -> None:
    (tmp_path / "a.csv").write_text(ROWS.replace(",3.98\n", ",nan\n"))
    assert read_log(tmp_path / "a.csv", warmup=5).left_out == 1
