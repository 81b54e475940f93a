"""The interactive mode of `lakefm sql`, on a pseudo-terminal: editing, completion, history, Ctrl-C, Ctrl-D."""

import os
import pty
import re
import select
import sys
import time

LAKEFM = os.environ["LAKEFM"]
PROMPT, MORE = "lakefm> ", "   ...> "


class Shell:
    def __init__(self, *options, **variables):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm", LC_ALL="C", **variables)
            os.execv(LAKEFM, ["lakefm", "sql", "--no-lake", *options])
        self.seen = ""

    def wait(self, text, seconds=20.0):
        """What came up to and with `text`; it is then forgotten."""
        end = time.monotonic() + seconds
        while text not in self.seen:
            if time.monotonic() > end or not self.read(end - time.monotonic()):
                sys.exit(f"never saw {text!r}; instead:\n{self.seen}")
        before, _, self.seen = self.seen.partition(text)
        return before

    def read(self, seconds):
        ready, _, _ = select.select([self.fd], [], [], max(seconds, 0))
        if not ready:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # the other side has closed
            return False
        self.seen += data.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(data)

    def send(self, text):
        os.write(self.fd, text.encode())

    def run(self, text):
        """One line; what came before the prompt after it. The editor may have painted prompts more than once before."""
        while self.read(0.1):
            pass
        self.seen = ""
        self.send(text + "\n")
        self.wait("\n")  # the line as the editor shows it
        return self.wait(PROMPT)

    def close(self):
        end = time.monotonic() + 120
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            self.read(0.05)
        sys.exit("it did not end")


def check(ok, what):
    if not ok:
        sys.exit(f"line {sys._getframe(1).f_lineno}: {what}")


shell = Shell()
check("Statements end with ;" in shell.wait(PROMPT), "greeting")
check("done" in shell.run("create table listens as select 7 as userId, 'Björk' as artist;"), "create")
out = shell.run("select * from listens;")
check("     7  Björk\n" in out and "1 row" in out, out)

# A statement over several lines; two on one line.
shell.send("select 40\n")
shell.wait(MORE)
check("42" in shell.run("+ 2;"), "two lines")
out = shell.run("select 'one' as a; select 'two' as b;")
check("one\n1 row" in out and "two\n1 row" in out, out)

# Completion: of a table, of a column, of several.
shell.send("select * from lis\t;\n")
check("Björk" in shell.wait("1 row"), "completed table")
shell.wait(PROMPT)
shell.send("select artis\t from listens;\n")
check("Björk" in shell.wait("1 row"), "completed column")
shell.wait(PROMPT)
shell.run("create table lists as select 1 as a;")
shell.send("from lis\t\t")
shell.wait("listens  lists")
shell.send("\x15")  # the line away

# Errors show the place, and the session goes on.
out = shell.run("select nope from listens;")
check(re.search(r"\n {7}\^\nline 1, column 8: Binder Error", out), out)

# Ctrl-C: a line is dropped, a statement ends; neither ends the session.
shell.send("select 'half a line")
shell.wait("half a line")
shell.send("\x03")
shell.wait(PROMPT)
shell.send("select count(*) from range(10000000) a, range(10000000) b where a.range + b.range = -1;\n")
time.sleep(0.5)
shell.send("\x03")
check("interrupted" in shell.wait(PROMPT), "interrupt")
check("42" in shell.run("select 42;"), "after Ctrl-C")

# Commands of the shell.
check("listens" in shell.run(".tables"), ".tables")
check("lists" not in shell.run(".tables listens"), ".tables PART")
check("userId" in shell.run(".schema listens"), ".schema")
shell.run(".format csv")
check("a,b\n1,2\n" in shell.run("select 1 as a, 2 as b;"), "csv")
check(".quit" in shell.run(".help"), ".help")
check("no such command: .nope" in shell.run(".nope"), ".nope")
shell.run(".timer off")
check("row" not in shell.run("select 1 as a;"), "timer")
shell.send(".quit\n")
check(shell.close() == 0, "exit code")

# History: kept in HOME, for its owner only; the arrow brings it back in the next session.
path = os.path.join(os.environ["HOME"], ".lakefm_history")
check(os.stat(path).st_mode & 0o777 == 0o600, "history's mode")
shell = Shell("-q")
shell.wait(PROMPT)
shell.send("\x1b[A\n")  # select 1 as a;
out = shell.wait(PROMPT)
check("a\n-\n1\n" in out, out)
shell.send("\x04")  # Ctrl-D
check(shell.close() == 0, "exit code after Ctrl-D")
