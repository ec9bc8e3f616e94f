package installer

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"

	"fettle/model"
)

// Command is the command line that starts the installer: the same program,
// through sudo when the caller is not root. Options are for another root
// directory than / and are never passed through sudo, whose rules should allow
// exactly "agent installer".
func Command(exe string, sudo bool, options ...string) []string {
	if sudo {
		return []string{"sudo", "-n", "--", exe, "agent", "installer"}
	}
	return append([]string{exe, "agent", "installer"}, options...)
}

// Client starts an installer for each order and speaks with it.
type Client struct {
	Command []string
	Env     []string // empty = inherited
}

// Do carries out one order. When ctx is cancelled the order's pipe is closed,
// which stops a download; an installation that began is waited for, whatever
// ctx says. The error is about the installer itself; what apt said is in Result.
func (c Client) Do(ctx context.Context, o Order, progress func(model.Progress)) (Result, error) {
	if err := o.Validate(); err != nil {
		return Result{}, fmt.Errorf("ordering an installation: %w", err)
	}
	if err := context.Cause(ctx); err != nil {
		return Result{}, err
	}
	if _, err := exec.LookPath(c.Command[0]); err != nil {
		return Result{}, NeedsRoot(c.Command[0] + " is not installed here")
	}
	cmd := exec.Command(c.Command[0], c.Command[1:]...)
	cmd.Env = c.Env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // the agent's death, or Ctrl-C, is not dpkg's (peers 6c.7)
	var errs bytes.Buffer
	cmd.Stderr = &cappedWriter{w: &errs, left: 8 << 10}
	in, err := cmd.StdinPipe()
	if err != nil {
		return Result{}, fmt.Errorf("starting the installer: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return Result{}, fmt.Errorf("starting the installer: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return Result{}, fmt.Errorf("starting the installer: %w", err)
	}
	// Writing fails when the installer is already gone; its words say why.
	writeErr := o.Write(in)
	ended := context.AfterFunc(ctx, func() { in.Close() })
	result, readErr := readMessages(out, progress)
	ended()
	in.Close()
	waitErr := cmd.Wait()
	if result != nil {
		return *result, nil
	}
	said := model.Clean(strings.TrimSpace(errs.String()))
	if strings.HasPrefix(said, "sudo:") {
		return Result{}, NeedsRoot(said)
	}
	return Result{}, fmt.Errorf("the installer ended without a result: %w (%s)", errors.Join(writeErr, readErr, waitErr, io.ErrUnexpectedEOF), said)
}

// NeedsRoot is the refusal to install without privileges. Root keeps data of its
// own, so "do it as root" would not install what this user approved.
func NeedsRoot(why string) error {
	return &model.Refusal{Code: "privilege", What: "installing updates needs root", Why: why,
		Remedy: "let sudo run `fettle agent installer` for you (docs/operations.md, Permissions), or manage this computer as root: sudo fettle"}
}

func readMessages(r io.Reader, progress func(model.Progress)) (*Result, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), 1<<20)
	for lines.Scan() {
		var m Message
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			return nil, fmt.Errorf("the installer said %.60q: %w", lines.Text(), err)
		}
		if m.Result != nil {
			return m.Result, nil
		}
		if progress != nil {
			p := model.Progress{Phase: m.Phase, Done: m.Done, Total: m.Total}
			if m.Text != "" {
				p.Phase += ": " + m.Text
			}
			progress(p)
		}
	}
	return nil, lines.Err()
}

// cappedWriter keeps the beginning and swallows the rest.
type cappedWriter struct {
	w    io.Writer
	left int
}

func (c *cappedWriter) Write(p []byte) (int, error) {
	n := min(len(p), c.left)
	c.left -= n
	if _, err := c.w.Write(p[:n]); err != nil {
		return 0, err
	}
	return len(p), nil
}
