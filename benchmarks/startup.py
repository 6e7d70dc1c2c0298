"""CPU seconds that each rule's script takes until its own work begins, before and after.

A script's work begins when it has imported what it uses. Python itself is included; what Snakemake
puts in front of a script is not, it is the same for all. Prints each rule's least of --repeats, for
this tree and for another commit, and their sum over the jobs of the demonstration as it is now.
Run: python benchmarks/startup.py [--before COMMIT] [--repeats 3]
"""

import argparse
import ast
import io
import re
import resource
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def scripts(folder):
    """Return rule -> script of the workflow in `folder`; a rule by `use rule` has its parent's."""
    found, parents = {}, {}
    for file in sorted((folder / "rules").glob("*.smk")):
        for block in re.split(r"(?m)^(?=rule |use rule )", file.read_text()):
            head = re.match(r"(?:use rule (\w+) as|rule) (\w+)", block)
            script = re.search(r'script:\s+"\.\./(workflow_scripts/\w+\.py)"', block)
            if head and script:
                found[head[2]] = folder / script[1]
            elif head and head[1]:
                parents[head[2]] = head[1]
    return found | {rule: found[parent] for rule, parent in parents.items()}


def imports(script):
    """Return a script's import statements, as code."""
    body = ast.parse(script.read_text()).body
    inside = [line for node in body if isinstance(node, ast.With) for line in node.body]
    wanted = (ast.Import, ast.ImportFrom)
    return "\n".join(ast.unparse(node) for node in (*body, *inside) if isinstance(node, wanted))


def seconds(script, repeats):
    """Return the least CPU seconds, of `repeats`, that Python takes for a script's imports."""
    code = f"import sys; sys.path.insert(0, {str(script.parent)!r})\n{imports(script)}"
    taken = []
    for _ in range(repeats):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(taken)


def planned():
    """Return how many jobs of each rule the demonstration has, rule -> count."""
    command = [sys.executable, "-m", "snakemake", "-n", "--forceall", "--cores", "2"]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", output, re.M)}


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--before", default="4f60e98")
    options.add_argument("--repeats", type=int, default=3)
    options = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(
            ["git", "archive", options.before], cwd=ROOT, capture_output=True, check=True
        ).stdout
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(folder, filter="data")
        old, new, jobs = scripts(Path(folder)), scripts(ROOT), planned()
        print(f"{'rule':28}{'before':>8}{'now':>8}{'ratio':>8}{'jobs':>6}")
        total = 0.0
        measured = {}
        for rule in sorted({*old, *new}):
            times = []
            for paths in (old, new):
                script = paths.get(rule)
                if script and script not in measured:
                    measured[script] = seconds(script, options.repeats)
                times.append(measured.get(script))
            shown = [f"{time:8.2f}" if time else f"{'-':>8}" for time in times]
            ratio = f"{times[0] / times[1]:8.2f}" if all(times) else f"{'':8}"
            print(f"{rule:28}{shown[0]}{shown[1]}{ratio}{jobs.get(rule, 0):6}", flush=True)
            total += jobs.get(rule, 0) * (times[1] or 0)
    print(f"all jobs of the demonstration now: {total:.0f} CPU seconds")


if __name__ == "__main__":
    main()
