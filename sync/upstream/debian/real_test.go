package debian

import (
	"context"
	"io"
	"testing"
	"time"

	"fettle/model"
	"fettle/sync/upstream"
)

// discard is a sink that only counts.
type discard struct {
	upstream.NoGenerations
	updates, categories, calls int
	anchor                     []byte
}

func (d *discard) Categories(_ context.Context, c []model.Category) error {
	d.categories += len(c)
	d.calls++
	return nil
}

func (d *discard) Updates(_ context.Context, u []*model.Update) error {
	d.updates += len(u)
	d.calls++
	return nil
}

func (d *discard) Complete(context.Context, string, map[model.UpdateID]struct{}) error {
	d.calls++
	return nil
}

func (d *discard) Anchor(_ context.Context, a []byte) error {
	d.anchor = a
	d.calls++
	return nil
}
func (d *discard) Fail(item, reason string) {}
func (d *discard) Remark(text string)       {}

// BenchmarkComputersOwnLists reads and maps all lists of this computer's apt, and
// reports how long that takes compared with apt-cache dumpavail, which reads the
// same lists. Loading them into the store may take 12 times as long as that.
func BenchmarkComputersOwnLists(b *testing.B) {
	s, err := New(Options{Upstream: "apt", Refresh: RefreshNever})
	if err != nil {
		b.Fatal(err)
	}
	if sentences, err := s.Test(b.Context()); err != nil {
		b.Skip("this computer's apt has no lists: ", err)
	} else {
		b.Log(sentences)
	}
	ours, apts := time.Hour, time.Hour // the shortest: others use this computer too
	var sink discard
	for b.Loop() {
		sink = discard{}
		start := time.Now()
		if err := s.Synchronize(b.Context(), nil, &sink, nil); err != nil {
			b.Fatal(err)
		}
		ours = min(ours, time.Since(start))
		start = time.Now()
		out, err := Programs{}.Start(b.Context(), "apt-cache", "dumpavail")
		if err != nil {
			b.Skip("apt-cache is absent: ", err)
		}
		if _, err := io.Copy(io.Discard, out); err != nil {
			b.Fatal(err)
		}
		if err := out.Close(); err != nil {
			b.Fatal(err)
		}
		apts = min(apts, time.Since(start))
	}
	b.ReportMetric(ours.Seconds(), "s/load")
	b.ReportMetric(ours.Seconds()/apts.Seconds(), "x-dumpavail")
	b.ReportMetric(float64(sink.updates), "updates")
}
