package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/ui/console/keys"
)

// state is what one session leaves to the next: never settings.
type state struct {
	View      string    `json:"view,omitempty"`
	Updates   listState `json:"updates"`
	Computers listState `json:"computers"`
	Theme     string    `json:"theme,omitempty"`     // that :theme put on
	ThemeOver string    `json:"themeOver,omitempty"` // while the settings said this
	Commands  []string  `json:"commands,omitempty"`  // of the palette, the oldest first
	Approved  bool      `json:"approved,omitempty"`  // the Overview counts over approved updates only
	Visit     time.Time `json:"visit"`

	Triage triageTarget `json:"triage,omitzero"` // for whom, and by when, triage approves
}

// listState is a list's filter, its look, and the views of its user.
type listState struct {
	Filter  *string         `json:"filter,omitempty"` // nil = never changed
	Sort    string          `json:"sort,omitempty"`
	Reverse bool            `json:"reverse,omitempty"`
	Details bool            `json:"details,omitempty"`
	View    string          `json:"view,omitempty"` // the current one; empty = the filter is of no view
	Columns []string        `json:"columns,omitempty"`
	Looks   map[string]look `json:"looks,omitempty"` // by view: what the user made of it
	Saved   []savedView     `json:"saved,omitempty"`
	History []string        `json:"history,omitempty"` // of the filter, the newest last
	Row     uint32          `json:"row,omitempty"`     // under the cursor
}

// readState reads the state of the last session. One that cannot be read is
// none: nothing depends on it.
func readState(path string) state {
	var s state
	if path == "" {
		return s
	}
	b, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(b, &s) != nil {
		return state{}
	}
	return s
}

// writeState replaces the state whole.
func writeState(path string, s state) error {
	b, err := json.MarshalIndent(s, "", "\t")
	if err != nil {
		return fmt.Errorf("keeping the state of the session: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("keeping the state of the session: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("keeping the state of the session: %w", err)
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("keeping the state of the session: %w", err), os.Remove(f.Name()))
	}
	return nil
}

// save keeps the state, off the interface goroutine.
func (c *Console) save() tea.Cmd {
	s := c.saved
	for _, sc := range screens() {
		if sc.action == c.current {
			s.View = sc.name
		}
	}
	if u, ok := c.screens[keys.ToUpdates].(*updates); ok {
		s.Updates = u.list.state()
		s.Updates.Details = u.details
	}
	if p, ok := c.screens[keys.ToComps].(*computers); ok {
		s.Computers = p.list.state()
	}
	if p, ok := c.screens[keys.ToTriage].(*triage); ok {
		s.Triage = p.target
	}
	if c.leaving {
		s.Visit = c.now.UTC()
	}
	c.saved = s
	path := c.o.StatePath
	c.writing.last++
	number := c.writing.last
	return func() tea.Msg {
		if path == "" {
			return savedMsg{}
		}
		return savedMsg{c.writing.write(path, s, number)}
	}
}

// stateWriter writes one state after the other: commands run at the same time,
// and an older state must not replace a newer one.
type stateWriter struct {
	last uint64 // that was made; of the interface goroutine

	mu      sync.Mutex
	written uint64
}

func (w *stateWriter) write(path string, s state, number uint64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if number <= w.written {
		return nil
	}
	w.written = number
	return writeState(path, s)
}
