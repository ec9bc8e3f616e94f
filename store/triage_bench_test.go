package store_test

import (
	"testing"

	"fettle/store"
)

// benchTriage builds the queue of what is to be decided. The console does it off
// its interface goroutine after every change that it is told of.
func benchTriage(b *testing.B, s *store.Store) {
	got := s.Snapshot().Triage(scaleNow)
	for b.Loop() {
		got = s.Snapshot().Triage(scaleNow)
	}
	b.ReportMetric(float64(len(got.Queue)), "to-decide")
	b.ReportMetric(float64(len(got.Aside)), "left-out")
	b.ReportMetric(float64(got.Open), "open")
	versus(b, 0)
}
