from midtrain_dagster.laws.decay.config import DecayLawSection
from midtrain_dagster.laws.decay.input_problems import findings
from tests.midtrain_dagster.laws.decay.test_csv_logs import ROWS


def test_logs_that_no_law_can_be_fitted_to_are_found_before_a_run(tmp_path) -> None:
    (tmp_path / "good.csv").write_text(ROWS)
    (tmp_path / "point.csv").write_text("step,lr,loss\n5,0.001,3\n")
    logs = {name: {"path": f"{name}.csv", "warmup": 5} for name in ("good", "point", "absent")}
    section = DecayLawSection.model_validate({"law": "annealing", "logs": logs})
    said = {
        each.place: each.reason for each in findings(section, lambda path: f"{tmp_path}/{path}")
    }
    assert list(said) == [("logs", "point", "path"), ("logs", "absent", "path")]
    assert "point.csv: its log has 1 points" in said["logs", "point", "path"]
    assert said["logs", "absent", "path"].endswith("absent.csv: there is no such file")
