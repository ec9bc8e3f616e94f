package wsusscn2

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
)

// TestUnsigned is the policy: what nobody signed comes in only when the
// configuration says so.
func TestUnsigned(t *testing.T) {
	b := tiny().bytes(t)
	s := newStore(t)
	refuse := func(o *Options) { o.Unsigned = false }
	if err := synchronize(t, s, b, refuse); !refused(err, "unsigned") || s.calls != 0 {
		t.Errorf("%v after %d calls", err, s.calls)
	}
	facts, err := source(b, refuse).Test(t.Context())
	if !refused(err, "unsigned") || len(facts) != 1 || !strings.Contains(facts[0], "of 2026-07-14 13:54 UTC (package e1a000e0-066b-497a-ba62-246d4af43e55, 2 detail cabinets,") {
		t.Errorf("%v, %v", facts, err)
	}
	if facts, err = source(b).Test(t.Context()); err != nil || !strings.HasSuffix(facts[0], ", not signed.") {
		t.Errorf("%v, %v", facts, err)
	}
	take(t, s, b)
	if !slices.Contains(s.remarks, "wsusscn2.cab is not signed. It was taken in because the configuration allows that.") {
		t.Errorf("%v", s.remarks)
	}
}

func TestEstimate(t *testing.T) {
	b := tiny().bytes(t)
	s := newStore(t)
	e, err := source(b).Estimate(t.Context(), nil)
	if err != nil || e.Updates != 3 || e.Bytes != int64(len(b)) || !slices.Equal(e.Remarks, []string{"wsusscn2.cab describes 5 revisions, of which about 3 are updates that can be approved."}) {
		t.Errorf("%+v, %v", e, err)
	}
	take(t, s, b)
	if e, err = source(b).Estimate(t.Context(), s.anchor); err != nil || e.Updates != 0 || e.Bytes != 0 || len(e.Remarks) != 1 {
		t.Errorf("%+v, %v", e, err)
	}
	older := tiny()
	older.graph = strings.Replace(older.graph, "2026-07-14T", "2026-07-13T", 1)
	if _, err := source(older.bytes(t)).Estimate(t.Context(), s.anchor); !refused(err, "older-edition") {
		t.Errorf("%v", err)
	}
	if e, err = source(b).Estimate(t.Context(), []byte("{")); err != nil || len(e.Remarks) != 2 {
		t.Errorf("%+v, %v", e, err)
	}
}

// TestDescribe is what is known before an import starts.
func TestDescribe(t *testing.T) {
	b := tiny().bytes(t)
	e, err := Describe(t.Context(), bytes.NewReader(b), int64(len(b)), Options{Clock: clock})
	if err != nil || e.Package != "e1a000e0-066b-497a-ba62-246d4af43e55" || e.Shards != 2 || e.Size != int64(len(b)) || e.Created.Year() != 2026 || e.Signature != (Signature{}) {
		t.Errorf("%+v, %v", e, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Describe(ctx, bytes.NewReader(b), int64(len(b)), Options{Clock: clock}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
