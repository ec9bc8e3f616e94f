package agent

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fettle/model"
	"fettle/sync/agent/protocol"
)

func TestTheComputerNamesItsGroups(t *testing.T) {
	w := newWorld(t)
	w.options.PolicyFile = filepath.Join(t.TempDir(), "agent.toml")
	w.restart()
	write := func(text string) {
		if err := os.WriteFile(w.options.PolicyFile, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.checkIn()
	if got := w.server.last().Groups; got != nil {
		t.Errorf("without a file: %q", got)
	}
	write(`groups = ["Servers", " Lab "]`)
	w.checkIn()
	if got := w.server.last().Groups; !slices.Equal(got, []string{"Servers", "Lab"}) {
		t.Errorf("%q", got)
	}
	w.checkIn() // an unchanged inventory is not sent again, the groups are
	if got := w.server.last().Groups; !slices.Equal(got, []string{"Servers", "Lab"}) {
		t.Errorf("the second time: %q", got)
	}
	write(`groups = ["Servers"`)
	w.checkIn()
	if got := w.server.last(); !slices.Equal(got.Groups, []string{"Servers", "Lab"}) || len(got.Remarks) != 1 {
		t.Errorf("with a file that cannot be read: %q, remarks %q", got.Groups, got.Remarks)
	}
	write("")
	if w.checkIn(); w.server.last().Groups != nil {
		t.Errorf("named no more: %q", w.server.last().Groups)
	}
}

func TestBoundsOfGroupNames(t *testing.T) {
	many := make([]string, protocol.MaxGroups+1)
	for i := range many {
		many[i] = `"g` + strings.Repeat("x", i) + `"`
	}
	for _, bad := range []string{"[" + strings.Join(many, ",") + "]", `[""]`, `["a", "A"]`, `["` + strings.Repeat("ä", protocol.MaxGroupName+1) + `"]`, `"Servers"`} {
		if _, err := ParseLocalPolicy("groups = " + bad); err == nil {
			t.Errorf("%.40s was accepted", bad)
		}
	}
	long := strings.Repeat("ä", protocol.MaxGroupName)
	if p, err := ParseLocalPolicy(`groups = ["` + long + `"]`); err != nil || !slices.Equal(p.Groups, []string{long}) {
		t.Errorf("%q, %v", p.Groups, err)
	}
}

// Semantics 7.10: only on Windows does a pending restart stop detection. What is
// found meanwhile is reported, and installed when it is due.
func TestPendingRestartDoesNotStopDetection(t *testing.T) {
	w := newWorld(t)
	w.server.policy.Restart = model.RestartNo
	path := filepath.Join(w.options.Root, "run", "reboot-required")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	w.checkIn()
	if len(w.server.last().Pending) != 1 {
		t.Fatalf("pending: %q", w.server.last().Pending)
	}
	w.computer.packages["gg"].candidate = "2" // published after the restart became pending
	w.server.catalogue["gg=2"] = "u-gg"
	w.now = w.now.Add(time.Hour)
	w.checkIn()
	if !slices.ContainsFunc(w.server.last().Needed, func(n model.NeededPackage) bool { return n.Package == "gg" }) {
		t.Errorf("the new update was not detected: %+v", w.server.last().Needed)
	}
	w.approve(w.now, "u-gg")
	out := w.checkIn()
	if w.installed("gg") != "2" || !slices.Equal(out.Installed, []model.UpdateID{"u-gg"}) || len(w.server.last().Pending) != 1 || len(w.people.restarts) != 0 {
		t.Errorf("gg is %s, %+v, pending %q, restarts %q", w.installed("gg"), out.Installed, w.server.last().Pending, w.people.restarts)
	}
}
