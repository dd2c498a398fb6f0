"""What scripts do. The expectations are those of dash 0.5.12 and bash 5.2, run beside; BusyBox's from recordings."""

from __future__ import annotations

import pytest

from .bench import Bench

DASH = "debian:12"
BASH = "registry.access.redhat.com/ubi9/ubi:latest"


def run(bench: Bench, script: str, image: str = DASH) -> tuple[str, str, int]:
    container = bench.start(image, "sh", "-c", script)
    bench.after(1000)
    assert container.exit is not None, "it runs on"
    streams = {
        stream: "".join(f"{line.text}\n" for line in container.log if line.stream == stream)
        for stream in ("stdout", "stderr")
    }
    return streams["stdout"], streams["stderr"], container.exit.code


@pytest.mark.parametrize("image", [DASH, BASH])
@pytest.mark.parametrize(
    ("script", "output"),
    [
        ("echo a b   c; echo 'a  b'", "a b c\na  b\n"),
        ("x=5; echo $x ${x}y \"$x\" '$x'", "5 5y 5 $x\n"),
        ('echo ${z:-def} "${z:=set}" ${z:+alt}', "def set alt\n"),
        ("a=hello.tar.gz; echo ${a%.*} ${a%%.*} ${a#*.} ${a##*.} ${#a}", "hello.tar hello tar.gz gz 12\n"),
        ("for i in 1 2; do echo $i; done; echo $i", "1\n2\n2\n"),
        ("i=0; while [ $i -lt 2 ]; do i=$((i+1)); echo $i; done", "1\n2\n"),
        ("i=0; until [ $i -ge 2 ]; do i=$((i+1)); done; echo $i", "2\n"),
        ("case foo in x|f*) echo F;; *) echo other;; esac", "F\n"),
        ('f() { echo "arg $1 $#"; return 3; }; f one two; echo $?', "arg one 2\n3\n"),
        ('set -- a "b c"; for x in "$@"; do echo "[$x]"; done; for x in $@; do echo "($x)"; done', None),
        ("echo $(echo nested $(echo deep)) `echo back`", "nested deep back\n"),
        ("echo $((1+2*3)) $(((1+2)*3)) $((-7/2)) $((7%3)) $((1<2)) $((x=4)) $x", "7 9 -3 1 1 4 4\n"),
        ("true && echo yes || echo no; false && echo yes || echo no", "yes\nno\n"),
        ("! true; echo $?; (exit 3); echo $?; (x=9); echo [$x]", "1\n3\n[]\n"),
        ("{ echo grouped; echo more; } > /tmp/o; cat /tmp/o", "grouped\nmore\n"),
        ("echo one > /tmp/f; echo two >> /tmp/f; cat < /tmp/f", "one\ntwo\n"),
        ("x=world; cat <<END\nhi $x $((1+1)) \\$x\nEND\necho after", "hi world 2 $x\nafter\n"),
        ("cat <<'END'\nraw $x `y`\nEND", "raw $x `y`\n"),
        ("printf '%s-%d\\n' a 1 b 2", "a-1\nb-2\n"),
        ('x="a b c"; echo $x | wc -w; set -- $x; echo $2', "3\nb\n"),
        ("false | true; echo $?; true | false; echo $?", "0\n1\n"),
        ('echo "quoted \\"inside\\" \\$HOME"', 'quoted "inside" $HOME\n'),
        ("x=1; x=2 true; echo $x; export Y=7; sh -c 'echo $Y'", "1\n7\n"),
        ("[ -f /etc/hostname ] && echo file; [ -d /tmp ] && echo dir; [ -e /none ]; echo $?", "file\ndir\n1\n"),
        ("while true; do echo once; break; done; for a in 1 2 3; do [ $a = 2 ] && continue; echo $a; done", None),
        ("seq 3 | while read n; do echo n$n; done", "n1\nn2\nn3\n"),
        ("y=$(false); echo $?; y=$(echo v); echo $? $y", "1\n0 v\n"),
        ("(exit 5) & wait $!; echo $?", "5\n"),
        ("touch /tmp/b /tmp/a; cd /tmp; echo *; echo *x*", "a b\n*x*\n"),
        ("if [ 1 = 2 ]; then echo a; elif true; then echo b; else echo c; fi", "b\n"),
    ],
)
def test_output(bench: Bench, image: str, script: str, output: str | None) -> None:
    special = {
        "set --": "[a]\n[b c]\n(a)\n(b)\n(c)\n",
        "while ": "once\n1\n3\n",
    }
    found, complaints, code = run(bench, script, image)
    assert found == (output if output is not None else special[script[:6]])
    assert (complaints, code) == ("", 0)


@pytest.mark.parametrize(
    ("image", "script", "complaint", "code"),
    [
        (DASH, "foo; exit $?", "sh: 1: foo: not found\n", 127),
        (BASH, "foo; exit $?", "sh: line 1: foo: command not found\n", 127),
        ("busybox:1.36", "foo; exit $?", "sh: foo: not found\n", 127),
        ("busybox:1.36", "cat /tmp/ok", "cat: can't open '/tmp/ok': No such file or directory\n", 1),
        (DASH, "cat /tmp/ok", "cat: /tmp/ok: No such file or directory\n", 1),
        ("busybox:1.36", "echo x > /no/such", "sh: can't create /no/such: nonexistent directory\n", 1),
        (DASH, "set -u; echo $nope; echo never", "sh: 1: nope: parameter not set\n", 2),
        (BASH, "set -u; echo $nope; echo never", "sh: line 1: nope: unbound variable\n", 127),
        (DASH, "echo 'open", "sh: 1: Syntax error: Unterminated quoted string\n", 2),
        (DASH, "cd /nowhere; exit $?", "sh: 1: cd: can't cd to /nowhere\n", 2),
        (DASH, "set -x; x=1; echo $x 'a b' >/dev/null", "+ x=1\n+ echo 1 a b\n", 0),
    ],
)
def test_complaints(bench: Bench, image: str, script: str, complaint: str, code: int) -> None:
    assert run(bench, script, image) == ("", complaint, code)


def test_errexit_ends_a_script_but_not_a_condition(bench: Bench) -> None:
    script = "set -e; false || true; if false; then :; fi; echo still; (echo in; false; echo never); echo never"
    assert run(bench, script) == ("still\nin\n", "", 1)


def test_an_exit_trap_runs_last_and_keeps_the_status(bench: Bench) -> None:
    assert run(bench, "trap 'echo bye' EXIT; echo body; exit 4") == ("body\nbye\n", "", 4)


def test_a_script_file_that_is_mounted(bench: Bench) -> None:
    container = bench.start("busybox:1.36", "sh", "/scripts/run.sh", "one", files={"/scripts/run.sh": "echo got $1\n"})
    bench.after(1)
    assert [line.text for line in container.log] == ["got one"]


def test_sleeping_takes_its_time(bench: Bench) -> None:
    bench.sh("sleep 1m; sleep 0.5; exit 3")
    bench.after(100)
    assert bench.ended["app"] == pytest.approx(60.52)


def test_a_break_outside_of_loops_is_nothing(bench: Bench) -> None:
    assert run(bench, "break; continue; echo on") == ("on\n", "", 0)


def test_a_second_term_does_not_disturb_a_program_that_is_stopping(bench: Bench) -> None:
    container = bench.start("registry.shop.example/base/newsletter:1.2.0")
    bench.after(5)
    container.terminate()
    bench.after(0.1)
    container.terminate()
    bench.after(1)
    assert container.exit is not None
    assert container.exit.code == 0


def test_a_program_that_env_cannot_find(bench: Bench) -> None:
    assert run(bench, "env A=1 nosuch", "busybox:1.36") == (
        "",
        "env: can't execute 'nosuch': No such file or directory\n",
        127,
    )


def test_ls_shows_what_is_hidden_only_when_asked(bench: Bench) -> None:
    script = "mkdir /tmp/d; echo a >/tmp/d/.h; echo b >/tmp/d/b; ls /tmp/d; ls -a /tmp/d"
    assert run(bench, script) == ("b\n.\n..\n.h\nb\n", "", 0)
