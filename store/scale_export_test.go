package store

import "fettle/model"

// CheckIn gives the snapshot after a status report, as the writer makes it, with
// nothing written: what a check-in changes in memory.
func CheckIn(s *Snapshot, st *model.Status) *Snapshot {
	c := *s
	d := &draft{Snapshot: &c, store: s.store}
	before := d.computers.at(st.Computer)
	after := *before
	after.take(st)
	d.setComputer(before, &after)
	return d.Snapshot
}
