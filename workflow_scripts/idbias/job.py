"""Run the script of one job by hand, to debug it: python -m idbias.job RULE wildcard=value ...

Inputs must be there; outputs are written where Snakemake would have them, without its checks and records.
Within a debugger: python -m pdb -m idbias.job row comparison=digits/small_cnn/correlations/fmn
"""

import argparse
import runpy
import sys
from contextlib import contextmanager
from pathlib import Path

SNAKEFILE = Path(__file__).parents[2] / "Snakefile"


def main(arguments=None):
    """Run the command with `arguments` (sys.argv's by default)."""
    parser = argparse.ArgumentParser(
        prog="python -m idbias.job",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("rule", help="a rule with a script, as in rules/*.smk")
    parser.add_argument("wildcards", nargs="*", help="name=value, for each wildcard of its output")
    parser.add_argument("--configfile", type=Path, action="append", default=[])
    options = parser.parse_args(arguments)
    wildcards = dict(pair.split("=", 1) for pair in options.wildcards if "=" in pair)
    if len(wildcards) < len(options.wildcards):
        parser.error("a wildcard is given as name=value")
    try:
        script, mocked = mock_snakemake(options.rule, wildcards, options.configfile)
    except LookupError as error:
        parser.error(str(error.args[0]))
    sys.path.insert(0, str(script.parent))
    runpy.run_path(str(script), init_globals={"snakemake": mocked}, run_name="__main__")


def mock_snakemake(rule, wildcards, configfiles=()):
    """Return (script, object): a job's script, a Path, and what Snakemake would give it as `snakemake`.

    rule: its name; wildcards: name -> value; configfiles: paths laid over config.yaml. The workflow is read
    in the working directory. Raises LookupError if there is no such rule, if it has no script, or if
    wildcards are missing or unknown.
    """
    with loaded_workflow(configfiles) as workflow:
        # After snakemake.api: they import each other.
        from snakemake.dag import DAG
        from snakemake.exceptions import UnknownRuleException
        from snakemake.jobs import Job
        from snakemake.script import Snakemake

        try:
            asked = workflow.get_rule(rule)
        except UnknownRuleException:
            raise LookupError(f"there is no rule {rule}; snakemake --list shows them") from None
        if not asked.script:
            raise LookupError(f"the rule {rule} has no script: it only names files")
        if set(asked.wildcard_names) != set(wildcards):
            raise LookupError(
                f"the rule {rule} has the wildcards {', '.join(sorted(asked.wildcard_names)) or 'none'}, "
                f"not {', '.join(sorted(wildcards)) or 'none'}"
            )
        job = Job(asked, DAG(workflow, rules=[asked]), wildcards)
        script = Path(asked.basedir.get_path_or_uri(secret_free=True), asked.script).resolve()
        for path in [*job.output, *job.log]:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        mocked = Snakemake(
            job.input, job.output, job.params, job.wildcards, job.threads, job.resources, job.log,
            workflow.config, asked.name, None, str(script.parent),
        )  # fmt: skip
        return script, mocked


@contextmanager
def loaded_workflow(configfiles=()):
    """Yield Snakemake's workflow object, with all its rules; configfiles: as for `mock_snakemake`."""
    from snakemake.api import OutputSettings, ResourceSettings, SnakemakeApi
    from snakemake.settings.types import ConfigSettings, Quietness

    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        workflow_api = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(configfiles=list(configfiles)),
            snakefile=SNAKEFILE,
        )
        workflow_api.dag()
        yield workflow_api._workflow


if __name__ == "__main__":
    main()
