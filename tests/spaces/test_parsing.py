"""Everything that can be wrong with a document of a space is said in one line that names it."""

from pathlib import Path

import pytest

from sedn.errors import UserError
from spaces import load_space, parse_space

SOURCE = "wrong.yaml"


def one_axis(axis: str) -> str:
    return f"name: x\naxes:\n  {axis}\n"


def two_axes(when: str) -> str:
    return (
        "name: x\n"
        "axes:\n"
        "  embedding.placement: {choice: [none, input, stage1]}\n"
        "  embedding.width: {int: [8, 16]}\n"
        "  optimizer.weight_decay: {float: [0.0, 0.1]}\n"
        f"  attention.kind: {{choice: [none, se], when: {when}}}\n"
    )


BASES = [
    ("[1]", "'base' needs fields and their values, not [1]"),
    ("{epochz: 4}", "base: unknown field 'epochz'; did you mean 'epochs'?"),
    ("{backbone: {nam: resnet18}}", "unknown field 'backbone.nam'; did you mean 'backbone.name'?"),
    ("{backbone: resnet18}", "base: field 'backbone'"),
    ("{backbone.name: resnet18}", "write 'backbone: {name: …}', not 'backbone.name: …'"),
    ("{epochs: 0}", "base: field 'epochs': input should be greater than or equal to 1 (got 0)"),
    ("{epochs: '4'}", "base: field 'epochs': input should be a valid integer (got '4')"),
    ("{1: 2}", "base: field '1'"),
    ('{"a\\nb": 2}', "base: unknown field 'a b'"),
    ("{embedding: {placement: stage1}}", "'embedding.placement' is an axis and fixed in base too"),
]

FIRSTS = [
    ("{}", "'first' needs a list of points, such as [{embedding.placement: stage1}], not {}"),
    ("[1]", "'first' needs a list of points"),
    ("[{embeding.placement: none}]", "'embeding.placement' is no axis; did you mean 'embedding."),
    ("[{seed: 1}]", "first: point 1: 'seed' is no axis"),
    ("[{embedding.placement: stage9}]", "'embedding.placement' is never 'stage9': not in its choi"),
    ("[{}, {optimizer.weight_decay: 1}]", "point 2: 'optimizer.weight_decay' is never 1.0: not in"),
    ("[{embedding.width: big}]", "first: point 1: 'embedding.width': input should be a"),
    ("[{attention.kind: se}]", "'attention.kind' has no effect there, because of 'embedding.plac"),
    ("[{}, {embedding.width: 8}, {embedding.placement: none}]", "point 3 is point 1 again"),
]

DOCUMENTS = [
    ("", "expected a mapping with 'name:', 'base:' and 'axes:'"),
    ("- name", "expected a mapping"),
    ("name: [", "not YAML"),
    ("name: x\n---\nname: y", "not YAML: expected a single document"),
    ("name: \0", "not YAML: unacceptable character #x0000"),
    ("name: !!python/name:os.system x", "not YAML: could not determine a constructor"),
    ("name: 2026-13-40", "not YAML: month must be in 1..12"),
    ("? [a]\n: 1", "not YAML: while constructing a mapping"),
    ("name: !!int ''", "a tag ('!!…') has a wrong value"),
    ("name: !!bool x", "a tag ('!!…') has a wrong value"),
    ("name: !!timestamp x", "a tag ('!!…') has a wrong value"),
    ("name: !!set [x]", "a tag ('!!…') has a wrong value"),
    ("name: " + 3000 * "[" + 3000 * "]", "nested too deeply"),
    ("name: x\nname: y", "line 2: 'name' is there twice, first in line 1; leave one"),
    ("name: x\naxis: {}", "unknown key 'axis'; did you mean 'axes'?"),
    ("name: x\n7: {}", "unknown key '7'; known: name, description, base, axes"),
    ('"a\\nb": x', "unknown key 'a b'"),
    ("axes: {batch_size: {choice: [8]}}", "'name' must be one line of text, not None"),
    ("name: ''\naxes: {}", "'name' must be one line of text, not ''"),
    ("name: 7\naxes: {}", "'name' must be one line of text, not 7"),
    ("name: x\ndescription: [a]\naxes: {}", "'description' must be one line of text, not ['a']"),
    ('name: x\ndescription: "a\\nb"', "'description' must be one line of text, not 'a\\nb'"),
    ("name: x", "'axes' needs at least one field to search, not None"),
    ("name: x\naxes: {}", "'axes' needs at least one field to search, not {}"),
    ("name: x\naxes: [batch_size]", "'axes' needs at least one field to search"),
]

AXES = [
    ("batch_sise: {choice: [8]}", "axes: there is no field 'batch_sise'; did you mean"),
    ("7: {choice: [8]}", "axes: there is no field '7'"),
    ("embedding: {choice: [8]}", "'embedding' is a group of fields; name one: embedding.placement"),
    ("epochs: {int: [1, 9]}", "axis 'epochs': the search sets this field"),
    ("threads: {int: [1, 9]}", "axis 'threads': the search sets this field"),
    ("data.path: {choice: [a, b]}", "axis 'data.path': the search sets this field"),
    ("batch_size: [8, 16]", "axis 'batch_size': expected {choice: [a, b]}, {int: [low, high]}"),
    ("batch_size: {chioce: [8]}", "'batch_size': unknown keyword 'chioce'; did you mean 'choice'?"),
    ("batch_size: {zzz: 8}", "'batch_size': unknown keyword 'zzz'; known: choice, int, float"),
    ("batch_size: {}", "axis 'batch_size': expected one of"),
    ("batch_size: {choice: [8], int: [1, 2]}", "it has 'choice' and 'int'"),
    ("batch_size: {choice: 8}", "axis 'batch_size': 'choice' needs a list of values, not 8"),
    ("batch_size: {choice: []}", "axis 'batch_size': 'choice' needs a list of values, not []"),
    ("batch_size: {choice: [8, 8]}", "axis 'batch_size': 8 is listed twice"),
    ("batch_size: {choice: [8], log: true}", "'log' goes with int or float, not with choice"),
    ("batch_size: {choice: [8], step: 1}", "'step' goes with int or float, not with choice"),
    ("batch_size: {choice: [8, null]}", "axis 'batch_size': input should be a valid integer"),
    ("batch_size: {choice: [true]}", "axis 'batch_size': input should be a valid integer"),
    ("batch_size: {choice: [0]}", "axis 'batch_size': input should be greater than or equal to 1"),
    ("attention.kind: {choice: [see]}", "axis 'attention.kind': input should be 'none'"),
    ("attention.kind: {choice: [cbma]}", "(got 'cbma'); did you mean 'cbam'?"),
    ("embedding.placement: {choice: [stge1]}", "'stge1' is not a placement"),
    ('embedding.placement: {choice: ["a\\nb"]}', "axis 'embedding.placement': 'a b' is not"),
    ("batch_size: {choice: [8, 16], default: 9}", "the default 9 is not in its choice: 8, 16"),
    ("batch_size: {choice: [8], default: x}", "axis 'batch_size': input should be a valid integer"),
    ("batch_size: {int: [8, 16], default: 17}", "the default 17 is not in its range from 8 to 16"),
    ("batch_size: {int: [8, 16], step: 4, default: 10}", "from 8 to 16 in steps of 4"),
    ("batch_size: {int: 8}", "axis 'batch_size': 'int' needs two bounds, [low, high], not 8"),
    ("batch_size: {int: [8, 16, 32]}", "'int' needs two bounds"),
    ("batch_size: {int: [8.0, 16.0]}", "the bounds of 'int' must be whole numbers, not 8.0"),
    ("batch_size: {int: [false, true]}", "the bounds of 'int' must be whole numbers, not False"),
    ("batch_size: {int: [16, 8]}", "the lower bound 16 is not below the upper bound 8"),
    ("batch_size: {int: [8, 8]}", "the lower bound 8 is not below the upper bound 8"),
    ("batch_size: {int: [0, 8]}", "axis 'batch_size': input should be greater than or equal to 1"),
    ("batch_size: {int: [8, 16], step: 3}", "steps of 3 from 8 do not end at 16"),
    ("batch_size: {int: [8, 16], step: 0}", "'step' must be a whole number above 0 and at most 8"),
    ("batch_size: {int: [8, 16], step: 9}", "'step' must be a whole number above 0 and at most 8"),
    ("batch_size: {int: [8, 16], step: 0.5}", "'step' must be a whole number above 0"),
    ("batch_size: {int: [8, 16], log: 1}", "'log' must be true or false, not 1"),
    ("batch_size: {int: [8, 16], log: true, step: 4}", "'step' does not go with 'log: true'"),
    ("batch_size: {float: [8, 16]}", "the field is a whole number; write {int: [8, 16]}"),
    ("batch_size: {float: [8.0, 16.0]}", "axis 'batch_size': input should be a valid integer"),
    ("loss.gamma: {int: [1, 4]}", "write {float: [1, 4], step: 1}"),
    ("loss.gamma: {float: [1, x]}", "axis 'loss.gamma': input should be a valid number"),
    ("loss.gamma: {float: [1, 4.0e0x]}", "axis 'loss.gamma': input should be a valid number"),
    ("loss.gamma: {float: [1e-1, 4.0]}", "YAML takes 1e-1 for text: write 0.1"),
    ("loss.gamma: {float: [.nan, 1.0]}", "axis 'loss.gamma': input should be"),
    ("loss.gamma: {float: [0.0, .inf]}", "axis 'loss.gamma': input should be"),
    (f"loss.gamma: {{float: [0, 1{400 * '0'}]}}", "axis 'loss.gamma': input should be"),
    ("loss.gamma: {float: [0.0, 1.0], log: true}", "'log' needs a lower bound above 0, not 0.0"),
    ("loss.gamma: {float: [0.0, 1.0], step: 0.3}", "steps of 0.3 from 0.0 do not end at 1.0"),
    ("loss.gamma: {float: [0.0, 0.3], step: 0.1000000000001}", "do not end at 0.3"),
    ("loss.gamma: {float: [0.0, 1.0], step: .nan}", "'step' must be a number above 0"),
    ("loss.gamma: {float: [0.0, 1.0], step: 1.0e-320}", "makes more than 10000 values"),
    ("loss.gamma: {float: [0.0, 1.0], step: 0.25, default: 0.3}", "in steps of 0.25"),
    ("batch_size: {choice: [8], when: embedding.width}", "'when' needs axes and their values"),
    ("batch_size: {choice: [8], when: {}}", "'when' needs axes and their values"),
    ("batch_size: {choice: [8], when: {batch_size: 8}}", "must be an axis above this one"),
]

CONDITIONS = [
    ("{embedding.placemen: input}", "is no axis above this one; did you mean"),
    ("{7: input}", "'7' is no axis above this one"),
    ("{optimizer.weight_decay: 0.1}", "'optimizer.weight_decay' is a float axis"),
    ("{embedding.placement: stage2}", "'embedding.placement' is never 'stage2'"),
    ("{embedding.placement: inputt}", "when: 'embedding.placement': 'inputt' is not a placement"),
    ("{embedding.width: 17}", "'embedding.width' is never 17: it is not in its range from 8 to 16"),
    ("{embedding.width: x}", "when: 'embedding.width': input should be a valid integer"),
    ("{embedding.width: []}", "when: 'embedding.width' needs at least one value"),
    (
        "{embedding.width: {nto: 8}}",
        "'embedding.width' needs a value, a list of values or {not: …}",
    ),
    ("{embedding.width: {}}", "'embedding.width' needs a value, a list of values or {not: …}"),
    ("{embedding.width: {not: {a: 1}}}", "'embedding.width': input should be a valid integer"),
    ("{embedding.placement: {not: [none, input, stage1]}}", "it never holds"),
]

CASES = [
    *DOCUMENTS,
    *((f"name: x\nbase: {base}\naxes: {{embedding.placement: {{choice: [none]}}}}", said)
      for base, said in BASES),
    *((one_axis(axis), said) for axis, said in AXES),
    *((two_axes(when), said) for when, said in CONDITIONS),
    *((two_axes("{embedding.placement: stage1}") + f"first: {first}\n", said)
      for first, said in FIRSTS),
]  # fmt: skip


@pytest.mark.parametrize(("document", "said"), CASES)
def test_what_is_wrong_is_said_in_one_line(document: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_space(document, SOURCE)
    message = str(caught.value)
    assert message.startswith(f"{SOURCE}: ")
    assert len(message.splitlines()) == 1
    assert said in message


@pytest.mark.parametrize(("when", "said"), CONDITIONS)
def test_a_wrong_condition_names_its_axis(when: str, said: str) -> None:
    with pytest.raises(UserError, match=r"axis 'attention\.kind': when: "):
        parse_space(two_axes(when), SOURCE)


def test_a_first_point_has_the_defaults_of_what_it_leaves_out() -> None:
    written = "[{embedding.width: 9}, {attention.kind: se, embedding.placement: stage1}]"
    space = parse_space(two_axes("{embedding.placement: stage1}") + f"first: {written}", SOURCE)
    plain = {"embedding.placement": "none", "embedding.width": 9, "optimizer.weight_decay": 0.01}
    late = {**plain, "embedding.placement": "stage1", "attention.kind": "se"}
    assert space.first == (plain, {**late, "embedding.width": space.axes[1].default})


def test_a_condition_on_an_axis_further_down() -> None:
    document = """
name: x
axes:
  embedding.fusion: {choice: [add, gate], when: {embedding.placement: stage1}}
  embedding.placement: {choice: [none, stage1]}
"""
    with pytest.raises(UserError, match=r"'embedding\.placement' must be an axis above this one"):
        parse_space(document, SOURCE)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("name: é".encode("latin-1"))
    for path, said in [
        (tmp_path / "none.yaml", "no such file"),
        (tmp_path, "cannot be read: Is a directory"),
        (latin, "not UTF-8 at byte 6"),
    ]:
        with pytest.raises(UserError) as caught:
            load_space(str(path))
        assert str(caught.value).startswith(f"{path}: {said}")


def test_a_name_too_long_for_a_file() -> None:
    with pytest.raises(UserError, match="not in the catalog"):
        load_space(300 * "a")


def test_an_unknown_name_lists_the_catalog() -> None:
    with pytest.raises(UserError, match=r"not in the catalog \(demo, .*did you mean 'standard'"):
        load_space("standart")


def test_a_file_is_read_as_its_text(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(two_axes("{embedding.placement: {not: none}, embedding.width: [8, 9]}"))
    assert load_space(str(path)) == parse_space(path.read_text(), "any name")
