package simulation

import (
	"testing"

	"fettle/store"
)

// openStore opens an empty store whose clock is simulated.
func openStore(t testing.TB) (*store.Store, *Clock) {
	t.Helper()
	clock := &Clock{}
	clock.Set(DefaultUntil())
	s, err := store.Open(store.Options{Dir: t.TempDir(), Clock: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, clock
}

// BenchmarkFill fills a store at the size that Fettle is designed for: 100,000
// updates and 10,000 computers.
func BenchmarkFill(b *testing.B) {
	for b.Loop() {
		s, clock := openStore(b)
		sum, err := Fill(b.Context(), s, Options{Seed: 1, Updates: 100_000, Computers: 10_000, Clock: clock})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(sum.Deployments), "deployments")
		b.ReportMetric(float64(sum.Entries), "entries")
		b.ReportMetric(float64(sum.Revisions), "revisions")
	}
}

// BenchmarkCatalogue makes the catalogue of that size, BenchmarkFleet the fleet.
func BenchmarkCatalogue(b *testing.B) {
	for b.Loop() {
		NewCatalogue(Options{Seed: 1, Updates: 100_000})
	}
}

func BenchmarkFleet(b *testing.B) {
	c := NewCatalogue(Options{Seed: 1, Updates: 100_000})
	for b.Loop() {
		NewFleet(Options{Seed: 1, Computers: 10_000}, c)
	}
}

// BenchmarkLive lets 1,000 computers live for a day.
func BenchmarkLive(b *testing.B) {
	s, clock := openStore(b)
	sum, err := Fill(b.Context(), s, Options{Seed: 1, Updates: 20_000, Computers: 1000, Ahead: 90 * day, Clock: clock})
	if err != nil {
		b.Fatal(err)
	}
	at, lived := sum.Fleet.Options.Until, 0
	for b.Loop() {
		l, err := Live(b.Context(), s, sum.Fleet, at, at.Add(day))
		if err != nil {
			b.Fatal(err)
		}
		lived += l.CheckIns
		at = at.Add(day)
	}
	b.ReportMetric(float64(lived)/b.Elapsed().Seconds(), "check-ins/s")
}
