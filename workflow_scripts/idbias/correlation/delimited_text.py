"""Tables of numbers in text files: CSV and its relatives, whatever the delimiter and the decimal mark."""

import codecs
import csv
import io
import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from idbias.errors import InputError

# Lines that the layout of a file is read from.
LINES = 200
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
WORDS = {"", "nan", "na", "n/a", "null", "none", "inf", "-inf", "infinity", "true", "false"}


@dataclass
class Layout:
    """How a text file is written: its encoding, delimiter, decimal mark, names, and row names."""

    encoding: str
    delimiter: str
    decimal: str
    header: list[str] | None
    row_names: bool


def read_numbers(path):
    """Return the numbers of a text file, (N, columns) float64; a first line of names is skipped.

    Delimiters are commas, semicolons, tabs or blanks; with the last three the decimal mark may be a comma.
    A column of row names, as pandas and R write it, is left out. Lines that begin with # are comments.
    Raises InputError for what is no number, rows of several lengths, or a column that numbers the rows.
    """
    layout = layout_of(path)
    table = _table(path, layout, float_precision="round_trip")
    header = layout.header or []
    named_last = len(header) == table.shape[1] and header[-1]
    if table.shape[1] > 1 and table.iloc[:, -1].isna().all() and not named_last:
        table = table.iloc[:, :-1]  # a delimiter at the end of each line
        header = header[: table.shape[1]]
    if layout.row_names:
        table = table.iloc[:, 1:]
    names = header[-table.shape[1] :]
    names = names if len(names) == table.shape[1] else [str(k) for k in range(table.shape[1])]
    for name, column in zip(names, table, strict=True):
        if table[column].dtype.kind not in "fiub":
            raise _no_number(path, name, table[column])
    if not table.size:
        raise InputError(f"{path} holds no numbers; give a row for each point.")
    numbers = table.to_numpy(np.float64)
    check_no_row_numbers(numbers, path, names)
    return numbers


def read_words(path):
    """Return the one column of a text file, (N,) of text: labels. A first line of a name is skipped.

    The first line is a name where no other line is equal to it, unless all lines are numbers.
    Raises InputError if there are several columns, or an empty entry.
    """
    layout = layout_of(path)
    if layout.delimiter == " ":  # within a label
        layout.delimiter = "\t"
    # A # within a label is part of it.
    table = _table(path, layout, dtype=str, skip=0, comment=None, keep_default_na=False)
    table = table.iloc[:, 1:] if layout.row_names and table.shape[1] > 1 else table
    if table.shape[1] != 1:
        raise InputError(
            f"{path} has {table.shape[1]} columns; labels are one column, a label a row."
        )
    words = table.iloc[:, 0].str.strip()
    numbers = words.str.fullmatch(NUMBER)
    named = (
        not numbers.iloc[0] if numbers.iloc[1:].all() else words.iloc[0] not in set(words.iloc[1:])
    )
    words = words.iloc[1:] if named and not numbers.all() else words
    missing = words.str.lower().isin(WORDS - {"true", "false"})
    if missing.any():
        raise InputError(
            f"{path}: row {int(missing.argmax())} (counted from 0) has no label; label every point, or leave it "
            "out of all sets."
        )
    return words.to_numpy(str)


def layout_of(path):
    """Return the Layout of a text file; raise InputError if it is empty or no text."""
    start = Path(path).read_bytes()[:4]
    encoding = next((name for mark, name in MARKS.items() if start.startswith(mark)), "utf-8")
    try:
        with open(path, encoding=encoding, newline=None) as file:
            lines = list(islice((line for line in file if _counts(line)), LINES))
            if any("\0" in line for line in lines):  # UTF-16 or UTF-32 without its mark
                raise UnicodeError
    except UnicodeError:
        raise InputError(
            f"{path} is not text in UTF-8; save it as CSV in UTF-8 (or as .npy)."
        ) from None
    if not lines:
        raise InputError(f"{path} is empty; give a row for each point.")
    body = lines[1:] or lines
    delimiter = next((mark for mark in (";", "\t", ",") if any(mark in line for line in body)), " ")
    rows = [_fields(line, delimiter) for line in lines]
    decimal = "." if delimiter == "," else _decimal(path, rows[1:] or rows)
    first, others = rows[0], rows[1:]
    named = (
        not all(_is_number(field, decimal) for field in first)
        or _are_pandas_names(first, others)
        # The name of an index of pandas.
        or (first[0] == "" and len(first) > 1 and all(row[0] for row in others))
    )
    header = [field.strip().strip('"') for field in first] if named else None
    if delimiter == ",":
        _no_decimal_commas(path, others or rows)
    longer = bool(header and others) and len(header) == len(others[0]) - 1 and others[0][-1] != ""
    if longer and len({row[0] for row in others}) < len(others):
        raise InputError(
            f"{path} has {len(others[0])} fields in its rows and {len(header)} names above them; give each column "
            "a name, and each number a decimal point."
        )
    unnamed = bool(header and len(header) > 1) and header[0] in ("", "Unnamed: 0")
    return Layout(encoding, delimiter, decimal, header, longer or unnamed)


def _table(path, layout, skip=None, comment="#", **options):
    """Return all rows as a DataFrame whose columns are numbered.

    skip: lines, those of the names; comment: what begins one within a line, as whole lines are left out anyway.
    """
    skip = (1 if layout.header else 0) if skip is None else skip
    try:
        with open(path, encoding=layout.encoding, newline=None) as file:
            while skip:
                skip -= _counts(next(file))
            return pd.read_csv(
                file if comment else io.StringIO("".join(filter(_counts, file))),
                header=None,
                sep=r"\s+" if layout.delimiter == " " else layout.delimiter,
                decimal=layout.decimal,
                skipinitialspace=True,
                index_col=False,
                comment=comment,
                low_memory=False,
                **options,
            )
    except pd.errors.EmptyDataError:
        raise InputError(
            f"{path} has names of columns and no rows; give a row for each point."
        ) from None
    except pd.errors.ParserError as error:
        said = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error))
        what = f"a row of {said[3]} fields among rows of {said[1]}" if said else str(error).strip()
        raise InputError(f"{path} has {what}; give as many numbers in each row.") from None
    except UnicodeError:
        raise InputError(
            f"{path} is not text in UTF-8; save it as CSV in UTF-8 (or as .npy)."
        ) from None


def _counts(line):
    """Tell whether a line is neither empty nor a comment."""
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _fields(line, delimiter):
    if delimiter == " ":
        return line.split()
    return [field.strip() for field in next(csv.reader([line.rstrip("\n")], delimiter=delimiter))]


def _decimal(path, rows):
    """Return the decimal mark of rows whose delimiter is no comma."""
    fields = [field for row in rows for field in row if "," in field]
    if not fields:
        return "."
    if any(field.count(",") > 1 or "." in field for field in fields):
        raise InputError(
            f"{path} has numbers such as {fields[0]!r}, with marks of thousands; write them without."
        )
    return ","


def _no_decimal_commas(path, rows):
    """Raise InputError if fields between commas are halves of numbers: 0,05 is no 0 and 5."""
    fields = [field for row in rows for field in row if field]
    halves = [field for field in fields if re.fullmatch(r"-0|[+-]?0\d+", field)]
    if halves and all(re.fullmatch(r"[+-]?\d+", field) for field in fields):
        raise InputError(
            f"{path} has fields such as {halves[0]!r}: its numbers seem to have decimal commas; write decimal "
            "points, or semicolons between columns."
        )


def _is_number(field, decimal="."):
    field = field.strip().replace(decimal, ".") if decimal != "." else field.strip()
    return bool(re.fullmatch(NUMBER, field)) or field.lower() in WORDS


def _are_pandas_names(first, others):
    """Tell whether a first line of consecutive numbers names columns, as pandas and spreadsheets write it.

    Of few columns of whole numbers 0, 1 may as well be the first point.
    """
    if len(first) < 2 or not all(re.fullmatch(r"\d+", field) for field in first):
        return False
    numbers = [int(field) for field in first]
    whole = all(re.fullmatch(r"[+-]?\d+", field) for row in others for field in row)
    consecutive = numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    return bool(others) and consecutive and (not whole or len(first) > 3)


def check_no_row_numbers(array, name, columns=None):
    """Raise InputError if the first or the last column of an array (N, D) numbers its rows.

    Such are whole numbers that only go up, or only down, and in the first column consecutive ones in any
    order. D = 1 is not looked at. columns: their names. N below 5 says nothing.
    """
    if array.ndim != 2 or array.shape[1] < 2 or len(array) < 5 or array.dtype.kind not in "fiu":
        return
    for column in (0, array.shape[1] - 1):
        values = np.asarray(array[:, column], np.float64)
        if not np.isfinite(values).all() or (values % 1).any():
            continue
        steps, sorted_steps = np.diff(values), np.diff(np.sort(values))
        in_order = (steps > 0).all() or (steps < 0).all()
        shuffled = column == 0 and (sorted_steps == 1).all()
        if in_order or shuffled:
            called = columns[column] if columns else column
            raise InputError(
                f"{name}: column {called} seems to number the rows; a row's number is no coordinate: take the "
                "column out (pandas: to_csv(..., index=False)). If it is one, put the rows of all sets in another "
                "order, the same for all."
            )


def _no_number(path, name, column):
    words = column.dropna().astype(str)
    wrong = words[~words.str.fullmatch(NUMBER)]
    example = wrong.iloc[0] if len(wrong) else words.iloc[0]
    hint = "drop or encode it"
    if re.fullmatch(r"[+-]?\d{1,3}([,'. ]\d{3})+([.,]\d+)?", example):
        hint = "write numbers without marks of thousands"
    return InputError(f"{path}: column {name} is not numeric, it holds {example!r}; {hint}.")
