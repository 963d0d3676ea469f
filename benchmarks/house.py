"""How the source tree is built: the size of its parts, what repeats, how settings are read.

`python -m benchmarks.house [root ...]` prints one column for every checkout, by default for this
one, so that a tree can be compared before and after it is rebuilt. It reads files and runs none.

Modules: files of Python in `src`; their lines are all lines, blank ones too.
Functions: methods and nested functions too; lines of the body from the first statement after the
docstring to the last, blank ones too.
Rules: `rule X:`, `checkpoint X:` and `use rule X as Y with:` in `workflow/rules/*.smk`; non-empty
lines, comments too, from that one to the last before one that is not indented deeper.
Repeated: lines of rules, stripped, that stand five times or more in the rules of all files;
without keywords: of lines other than those of Snakemake's own words alone, such as `input:`.
Look-ups: `x["name"]` that is read and `x.get("name")`, every step of `x["a"]["b"]` for itself,
where x is settings. Settings are, within a function: attributes, calls and entries named
`settings` or `..._settings`; names annotated as one of `MAPPINGS`, except those in `OTHERS`, which
hold schemas and results; and what is looked up in settings, copied from them or iterated over
them, with the names that it is assigned to. Direct: x itself is named settings or config.
Docstrings: share of the classes and functions at the top level of modules that have one, without
names that start with an underscore.
Percentiles are values that occur: the smallest that so large a share does not exceed.
"""

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from math import ceil, inf
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
LONG = {"modules": 300, "functions": 40, "rules": 35}  # lines
OFTEN = 5  # times
MAPPINGS = {"Settings", "dict", "dict[str, Any]", "Mapping[str, Any]"}
MAPPINGS |= {"dict[str, object]", "Mapping[str, object]"}
OTHERS = {"attributes", "card", "facts", "identity", "origin", "parameters", "provenance"}
OTHERS |= {"data", "root", "row", "schema", "segment", "style"}
KEYWORD = re.compile(r"\w+:")
RULE = re.compile(r" *(?:use rule .+ as (\w+) with|(?:rule|checkpoint) (\w+)):")

Sizes = list[tuple[int, str]]  # lines and name of every part
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def main() -> None:
    roots = [Path(root).resolve() for root in sys.argv[1:] or [str(REPOSITORY)]]
    columns = [measures(root) for root in roots]
    rows = [["measure", *(root.name for root in roots)], ["---"] + ["---:"] * len(roots)]
    rows += [[name, *(column[name] for column in columns)] for name in columns[0]]
    print("\n".join(f"| {' | '.join(row)} |" for row in rows))


def measures(root: Path) -> dict[str, str]:
    """Return every measure of a checkout, by name."""
    source = root / "src"
    texts = {str(p.relative_to(source)): p.read_text() for p in sorted(source.rglob("*.py"))}
    trees = {path: ast.parse(text) for path, text in texts.items()}
    modules = [(len(text.splitlines()), path) for path, text in texts.items()]
    bodies = [body for path, tree in trees.items() for body in functions(tree, f"{path}:")]
    parts = [p for path in sorted(root.glob("workflow/rules/*.smk")) for p in rules(path)]
    lengths = [(len(lines), name) for name, lines in parts]
    times = Counter(line for _, lines in parts for line in lines)
    content = Counter({line: n for line, n in times.items() if not KEYWORD.fullmatch(line)})
    found = [base for tree in trees.values() for base in look_ups(tree)]
    direct = [base for base in found if _name(base) in ("settings", "config")]
    top = [n for tree in trees.values() for n in tree.body if isinstance(n, Definition)]
    public = [node for node in top if not node.name.startswith("_")]
    told = [node for node in public if ast.get_docstring(node)]
    lines = sum(size for size, _ in modules)
    tests = sum(len(p.read_text().splitlines()) for p in root.glob("tests/**/*.py"))
    return {
        **_summary("modules", modules),
        **_summary("functions", bodies),
        **_summary("rules", lengths),
        "rule lines": str(times.total()),
        f"rule lines that stand {OFTEN} times or more": _share(_repeated(times), times.total()),
        "  without keywords": _share(_repeated(content), content.total()),
        "string look-ups in settings": str(len(found)),
        "string look-ups in settings: direct": str(len(direct)),
        "public functions and classes with docstring": _share(len(told), len(public)),
        "lines in src": str(lines),
        "lines in tests": str(tests),
        "lines in tests per line in src": f"{tests / lines:.2f}",
    }


def _repeated(times: Counter[str]) -> int:
    return sum(count for count in times.values() if count >= OFTEN)


def functions(tree: ast.AST, prefix: str) -> Iterator[tuple[int, str]]:
    """Give lines of the body and the name of every function, nested ones too."""
    for node in ast.iter_child_nodes(tree):
        name = f"{prefix}{node.name}" if isinstance(node, Definition) else ""
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[ast.get_docstring(node) is not None :]
            yield (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0, name
        yield from functions(node, f"{name}." if name else prefix)


def rules(path: Path) -> list[tuple[str, list[str]]]:
    """Return the name and the stripped non-empty lines of every rule in a file."""
    parts: list[tuple[str, list[str]]] = []
    indent = inf  # of the rule that a line is in, if it is in one
    for line in filter(str.strip, path.read_text().splitlines()):
        depth = len(line) - len(line.lstrip())
        indent = indent if depth > indent else inf
        if start := RULE.match(line):
            indent = depth
            parts.append((start[1] or start[2], []))
        if indent < inf:
            parts[-1][1].append(line.strip())
    return parts


def look_ups(tree: ast.Module) -> Iterator[ast.expr]:
    """Give the settings in which each string look-up of a module is made."""
    for scope in _scopes(tree):
        names = _settings_names(scope)
        for node in ast.walk(scope):
            match node:
                case ast.Subscript(base, ast.Constant(str()), ast.Load()):
                    yield from [base] if _is_settings(base, names) else []
                case ast.Call(ast.Attribute(base, "get"), [ast.Constant(str()), *_]):
                    yield from [base] if _is_settings(base, names) else []


def _scopes(tree: ast.Module | ast.ClassDef) -> Iterator[ast.stmt]:
    """Give functions and methods, nested ones inside of them, and other statements."""
    for node in tree.body:
        yield from _scopes(node) if isinstance(node, ast.ClassDef) else [node]


def _settings_names(scope: ast.stmt) -> set[str]:
    names, known = set[str](), -1
    nodes = list(ast.walk(scope))
    while len(names) > known:  # what is assigned from settings may come before them in the walk
        known = len(names)
        for node in nodes:
            match node:
                case ast.arg(name, ast.expr() as kind) | ast.AnnAssign(ast.Name(name), kind):
                    names |= {name} - OTHERS if ast.unparse(kind) in MAPPINGS else set()
                case (
                    ast.Assign([target], value)
                    | ast.NamedExpr(target, value)
                    | ast.For(target, value)
                    | ast.comprehension(target, value)
                ):
                    names |= set(_bound(target, value, names))
    return names


def _bound(target: ast.expr, value: ast.expr, names: set[str]) -> Iterator[str]:
    """Give the names in a target that settings are assigned to."""
    if isinstance(target, ast.Name) and _is_settings(value, names):
        yield target.id
    if isinstance(target, ast.Tuple):  # either one value each, or keys and values of settings
        values = value.elts if isinstance(value, ast.Tuple) else [value] * len(target.elts)
        for inner, each in zip(target.elts, values, strict=False):
            yield from _bound(inner, each, names)


def _is_settings(node: ast.expr, names: set[str]) -> bool:
    if _name(node) == "settings" or _name(node).endswith("_settings"):
        return not isinstance(node, ast.Name) or node.id in names
    match node:
        case ast.Name(name):
            return name in names
        case (
            ast.Subscript(value=base)
            | ast.Call(ast.Attribute(base, "get" | "items" | "values" | "copy"))
            | ast.Call(ast.Name("dict"), [base, *_])
        ):
            return _is_settings(base, names)
    return False


def _name(node: ast.expr) -> str:
    match node:
        case ast.Name(name) | ast.Attribute(attr=name):
            return name
        case ast.Call(function):
            return _name(function)
        case ast.Subscript(slice=ast.Constant(value=str() as name)):
            return name
    return ""


def _summary(kind: str, sizes: Sizes) -> dict[str, str]:
    ranked = sorted(sizes)
    largest, name = ranked[-1]
    middle, high = (ranked[ceil(share * len(ranked)) - 1][0] for share in (0.5, 0.9))
    return {
        kind: str(len(sizes)),
        f"{kind}: median lines": str(middle),
        f"{kind}: 90th percentile": str(high),
        f"{kind}: largest": f"{largest} ({name})",
        f"{kind} over {LONG[kind]} lines": str(len([s for s, _ in sizes if s > LONG[kind]])),
    }


def _share(part: int, total: int) -> str:
    return f"{100 * part / total:.1f} %"


if __name__ == "__main__":
    main()
