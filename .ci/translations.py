"""Brings the translations of the window up to date: `python .ci/translations.py` after a text has changed.

It collects every text in `tr("...")` of paper_repo/desktop into translations/paper_repo_de.ts, where translators write
(with Qt Linguist, or an editor), and compiles that to the .qm file that is shipped. It needs PySide6.
"""

import ast
import subprocess
import sys
import xml.etree.ElementTree as ET
from importlib.util import find_spec
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "paper_repo" / "desktop"
FILE = PACKAGE / "translations" / "paper_repo_de.ts"
CONTEXT = "paper_repo"


def texts() -> list[str]:
    """Every text that the window translates, in the order of the modules; titles of tabs are among them."""
    found: dict[str, None] = {}
    for path in sorted(PACKAGE.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "tr":
                argument = node.args[0]
                if isinstance(argument, ast.Constant):
                    found[str(argument.value)] = None
            if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "TABS":
                found |= dict.fromkeys(str(key.value) for key in node.value.keys)
    return list(found)


def translations() -> dict[str, str]:
    """What has been translated already."""
    if not FILE.exists():
        return {}
    messages = ET.parse(FILE).getroot().iter("message")
    return {message.findtext("source", ""): message.findtext("translation", "") for message in messages}


def write(known: dict[str, str]) -> list[str]:
    """Write the file of the translators; returns the texts that have no translation yet."""
    root = ET.Element("TS", version="2.1", language="de_DE", sourcelanguage="en")
    context = ET.SubElement(root, "context")
    ET.SubElement(context, "name").text = CONTEXT
    missing = []
    for text in texts():
        message = ET.SubElement(context, "message")
        ET.SubElement(message, "source").text = text
        translation = ET.SubElement(message, "translation")
        translation.text = known.get(text, "")
        if not translation.text:
            translation.set("type", "unfinished")
            missing.append(text)
    ET.indent(root, "    ")
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text('<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n' + ET.tostring(root, "unicode") + "\n")
    return missing


def compile_(target: Path) -> None:
    """Compile it."""
    package = find_spec("PySide6")
    assert package is not None
    assert package.origin is not None
    tool = next(Path(package.origin).parent.glob("lrelease*"))
    subprocess.run([str(tool), "-silent", str(FILE), "-qm", str(target)], check=True)


if __name__ == "__main__":
    missing = write(translations())
    for text in missing:
        print(repr(text))
    compile_(FILE.with_suffix(".qm"))
    sys.exit(f"{len(missing)} texts are not translated yet" if missing else 0)
