"""The command line of Snakemake, where what it makes of it is no help to the user."""

import re
import shlex
import sys
from pathlib import Path

import yaml

from idbias.config.origins import OCTAL, read_yaml
from idbias.errors import InputError

FILES = ("--configfile", "--configfiles")
SETTINGS = ("--config", "-C")


def check_arguments(arguments):
    """End with a sentence if files after --configfile are none, or no YAML: Snakemake shows a traceback.

    So too for settings after --config that are none, and for what Snakemake would pass over in silence.
    Called by profiles/default, which Snakemake reads before anything else. arguments: sys.argv.
    """
    try:
        _check_given_once(arguments, *FILES)
        _check_given_once(arguments, *SETTINGS)
        for path in configuration_files(arguments):
            if not Path(path).exists():
                raise InputError(_no_file(path, arguments))
            if not read_yaml(path)[0]:
                raise InputError(f"{path} says nothing; give it keys, or leave --configfile out.")
        _check_settings(following(arguments, *SETTINGS))
    except InputError as error:
        sys.exit(f"idbias: {error}")


def configuration_files(arguments):
    """Return what Snakemake takes for configuration files: all that follows --configfile, up to an option."""
    return following(arguments, *FILES)


def following(arguments, *options):
    """Return what follows any of `options` on the command line, up to the next option."""
    return [value for values in _occurrences(arguments, *options) for value in values]


def _occurrences(arguments, *options):
    """Return, for each time that one of `options` is on the command line, what follows it."""
    found, taking = [], False
    for argument in arguments[1:]:
        if argument.startswith("-"):
            option, _, value = argument.partition("=")
            taking = option in options
            found += [[value] if value else []] if taking else []
        elif taking:
            found[-1].append(argument)
    return found


def _check_given_once(arguments, option, *others):
    """Raise InputError if an option is given several times, of which Snakemake keeps the last in silence."""
    found = _occurrences(arguments, option, *others)
    if len(found) > 1:
        times = "twice" if len(found) == 2 else f"{len(found)} times"
        together = " ".join(shlex.quote(value) for values in found for value in values)
        raise InputError(
            f"{option} is given {times}, of which only {' '.join(found[-1])} would count; write "
            f"{option} {together}."
        )


def _check_settings(settings):
    """Raise InputError for a word after --config that is no KEY=VALUE, or whose key has dots."""
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not (key and equals):
            raise InputError(
                f"--config {' '.join(settings)}: {setting} is no KEY=VALUE; write each setting in one word, as in "
                "--config seed=3, and targets before it, or behind --."
            )
        if "." in key:
            nested = re.sub(r"([^.]+)\.", r"\1: {", key.split(".", 1)[1])
            ends = "}" * key.count(".")
            raise InputError(
                f"--config {setting}: keys within others are written as "
                f"--config '{key.split('.', 1)[0]}={{{nested}: {value}{ends}'."
            )


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
    if not isinstance(value, str) or not re.fullmatch(r"[\w.+-]*", value) or OCTAL.fullmatch(value):
        return value
    return yaml.safe_load(value) if value else value
