package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"fettle/model"
	"fettle/sync/agent/protocol"
)

// stateVersion is that of the state file. A newer file is refused, not guessed at.
const stateVersion = 1

// State is what the agent remembers between cycles: enough for `fettle agent
// status` and `fettle agent plan` to answer, and to go on without the server.
type State struct {
	Version   int       `cbor:"1,keyasint"`
	CheckedIn time.Time `cbor:"2,keyasint"` // last cycle that reached the server
	NextCheck time.Time `cbor:"3,keyasint"` // next regular check-in
	Wake      time.Time `cbor:"4,keyasint"` // a deadline, schedule or restart before that; zero = none
	Refreshed time.Time `cbor:"5,keyasint"` // when the package lists were last refreshed by us

	Report    *protocol.Report    `cbor:"6,keyasint,omitempty"` // the last, without its inventory
	Decisions *protocol.Decisions `cbor:"7,keyasint,omitempty"` // the last, with the plan
	Actions   []Action            `cbor:"8,keyasint,omitempty"` // what was decided of each approved update
	PlanSeen  uint64              `cbor:"9,keyasint,omitempty"` // the highest plan number: a lower one is a replay

	Arrived    map[model.UpdateID]time.Time `cbor:"10,keyasint,omitempty"` // when an approval reached this computer
	Downloaded map[model.UpdateID]string    `cbor:"11,keyasint,omitempty"` // with the items that were downloaded
	Failures   []model.Failure              `cbor:"12,keyasint,omitempty"`
	Installed  []InstalledUpdate            `cbor:"13,keyasint,omitempty"` // since the computer started
	Pending    []string                     `cbor:"14,keyasint,omitempty"`
	Since      time.Time                    `cbor:"15,keyasint"` // of Pending

	Outbox  []protocol.Event            `cbor:"16,keyasint,omitempty"` // not yet acknowledged
	Events  uint64                      `cbor:"17,keyasint,omitempty"` // number of the last event
	Told    string                      `cbor:"18,keyasint,omitempty"` // what the users were last told
	Foreign []string                    `cbor:"20,keyasint,omitempty"` // changed by others, not yet reported
	Touched map[model.UpdateID][]string `cbor:"21,keyasint,omitempty"` // packages of updates that failed
	Error   string                      `cbor:"19,keyasint,omitempty"` // how the last cycle failed, if it did
	Mark    []byte                      `cbor:"22,keyasint,omitempty"` // what the server has decided, as it names it: see protocol.AwaitRequest
}

// InstalledUpdate is an update that the agent installed since the computer
// started: it may take effect only after a restart.
type InstalledUpdate struct {
	Update   model.UpdateID `cbor:"1,keyasint"`
	Boot     string         `cbor:"2,keyasint"`
	Packages []string       `cbor:"3,keyasint"`
	Time     time.Time      `cbor:"4,keyasint"`
}

// baseline is what was installed when the agent last looked, by name:arch.
type baseline struct {
	Time     time.Time         `cbor:"1,keyasint"`
	Versions map[string]string `cbor:"2,keyasint"`
}

// ReadState reads the state below a directory; an agent that never ran has the
// zero State.
func ReadState(dir string) (State, error) {
	st := State{Version: stateVersion}
	err := readFile(filepath.Join(dir, "state"), &st)
	if err == nil && st.Version > stateVersion {
		return st, fmt.Errorf("the agent's state in %s is from a newer version of Fettle; use that version", dir)
	}
	return st, err
}

// State gives what the agent remembers.
func (a *Agent) State() (State, error) { return ReadState(a.o.StateDir) }

func (a *Agent) save(st *State) error {
	b, err := protocol.Encode(st)
	if err != nil {
		return err
	}
	return replaceFile(filepath.Join(a.o.StateDir, "state"), b)
}

// readFile decodes a state file; one that is not there leaves v alone.
func readFile(path string, v any) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the agent's state: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, protocol.MaxMessage+1))
	if err != nil {
		return fmt.Errorf("reading the agent's state: %w", err)
	}
	if err := protocol.Decode(b, v); err != nil {
		return fmt.Errorf("reading the agent's state %s: %w (remove the file: the next check-in makes a new one)", path, err)
	}
	return nil
}

// replaceFile puts a file in the place of another so that a power cut leaves
// one of the two, whole.
func replaceFile(path string, content []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
			err = fmt.Errorf("writing %s: %w", path, err)
		}
	}()
	if _, err = f.Write(content); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// lock keeps two agents from working on one computer at once, whether in one
// process or in two.
func (a *Agent) lock() (unlock func(), err error) {
	if !a.working.TryLock() {
		return nil, &atWork{&model.Refusal{Code: "busy", What: "the agent is at work already", Why: "one check-in runs at a time", Remedy: "wait until it has finished (fettle agent status)"}}
	}
	f, err := os.OpenFile(filepath.Join(a.o.StateDir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		a.working.Unlock()
		return nil, fmt.Errorf("locking the agent's state: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		who, _ := os.ReadFile(f.Name())
		f.Close()
		a.working.Unlock()
		return nil, &atWork{&model.Refusal{Code: "busy", What: "another agent is at work on this computer", Why: "process " + model.Clean(strings.TrimSpace(string(who))) + " holds its state", Remedy: "wait until it has finished (fettle agent status)"}}
	}
	_ = f.Truncate(0)
	_, _ = f.WriteAt(fmt.Appendln(nil, os.Getpid()), 0) // only to be shown
	return func() {
		f.Close()
		a.working.Unlock()
	}, nil
}

// atWork says that a cycle did not begin because another runs.
type atWork struct{ *model.Refusal }

// Unwrap gives the refusal in words.
func (e *atWork) Unwrap() error { return e.Refusal }

// lockPatiently is lock for a cycle that somebody asked for: a check-in that the
// server woke the agent for is not in the way of a person, only before it.
func (a *Agent) lockPatiently(ctx context.Context, progress func(model.Progress)) (unlock func(), err error) {
	until := a.o.Now().Add(a.o.Patience)
	for {
		var other *atWork
		if unlock, err = a.lock(); err == nil || !errors.As(err, &other) || !a.o.Now().Before(until) {
			return unlock, err
		}
		progress(model.Progress{Phase: "waiting for the check-in that runs"})
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-a.o.After(lockRetry):
		}
	}
}

// afterOther waits until the cycle that runs is over.
func (a *Agent) afterOther(ctx context.Context) error {
	for {
		var other *atWork
		unlock, err := a.lock()
		if err == nil {
			unlock()
			return nil
		}
		if !errors.As(err, &other) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-a.o.After(breath):
		}
	}
}

const lockRetry = 200 * time.Millisecond

// foreign says which packages changed since the last look without our doing,
// and remembers what is there now.
func (a *Agent) foreign(packages []model.InstalledPackage, own map[string]string) ([]string, error) {
	file := filepath.Join(a.o.StateDir, "installed")
	var old baseline
	if err := readFile(file, &old); err != nil {
		return nil, err
	}
	now := baseline{Time: a.o.Now().UTC(), Versions: make(map[string]string, len(packages))}
	var changes []string
	for _, p := range packages {
		key := p.Name + ":" + p.Arch
		now.Versions[key] = p.Version
		was, known := old.Versions[key]
		if was == p.Version || own[key] == p.Version || old.Versions == nil {
			continue
		}
		if known {
			changes = append(changes, p.Name+" "+was+" -> "+p.Version)
		} else {
			changes = append(changes, p.Name+" "+p.Version+" (new)")
		}
	}
	ours := map[string]bool{} // a package may change from one architecture to "all"
	for key := range own {
		name, _, _ := strings.Cut(key, ":")
		ours[name] = true
	}
	for key, was := range old.Versions {
		name, _, _ := strings.Cut(key, ":")
		if _, still := now.Versions[key]; !still && !ours[name] {
			changes = append(changes, name+" "+was+" (removed)")
		}
	}
	slices.Sort(changes)
	if n := len(changes); n > 200 {
		changes = append(changes[:200], fmt.Sprintf("and %d more", n-200))
	}
	b, err := protocol.Encode(now)
	if err != nil {
		return nil, err
	}
	return changes, replaceFile(file, b)
}
