package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fettle/sync/agent/apt"
)

// Sessions asks logind who is logged in, or reads utmp through `who` where there
// is no logind.
type Sessions struct {
	Runner apt.Runner
}

// LoggedIn names the users with a session, each once.
func (s Sessions) LoggedIn(ctx context.Context) ([]string, error) {
	// SESSION UID USER SEAT TTY ...
	res, err := s.Runner.Run(ctx, apt.Command{Args: []string{"loginctl", "list-sessions", "--no-legend", "--no-pager"}})
	if err == nil && res.Code == 0 {
		return sessionUsers(res.Stdout, 2), nil
	}
	res, err = s.Runner.Run(ctx, apt.Command{Args: []string{"who"}})
	if err != nil {
		return nil, fmt.Errorf("asking who is logged in: %w", err)
	}
	if res.Code != 0 {
		return nil, fmt.Errorf("asking who is logged in: who ended with status %d", res.Code)
	}
	return sessionUsers(res.Stdout, 0), nil
}

func sessionUsers(out string, column int) []string {
	var users []string
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); len(f) > column && !slices.Contains(users, f[column]) {
			users = append(users, f[column])
		}
	}
	return users
}

// Broadcast tells users by motd, wall and, where there is a desktop session, a
// desktop notification.
type Broadcast struct {
	Runner apt.Runner
	Root   string
	AsRoot bool
}

// motdFile is shown at every login (pam_motd(8)). It lies in /run, so that an
// old sentence does not survive a restart.
const motdFile = "run/motd.d/fettle"

// Standing replaces the text that is shown at login.
func (b Broadcast) Standing(_ context.Context, text string) error {
	if !b.AsRoot {
		return nil
	}
	path := filepath.Join("/", b.Root, motdFile)
	if text == "" {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("removing the notice at login: %w", err)
		}
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("writing the notice at login: %w", err)
	}
	if err := os.WriteFile(path, []byte(text+"\n"), 0o644); err != nil {
		return fmt.Errorf("writing the notice at login: %w", err)
	}
	return nil
}

// Announce writes to every terminal, and to the desktops of graphical sessions.
func (b Broadcast) Announce(ctx context.Context, text string) error {
	if !b.AsRoot || b.Root != "" {
		return nil
	}
	var errs []error
	if _, err := exec.LookPath("wall"); err == nil {
		if _, err := b.Runner.Run(ctx, apt.Command{Args: []string{"wall", "--nobanner", text}}); err != nil {
			errs = append(errs, fmt.Errorf("telling the logged-in users: %w", err))
		}
	}
	if _, err := exec.LookPath("notify-send"); err != nil {
		return errors.Join(errs...)
	}
	buses, _ := filepath.Glob("/run/user/*/bus")
	for _, bus := range buses {
		uid := filepath.Base(filepath.Dir(bus))
		args := []string{"setpriv", "--reuid=" + uid, "--clear-groups", "env", "DBUS_SESSION_BUS_ADDRESS=unix:path=" + bus, "notify-send", "--app-name=Fettle", "Updates", text}
		if _, err := b.Runner.Run(ctx, apt.Command{Args: args}); err != nil {
			errs = append(errs, fmt.Errorf("telling the desktop of user %s: %w", uid, err))
		}
	}
	return errors.Join(errs...)
}

// Shutdown restarts the computer through shutdown(8), which warns its users.
type Shutdown struct {
	Runner apt.Runner
}

// Restart schedules the restart, in whole minutes.
func (s Shutdown) Restart(ctx context.Context, after time.Duration, reason string) error {
	when := fmt.Sprintf("+%d", int((after+time.Minute-1)/time.Minute))
	res, err := s.Runner.Run(ctx, apt.Command{Args: []string{"shutdown", "-r", when, "Fettle restarts this computer: " + reason}})
	if err != nil {
		return fmt.Errorf("restarting the computer: %w", err)
	}
	if res.Code != 0 {
		return fmt.Errorf("restarting the computer: shutdown ended with status %d: %.200s", res.Code, res.Stderr)
	}
	return nil
}
