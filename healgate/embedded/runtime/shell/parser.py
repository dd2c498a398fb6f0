"""From text to tree: the POSIX grammar, and of bash only what is named here.

Two kinds of trouble differ: a `SyntaxProblem` is one that a real shell has too (it says so and exits 2), `Unsupported`
is what a real shell would have understood.
"""

from __future__ import annotations

from functools import lru_cache

from ....actor.effects import Unsupported
from .reader import META, NAME, NAME_START, Reader, SyntaxProblem, word_of
from .tree import (
    AndOr,
    Case,
    Command,
    For,
    Function,
    Group,
    If,
    Literal,
    Pipeline,
    Redirect,
    Redirected,
    Script,
    Simple,
    While,
    Word,
)

_RESERVED = frozenset(
    ("if", "then", "else", "elif", "fi", "do", "done", "case", "esac", "while", "until", "for", "{", "}", "!", "in")
)
_BASH_ONLY = ("[[", "select", "time", "coproc", "declare", "local -n", "mapfile", "readarray", "let", "shopt")


@lru_cache(maxsize=512)
def parse(text: str, flavour: str) -> Script:
    return _Parser(text, flavour).whole()


class _Parser(Reader):
    def __init__(self, text: str, flavour: str) -> None:
        super().__init__(text, flavour)
        # Here-documents whose text begins behind the next newline: (delimiter, expand, strip tabs)
        self._here: list[tuple[str, bool, bool]] = []

    def _newlines(self) -> None:
        while True:
            self._blanks()
            if self._char() != "\n":
                return
            self._newline()

    def _newline(self) -> None:
        self.at += 1
        for delimiter, expand, strip in self._here:
            self._here_text(delimiter, expand, strip)  # it was read with its redirection
        self._here.clear()

    def _expect(self, word: str) -> None:
        if not self._reserved(word):
            raise self._unexpected(word)

    def _reserved(self, *words: str) -> str:
        """Take the next word if it is one of these reserved ones."""
        self._newlines()
        word = self._next_bare()
        if word in words:
            self.at += len(word)
            return word
        return ""

    def _next_bare(self) -> str:
        """The characters up to the next metacharacter, if they are plain."""
        end = self.at
        while end < len(self.text) and self.text[end] not in META and self.text[end] not in "\"'\\$`":
            end += 1
        if end < len(self.text) and self.text[end] in "\"'\\$`":
            return ""
        return self.text[self.at : end]

    # -- lists

    def whole(self) -> Script:
        script = self._script()
        if self.at < len(self.text):
            raise self._unexpected()
        return script

    def _script(self, *ends: str) -> Script:
        """Commands up to one of the reserved words, to `)` or `;;`, or to the end."""
        items: list[tuple[Command, bool]] = []
        while True:
            self._newlines()
            if self.at >= len(self.text) or self._char() == ")" or self._peek(";;"):
                break
            word = self._next_bare()
            if word in ends:
                break
            if word in _RESERVED and word in ("then", "else", "elif", "fi", "do", "done", "esac", "}", "in"):
                raise self._unexpected(ends[-1] if ends else "")
            command = self._and_or()
            self._blanks()
            background = False
            if self._peek("&") and not self._peek("&&"):
                self.at += 1
                background = True
            elif self._peek(";") and not self._peek(";;"):
                self.at += 1
            elif self._char() == "\n":
                self._newline()
            elif self.at < len(self.text) and self._char() != ")" and not self._peek(";;"):
                raise self._unexpected()
            items.append((command, background))
        return Script(tuple(items))

    def _and_or(self) -> Command:
        first = self._pipeline()
        rest: list[tuple[str, Command]] = []
        while True:
            self._blanks()
            operator = self.text[self.at : self.at + 2]
            if operator not in ("&&", "||"):
                break
            self.at += 2
            self._newlines()
            rest.append((operator, self._pipeline()))
        return AndOr(first, tuple(rest)) if rest else first

    def _pipeline(self) -> Command:
        negated = False
        while self._reserved("!"):
            if negated and self.flavour != "bash":
                self.at -= 1
                raise self._unexpected()
            negated = not negated
        commands = [self._command()]
        while True:
            self._blanks()
            if not self._peek("|") or self._peek("||"):
                break
            if self._peek("|&"):
                raise Unsupported("the shell operator |&")
            self.at += 1
            self._newlines()
            commands.append(self._command())
        return Pipeline(tuple(commands), negated) if negated or len(commands) > 1 else commands[0]

    # -- commands

    def _command(self) -> Command:
        self._blanks()
        if self._peek("(("):
            raise Unsupported("the shell construct (( ))")
        if self._peek("("):
            self.at += 1
            body = self._script()
            if not self._take(")"):
                raise self._unexpected(")")
            return self._with_redirects(Group(body, True))
        word = self._next_bare()
        compound = {
            "if": self._if,
            "while": self._loop,
            "until": self._loop,
            "for": self._for,
            "case": self._case,
            "{": self._braces,
        }.get(word)
        if compound:
            self.at += len(word)
            return self._with_redirects(compound(word))
        if self.bash and word in _BASH_ONLY:
            raise Unsupported(f"the bash command {word}")
        if self.bash and word == "function":
            self.at += len(word)
            self._blanks()
            name = self._next_bare()
            self.at += len(name)
            self._take("()")
            self._newlines()
            return Function(name, self._command())
        after = self.at + len(word)
        if word and word[0] in NAME_START and self.text[after:].lstrip(" \t").startswith("()"):
            self.at = self.text.index("()", after) + 2
            self._newlines()
            return Function(word, self._command())
        return self._simple()

    def _with_redirects(self, command: Command) -> Command:
        redirects: list[Redirect] = []
        while (redirect := self._redirect()) is not None:
            redirects.append(redirect)
        return Redirected(command, tuple(redirects)) if redirects else command

    def _braces(self, _: str) -> Command:
        body = self._script("}")
        self._expect("}")
        return Group(body, False)

    def _if(self, _: str) -> Command:
        branches: list[tuple[Script, Script]] = []
        otherwise: Script | None = None
        while True:
            condition = self._script("then")
            self._expect("then")
            branches.append((condition, self._script("elif", "else", "fi")))
            if self._reserved("elif"):
                continue
            if self._reserved("else"):
                otherwise = self._script("fi")
            self._expect("fi")
            return If(tuple(branches), otherwise)

    def _loop(self, word: str) -> Command:
        condition = self._script("do")
        self._expect("do")
        body = self._script("done")
        self._expect("done")
        return While(condition, body, word == "until")

    def _for(self, _: str) -> Command:
        self._blanks()
        if self._peek("(("):
            raise Unsupported("the shell construct for (( ))")
        name = self._next_bare()
        if not name or name[0] not in NAME_START or not set(name) <= NAME:
            raise SyntaxProblem("syntax error: bad for loop variable")
        self.at += len(name)
        words: list[Word] | None = None
        if self._reserved("in"):
            words = []
            while True:
                self._blanks()
                if self._char() in (";", "\n", ""):
                    break
                words.append(self._word())
        self._take(";")
        self._newlines()
        if not self._char():
            raise self._unexpected()
        self._expect("do")
        body = self._script("done")
        self._expect("done")
        return For(name, None if words is None else tuple(words), body)

    def _case(self, _: str) -> Command:
        self._blanks()
        subject = self._word()
        self._expect("in")
        branches: list[tuple[tuple[Word, ...], Script]] = []
        while not self._reserved("esac"):
            if not self._char():
                raise self._unexpected(")")
            self._take("(")
            patterns: list[Word] = []
            while True:
                self._blanks()
                patterns.append(self._word())
                if not self._take("|"):
                    break
            if not self._take(")"):
                raise self._unexpected(")")
            branches.append((tuple(patterns), self._script("esac")))
            self._newlines()
            if not self._char():
                raise self._unexpected(";;")
            if self._peek(";;&") or self._peek(";&"):
                raise Unsupported("the shell operator ;&")
            if self._peek(";;"):
                self.at += 2
        return Case(subject, tuple(branches))

    def _simple(self) -> Command:
        line = self.text.count("\n", 0, self.at)
        assignments: list[tuple[str, Word]] = []
        words: list[Word] = []
        redirects: list[Redirect] = []
        while True:
            self._blanks()
            redirect = self._redirect()
            if redirect is not None:
                redirects.append(redirect)
                continue
            if self._char() == "" or self._char() in "\n;&|)":
                break
            if self._char() == "(":
                raise self._unexpected()
            name = self._assigned() if not words else ""
            if name:
                self.at += len(name) + 1
                if self._char() == "(" and self.bash:
                    raise Unsupported("bash arrays")
                value = Word((), "") if self._char() in META or not self._char() else self._word()
                assignments.append((name, value))
                continue
            words.append(self._word())
        if not (assignments or words or redirects):
            raise self._unexpected()
        return Simple(tuple(assignments), tuple(words), tuple(redirects), line)

    def _assigned(self) -> str:
        end = self.at
        if self._char() not in NAME_START or not self._char():
            return ""
        while end < len(self.text) and self.text[end] in NAME:
            end += 1
        if self.text[end : end + 1] == "=":
            return self.text[self.at : end]
        if self.bash and self.text[end : end + 2] == "+=":
            raise Unsupported("the bash assignment +=")
        return ""

    # -- redirections

    def _redirect(self) -> Redirect | None:
        self._blanks()
        end = self.at
        while end < len(self.text) and self.text[end].isdigit():
            end += 1
        both = self.bash and self.text.startswith("&>", self.at)
        if both:
            end = self.at + 1
        if self.text[end : end + 1] not in ("<", ">") or not self.text[end : end + 1]:
            return None
        number = self.text[self.at : end]
        self.at = end
        for operator in ("<<<", "<<-", "<<", "<>", "<(", ">(", ">>", ">&", "<&", ">|", "<", ">"):
            if self._peek(operator):
                break
        if operator in ("<>", "<(", ">("):
            raise Unsupported(f"the shell redirection {operator}")
        if operator == "<<<" and not self.bash:
            raise SyntaxProblem("syntax error: unexpected redirection")
        self.at += len(operator)
        self._blanks()
        descriptor = int(number) if number.isdigit() else (0 if operator[0] == "<" else 1)
        if operator in ("<<", "<<-"):
            return Redirect(descriptor, "<<", self._here_document(operator == "<<-"))
        if operator == ">|":
            operator = ">"
        target = self._word()
        if both:
            descriptor = -1  # both stdout and stderr
        return Redirect(descriptor, operator, target)

    def _here_document(self, strip: bool) -> Word:
        delimiter = self._word()
        name = "".join(part.text for part in delimiter.parts if isinstance(part, Literal))
        expand = not any(isinstance(part, Literal) and part.quoted for part in delimiter.parts)
        # The text stands behind the end of this line: look ahead now, skip it when that line ends.
        end = self.text.find("\n", self.at)
        if end < 0 and self.bash:
            raise Unsupported("a here-document that does not begin")
        if end < 0:
            return Word((), "")
        here, queue = self.at, list(self._here)
        self.at = end + 1
        for earlier in queue:
            self._here_text(*earlier)
        text = self._here_text(name, expand, strip)
        self.at = here
        self._here.append((name, expand, strip))
        return text

    def _here_text(self, delimiter: str, expand: bool, strip: bool) -> Word:
        lines: list[str] = []
        while self.at < len(self.text):
            end = self.text.find("\n", self.at)
            end = len(self.text) if end < 0 else end
            line = self.text[self.at : end]
            self.at = min(end + 1, len(self.text))
            if (line.lstrip("\t") if strip else line) == delimiter:
                break
            lines.append((line.lstrip("\t") if strip else line) + "\n")
        text = "".join(lines)
        if not expand:
            return Word((Literal(text, True),), text)
        inner = _Parser(text, self.flavour)
        return word_of(inner._quoted(until=""))
