"""The shape of a script. Frozen, because a parsed script is shared by every container that runs it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Literal:
    text: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Parameter:
    """$name, ${name}, ${name:-word}…; `operator` "" for the plain ones, "length" for ${#name}.

    Two have a second word: ${name/pattern/instead} and ${name:from:length}.
    """

    name: str
    quoted: bool
    operator: str = ""
    argument: Word | None = None
    second: Word | None = None


@dataclass(frozen=True, slots=True)
class Substitution:
    """$(commands)"""

    script: Script
    quoted: bool


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """$((expression)); the expression is expanded like a word in double quotes first."""

    expression: Word
    quoted: bool


Part = Literal | Parameter | Substitution | Arithmetic


@dataclass(frozen=True, slots=True)
class Word:
    parts: tuple[Part, ...]
    # The word's only possible value, or None: most words need no expansion.
    constant: str | None = None

    def bare(self) -> str | None:
        """The text if it is one unquoted literal: only such a word can be a reserved one."""
        if len(self.parts) == 1 and isinstance(self.parts[0], Literal) and not self.parts[0].quoted:
            return self.parts[0].text
        return None


@dataclass(frozen=True, slots=True)
class Redirect:
    """`descriptor` of the command goes to or comes from a file, another descriptor, or a text."""

    descriptor: int
    operator: str  # < > >> >& <&  << (target is the text)
    target: Word


@dataclass(frozen=True, slots=True)
class Simple:
    assignments: tuple[tuple[str, Word], ...]
    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...]
    line: int = 0  # where it begins; the first line is 0


@dataclass(frozen=True, slots=True)
class Pipeline:
    commands: tuple[Command, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class AndOr:
    first: Command
    rest: tuple[tuple[str, Command], ...]  # && or ||


@dataclass(frozen=True, slots=True)
class Script:
    """Commands one after the other; those with True run in the background."""

    items: tuple[tuple[Command, bool], ...]


@dataclass(frozen=True, slots=True)
class Group:
    body: Script
    subshell: bool


@dataclass(frozen=True, slots=True)
class If:
    branches: tuple[tuple[Script, Script], ...]
    otherwise: Script | None


@dataclass(frozen=True, slots=True)
class While:
    condition: Script
    body: Script
    until: bool


@dataclass(frozen=True, slots=True)
class For:
    name: str
    words: tuple[Word, ...] | None  # None: the positional parameters
    body: Script


@dataclass(frozen=True, slots=True)
class Case:
    subject: Word
    branches: tuple[tuple[tuple[Word, ...], Script], ...]


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    body: Command


@dataclass(frozen=True, slots=True)
class Redirected:
    """A compound command with redirections behind it."""

    command: Command
    redirects: tuple[Redirect, ...]


Command = Simple | Pipeline | AndOr | Group | If | While | For | Case | Function | Redirected
