package simulation

import (
	"testing"
)

func TestFilledStoreIsClean(t *testing.T) {
	s, clock := openStore(t)
	sum, err := Fill(t.Context(), s, Options{Seed: 7, Clock: clock, Details: true})
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.Verify(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range v.Problems {
		t.Error(p)
	}
	if v.Journal.Problem != "" {
		t.Error(v.Journal.Problem)
	}
	t.Logf("%+v", sum)
}
