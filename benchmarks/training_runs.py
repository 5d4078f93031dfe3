"""One measured training run, ours or a peer's: a process of `training`.

    python -m benchmarks.training_runs NAME FOLDER

FOLDER holds the job (``job.json``) and its batches (``batches.npz``). The last line printed is a
JSON object: ``ends``, the clock at the end of each step in seconds; ``loss``, the last step's mean
cross-entropy; and for ours ``data_wait``, each step's seconds without its batch.
"""

import json
import math
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from midtrain_dagster.training.job import Job

POLL_SECONDS = 0.05
"""Less than any step takes; how late a look comes does not matter, since files carry their time."""

Result = dict[str, Any]


def threads() -> int:
    """Torch's threads, the same for all."""
    return len(os.sched_getaffinity(0))


def ours(job: Job, folder: Path) -> Result:
    """A stage of one worker on a machine of one's own: Ray Train's local mode, in this process."""
    return _fitted(job, folder, in_process=True)


def in_a_worker(job: Job, folder: Path) -> Result:
    """The same on a worker group of one, as on a cluster."""
    from midtrain_dagster.core.execution import OnRay

    OnRay().start()
    return _fitted(job, folder, in_process=False)


def _fitted(job: Job, folder: Path, *, in_process: bool) -> Result:
    """A fit under Ray Train. A step has ended when its record is in the run's log."""
    from midtrain_dagster.training.fit import fit
    from midtrain_dagster.training.metrics.log import STEPS, read_records

    with tempfile.TemporaryDirectory(dir=folder) as storage:
        run_folder = Path(storage, "run")
        ends: list[float] = []
        finished = threading.Event()

        def watch() -> None:
            file, size = run_folder / STEPS, 0
            while not finished.wait(POLL_SECONDS):
                found = file.stat() if file.is_file() else None
                if found and found.st_size > size:
                    size = found.st_size
                    ends.append(found.st_mtime_ns / 1e9)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            fit(
                job,
                storage_path=storage,
                run_name=run_folder.name,
                threads=threads(),
                in_process=in_process,
            )
        finally:
            finished.set()
            watcher.join()
        records = read_records(run_folder)
    assert len(ends) == job.stage.steps, "two steps ended between two looks"
    waits = records["data_wait"].to_list()
    return {"ends": ends, "loss": records["loss"][-1], "data_wait": waits}


def loop_alone(job: Job, folder: Path) -> Result:
    """Our loop without Ray Train: what is left of the difference is the loop's."""
    from midtrain_dagster.training.loop import train
    from midtrain_dagster.training.metrics.log import StepRecord

    records: list[StepRecord] = []
    ends: list[float] = []

    def on_step(record: StepRecord) -> None:
        records.append(record)
        ends.append(time.perf_counter())

    with tempfile.TemporaryDirectory(dir=folder) as output:
        train(job, output=Path(output), threads=threads(), on_step=on_step)
    return {"ends": ends, "loss": records[-1].loss}


def bare_pytorch(job: Job, folder: Path) -> Result:
    """The shortest loop that does the same work."""
    import torch
    from torch.nn.functional import cross_entropy

    torch.set_num_threads(threads())
    model, settings = fresh_model(job), job.stage.optimizer
    optimizer = settings.make(model)
    for group in optimizer.param_groups:
        group["lr"] = job.stage.learning_rates(None)[0]
    batches = {name: torch.from_numpy(each) for name, each in stored_batches(folder).items()}
    ends, loss = [], torch.zeros(())
    for ids, labels, positions in zip(
        batches["input_ids"], batches["labels"], batches["position_ids"], strict=True
    ):
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(input_ids=ids, position_ids=positions, use_cache=False).logits
        loss = cross_entropy(logits[:, :-1].flatten(0, 1).float(), labels[:, 1:].flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip or math.inf)
        optimizer.step()
        optimizer.zero_grad()
        loss.item()
        ends.append(time.perf_counter())
    return {"ends": ends, "loss": loss.item()}


def transformers_trainer(job: Job, folder: Path) -> Result:
    """Transformers' Trainer with the same settings, without reports and checkpoints."""
    import torch
    from transformers import Trainer, TrainerCallback, TrainingArguments, default_data_collator

    torch.set_num_threads(threads())
    batches, settings = stored_batches(folder), job.stage.optimizer
    windows = [
        {name: each[step, window] for name, each in batches.items()}
        for step in range(job.stage.steps)
        for window in range(job.stage.windows_per_step)
    ]
    ends: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            ends.append(time.perf_counter())

    model = fresh_model(job)
    model.config.use_cache = False  # with a cache it would let packed documents see each other
    with tempfile.TemporaryDirectory(dir=folder) as output:
        arguments = TrainingArguments(
            output_dir=output,
            per_device_train_batch_size=job.stage.windows_per_step,
            max_steps=job.stage.steps,
            train_sampling_strategy="sequential",
            learning_rate=float(job.stage.learning_rates(None)[0]),
            lr_scheduler_type="constant",
            optim="adamw_torch_fused",
            adam_beta1=settings.betas[0],
            adam_beta2=settings.betas[1],
            adam_epsilon=settings.eps,
            weight_decay=settings.weight_decay,
            max_grad_norm=settings.clip or math.inf,
            bf16=True,
            use_cpu=True,
            logging_steps=job.stage.steps,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        trainer = Trainer(
            model,
            arguments,
            train_dataset=windows,
            data_collator=default_data_collator,
            callbacks=[Clock()],
        )
        mean = trainer.train().training_loss
    return {"ends": ends, "loss": mean}


def fresh_model(job: Job) -> Any:
    """The random model that the job starts from."""
    from midtrain_dagster.models.new import new_model

    assert job.model is not None
    return new_model(
        job.model,
        vocabulary=job.vocabulary,
        sequence_length=job.stage.sequence_length,
        seed=job.seed,
    ).eval()


def stored_batches(folder: Path) -> dict[str, np.ndarray]:
    """All batches of the job, in memory."""
    with np.load(folder / "batches.npz") as stored:
        return dict(stored)


RUNS = {
    "ours": ours,
    "in_a_worker": in_a_worker,
    "loop_alone": loop_alone,
    "bare_pytorch": bare_pytorch,
    "transformers_trainer": transformers_trainer,
}


def main() -> None:
    """Measure one of the runs."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    job = Job.model_validate_json((folder / "job.json").read_bytes())
    print(json.dumps(RUNS[name](job, folder)))


if __name__ == "__main__":
    main()
