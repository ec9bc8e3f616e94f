package simulation

import (
	"slices"
	"testing"

	"fettle/model"
)

// TestStatesFollowSupersedence: a superseded update whose successor is installed
// is not applicable, so it is neither needed nor installed.
func TestStatesFollowSupersedence(t *testing.T) {
	o := Options{Seed: 5, Updates: 6000, Computers: 300}
	c := NewCatalogue(o)
	number := map[model.UpdateID]uint32{}
	for n := uint32(1); int(n) <= c.Len(); n++ {
		number[c.Update(n).ID] = n
	}
	f := NewFleet(o, c)
	for _, x := range f.Computers {
		st := f.Status(x)
		if st == nil {
			continue
		}
		for _, n := range st.Installed {
			for _, s := range c.Update(n).Supersedes {
				for _, list := range [][]uint32{st.Needed, st.Downloaded, st.Failed, st.Pending, st.Installed} {
					if slices.Contains(list, number[s]) {
						t.Fatalf("%s: update %d is installed, and %d, which it supersedes, has a state", x.Facts.Name, n, number[s])
					}
				}
			}
		}
	}
}

// TestFleetIsRealistic: at a realistic size most computers need 20 to 150
// updates and have some hundred.
func TestFleetIsRealistic(t *testing.T) {
	o := Options{Seed: 1, Updates: 60_000, Computers: 400}
	f := NewFleet(o, NewCatalogue(o))
	var need, installed []int
	seen := map[string]int{}
	for _, x := range f.Computers {
		seen[x.Facts.Role.String()]++
		seen[x.Facts.Platform.String()]++
		if x.Facts.Admission != model.Managed {
			seen["not managed"]++
			continue
		}
		st := f.Status(x)
		if st == nil {
			seen["never reported"]++
			continue
		}
		need = append(need, len(st.Needed)+len(st.Downloaded)+len(st.Failed)+len(st.Pending))
		installed = append(installed, len(st.Installed))
		if len(st.Failed) > 0 {
			seen["failed"]++
			if len(st.Failures) != len(st.Failed) || st.Failures[0].Code == "" {
				t.Errorf("%s: %d failed, %d failures", x.Facts.Name, len(st.Failed), len(st.Failures))
			}
		}
		if len(st.Pending) > 0 != (len(x.Facts.Pending) > 0) {
			t.Errorf("%s: %d wait for a restart, the computer says %v", x.Facts.Name, len(st.Pending), x.Facts.Pending)
		}
		if len(st.Pending) > 0 {
			seen["restart pending"]++
		}
		switch age := o.withDefaults().Until.Sub(x.Facts.Contacted); {
		case age <= model.CheckInterval:
			seen["fresh"]++
		case age > model.StaleAfter:
			seen["stale"]++
		}
	}
	slices.Sort(need)
	slices.Sort(installed)
	if m := need[len(need)/2]; m < 20 || m > 150 {
		t.Errorf("half of the computers need %d updates", m)
	}
	if m := installed[len(installed)/2]; m < 100 || m > 900 {
		t.Errorf("half of the computers have %d updates", m)
	}
	if need[0] != 0 || need[len(need)-1] < 100 {
		t.Errorf("computers need %d to %d updates", need[0], need[len(need)-1])
	}
	if seen["fresh"] < 400*3/4 {
		t.Errorf("only %d computers were in contact within a cycle", seen["fresh"])
	}
	for _, what := range []string{"server", "client", "linux", "windows", "not managed", "never reported", "failed", "restart pending", "stale"} {
		if seen[what] == 0 {
			t.Errorf("no computer is: %s", what)
		}
	}
}
