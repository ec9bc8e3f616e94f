package store

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"fettle/model"
)

// BenchmarkImport loads a catalogue of 35,000 source packages, about that of a
// Debian release, into an empty store.
func BenchmarkImport(b *testing.B) {
	updates := make([]*model.Update, 35_000)
	for i := range updates {
		updates[i] = debian(fmt.Sprintf("source%d", i), "1.0-1", fmt.Sprintf("source%d", i), fmt.Sprintf("lib%d", i))
	}
	for b.Loop() {
		s := openTest(b, b.TempDir())
		if _, err := s.Import(b.Context(), updates); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		s.Close()
		b.StartTimer()
	}
	b.ReportMetric(float64(len(updates))*float64(b.N)/b.Elapsed().Seconds(), "updates/s")
}

// BenchmarkOpen opens such a store and waits for the catalogue.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	s := openTest(b, dir)
	updates := make([]*model.Update, 35_000)
	for i := range updates {
		updates[i] = debian(fmt.Sprintf("source%d", i), "1.0-1", fmt.Sprintf("source%d", i), fmt.Sprintf("lib%d", i))
	}
	if _, err := s.Import(b.Context(), updates); err != nil {
		b.Fatal(err)
	}
	s.Close()
	var first time.Duration
	for b.Loop() {
		start := time.Now()
		s, err := Open(Options{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		first += time.Since(start)
		if err := s.WaitLoaded(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		s.Close()
		b.StartTimer()
	}
	b.ReportMetric(float64(first.Microseconds())/1000/float64(b.N), "ms-to-first-snapshot")
}

// BenchmarkRecord measures the counts' part of a check-in: 10,000 computers
// with 100 needed updates each, one status changing a little. The commit to the
// disk is left out.
func BenchmarkRecord(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	tallies := newCounting(vector[*tally]{})
	entries := make([]*computerEntry, 10_000)
	for i := range entries {
		e := &computerEntry{}
		e.take(&model.Status{Needed: someNumbers(r, 100, 2000), Installed: someNumbers(r, 400, 100_000)})
		entries[i] = e
		tallies.replace(uint32(i+1), nil, e)
	}
	v := tallies.vector
	i := 0
	for b.Loop() {
		i = (i + 1) % len(entries)
		after := *entries[i]
		after.needed = append([]uint32(nil), after.needed[2:]...)
		c := newCounting(v)
		c.replace(uint32(i+1), entries[i], &after)
		v, entries[i] = c.vector, &after
		if len(after.needed) < 10 {
			b.StopTimer()
			after.needed = someNumbers(r, 100, 2000)
			c := newCounting(v)
			c.replace(uint32(i+1), &computerEntry{needed: entries[i].needed}, &computerEntry{needed: after.needed})
			v = c.vector
			b.StartTimer()
		}
	}
}

func someNumbers(r *rand.Rand, n, limit int) []uint32 {
	set := map[uint32]bool{}
	for len(set) < n {
		set[uint32(r.IntN(limit)+1)] = true
	}
	var out []uint32
	for u := range set {
		out = append(out, u)
	}
	return sorted(out)
}
