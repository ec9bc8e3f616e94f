package debian

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"fettle/model"
)

// Runner runs programs.
type Runner interface {
	// Start starts a program in the C locale and gives its standard output.
	// Close must be called, waits for the program and says how it ended: an
	// *ExitError when it failed. Closing before the end of the output ends the
	// program, and so does the end of ctx. A program that does not exist is an
	// error that wraps exec.ErrNotFound or fs.ErrNotExist.
	Start(ctx context.Context, name string, args ...string) (io.ReadCloser, error)
}

// ExitError is a program that ran and failed.
type ExitError struct {
	Program string
	Code    int
	Stderr  string // the last part of what it wrote there
}

func (e *ExitError) Error() string {
	text := fmt.Sprintf("%s ended with status %d", e.Program, e.Code)
	if said := messages(e.Stderr); len(said) > 0 {
		text += ": " + strings.Join(said, "; ")
	}
	return text
}

// messages gives the lines that a program wrote on standard error, cleaned, at
// most ten.
func messages(stderr string) (list []string) {
	for line := range strings.Lines(stderr) {
		if line = strings.TrimSpace(model.Clean(line)); line != "" && len(list) < 10 {
			list = append(list, line)
		}
	}
	return list
}

// Programs is the Runner that runs programs of this computer.
type Programs struct{}

// Start implements Runner.
func (Programs) Start(ctx context.Context, name string, args ...string) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
	// apt removes its locks and partial files when it is asked to end.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	p := &program{name: name, cmd: cmd, cancel: cancel}
	cmd.Stderr = &p.stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cancel()
		return nil, err
	}
	p.out = out
	return p, nil
}

// program is one that runs.
type program struct {
	name   string
	cmd    *exec.Cmd
	cancel context.CancelFunc
	out    io.Reader
	ended  bool // its output was read to the end
	stderr tail
}

func (p *program) Read(b []byte) (int, error) {
	n, err := p.out.Read(b)
	if err == io.EOF {
		p.ended = true
	}
	return n, err
}

func (p *program) Close() error {
	if !p.ended {
		p.cancel()
	}
	err := p.cmd.Wait()
	p.cancel()
	var exit *exec.ExitError
	switch {
	case !p.ended:
		return nil // the caller wanted no more of it
	case errors.As(err, &exit):
		return &ExitError{Program: p.name, Code: exit.ExitCode(), Stderr: string(p.stderr.kept)}
	}
	return err
}

// tail keeps the last part of what is written to it.
type tail struct{ kept []byte }

// tailSize bounds what is kept of a program's standard error.
const tailSize = 16 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - tailSize; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return len(p), nil
}
