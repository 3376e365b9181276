"""Draw the rule graph into docs/pipeline.md, and list its rules, from the rules.

    python workflow/rulegraph.py docs/pipeline.md

Snakemake says which rule feeds which (`--rulegraph`). What each rule does is read from
the files in workflow/rules; the rules of specs are those of the table in specs.smk.
"""

import ast
import re
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vlae.system import registry
from vlae.system.registry import REGISTRIES

ROOT = Path(__file__).parents[1]
BEGIN, END = "<!-- made by workflow/rulegraph.py -->", "<!-- end -->"
COMMAND = r"python -m vlae (\w+)"
OUTPUT = r'output:\n\s+(?:\w+=)?(?:report\(\s*)?f?"([^"]+)"'
SPECS_FILE = "specs.smk"
EXPERIMENTS_FILE = "experiments.smk"
EXPERIMENT = "experiment"
"""What the page calls the rules of all experiments, which differ in their files."""
FOUND_BY_NAME = {
    "prepare": ["datasets"],
    "train": ["models", "networks"],
    "experiment": ["experiments", "measures"],
    "figure": ["figures"],
    "claim": ["claims"],
}
"""Registries whose modules a command finds by name."""
SWEEP = """\
sweeps: {one: {title: One, base: mnist/vlae, seeds: [1], grid: {as: {it-is: {}}}}}
"""
"""Overlay of a sweep: the paper has none, so its rule would not be in the graph."""

Edge = tuple[str, str]


@dataclass(frozen=True)
class Rule:
    """A rule as its file has it."""

    name: str
    file: str
    does: str
    command: str
    """Command of the package that the rule calls; empty for specs."""
    output: str
    local: bool
    """Whether it runs where Snakemake does, also on a cluster."""


def rules(folder: Path) -> list[Rule]:
    """Return every rule of the files in `folder` that makes a file, in their order."""
    found = []
    for path in sorted(folder.glob("*.smk")):
        text = path.read_text(encoding="utf-8")
        if path.name == SPECS_FILE:
            found += spec_rules(text)
            continue
        named = re.search(r"^localrules:\n((?:    \w+,\n)+)", text, re.MULTILINE)
        local = re.findall(r"\w+", named[1]) if named else []
        for name, body in bodies(path.name, text):
            if "    output:" not in body:
                continue  # a target: it only names what others make
            does = re.search(r'^    """(.*?)"""', body, re.DOTALL)
            output = re.search(OUTPUT, body)
            assert does and output, f"{path}: rule {name} has no docstring or no output"
            called = re.search(COMMAND, body)
            found.append(
                Rule(
                    name,
                    path.name,
                    does[1],
                    called[1] if called else "",
                    output[1].replace("{{", "{").replace("}}", "}"),
                    name in local,
                )
            )
    return found


def bodies(file: str, text: str) -> list[tuple[str, str]]:
    """Return name and text of every rule that stands for itself in a file.

    The rule of experiments, which a loop makes for each of them, is one of these.
    """
    if file == EXPERIMENTS_FILE:
        _, found, loop = text.partition("\n    rule:\n")
        assert found, f"{file} makes no rules in a loop"
        text = f"rule {EXPERIMENT}:\n{textwrap.dedent(loop)}"
    return re.findall(r"^rule (\w+):\n((?:    .*\n|\n)+)", text, re.MULTILINE)


def spec_rules(text: str) -> list[Rule]:
    """Return the rules that the table in specs.smk, whose text is given, lists."""
    table = re.search(r"^SPECS = ({\n.*?^})", text, re.MULTILINE | re.DOTALL)
    assert table, f"{SPECS_FILE} has no table SPECS"
    return [
        Rule(name, SPECS_FILE, does, command="", output=output, local=True)
        for name, (does, output) in ast.literal_eval(table[1]).items()
    ]


def edges(printed: str) -> set[Edge]:
    """Return pairs of rules, the first feeding the second.

    Args:
        printed: what `snakemake --rulegraph mermaid-js` prints.
    """
    names = dict(re.findall(r"^\s*(id\d+)\[(\w+)\]$", printed, re.MULTILINE))
    made = {f"{EXPERIMENT}_{name}" for name in registry.names("experiments")}
    shown = {key: EXPERIMENT if n in made else n for key, n in names.items()}
    pairs = re.findall(r"^\s*(id\d+) --> (id\d+)$", printed, re.MULTILINE)
    return {(shown[a], shown[b]) for a, b in pairs if a != b}


def without(graph: Iterable[Edge], rules: Iterable[str]) -> set[Edge]:
    """Return the graph without some rules that only begin or only end it."""
    left_out = set(rules)
    return {(a, b) for a, b in graph if not {a, b} & left_out}


def reduced(graph: set[Edge]) -> set[Edge]:
    """Return the graph, which has no cycles, without arrows that others imply."""
    return {edge for edge in graph if not _reaches(graph - {edge}, *edge)}


def _reaches(graph: set[Edge], start: str, end: str) -> bool:
    todo, seen = [start], set[str]()
    while todo:
        rule = todo.pop()
        if rule == end:
            return True
        if rule not in seen:
            seen.add(rule)
            todo += [b for a, b in graph if a == rule]
    return False


def diagram(graph: Iterable[Edge]) -> str:
    """Return a Mermaid flow chart, which is the same for the same graph."""
    arrows = [f"    {before} --> {after}" for before, after in sorted(graph)]
    return "\n".join(["```mermaid", "flowchart TB", *arrows, "```"])


def table(listed: Iterable[Rule]) -> str:
    """Return one line per rule: what it does, calls, and writes first."""
    heads = ["rule", "what it does", "command", "modules", "first output"]
    lines = [_line(heads), _line(["---"] * len(heads))]
    for rule in listed:
        modules = [f"commands/{rule.command}.py"]
        for name in FOUND_BY_NAME.get(rule.command, []):
            modules.append(f"{REGISTRIES[name].folder.replace('.', '/')}/")
        links = ", ".join(f"[`{m}`](../src/vlae/{m})" for m in modules)
        command = f"`vlae {rule.command}`"
        lines.append(_line([_link(rule), rule.does, command, links, _output(rule)]))
    return "\n".join(lines)


def table_of_specs(listed: Iterable[Rule]) -> str:
    """Return one line per rule of a spec, which calls no command of the package."""
    lines = [_line(["spec", "what it holds", "file"]), _line(["---"] * 3)]
    lines += [_line([_link(rule), rule.does, _output(rule)]) for rule in listed]
    return "\n".join(lines)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _link(rule: Rule) -> str:
    return f"[`{rule.name}`](../workflow/rules/{rule.file})"


def _output(rule: Rule) -> str:
    return f"`{rule.output}`"


def content(graph: set[Edge], listed: list[Rule]) -> str:
    """Return everything on the page that is generated.

    The diagram leaves out specs, each of which is made from the configuration for one
    other rule, and `all`, which the last rules feed.
    """
    named = {rule.name for rule in listed}
    drawn = {name for edge in graph for name in edge} - {"all"}
    assert drawn == named, f"rules in one place only: {sorted(drawn ^ named)}"
    specs = [rule for rule in listed if rule.file == SPECS_FILE]
    others = [rule for rule in listed if rule not in specs]
    shown = reduced(without(graph, ["all", *(rule.name for rule in specs)]))
    order = _order(shown)
    others.sort(key=lambda rule: order.index(rule.name))
    local = ", ".join(f"`{rule.name}`" for rule in others if rule.local)
    return "\n\n".join(
        [
            diagram(shown),
            table(others),
            f"On a cluster, {local} and the specs run where Snakemake itself runs.",
            table_of_specs(specs),
        ]
    )


def _order(graph: set[Edge]) -> list[str]:
    """Return the rules, each after what feeds it, and otherwise by name."""
    left = {name for edge in graph for name in edge}
    found: list[str] = []
    while left:
        free = {n for n in left if not any(b == n and a in left for a, b in graph)}
        found.append(min(free))
        left.remove(found[-1])
    return found


def printed(root: Path) -> str:
    """Return the rule graph of the paper and a sweep, as Snakemake prints it.

    Nothing runs.
    """
    words = ["--rulegraph", "mermaid-js", "--forceall", "--cores", "1", "--configfile"]
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as overlay:
        overlay.write(SWEEP)
        overlay.flush()
        called = [sys.executable, "-m", "snakemake", *words, overlay.name]
        done = subprocess.run(called, cwd=root, capture_output=True, encoding="utf-8")
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


def replaced(page: str, content: str) -> str:
    """Return the page with `content` between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{content}\n\n{END}{after}"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    made = content(edges(printed(ROOT)), rules(ROOT / "workflow" / "rules"))
    page = path.read_text(encoding="utf-8")
    path.write_text(replaced(page, made), encoding="utf-8")
