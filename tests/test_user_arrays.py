"""Arrays and tables of numbers as users bring them: each gives its plain twin's numbers, or one sentence."""

import h5py
import numpy as np
import pandas as pd
import pytest

from idbias.api import correlate
from idbias.correlation.arrays import check_numbers, read_array, read_labels, write_pairs
from idbias.correlation.command import main
from idbias.correlation.similarity import cosine_similarity
from idbias.errors import InputError

POINTS = np.random.default_rng(0).normal(size=(40, 3)).round(6)
FRAME = pd.DataFrame(POINTS, columns=["a", "b", "c"])


def lines(rows=POINTS, mark=",", decimal=".", first=None, end=""):
    text = [mark.join(f"{x:.6f}".replace(".", decimal) for x in row) + end for row in rows]
    return "\n".join([*([first] if first else []), *text]) + "\n"


# Text whose numbers are those of POINTS.
SAME = {
    "plain": lines(),
    "names": lines(first="a,b,c"),
    "names twice": lines(first="a,a,a"),
    "quoted names with commas": lines(first='"a, left","b","c"'),
    "names are numbers 0, 1, 2": lines(first="0,1,2"),
    "names are years": lines(first="2019,2020,2021"),
    "decimal commas": lines(mark=";", decimal=",", first="a;b;c"),
    "semicolons and points": lines(mark=";"),
    "tabs": lines(mark="\t", first="a\tb\tc"),
    "blanks, as of numpy.savetxt": lines(mark=" ", first="# a b c"),
    "blank after the comma": lines(mark=", "),
    "index of pandas": FRAME.to_csv(),
    "shuffled index of pandas": FRAME.set_index(np.random.default_rng(1).permutation(40)).to_csv(),
    "index of text": FRAME.set_index(pd.Index([f"x{i}" for i in range(40)])).to_csv(),
    "index of a plain array": pd.DataFrame(POINTS).to_csv(),
    "row names of R": "a,b,c\n" + "".join(f'"{i}",{line}\n' for i, line in enumerate(lines().split())),
    "delimiter at the end": lines(first="a,b,c,", end=","),
    "delimiter at the end, unnamed": lines(end=","),
    "byte order mark": "\ufeff" + lines(first="a,b,c"),
    "UTF-16": lines(first="a,b,c").encode("utf-16"),
    "line ends of Windows": lines(first="a,b,c").replace("\n", "\r\n"),
    "empty line at the end": lines() + "\n\n",
    "names with an accent": lines(first="é,ß,π"),
}  # fmt: skip

# Text that is refused, and what is said.
REFUSED = {
    "empty": ("", ["is empty", "a row for each point"]),
    "names alone": ("a,b\n", ["has names of columns and no rows"]),
    "text": (lines(first="a,b,c") + "x,y,z\n", ["column a is not numeric, it holds 'x'", "drop or encode"]),
    "names again below": (lines(first="a,b,c") * 2, ["column a is not numeric, it holds 'a'"]),
    "dates": ("day,x\n2020-01-01,1.5\n2020-01-02,2.5\n", ["column day", "'2020-01-01'", "drop or encode"]),
    "thousands": ('a,b\n"1,234.5",2\n"2,345.5",3\n', ["column a", "marks of thousands"]),
    "thousands and semicolons": ("a;b\n1,234.5;2\n2,345.5;3\n", ["marks of thousands", "'1,234.5'"]),
    "a longer row": (lines() + "1,2,3,4\n", ["a row of 4 fields among rows of 3", "as many numbers"]),
    "a shorter row": (lines() + "1,2\n", ["Row 40", "shorter than the others"]),
    "an empty field": (lines() + "1,,2\n", ["Row 40", "holds NaN"]),
    "column that counts": (FRAME.assign(id=range(40)).to_csv(index=False), ["column id seems to number the rows"]),
    "column that counts, unnamed": (
        "".join(f"{i},{line}\n" for i, line in enumerate(lines().split())), ["column 0 seems to number the rows"]
    ),
    "rows left of a longer table": (
        FRAME.assign(id=np.arange(40) * 3 + 7).to_csv(index=False), ["column id seems to number the rows"]
    ),
    "shuffled rows, index named": (
        FRAME.set_index(np.random.default_rng(1).permutation(40)).to_csv(index_label="id"),
        ["column id seems to number the rows"],
    ),
    "complex numbers": ("1+2j,3\n2+1j,4\n", ["is not numeric"]),
    "decimal commas in one column": (
        "\n".join(str(x).replace(".", ",") for x in POINTS[:, 0]), ["decimal commas", "semicolons between"]
    ),
    "decimal commas under one name": (
        "x\n1,25\n1,50\n1,75\n", ["2 fields in its rows and 1 names", "decimal point"]
    ),
    "UTF-16 without its mark": (lines().encode("utf-16-le"), ["not text in UTF-8"]),
    "UTF-32": (lines().encode("utf-32"), ["not text in UTF-8"]),
    "Latin-1": (lines(first="é,b,c").encode("latin-1"), ["not text in UTF-8", "save it"]),
}  # fmt: skip


def refused(read, name, said):
    with pytest.raises(InputError) as raised:
        read(name)
    message = str(raised.value)
    for part in said:
        assert part in message, message
    assert "\n" not in message


def read_checked(name):
    check_numbers(read_array(name), name)


@pytest.mark.parametrize("content", SAME.values(), ids=SAME)
@pytest.mark.parametrize("suffix", [".csv"])
def test_text_gives_its_numbers(tmp_path, content, suffix):
    path = tmp_path / f"x{suffix}"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = read_array(str(path))
    np.testing.assert_array_equal(found, POINTS)
    assert found.dtype == np.float64


@pytest.mark.parametrize(("content", "said"), REFUSED.values(), ids=REFUSED)
def test_text_is_refused_in_one_sentence(tmp_path, content, said):
    path = tmp_path / "x.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    refused(read_checked, str(path), ["x.csv", *said])


def test_one_column_and_booleans_are_numbers(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("x\n0\n1\n2\n3\n4\n", encoding="utf-8")
    assert read_array(str(path))[:, 0].tolist() == [0, 1, 2, 3, 4]
    path.write_text("a,b\nTrue,1.5\nFalse,2.5\n", encoding="utf-8")
    assert read_array(str(path)).tolist() == [[1, 1.5], [0, 2.5]]


def test_whole_numbers_under_numbered_names_are_read_without_the_names(tmp_path):
    """pandas.DataFrame(images).to_csv(index=False): both sets would else share one more point."""
    pixels = np.random.default_rng(0).integers(0, 256, (10, 16))
    pd.DataFrame(pixels).to_csv(tmp_path / "x.csv", index=False)
    np.testing.assert_array_equal(read_array(str(tmp_path / "x.csv")), pixels)


STRUCTURED = np.zeros(5, [("x", float), ("y", int)])
# Arrays that are refused, and what is said.
ARRAYS = {
    "row numbers before": (
        np.c_[np.arange(40), POINTS],
        ["column 0 seems to number the rows", "take the column out"],
    ),
    "row numbers behind": (np.c_[POINTS, np.arange(40)], ["column 3 seems to number the rows"]),
    "no axis": (np.float64(3), ["an array of shape ()", "a row for each point"]),
    "no rows": (np.zeros((0, 3)), ["an array of shape (0, 3)"]),
    "no columns": (np.zeros((5, 0)), ["an array of shape (5, 0)"]),
    "complex": (np.zeros((5, 2), complex), ["complex numbers", "coordinates of their own"]),
    "fields": (STRUCTURED, ["rows of the fields x, y", "plain array"]),
    "dates": (np.zeros(5, "datetime64[s]"), ["dates", "save numbers"]),
    "words": (np.array(["a", "b", "c"]), ["text"]),
    "objects": (np.array([[1, 2], [3]], object), ["objects of Python", "plain array"]),
    "huge": (POINTS * 1e200, ["whose squares are beyond float64", "by one factor"]),
    "tiny": (POINTS * 1e-200, ["whose squares are beyond float64", "by one factor"]),
    "infinite": (
        np.where(POINTS > 2, np.inf, POINTS),
        ["holds NaN or infinity", "remove that row"],
    ),
}


@pytest.mark.parametrize(("array", "said"), ARRAYS.values(), ids=ARRAYS)
@pytest.mark.parametrize("kind", ["npy", "npz"])
def test_arrays_are_refused_in_one_sentence(tmp_path, array, said, kind):
    path = str(tmp_path / f"x.{kind}")
    (np.save if kind == "npy" else np.savez)(path, array)
    refused(read_checked, path, [path, *said])


def test_hdf5_that_is_no_array_of_numbers_is_refused(tmp_path):
    path = str(tmp_path / "x.h5")
    with h5py.File(path, "w") as file:
        file["nothing"] = h5py.Empty("f")
        file["scalar"] = 3.0
        file["words"] = ["a", "b"]
        source = h5py.VirtualSource("elsewhere.h5", "x", shape=(5, 2))
        layout = h5py.VirtualLayout((5, 2), float)
        layout[:] = source
        file.create_virtual_dataset("virtual", layout)
    for name, said in (
        ("nothing", "holds nothing"),
        ("scalar", "an array of shape ()"),
        ("words", "objects of Python"),
        ("virtual", "is a virtual dataset"),
        ("none", "has no array none; write"),
    ):
        refused(read_array, f"{path}:/{name}", [path, said])
    refused(read_array, str(tmp_path), ["is not a file"])
    (tmp_path / "x.parquet").touch()
    refused(read_array, str(tmp_path / "x.parquet"), ["is of no known kind"])


def test_a_missing_filter_of_hdf5_is_named(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=POINTS, chunks=(10, 3), compression="gzip")
    content = path.read_bytes()
    # The filter's number in the dataset's header: 1 is gzip, 32001 is Blosc.
    at = content.index(b"deflate") - 8
    assert content[at : at + 2] == b"\x01\x00"
    path.write_bytes(content[:at] + (32001).to_bytes(2, "little") + content[at + 2 :])
    refused(read_checked, str(path), ["x.h5", "filter", "gzip or uncompressed"])


# Labels: what is saved, and what they are.
LABELS = {
    "words.csv": ("class\ncat\ndog\ncat\ndog\n", [0, 1, 0, 1]),
    "unnamed words.csv": ("cat\ndog\ncat\ndog\n", [0, 1, 0, 1]),
    "numbers.csv": ("class\n3\n5\n3\n5\n", [0, 1, 0, 1]),
    "several words.csv": ("sports car\ncat\ncat\nsports car\n", [1, 0, 0, 1]),
    "index.csv": (",class\n0,cat\n1,dog\n2,cat\n3,dog\n", [0, 1, 0, 1]),
    "ints.npy": (np.array([3, 5, 3, 5]), [3, 5, 3, 5]),
    "column.npy": (np.array([[3], [5], [3], [5]]), [3, 5, 3, 5]),
    "floats.npy": (np.array([0.5, 1.5, 0.5, 1.5]), [0, 1, 0, 1]),
    "words.npy": (np.array(["b", "a", "b", "a"]), [1, 0, 1, 0]),
}
BAD_LABELS = {
    "nan.npy": (np.array([1, np.nan, 1, 2]), ["row 1", "has no label"]),
    "gap.csv": ("class\ncat\nNA\ncat\ndog\n", ["row 1", "has no label"]),
    "one hot.npy": (np.eye(4), ["shape (4, 4)", "take argmax"]),
    "all different.npy": (np.arange(4), ["no two of the 4 points", "give classes"]),
    "complex.npy": (np.array([1j, 1j]), ["complex numbers"]),
    "two columns.csv": ("a,b\n1,x\n2,y\n", ["has 2 columns"]),
}


def kept(path, content):
    if isinstance(content, str):
        path.write_text(content, encoding="utf-8")
    else:
        np.save(path, content)
    return str(path)


@pytest.mark.parametrize("name", LABELS)
def test_labels_are_numbers_or_words(tmp_path, name):
    content, expected = LABELS[name]
    found = read_labels(kept(tmp_path / name, content))
    assert (found.tolist(), found.dtype) == (expected, np.int64)


@pytest.mark.parametrize("name", BAD_LABELS)
def test_labels_that_are_none_are_refused(tmp_path, name):
    content, said = BAD_LABELS[name]
    refused(read_labels, kept(tmp_path / name, content), [name, *said])


def test_a_hash_within_a_label_is_part_of_it(tmp_path):
    (tmp_path / "labels.txt").write_text("# languages\n" + "C#\nC\nF#\nF\n" * 3, encoding="utf-8")
    assert len(set(read_labels(str(tmp_path / "labels.txt")))) == 4


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"labels": [0.0, 1.0, np.nan] * 4}, "labels: row 2 .* has no label"),
        ({"first": np.array(["a"] * 12)}, "first holds text"),
        ({"second": np.empty((12, 0))}, r"second holds an array of shape \(12, 0\)"),
        ({"first": np.arange(12.0) * 1j}, "first holds complex numbers"),
    ],
)
def test_arrays_of_a_program_are_checked_as_those_of_files(changes, said):
    sets = dict(
        zip(("first", "second"), np.random.default_rng(0).normal(size=(2, 12, 3)), strict=True)
    )
    with pytest.raises(InputError, match=said):
        correlate(**{**sets, **changes}, shuffles=5)


def test_a_vector_of_zeros_has_no_cosine_and_takes_that_of_no_other(tmp_path):
    first, second = np.random.default_rng(0).normal(size=(2, 30, 4))
    first[3] = 0
    row = correlate(first, second, shuffles=5)
    others = np.delete(np.arange(30), 3)
    assert row.cosine_mean == pytest.approx(cosine_similarity(first[others], second[others]).mean())


def test_words_become_labels_of_the_pairs(tmp_path):
    np.save(tmp_path / "x.npy", POINTS)
    name = kept(tmp_path / "labels.csv", "class\n" + "cat\ndog\n" * 20)
    write_pairs(tmp_path / "p.h5", str(tmp_path / "x.npy"), str(tmp_path / "x.npy"), name)
    with h5py.File(tmp_path / "p.h5") as file:
        assert file["label"][:4].tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--scratch", "nowhere"], ["--scratch nowhere is no folder"]),
        (["--output", "."], ["--output . is a folder", "CSV file"]),
        (["--output", "a.csv"], ["would overwrite what is read"]),
        (["--output", "a.csv/row.csv"], ["is no folder you may write to"]),
        (["--sizes", "words.npy"], ["words.npy holds text"]),
        (["--labels", "nan.npy"], ["nan.npy: row 1", "has no label"]),
    ],
)
def test_the_command_refuses_before_it_works(tmp_path, monkeypatch, capsys, options, said):
    monkeypatch.chdir(tmp_path)
    FRAME.to_csv("a.csv", index=False)
    np.save("words.npy", np.full(40, "x"))
    np.save("nan.npy", np.where(np.arange(40) == 1, np.nan, 1.0))
    before = (tmp_path / "a.csv").read_bytes()
    assert main(["a.csv", "a.csv", *options]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    for part in said:
        assert part in message
    assert (tmp_path / "a.csv").read_bytes() == before


def test_an_index_no_longer_makes_independent_sets_depend(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(3)
    for name in "ab":
        pd.DataFrame(generator.normal(size=(100, 2))).to_csv(f"{name}.csv")
        pd.DataFrame(
            pd.read_csv(f"{name}.csv", float_precision="round_trip").iloc[:, 1:].to_numpy()
        ).to_csv(f"{name}_plain.csv", index=False, header=False)
    rows = []
    for names in (["a.csv", "b.csv"], ["a_plain.csv", "b_plain.csv"]):
        assert main([*names, "--shuffles", "20", "--output", "row.csv", "--threads", "1"]) == 0
        rows.append(pd.read_csv("row.csv").iloc[0])
    assert rows[0].z == rows[1].z
    assert rows[0].z > -4
