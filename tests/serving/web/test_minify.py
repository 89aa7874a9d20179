"""What the minifier may touch, and what it must leave alone."""

from __future__ import annotations

import pytest

from serving.web.minify import minified


@pytest.mark.parametrize(
    ("source", "small"),
    [
        ("const far = 1;\nlet near = far + 1;\n", "const e=1;let t=e+1;"),
        (
            "const far = 1;\nconst { lid } = far;\nif (far) { go(); }\nlet near = 2;\nlet next = () => { far(); };\n",
            "const e=1,{lid}=e;if(e){go()}let t=2,a=()=>{e()};",
        ),
        ("const far = 1;\ngo(far);\nconst near = far;\n", "const e=1;go(e);const t=e;"),
        ('const text = "?  // !";\n', 'const e="?  // !";'),
        (
            "const say = (who) => `${who}  and ${far}`;\nconst far = 2;\n",
            "const a=e=>`${e}  and ${t}`,t=2;",
        ),
        (
            'const far = 1;\nsay(`${far ? "far" : this.far}`);\n',
            'const e=1;say(`${e?"far":this.far}`);',
        ),
        ("const width = 3;\nbox.width = { width: width }[width];\n", "const e=3;box.width={width:e}[e];"),
        ("const width = 3;\nuse({ width, height: 2 });\n", "const width=3;use({width,height:2});"),
        ("const { width } = box;\nconst narrow = width / 2;\n", "const{width}=box,e=width/2;"),
        ("class Box {\n  #lid = 1;\n  lid() { return this.#lid; }\n}\n", "class e{#e=1;lid(){return this.#e}}"),
        (
            "const lid = 1;\nclass Box {\n  lid = lid;\n  get far() { return { get lid() { return lid; } }; }\n}\n",
            "const e=1;class t{lid=e;get far(){return{get lid(){return e}}}}",
        ),
        (
            "function sum(first, [second], { third }, fourth = first) { if (sum) { go(fourth); } }\n",
            "function e(t,[o],{third},a=t){if(e){go(a)}}",
        ),
        ("const far = async (near) => ({ ...near });\n", "const t=async(e)=>({...e});"),
        ("each((near) => { go(near); });\n", "each(e=>{go(e)});"),
        ("each((near, far) => near < far);\n", "each((e,t)=>e<t);"),
        ("const far = 1;\nuse({ far }, far);\n", "const far=1;use({far},far);"),
        ("use(/[/ ]+/g, 'x', [1, 2,],);\n", "use(/[/ ]+/g,'x',[1,2]);"),
        ("const a = 1;\nconst other = a + +a;\n", "const e=1,t=e+ +e;"),
        ("const CSS = `@layer x {\n  p > b { top: 0; }\n}`;\n", "const e=`@layer x{p>b{top:0}}`;"),
    ],
    ids=[
        "variables",
        "declarations",
        "statements between",
        "strings",
        "holes",
        "texts in holes",
        "properties",
        "shorthand",
        "patterns",
        "private",
        "members",
        "parameters",
        "asynchronous",
        "one parameter",
        "two parameters",
        "shorthand in a call",
        "regexes",
        "signs",
        "styles",
    ],
)
def test_only_what_means_nothing_is_left_out(source: str, small: str) -> None:
    """Space and comments go, names of variables and private members shrink; everything a page can see stays."""
    assert minified(source) == small


def test_comments_go_wherever_they_stand() -> None:
    """Before, behind and between."""
    assert minified("/** One. */\ncall(1 /* two */, 2); // three\n") == "call(1,2);"
