"""The documentation as the tests read it: fenced blocks in their order, tables, links, and the words in backticks.

A `bash` block is run. A `json` or `text` block after it, in the same section, is what it must print. A `sh` block is
for a machine that has more than this one (a container engine, a cluster) and is only looked at. A block of another
language whose first line is a comment with a file's name alone (`# contactfold.yaml`, `# send.py`, `// send.mjs`,
`<!-- page.html -->`) is that file from then on; contactfold is started anew with a `contactfold.yaml`.
"""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
README = ROOT / "README.md"
DOORS = sorted((ROOT / "docs" / "doors").glob("*.md"))
GUIDES = [*sorted((ROOT / "docs").glob("*.md")), *DOORS]
PAGES = [
    README,
    ROOT / "ARCHITECTURE.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    ROOT / "CHANGELOG.md",
    *GUIDES,
]

_FENCE = re.compile(r"```(\w*)$")
_HEADING = re.compile(r"#+ (.+)")
_FILE = re.compile(r"(?:#|//|<!--) ([a-z][\w./-]*\.[a-z]+)(?: -->)?")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, the line it begins in and the heading above it."""

    language: str
    text: str
    line: int
    section: str

    @property
    def file(self) -> str | None:
        """The name of the file that the block is, where it is one."""
        first = self.text.partition("\n")[0]
        match = _FILE.fullmatch(first) if self.language not in {"bash", "sh", "json", "text"} else None
        return match[1] if match else None


@dataclass(frozen=True)
class Step:
    """A command, and what it prints where the page says so; or a file that the reader makes."""

    command: Block
    output: Block | None


def name_page(page: object) -> str:
    """A page as tests name it."""
    return page.relative_to(ROOT).as_posix() if isinstance(page, Path) else ""


def read_blocks(page: Path) -> list[Block]:
    """Every fenced block of a page."""
    found: list[Block] = []
    lines: list[str] = []
    section, language, begun = "", None, 0
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        fence = _FENCE.match(line)
        if language is None and fence:
            language, begun, lines = fence[1], number, []
        elif language is not None and line == "```":
            found.append(Block(language, "\n".join(lines), begun, section))
            language = None
        elif language is not None:
            lines.append(line)
        elif heading := _HEADING.match(line):
            section = heading[1]
    assert language is None, f"{page.name}: the block that begins in line {begun} never ends"
    return found


def read_steps(page: Path) -> list[Step]:
    """What a page asks its reader to run, and the files to make, in order."""
    blocks = read_blocks(page)
    steps: list[Step] = []
    for place, block in enumerate(blocks):
        if block.language == "bash":
            after = blocks[place + 1] if place + 1 < len(blocks) else None
            told = after is not None and after.language in {"json", "text"} and after.section == block.section
            steps.append(Step(block, after if told else None))
        elif block.file is not None:
            steps.append(Step(block, None))
    return steps


def read_tables(page: Path, *, under: str = "") -> list[list[str]]:
    """The cells of every table row of a page, or of the sections whose heading begins with `under`; heads left out."""
    rows: list[list[str]] = []
    section, fenced = "", False
    for line in page.read_text(encoding="utf-8").splitlines():
        fenced ^= line.startswith("```")
        heading = _HEADING.match(line)
        if heading and not fenced:
            section = heading[1]
        if line.startswith("|") and not fenced and section.startswith(under):
            if re.fullmatch(r"[|\s:-]+", line):
                rows.pop()  # what stood above the dashes was the head
            else:
                cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
                rows.append([cell.strip().replace("\\|", "|") for cell in cells])
    return rows


def unquote(cell: str) -> str:
    """The first text in backticks of a cell, or the cell itself."""
    match = re.search(r"`([^`]+)`", cell)
    return match[1] if match else cell


def read_prose(page: Path) -> str:
    """A page without its fenced blocks."""
    kept, fenced = [], False
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif not fenced:
            kept.append(line)
    return "\n".join(kept)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as the usual viewers make them."""
    headings = (match[1] for line in read_prose(page).splitlines() if (match := _HEADING.match(line)))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
