package agent

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"fettle/model"
)

// The bugs of peers (peers 2, "Bugs in peers") that could occur in an agent.

// TestPeersTacticalALostResultIsNotDone: Tactical wrote "installed" before any
// result. An order whose result is lost is not reported as installed; the next
// cycle looks at what is there and does what is left.
func TestPeersTacticalALostResultIsNotDone(t *testing.T) {
	w := newWorld(t)
	w.approve(w.now, "u-aa")
	w.computer.doError = errors.New("the connection to the installer was lost")
	_, err := w.agent.CheckIn(w.Context(), nil)
	if err == nil {
		t.Fatal("a lost result is no error")
	}
	needs := func() bool {
		return slices.ContainsFunc(w.server.last().Needed, func(n model.NeededPackage) bool { return n.Package == "aa" })
	}
	if strings.Contains(w.server.kinds(), "installed") || !needs() {
		t.Fatalf("after a lost result: events %s, aa needed: %v", w.server.kinds(), needs())
	}
	w.restart() // nor does a new process take it for done
	w.computer.doError = nil
	w.now = w.now.Add(time.Hour)
	w.checkIn()
	if w.installed("aa") != "2" || needs() {
		t.Errorf("aa is %s, needed: %v, events %s", w.installed("aa"), needs(), w.server.kinds())
	}
}

// TestPeersTacticalALostReportIsMadeUpFor: a report that never arrived is no
// state; the next one says what is so.
func TestPeersTacticalALostReportIsMadeUpFor(t *testing.T) {
	w := newWorld(t)
	w.approve(w.now, "u-aa")
	w.computer.onInstall = func() { w.server.down = errors.New("the network is gone") }
	_, _ = w.agent.CheckIn(w.Context(), nil)
	if w.installed("aa") != "2" || strings.Contains(w.server.kinds(), "installed") {
		t.Fatalf("aa is %s, events %s", w.installed("aa"), w.server.kinds())
	}
	w.server.down = nil
	w.now = w.now.Add(time.Hour)
	w.checkIn()
	if strings.Count(w.server.kinds(), "installed") != 1 || len(w.computer.installs()) != 1 || w.server.last().Foreign != nil {
		t.Errorf("events %s, orders %q, foreign %q", w.server.kinds(), w.computer.installs(), w.server.last().Foreign)
	}
	for _, n := range w.server.last().Needed {
		if n.Package == "aa" {
			t.Error("aa is installed and reported as needed")
		}
	}
}

// TestPeersPatchMonKernelsAreNotText: PatchMon compared kernels as text and
// reported a restart for ever, since "6.1.0-9" is greater than "6.1.0-18" there.
// Whatever is installed besides, running the newest wants no restart, and running
// any other names the newest.
func TestPeersPatchMonKernelsAreNotText(t *testing.T) {
	abis := []int{2, 9, 10, 18, 99, 100}
	for range 200 {
		rand.Shuffle(len(abis), func(i, j int) { abis[i], abis[j] = abis[j], abis[i] })
		here := abis[:1+rand.IntN(len(abis))]
		var packages []model.InstalledPackage
		for _, n := range here {
			packages = append(packages, model.InstalledPackage{Name: fmt.Sprintf("linux-image-6.1.0-%d-amd64", n), Version: fmt.Sprintf("6.1.%d-1", n)})
		}
		newest := slices.Max(here)
		for _, n := range here {
			got := kernelPending(fmt.Sprintf("6.1.0-%d-amd64", n), "", packages)
			if n == newest && got != "" {
				t.Fatalf("the newest of %v runs, and a restart is wanted for ever: %s", here, got)
			}
			if n != newest && !strings.Contains(got, fmt.Sprintf("6.1.0-%d-amd64 is installed", newest)) {
				t.Fatalf("%d of %v runs: %q", n, here, got)
			}
		}
	}
}

// TestPeersPatchMonAFailedScanIsNotUpToDate: PatchMon showed "up to date" when
// the scan had failed. The report carries the error and nothing that could be
// taken for an answer, and the last answer stays on the server.
func TestPeersPatchMonAFailedScanIsNotUpToDate(t *testing.T) {
	w := newWorld(t)
	w.checkIn()
	inventory := w.server.inventory
	w.computer.scanError = errors.New("E: The package lists or status file could not be parsed")
	if _, err := w.agent.CheckIn(w.Context(), nil); err == nil {
		t.Error("a failed scan is no error")
	}
	r := w.server.last()
	if !strings.Contains(r.Scan.Error, "could not be parsed") || r.Needed != nil || r.Inventory != nil || r.Downloaded != nil || r.Failures != nil {
		t.Errorf("%+v", r)
	}
	if w.server.inventory != inventory {
		t.Error("the inventory of before was replaced")
	}
	w.computer.scanError = nil
	if w.checkIn(); w.server.last().Scan.Error != "" || len(w.server.last().Needed) == 0 {
		t.Errorf("after the scan works again: %+v", w.server.last().Scan)
	}
}

// TestPeersPatchMonHeldIsNotUpToDate: PatchMon showed computers with held
// packages as up to date (its issues 636 and 796).
func TestPeersPatchMonHeldIsNotUpToDate(t *testing.T) {
	w := newWorld(t)
	w.checkIn()
	i := slices.IndexFunc(w.server.last().Needed, func(n model.NeededPackage) bool { return n.Package == "hh" })
	if i < 0 || w.server.last().Needed[i].State != model.NeedHeld {
		t.Errorf("the held package is not reported: %+v", w.server.last().Needed)
	}
}
