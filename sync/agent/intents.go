package agent

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"fettle/model"
)

// Intent is one step of an installation: written before it begins, and again
// with its result when it has ended. One without an end was cut off.
type Intent struct {
	Time    time.Time        `json:"time"`
	Plan    uint64           `json:"plan"`
	Updates []model.UpdateID `json:"updates"`
	Items   []model.PlanItem `json:"items"`
	Ended   time.Time        `json:"ended,omitzero"`
	OK      bool             `json:"ok,omitempty"`
	Text    string           `json:"text,omitempty"`
}

// intentsLimit is the size above which the log of intents is begun anew.
const intentsLimit = 2 << 20

func (a *Agent) intentsFile() string { return filepath.Join(a.o.StateDir, "intents.log") }

// writeIntent appends one line and syncs it: nothing is installed before the
// disk knows of it (peers 6c.11).
func (a *Agent) writeIntent(in Intent) error {
	line, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("writing the intent to install: %w", err)
	}
	flags := os.O_CREATE | os.O_WRONLY | os.O_APPEND
	if info, err := os.Stat(a.intentsFile()); err == nil && info.Size() > intentsLimit && in.Ended.IsZero() {
		flags |= os.O_TRUNC // all before it has ended: recover saw to that
	}
	f, err := os.OpenFile(a.intentsFile(), flags, 0o600)
	if err != nil {
		return fmt.Errorf("writing the intent to install: %w", err)
	}
	defer f.Close()
	if _, err := f.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("writing the intent to install: %w", err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("writing the intent to install: %w", err)
	}
	return nil
}

// openIntent finds a step that was begun and has no end. A line that a power
// cut tore is none.
func (a *Agent) openIntent() (*Intent, error) {
	b, err := readTail(a.intentsFile(), 8<<20)
	if err != nil {
		return nil, fmt.Errorf("reading the log of intents: %w", err)
	}
	var last *Intent
	for line := range bytes.Lines(b) {
		var in Intent
		if json.Unmarshal(line, &in) == nil {
			last = &in
		}
	}
	if last == nil || !last.Ended.IsZero() {
		return nil, nil
	}
	return last, nil
}

func readTail(path string, n int64) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(f, max(0, info.Size()-n), n))
}
