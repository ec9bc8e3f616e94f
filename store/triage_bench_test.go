package store_test

import "testing"

// BenchmarkTriage measures building the queue on the store of BenchmarkScale:
// FETTLE_FULL=1 gives 100,000 updates and 10,000 computers. The console does it
// off its interface goroutine after every change that it is told of.
func BenchmarkTriage(b *testing.B) {
	updates, computers := scaleSize(b)
	dir, _ := scaleStore(b, updates, computers)
	s := openScale(b, dir)
	defer s.Close()
	snap := s.Snapshot()
	got := snap.Triage(scaleNow)
	for b.Loop() {
		got = s.Snapshot().Triage(scaleNow)
	}
	b.ReportMetric(float64(len(got.Queue)), "to-decide")
	b.ReportMetric(float64(len(got.Aside)), "left-out")
	b.ReportMetric(float64(got.Open), "open")
	versus(b, 0)
}
