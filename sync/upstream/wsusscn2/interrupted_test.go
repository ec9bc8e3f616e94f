package wsusscn2

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"

	"fettle/model"
)

// TestCancel ends the context at every report of progress, and at every call of
// the sink, in turn: what was in force must stay, and the run must say that it
// was cancelled. Then the same file is taken in.
func TestCancel(t *testing.T) {
	first, _ := generated(t, small(1))
	second, _ := generated(t, small(2))
	s := newStore(t)
	take(t, s, first)
	before := maps.Clone(s.updates)
	phases := map[string]bool{}
	for at := 1; ; at++ {
		ctx, cancel := context.WithCancel(t.Context())
		calls := 0
		s.fail = func(call string) error {
			if call == "documents" { // from several goroutines, under the generation's lock
				return nil
			}
			if calls++; calls == at {
				cancel()
			}
			return nil
		}
		last := ""
		err := source(second, func(o *Options) { o.Workers = 1 }).Synchronize(ctx, s.anchor, s, func(p model.Progress) {
			if p.Total > 0 && p.Done > p.Total || p.Since.IsZero() {
				t.Errorf("progress %+v", p)
			}
			last = p.Phase
			if calls++; calls == at {
				cancel()
			}
		})
		cancel()
		phases[last] = true
		if s.open != 0 {
			t.Fatalf("%d: a generation was left open", at)
		}
		if err == nil {
			if s.switches != 2 || at < 8 {
				t.Fatalf("%d: %d switches", at, s.switches)
			}
			break
		}
		if !errors.Is(err, context.Canceled) || s.switches != 1 || !maps.Equal(s.updates, before) {
			t.Fatalf("%d: %v; %d switches", at, err, s.switches)
		}
	}
	if len(phases) < 5 {
		t.Errorf("the phases are %v", slices.Sorted(maps.Keys(phases)))
	}
	s.fail = nil
	alone := newStore(t)
	take(t, alone, second)
	same(t, s, alone)
}

// TestFailingStore has each call of the store fail: the run gives the error and
// lets go of its generation.
func TestFailingStore(t *testing.T) {
	b, _ := generated(t, small(1))
	for _, call := range []string{"generation", "documents", "categories", "updates", "switch"} {
		for _, which := range []int{1, 2} {
			s := newStore(t)
			full := errors.New("no space left")
			n := 0
			s.fail = func(name string) error {
				if name == call {
					if n++; n == which {
						return full
					}
				}
				return nil
			}
			err := synchronize(t, s, b)
			if n < which {
				continue
			}
			if !errors.Is(err, full) || s.switches != 0 {
				t.Errorf("%s %d: %v, %d switches", call, which, err, s.switches)
			}
		}
	}
}
