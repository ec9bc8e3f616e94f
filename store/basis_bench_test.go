package store_test

import (
	"testing"

	"fettle/model"
)

// BenchmarkBasis measures how computers stand over approved updates, which the
// Overview shows for all groups: of the size of BenchmarkScale.
func BenchmarkBasis(b *testing.B) {
	updates, computers := scaleSize(b)
	dir, _ := scaleStore(b, updates, computers)
	s := openScale(b, dir)
	defer s.Close()
	snap := s.Snapshot()
	b.Run("group", func(b *testing.B) {
		var approved int
		for b.Loop() {
			_, approved = snap.SplitApproved(model.GroupAll)
		}
		b.ReportMetric(float64(approved), "approved")
	})
	b.Run("all-groups", func(b *testing.B) {
		for b.Loop() {
			snap.Bases()
		}
		b.ReportMetric(float64(len(snap.Groups().Order())), "groups")
	})
}
