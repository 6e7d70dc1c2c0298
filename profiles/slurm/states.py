"""What became of the jobs of a run, in words that Snakemake's executor plugin (2.8.0) understands.

The plugin asks squeue or sacct, whichever the profile says, and waits for ever for a job
- that neither names: older than Slurm's MinJobAge, or lost with the controller's state;
- that is PREEMPTED (cancelled for another) or NODE_FAIL and not put back into the queue;
- "CANCELLED by 1000", or in a state that it does not know;
- of which it could not ask, because Slurm did not answer some times: it forgets all jobs then.
So the questions that it asks are answered here: by the command that was asked, for jobs in doubt by the
other one, then by what the job itself noted when it ended. A job of which two questions, DOUBT_SECONDS
or more apart, find nothing that lives is over, and has failed. All other questions go to Slurm.
"""

import os
import re
import sys
import time

import jobs

DOUBT_SECONDS = float(os.environ.get("IDBIAS_DOUBT_SECONDS", "15"))
# A job that noted its end this long ago is over, whatever the accounting says.
UNHEARD_SECONDS = 300
# What the plugin takes for an end.
OVER = {
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "OUT_OF_MEMORY", "TIMEOUT",
}  # fmt: skip
# May be an end, or a moment on the way back into the queue.
DOUBTFUL = {"PREEMPTED", "NODE_FAIL", "UNKNOWN", "REVOKED", "LAUNCH_FAILED", "RECONFIG_FAIL", ""}
# Reasons of Slurm for which a job waits until somebody does something.
NEVER = re.compile(
    r"BadConstraints|PartitionTimeLimit|PartitionNodeLimit|DependencyNeverSatisfied|JobHeld\w*"
    r"|launch failed requeued held|AccountNotAllowed|QOSNotAllowed|InvalidAccount|InvalidQOS"
    r"|(?:Assoc|QOS)Max\w*PerJob\w*"
)


def by_squeue(name):
    """{id: (state, why it waits, seconds it ran)} of the jobs that the controller knows; None without answer."""
    lines = jobs.ask("squeue", "--noheader", "--states=all", "--name", name, "--format=%i|%T|%r|%M")
    if lines is None:
        return None
    rows = [line.rsplit("|", 3) for line in lines if line.count("|") >= 3]
    return {number: (state, reason, seconds(ran)) for number, state, reason, ran in rows}


def by_sacct(name):
    """The same by the accounting, of the last two days; None where there is none."""
    start = time.strftime("%Y-%m-%dT%H:00", time.localtime(time.time() - 2 * 86400))
    times = ["--starttime", start, "--endtime", "now"]
    lines = jobs.ask(
        "sacct", "-X", "--parsable2", "--noheader", "--format=JobID,State,ElapsedRaw", *times, "--name", name
    )  # fmt: skip
    if lines is None:
        return None
    rows = [line.split("|") for line in lines if line.count("|") == 2]
    return {
        number: (re.sub(r" by .*", "", state), "", int(ran) if ran.isdigit() else 0)
        for number, state, ran in rows
    }


def seconds(text):
    """Seconds of Slurm's "days-hours:minutes:seconds", of which the left parts may be missing."""
    days, _, clock = text.rpartition("-")
    total = 0
    for part in clock.split(":"):
        total = total * 60 + int(part) if part.isdigit() else 0
    return total + (int(days) * 86400 if days.isdigit() else 0)


def states(first, name):
    """{id: state} of what is known of the jobs called `name`. `first`: squeue or sacct."""
    folder = jobs.folder_of(name)
    asked = jobs.submitted(folder) if folder else {}
    before = jobs.read(folder / "now") if folder else {}
    ended = dict(before.get("ended", {}))
    sources = [by_squeue, by_sacct] if first == "squeue" else [by_sacct, by_squeue]
    known = sources[0](name)
    unanswered = known is None
    known = known or {}

    def doubtful(job):
        return job not in ended and (job not in known or known[job][0] in DOUBTFUL)

    if unanswered or any(map(doubtful, {**asked, **known})):
        other = sources[1](name)
        if other is None and (unanswered or first == "sacct"):
            return {}  # nobody answered: what was alive is taken for alive
        for job, found in (other or {}).items():
            # The controller knows what is alive, the accounting only what is over.
            if unanswered or (doubtful(job) and (first == "sacct" or found[0] in OVER)):
                known[job] = found
    if folder:
        settle(folder, asked, ended, known)
        note(folder, asked, ended, known, set(before.get("told", [])))
    found = {job: row[0] for job, row in known.items()}
    for job, (state, _) in ended.items():
        if found.get(job, "") in DOUBTFUL:
            found[job] = state
    return found


def settle(folder, asked, ended, known):
    """Replace states in doubt in `known`, by what the job noted at its end or by time."""
    now, before, doubts = time.time(), jobs.read(folder / "doubts"), {}
    noted = {file.stem for file in folder.glob("*.exit")}
    for job in asked:
        state, reason, ran = known.get(job, ("", "", 0))
        if job in ended and state in DOUBTFUL:
            continue
        end = jobs.ending(folder, job) if job in noted else None
        # The accounting may never hear of a job's end.
        unheard = end and state in {"RUNNING", "COMPLETING"} and now - end[2] > UNHEARD_SECONDS
        if not (state in DOUBTFUL or unheard):
            continue
        doubts[job] = before.get(job, now)
        if end and (unheard or not state):
            state = "FAILED" if end[0] else "COMPLETED"
        elif now - doubts[job] >= DOUBT_SECONDS:
            state = "CANCELLED" if state == "PREEMPTED" else "FAILED"
        else:
            state = "PENDING"
        known[job] = (state, reason, ran)
    if doubts != before:
        jobs.write(folder / "doubts", doubts)


def note(folder, asked, ended, known, told):
    """Keep how many jobs run and wait, and how the others ended; say which can never start."""
    running, waiting, reasons = 0, 0, {}
    for job, (state, reason, ran) in known.items():
        if job not in asked:
            continue
        if state in OVER:
            ended[job] = [state, ran]
        elif state == "PENDING":
            waiting += 1
            reasons[reason] = reasons.get(reason, 0) + 1
            if NEVER.search(reason) and job not in told:
                told.add(job)
                jobs.say(
                    f"job {job} ({asked[job].get('rule')}) cannot start: Slurm says {reason}. "
                    f"`scontrol show job {job}` shows what it asks for; fix the profile's site block, then "
                    f"stop this run with Ctrl-C and start it again."
                )
        else:
            running += 1
    content = {"time": time.time(), "running": running, "waiting": waiting, "reasons": reasons}
    jobs.write(folder / "now", {**content, "told": sorted(told), "ended": ended})


def answer(command, arguments):
    """Answer as `command` (squeue or sacct) does; does not return."""
    name, form = jobs.option(arguments, "--name"), jobs.option(arguments, "--format")
    if not name or form not in {"%i|%T", "JobIdRaw,State"}:
        path = jobs.own(command)
        if command == "sacct" and form is None and "nodelist%-256" in arguments:
            # The nodes of a job that waits again are "None assigned", which the plugin would exclude.
            for line in jobs.ask("sacct", *arguments) or []:
                print("" if line.strip() == "None assigned" else line)
            sys.exit(0)
        os.execv(path, [path, *arguments])
    for job, state in states(command, name).items():
        print(job + "|" + state)
    sys.exit(0)
