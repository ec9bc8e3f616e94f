package store

import (
	"sync"
	"testing"
)

// Plan numbers rise across restarts and are given out once, at one write for a
// block of them.
func TestPlanNumbers(t *testing.T) {
	dir := t.TempDir()
	var last uint64
	for range 3 {
		s, err := Open(Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.WaitLoaded(t.Context()); err != nil {
			t.Fatal(err)
		}
		seq := s.Snapshot().Seq()
		var mu sync.Mutex
		seen := map[uint64]bool{}
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				mine := last // each caller's own rise
				for range planBlock / 2 {
					n, err := s.NextPlan(t.Context())
					mu.Lock()
					if err != nil || n <= mine || seen[n] {
						t.Errorf("plan %d after %d, given out before: %v, %v", n, mine, seen[n], err)
					}
					seen[n], mine = true, n
					mu.Unlock()
				}
			})
		}
		wait.Wait()
		for n := range seen {
			last = max(last, n)
		}
		if writes := s.Snapshot().Seq() - seq; writes != 2 {
			t.Errorf("%d numbers cost %d writes", len(seen), writes)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
