package apt

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestThisComputer compares a scan of the computer that the test runs on with
// apt's own answer. It changes nothing.
func TestThisComputer(t *testing.T) {
	s := New(Options{Cache: t.TempDir()})
	if err := s.Available(); err != nil {
		t.Skip(err)
	}
	out, err := exec.CommandContext(t.Context(), "apt", "list", "--upgradable", "-qq").Output()
	if err != nil {
		t.Skip("apt list --upgradable: ", err)
	}
	start := time.Now()
	scan, err := s.Scan(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, n := range scan.Needed {
		got = append(got, n.Package+" "+n.Candidate)
	}
	for line := range strings.Lines(string(out)) {
		if name, rest, ok := strings.Cut(line, "/"); ok {
			want = append(want, name+" "+strings.Fields(rest)[1])
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("needed differs from apt list --upgradable:\nneeded: %q\napt:    %q", got, want)
	}
	t.Logf("%d installed, %d needed, %d others, %d exceptions, %d sources in %s", len(scan.Inventory.Packages), len(scan.Needed), len(scan.Others), len(scan.Inventory.Exceptions), len(scan.Inventory.Sources), time.Since(start))
	t.Logf("%+v", scan.Others)
	t.Logf("%+v", scan.Inventory.Exceptions)
}
