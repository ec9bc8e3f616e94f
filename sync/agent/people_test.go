package agent

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"fettle/sync/agent/apt"
)

// script answers commands by their first word.
type script struct {
	answers map[string]apt.Result
	ran     [][]string
}

func (s *script) Run(_ context.Context, c apt.Command) (apt.Result, error) {
	s.ran = append(s.ran, c.Args)
	r, ok := s.answers[c.Args[0]]
	if !ok {
		return r, errors.New("no such program")
	}
	return r, nil
}

func TestSessions(t *testing.T) {
	s := &script{answers: map[string]apt.Result{"loginctl": {Stdout: "  3 1000 alice seat0 tty2\n 12 1000 alice - pts/1\n 13    0 root  - pts/0\n"}}}
	if got, err := (Sessions{Runner: s}).LoggedIn(t.Context()); err != nil || !reflect.DeepEqual(got, []string{"alice", "root"}) {
		t.Errorf("loginctl: %q, %v", got, err)
	}
	s = &script{answers: map[string]apt.Result{"loginctl": {Code: 1}, "who": {Stdout: "bob pts/0 2026-01-01 10:00 (host)\n"}}}
	if got, err := (Sessions{Runner: s}).LoggedIn(t.Context()); err != nil || !reflect.DeepEqual(got, []string{"bob"}) {
		t.Errorf("who: %q, %v", got, err)
	}
	if _, err := (Sessions{Runner: &script{}}).LoggedIn(t.Context()); err == nil {
		t.Error("not to know is not nobody")
	}
}

func TestStandingNotice(t *testing.T) {
	root := t.TempDir()
	b := Broadcast{Root: root, AsRoot: true}
	if err := b.Standing(t.Context(), "hello"); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(root, motdFile)); err != nil || string(text) != "hello\n" {
		t.Errorf("%q, %v", text, err)
	}
	for range 2 {
		if err := b.Standing(t.Context(), ""); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(root, motdFile)); err == nil {
		t.Error("the notice stayed")
	}
}

func TestShutdown(t *testing.T) {
	s := &script{answers: map[string]apt.Result{"shutdown": {}}}
	if err := (Shutdown{Runner: s}).Restart(t.Context(), 90*time.Second, "kernel"); err != nil || !reflect.DeepEqual(s.ran[0][:3], []string{"shutdown", "-r", "+2"}) {
		t.Errorf("%q, %v", s.ran, err)
	}
	s.answers["shutdown"] = apt.Result{Code: 1, Stderr: "Failed to talk to init"}
	if err := (Shutdown{Runner: s}).Restart(t.Context(), time.Minute, ""); err == nil || !strings.Contains(err.Error(), "init") {
		t.Error(err)
	}
}
