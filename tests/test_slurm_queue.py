"""What the console says of the queue, from what profiles/slurm/bin remembers."""

import json

from idbias.slurm_queue import in_queue, newest_run


def test_what_runs_and_waits_and_why(tmp_path):
    folder = tmp_path / "memory/idbias_1"
    folder.mkdir(parents=True)
    assert newest_run(0, tmp_path / "memory") is None
    (folder / "jobs").write_text('{"id": "1"}\n')
    assert newest_run(0, tmp_path / "memory") == folder
    assert newest_run(folder.stat().st_mtime + 100, tmp_path / "memory") is None, (
        "of an earlier run"
    )
    assert in_queue(folder) == "", "nobody has asked Slurm yet"
    now = {"running": 2, "waiting": 3, "reasons": {"None": 1, "Priority": 2}}
    (folder / "now").write_text(json.dumps(now))
    assert in_queue(folder) == "Slurm: 2 running, 3 waiting (2 Priority)"
    (folder / "now").write_text("{")
    assert in_queue(folder) == ""
