package console

import (
	"testing"
	"time"

	"fettle/model"
)

func init() {
	ways = append(ways, way{"upstreams", []string{"8", "e"}}, way{"upstream", []string{"8", "e", "enter"}}, way{"upstream-edit", []string{"8", "e", "e"}}, way{"upstream-schedule", []string{"8", "e", "e", "enter"}}, way{"upstream-add", []string{"8", "e", "a"}})
}

func TestUpstreamIsShownChangedAndTakenBack(t *testing.T) {
	d, s := site(t)
	d.press("8", "e").sees("debian", "apt", "4/day@03:00", "succeeded")
	d.press("enter").sees("Upstream debian", "own apt is", "In step as of", "Next run", "ITS SYNCHRONIZATIONS", "42 new").press("tab", "enter").sees("Run 1").press("esc", "esc")
	d.press("e").sees("Change the upstream debian", "Proxy").press("enter").sees("Schedule", "(o) Four times a day")
	d.press("up", "up", "up", "space").sees("(o) Once a day").press("enter").sees("schedule 1/day@03:00", "[>Cancel<]").press("y")
	if got := s.Snapshot().Upstreams()[0].Schedule.String(); got != "1/day@03:00" {
		t.Fatalf("the schedule is %s", got)
	}
	d.sees("1/day@03:00")
	d.press("u", "y")
	if got := s.Snapshot().Upstreams()[0].Schedule.String(); got != "4/day@03:00" {
		t.Fatalf("undo made the schedule %s", got)
	}
	d.press("e", "enter").press("down", "down", "down", "down").write("99/day").press("enter").sees("is not a schedule")
}

func TestUpstreamIsAddedAndRemoved(t *testing.T) {
	d, s := site(t)
	d.press("8", "e", "a").sees("Add an upstream", "Debian", "wsusscn2.cab")
	d.press("enter").sees("there is an upstream debian already")
	d.press("down", "space", "down", "down", "down").write("scan.cab").press("enter").sees("a full path")
	d.press("ctrl+u").write("/srv/scan.cab").press("enter", "enter").sees("wsusscn2=/srv/scan.cab", "Add").press("y").sees("wsusscn2", "/srv/scan.cab")
	if len(s.Snapshot().Upstreams()) != 2 {
		t.Fatal("it was not added")
	}
	d.press("end", "s")
	if calls := d.engine.calls; len(calls) == 0 || calls[len(calls)-1] != "synchronize [wsusscn2]" {
		t.Errorf("the engine was asked for %v", calls)
	}
	d.press("d").sees("stays in the catalogue", "[>Cancel<]").press("y")
	if len(s.Snapshot().Upstreams()) != 1 {
		t.Fatal("it was not removed")
	}
	d.press("u", "y").sees("/srv/scan.cab")
}

func TestSynchronizationSaysHowFastItGoes(t *testing.T) {
	d, _ := site(t)
	d.press("8")
	d.engine.set(Job{ID: 9, Kind: "synchronization", Name: "synchronization of debian", Started: d.now, Progress: model.Progress{Phase: "reading", Done: 30, Total: 120, Bytes: 3_000_000, Since: d.now.Add(-30 * time.Second)}})
	d.refresh()
	d.sees("30 of 120 (25 %)", "3.0 MB", "/s", "left")
	d.press("x")
	if calls := d.engine.calls; calls[len(calls)-1] != "cancel 9" {
		t.Errorf("it was not cancelled: %v", calls)
	}
}

func TestRefusedFileIsNotTheStateOfTheCatalogue(t *testing.T) {
	d, s := site(t)
	id := must[uint64](t)(s.BeginRun(t.Context(), model.SyncRun{Upstream: "wsusscn2", Started: testTime, Actor: admin, Manual: true}))
	if err := s.EndRun(t.Context(), model.SyncRun{ID: id, Upstream: "wsusscn2", Started: testTime, Ended: testTime, Actor: admin, Manual: true, Result: model.SyncRefused, Error: "it is older than the catalogue that is in force"}); err != nil {
		t.Fatal(err)
	}
	d.refresh()
	d.press("8").sees("synchronized 05:00, succeeded", "refused").seesNot("FAILED")
}
