"""The command line of Snakemake, where what it makes of it is no help to the user."""

import re
import sys
from pathlib import Path

import yaml

from idbias.config.origins import read_yaml
from idbias.errors import InputError


def check_arguments(arguments):
    """End with a sentence if files after --configfile are none, or no YAML: Snakemake shows a traceback.

    Called by profiles/default, which Snakemake reads before anything else. arguments: sys.argv.
    """
    try:
        for path in configuration_files(arguments):
            if not Path(path).exists():
                raise InputError(_no_file(path, arguments))
            if not read_yaml(path)[0]:
                raise InputError(f"{path} says nothing; give it keys, or leave --configfile out.")
        for setting in following(arguments, "--config", "-C"):
            key, equals, value = setting.partition("=")
            if equals and "." in key:
                nested = re.sub(r"([^.]+)\.", r"\1: {", key.split(".", 1)[1])
                ends = "}" * key.count(".")
                raise InputError(
                    f"--config {setting}: keys within others are written as "
                    f"--config '{key.split('.', 1)[0]}={{{nested}: {value}{ends}'."
                )
    except InputError as error:
        sys.exit(f"idbias: {error}")


def configuration_files(arguments):
    """Return what Snakemake takes for configuration files: all that follows --configfile, up to an option."""
    return following(arguments, "--configfile", "--configfiles")


def following(arguments, *options):
    """Return what follows any of `options` on the command line, up to the next option."""
    values, taking = [], False
    for argument in arguments[1:]:
        if argument.startswith("-"):
            option, _, value = argument.partition("=")
            taking = option in options
            values += [value] if taking and value else []
        elif taking:
            values.append(argument)
    return values


def _no_file(path, arguments):
    files = configuration_files(arguments)
    if path == files[0]:
        return f"--configfile {path}: there is no such file; give the path of one."
    return (
        f"--configfile takes all names that follow it for files, and there is no file {path}; put targets "
        f"first, or write -- before them: --configfile {files[0]} -- {path}."
    )


def numbers(config, given):
    """Make numbers of the text that Snakemake leaves in nested values of --config, in `config` itself.

    given: what --config says, a dict; `config`: the whole configuration, which has it laid over.
    """
    for key, value in given.items():
        if isinstance(value, dict) and isinstance(config.get(key), dict):
            numbers(config[key], value)
        elif isinstance(value, str | list) and key in config:
            config[key] = _plain(value)


def _plain(value):
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if not isinstance(value, str) or not re.fullmatch(r"[\w.+-]*", value):
        return value
    return yaml.safe_load(value) if value else value
