package debian

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// shell runs a script through Programs.
func shell(t *testing.T, ctx context.Context, script string) io.ReadCloser {
	t.Helper()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("there is no shell: ", err)
	}
	out, err := Programs{}.Start(ctx, "sh", "-c", script)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestPrograms(t *testing.T) {
	out := shell(t, t.Context(), "echo $LC_ALL")
	if said, err := io.ReadAll(out); err != nil || string(said) != "C\n" {
		t.Errorf("%q, %v", said, err)
	}
	if err := out.Close(); err != nil {
		t.Error(err)
	}

	out = shell(t, t.Context(), `printf 'W: one\nE: \033[2Jtwo\n' >&2; exit 7`)
	_, _ = io.Copy(io.Discard, out)
	var exit *ExitError
	if err := out.Close(); !errors.As(err, &exit) || exit.Code != 7 || err.Error() != "sh ended with status 7: W: one; E: two" {
		t.Errorf("a failing program: %v", err)
	}

	out = shell(t, t.Context(), "while :; do echo y; done") // ends only because it is closed
	if _, err := out.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Errorf("closed early: %v", err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	out = shell(t, ctx, "echo y; while :; do :; done")
	if _, err := out.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	cancel()
	_, _ = io.Copy(io.Discard, out)
	if err := out.Close(); err == nil {
		t.Error("a cancelled program ended well")
	}

	if _, err := (Programs{}).Start(t.Context(), "no-such-program-at-all"); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("a missing program: %v", err)
	}
}

func TestTail(t *testing.T) {
	var tl tail
	for range 100 {
		if n, err := tl.Write([]byte(strings.Repeat("x", 1000))); n != 1000 || err != nil {
			t.Fatal(n, err)
		}
	}
	if _, err := tl.Write([]byte("end")); err != nil || len(tl.kept) != tailSize || !strings.HasSuffix(string(tl.kept), "xend") {
		t.Errorf("kept %d", len(tl.kept))
	}
}
