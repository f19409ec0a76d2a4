"""What a statement takes from its notebook: compared with Python's own symbol tables."""

import ast
import symtable
import warnings
from pathlib import Path

import pytest

import medtutor
from medtutor.grading.closure import BUILTINS
from medtutor.grading.scopes import facts


@pytest.mark.parametrize(
    "code, names",
    [
        ("def area(r: Num = one) -> Num: return late(r)", {"Num", "one", "late"}),
        ("@deco(k)\ndef area(r): return 1", {"deco", "k"}),
        ("class area(Base, metaclass=Meta):\n    x = y\n    def f(self): return z", {"Base", "Meta", "y", "z"}),
        ("class area:\n    y = 1\n    x = y\n    def f(self): return y", {"y"}),
        ("class area:\n    y = y", {"y"}),
        ("def area(r):\n    global g\n    g += 1", {"g"}),
        ("def area(r):\n    x = 1\n    def inner():\n        nonlocal x\n        x += y\n    return inner", {"y"}),
        ("def area(r): return [a for a in b if c for d in a if e]", {"b", "c", "e"}),
        ("def area(r): return {k: v for k, v in z.items()}, {s for s in r}, (g for g in h)", {"z", "h"}),
        ("area = lambda r, *a, k=d, **b: (r, a, k, b, x)", {"d", "x"}),
        ("def area(r): return [last := y for y in r], last", set()),
        ("def area(r):\n    import os\n    from a import b as c\n    return os, c", set()),
        ("def area(r):\n    try: pass\n    except E as e: return e, f", {"E", "f"}),
        ("def area(r):\n    with a as b, c: return b", {"a", "c"}),
        ("def area(r):\n    match r:\n        case P(x=q, y=[*t]) | {'a': u, **v}: return q, t, u, v, w", {"P", "w"}),
        ("def area(r):\n    for i, (j, *k) in m: del i\n    return j, k", {"m"}),
        ("def area(r): return f'{a} {r!r:>{b}}'", {"a", "b"}),
        ("def area(r: 'np.ndarray', k: 'list[Shape]'): return 1", set()),
        ("async def area(r):\n    async with a as b:\n        return [c async for c in d]", {"a", "d"}),
        ("def area(r):\n    x: int = 1\n    y: Num\n    return x, y", {"Num"}),
        ("def area(r):\n    a.b[c] = 1\n    d += 1\n    return d", {"a", "c"}),
    ],
)
def test_the_free_names_of_a_statement_are_those_of_python(code, names):
    found = facts(ast.parse(code).body[0])
    assert (found.now | found.later) - BUILTINS - {"area"} == names
    assert "area" in found.binds


@pytest.mark.parametrize(
    "code, binds, surely, changes, now",
    [
        ("a = b = c", "ab", "ab", "", "c"),
        ("(a, [b, *c]), d.e, f[g] = h", "abc", "abc", "df", "dfgh"),
        ("a += b", "a", "a", "", "ab"),
        ("a: int = b", "a", "a", "", "b"),
        ("a: int", "", "", "", ""),
        ("if a: b = 1\nelse: b = c = 2", "bc", "b", "", "a"),
        ("for a in b: c = a\nelse: d = c", "acd", "", "", "b"),
        ("while a: b = (c := 1)", "bc", "", "", "a"),
        ("with a as b, c as (d, e): f = b", "bdef", "bdef", "", "ac"),
        ("try: a = 1\nexcept b as c: d = c\nfinally: e = 1", "acde", "ae", "", "b"),
        ("match a:\n case [b, *c]: d = b\n case {'x': e, **f}: pass", "bcdef", "", "", "a"),
        ("import a.b, c as d", "ad", "ad", "", ""),
        ("from a import b as c, d", "cd", "cd", "", ""),
        ("a.append(b)", "", "", "a", "ab"),
        ("a.b[c].update(d)", "", "", "a", "acd"),
        ("a.show(b)", "", "", "", "ab"),
        ("setattr(a, 'x', b)", "", "", "a", "ab"),
        ("for a in b:\n  c[a] = a", "a", "", "c", "bc"),
        ("del a, b[c]", "", "", "b", "bc"),
        ("[a for a in b if (c := a)]", "c", "c", "", "b"),
        ("def f(a=b, *, c: d = e) -> g:\n  h.append(i)\n  j = 1", "f", "f", "", "bdeg"),
        ("class C(a, b=c):\n  d = e\n  f = d", "C", "C", "", "ace"),
        ("print(f'{a:{b}}')", "", "", "", "ab"),
    ],
)
def test_what_a_statement_binds_changes_and_reads_at_once(code, binds, surely, changes, now):
    found = facts(ast.parse(code).body[0])
    assert set(binds) == found.binds
    assert set(surely) == found.surely
    assert set(changes) == found.changes
    assert set(now) == found.now - BUILTINS


def test_what_is_awaited_outside_any_function_is_told_apart():
    for code in (
        "a = await b",
        "async for a in b: pass",
        "async with a: pass",
        "[a async for a in b]",
        "x = [await y]",
    ):
        assert facts(ast.parse(code).body[0]).waits
    for code in ("async def f(): await g", "a = lambda: (await b)", "async def f(): return [x async for x in y]"):
        assert not facts(ast.parse(code).body[0]).waits


def in_symbol_tables(code):
    """The names that a statement takes from its module, by the compiler's own tables."""
    top = symtable.symtable(code, "<code>", "exec")
    found = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_referenced()}
    waiting = list(top.get_children())
    while waiting:
        table = waiting.pop()
        waiting += table.get_children()
        for symbol in table.get_symbols():
            if symbol.is_global() and (symbol.is_referenced() or symbol.is_declared_global()):
                found.add(symbol.get_name())
    return found


MODULES = sorted(Path(medtutor.__file__).parent.rglob("*.py"))[::2]


def test_the_free_names_of_real_code_are_those_of_the_compilers_tables():
    seen = 0
    for path in MODULES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                code = ast.unparse(node)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    found = facts(ast.parse(code).body[0])
                    expected = in_symbol_tables(code)
                assert found.now | found.later == expected, f"{path.name}: {node.name}"
                seen += 1
    assert seen > 200
