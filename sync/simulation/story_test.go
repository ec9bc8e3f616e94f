package simulation

import (
	"testing"
)

// TestStoriesLeaveTheStoreClean lets much happen by chance, and looks at every
// record and count after that.
func TestStoriesLeaveTheStoreClean(t *testing.T) {
	for seed := range uint64(2) {
		s, sum := filled(t, Options{Seed: seed, Updates: 500, Computers: 40, Span: 60 * day, Ahead: 60 * day, Details: seed == 1})
		st := NewStory(s, sum.Fleet)
		r := sum.Fleet.Options.chance("story")
		events := 400
		for range events {
			e := st.Next(r)
			if err := st.Apply(t.Context(), e, r); err != nil {
				t.Fatal(err)
			}
		}
		if st.Refused > events/2 {
			t.Errorf("%d of %d events were refused", st.Refused, events)
		}
		verify(t, s)
	}
}
