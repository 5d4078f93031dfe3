"""A run depends on the versions of what it uses, and on no other method's."""

from midtrain_dagster.training.stage import Stage
from midtrain_dagster.training.versions import versions_of_stage


def test_versions_of_stage_name_its_shapes_and_its_rope() -> None:
    stage = Stage.model_validate(
        {
            "start": "base",
            "tokens": 10_240,
            "batch_tokens": 1_024,
            "sequence_length": 128,
            "schedule": [{"phase": "decay", "to": 0.0}],
            "mixture": {"domains": {"web": 1.0}},
        }
    )
    plain = versions_of_stage(stage)
    assert {"dataloader.plan", "training.loop", "training.checkpoints.checkpoint"} <= plain.keys()
    assert "training.schedule.shapes.linear" in plain
    fields = stage.model_dump(exclude_unset=True)
    rope = Stage.model_validate(fields | {"rope": {"method": "linear", "factor": 2}})
    assert versions_of_stage(rope).keys() - plain.keys() == {"training.rope.methods.linear"}
    ruled = {"domains": {"web": 1.0}, "length_classes": "prolong"}
    tied = Stage.model_validate(fields | {"mixture": ruled, "packing": "untie_knots"})
    assert versions_of_stage(tied).keys() - plain.keys() == {
        "mixture.length_rules.prolong",
        "dataloader.untie_knots",
    }
    turned = Stage.model_validate(fields | {"fill_in_the_middle": {"domains": ["web"]}})
    assert versions_of_stage(turned).keys() - plain.keys() == {"dataloader.fill_in_the_middle"}
