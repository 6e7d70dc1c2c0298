"""Tables in LaTeX: complete `table` environments that compile, of at most a page's width."""

import re

# Widths in points: of a column in two-column styles, and of the text blocks of a one-column article and of
# two columns.
COLUMN, PAGE, WIDE_PAGE = 229, 345, 469
# \\scriptsize takes this share of it.
SMALLER = 0.9
# Of a letter at \\footnotesize, and between two columns.
LETTER, SPACE = 3.8, 6
# Letters of a heading or of a sentence in a cell, after which it goes on in another line.
HEADING, SENTENCE = 13, 40

SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{",
    "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "−": "$-$",
    "<": "$<$", ">": "$>$", "|": "$|$", "Φ": r"$\Phi$",
}  # fmt: skip
# In headings, already escaped: what is a symbol is set as one.
SYMBOLS = (
    (r"I\_d", "$I_d$"),
    (r"R\textasciicircum{}2", "$R^2$"),
    (r"kappa-hat(Omega\textasciicircum{}c)", r"$\hat\kappa(\Omega^c)$"),
    (r"kappa(S\textasciicircum{}c)", r"$\kappa(S^c)$"),
    ("kappa(Omega, beta)", r"$\kappa(\Omega, \beta)$"),
    ("product of kappa(Omega, w)", r"$\prod \kappa(\Omega, w_l)$"),
    ("rho", r"$\rho$"),
    ("linf", r"$\ell_\infty$"),
    ("l2", r"$\ell_2$"),
    (" - ", " $-$ "),
)
# Columns of names that the user gave.
NAMES = ("experiment", "dataset", "classifier", "attack", "control")
# A number with a sign, a power of ten or a bound. Not in a name, such as a-1, nor in a range, 1-2.
NUMBER = re.compile(r"(?<![\w.-])(< ?)?(-?)(\d+(?:\.\d+)?)(?:e([+-]?)0*(\d+))?(?![\w-])")


def document(name, parts, notes=()):
    """Return the LaTeX of a table: a comment that says what it needs, and its `table` environments.

    name: the file's, such as "correlations"; parts: of (DataFrame of text, how many of its first columns
    say what a row is of); notes: sentences for the first caption. What is wider than a page even in small
    letters is cut, each piece with what a row is of.
    """
    pieces = [
        (piece, lead) for part, lead in parts if len(part.columns) for piece in cut(part, lead)
    ]
    lines = [
        f"% {name}: written by idbias. Needs \\usepackage{{booktabs,graphicx}}.",
        "% \\input it outside of any other table; table* is as wide as the page in two columns.",
    ]
    for number, (piece, lead) in enumerate(pieces):
        environment = "table*" if width(piece) > COLUMN else "table"
        size, gap = ("scriptsize", 2) if width(piece) > PAGE else ("footnotesize", 3)
        words = name.replace("_", " ")
        caption = " ".join(
            [f"{words[:1].upper()}{words[1:]}{', continued' if number else ''}."]
            + [cell(note) for note in notes if not number]
        )
        label = f"tab:{name}" + f"-{number + 1}" * bool(number)
        lines += [
            f"\\begin{{{environment}}}",
            f"\\centering\\{size}\\setlength{{\\tabcolsep}}{{{gap}pt}}",
            f"\\caption{{{caption}}}\\label{{{label}}}",
            *fitting(tabular(piece, lead), width(piece)),
            f"\\end{{{environment}}}",
        ]
    return "\n".join(lines) + "\n"


def fitting(lines, estimate):
    """Return the lines of a tabular, scaled to the line's width if it may be wider."""
    if estimate * SMALLER <= PAGE * 0.9:
        return lines
    fits = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"
    return [fits, *lines[:-1], f"{lines[-1]}}}"]


def tabular(table, lead):
    """Return the lines of a tabular in booktabs' style; all but the first `lead` columns align right."""
    kinds = []
    columns = [map(given_name if column in NAMES else cell, table[column]) for column in table]
    for position, column in enumerate(table):
        long = table[column].str.len().max() > SENTENCE
        wide = f"p{{{SENTENCE * LETTER:.0f}pt}}"
        kinds.append(wide if long else "l" if position < lead else "r")
    return [
        f"\\begin{{tabular}}{{@{{}}{''.join(kinds)}@{{}}}}",
        "\\toprule",
        " & ".join(
            heading(name, kind[0]) for name, kind in zip(table, kinds, strict=True)
        ) + " \\\\",
        "\\midrule",
        *(after_break(" & ".join(row)) + " \\\\" for row in zip(*columns, strict=True)),
        "\\bottomrule",
        "\\end{tabular}",
    ]  # fmt: skip


def given_name(text):
    """Return a name that the user gave, escaped: 1e5 is no power of ten, nor -- a dash."""
    return escape(text).replace("--", "-{}-")


def cell(text):
    """Return a cell: names escaped, -5.58 as $-5.58$, 1.2e-08 as $1.2 \\cdot 10^{-8}$."""
    out, end = [], 0
    for match in NUMBER.finditer(text):
        bound, sign, digits, power_sign, power = match.groups()
        out.append(escape(text[end : match.start()]))
        ten = f"10^{{{power_sign.strip('+')}{power}}}" if power else ""
        number = "".join(
            [
                sign,
                digits * (digits != "1" or not ten),
                r" \cdot " * bool(ten and digits != "1"),
                ten,
            ]
        )
        plain = not (bound or sign or ten)
        out.append(number if plain else f"${'< ' * bool(bound)}{number}$")
        end = match.end()
    return "".join([*out, escape(text[end:])])


def heading(name, side="r"):
    """Return a column's heading: symbols as such, in lines of some HEADING letters."""
    lines = []
    for word in name.split(" "):
        if lines and len(f"{lines[-1]} {word}") <= HEADING:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    # Symbols of several words stay in one line.
    lines = [name] if any(escape(name).find(symbol) >= 0 for symbol, _ in SYMBOLS[2:6]) else lines
    set_lines = []
    for line in map(escape, lines):
        for plain, symbol in SYMBOLS:
            line = line.replace(plain, symbol)
        set_lines.append("$p$" if line == "p" else "$Z$" if line == "Z" else after_break(line))
    if len(set_lines) == 1:
        return set_lines[0]
    stacked = " \\\\ ".join(set_lines)
    return f"\\shortstack[{'l' if side == 'p' else side}]{{{stacked}}}"


def after_break(line):
    """Return a line that may follow `\\\\`, which takes a bracket or a star after it for its own."""
    return f"{{}}{line}" if line.startswith(("[", "*")) else line


def escape(text):
    """Return text with what LaTeX reads as commands escaped."""
    return "".join(SPECIAL.get(letter, letter) for letter in text)


def widths(table):
    """Return about how wide each column is, in points."""
    in_points = []
    for column in table:
        letters = min(table[column].str.len().max() if len(table) else 0, SENTENCE)
        in_points.append(max(letters, min(len(column), HEADING)) * LETTER + SPACE)
    return in_points


def width(table):
    """Return about how wide a table is, in points."""
    return sum(widths(table))


def cut(table, lead):
    """Return `table` in parts of at most PAGE points, each with its first `lead` columns.

    One that fits a page of two columns stays whole.
    """
    measured = widths(table)
    if sum(measured) * SMALLER <= WIDE_PAGE or lead == len(measured):
        return [table]
    begin = sum(measured[:lead])
    pieces, used = [], 0
    for position in range(lead, len(measured)):
        if not pieces or (used + measured[position]) * SMALLER > PAGE:
            pieces.append(list(range(lead)))
            used = begin
        pieces[-1].append(position)
        used += measured[position]
    return [table.iloc[:, columns] for columns in pieces]
