package apt

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Command is one program to run. There is never a shell (peers 6c.13).
type Command struct {
	Args []string
	Line func(line string) // called with each line of standard output, if set
}

// Result is what a program that ran to its end left behind.
type Result struct {
	Stdout string
	Stderr string
	Code   int // exit status
}

// Runner runs programs. A program that ends with a status other than 0 is a
// Result, not an error.
type Runner interface {
	Run(ctx context.Context, c Command) (Result, error)
}

// outputLimit bounds what is kept of a program's output. The largest answer,
// `apt-cache policy` of 200 packages, has 50 KiB.
const outputLimit = 32 << 20

// Exec runs real programs.
type Exec struct {
	Prefix []string // goes before every command: nice, ionice, fakeroot
}

// Environment is what every program gets: no locale but C, a fixed path, no
// questions, and the proxy settings of our own environment, which apt obeys.
func Environment() []string {
	env := []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "LANGUAGE=", "TERM=dumb",
		"DEBIAN_FRONTEND=noninteractive", "HOME=" + cmp.Or(os.Getenv("HOME"), "/"),
	}
	for _, name := range []string{"http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "TMPDIR"} {
		if v := os.Getenv(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// Run starts the program and waits for it.
func (e Exec) Run(ctx context.Context, c Command) (Result, error) {
	args := append(append([]string{}, e.Prefix...), c.Args...)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = Environment()
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	out, errs := &limited{line: c.Line}, &limited{}
	cmd.Stdout, cmd.Stderr = out, errs
	err := cmd.Run()
	res := Result{Stdout: out.buf.String(), Stderr: errs.buf.String(), Code: cmd.ProcessState.ExitCode()}
	if ctx.Err() != nil {
		return res, fmt.Errorf("running %s: %w", c.Args[0], context.Cause(ctx))
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return res, fmt.Errorf("running %s: %w", c.Args[0], err)
	}
	if out.cut || errs.cut {
		return res, fmt.Errorf("running %s: it wrote more than %d MiB", c.Args[0], outputLimit>>20)
	}
	return res, nil
}

// limited keeps the beginning of what is written and hands out whole lines.
type limited struct {
	buf     bytes.Buffer
	cut     bool
	line    func(string)
	partial []byte
}

// Write never fails: a program must not die because it talks too much.
func (l *limited) Write(p []byte) (int, error) {
	if room := outputLimit - l.buf.Len(); room < len(p) {
		l.cut = true
		l.buf.Write(p[:max(room, 0)])
	} else {
		l.buf.Write(p)
	}
	if l.line == nil {
		return len(p), nil
	}
	l.partial = append(l.partial, p...)
	for {
		i := bytes.IndexByte(l.partial, '\n')
		if i < 0 {
			break
		}
		l.line(strings.TrimRight(string(l.partial[:i]), "\r"))
		l.partial = l.partial[i+1:]
	}
	if len(l.partial) > 1<<16 {
		l.partial = nil
	}
	return len(p), nil
}

var _ io.Writer = (*limited)(nil)
