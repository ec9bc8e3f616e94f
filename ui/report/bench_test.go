package report

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"fettle/model"
	"fettle/store"
)

// Size of the generated store: a tenth of design 5's computers and a fifth of
// its updates, so that a run stays short.
const (
	benchUpdates   = 20_000
	benchComputers = 1_000
)

// benchSite makes a store where each computer has 400 updates installed and
// needs 40, as a fleet does that is somewhat behind.
func benchSite(b *testing.B) *site {
	s := newSite(b)
	r := rand.New(rand.NewPCG(1, 2))
	updates := make([]*model.Update, benchUpdates)
	for i := range updates {
		updates[i] = &model.Update{ID: model.UpdateID(fmt.Sprintf("00000000-0000-0000-0000-%012d", i)), Upstream: "debian", Title: fmt.Sprintf("update %05d", i),
			Class: model.Classifications()[i%4], Severity: model.Severity(i % 5), Released: s.now.Add(-time.Duration(i) * time.Hour), Products: []model.CategoryID{"p"}}
	}
	numbers := s.add(updates...)
	var wg sync.WaitGroup
	work := make(chan store.Report)
	for range 32 { // reports that arrive together are committed together
		wg.Go(func() {
			for rep := range work {
				if _, err := s.Record(context.Background(), rep); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for i := range benchComputers {
		picked := make([]uint32, 0, 440)
		for len(picked) < 440 {
			picked = append(picked, numbers[r.IntN(5000)]) // most of a catalogue concerns nobody
		}
		st := &model.Status{Reported: s.now, Evaluated: numbers[len(numbers)-1]}
		tidy := func(list []uint32) []uint32 { slices.Sort(list); return slices.Compact(list) }
		needed := tidy(slices.Clone(picked[:40]))
		installed := slices.DeleteFunc(tidy(picked), func(n uint32) bool { _, ok := slices.BinarySearch(needed, n); return ok })
		st.Needed, st.Installed = needed, installed
		work <- store.Report{Computer: model.Computer{ID: model.ComputerID(fmt.Sprint("c", i)), Name: fmt.Sprint("computer", i), Platform: model.PlatformLinux,
			Role: model.Role(1 + i%2), Contacted: s.now, Reported: s.now}, Status: st}
	}
	close(work)
	wg.Wait()
	for i := range 20 {
		s.make(model.Change{Kind: model.ChangeApprove, Name: fmt.Sprint("D", i), Updates: numbers[i*100 : i*100+100],
			Groups: []model.GroupAction{{Group: []model.GroupID{model.GroupAll, model.GroupServers, model.GroupClients}[i%3], Action: model.ActionInstall}}})
	}
	return s
}

// BenchmarkReports measures each report beside its baseline of the same run: a
// look at every pair of update and computer.
func BenchmarkReports(b *testing.B) {
	s := benchSite(b)
	snap := s.Snapshot()
	b.Run("baseline=every-pair", func(b *testing.B) {
		for b.Loop() {
			needed := 0
			for _, c := range snap.Computers() {
				for _, r := range snap.Updates() {
					needed += boolean(snap.State(c.Number, r.Number).Needed())
				}
			}
			if needed == 0 {
				b.Fatal("nothing is needed")
			}
		}
	})
	b.Run("baseline=store-progress", func(b *testing.B) {
		for b.Loop() {
			for _, d := range snap.Deployments() {
				snap.Progress(d.ID, s.now)
			}
		}
	})
	for _, d := range Definitions() {
		for _, base := range []Base{BaseAll, BaseApproved} {
			if base == BaseApproved && !d.Bases {
				continue
			}
			b.Run(d.Name+"/"+base.String(), func(b *testing.B) {
				for b.Loop() {
					s.report(d.Name, Parameters{Base: base})
				}
			})
		}
	}
	r := s.report("update-tabular-status", Parameters{})
	for name, write := range map[string]func(io.Writer) error{
		"text": func(w io.Writer) error { return r.Text(w, 0) }, "narrow": func(w io.Writer) error { return r.Text(w, 80) }, "csv": func(w io.Writer) error { return r.CSV(w, "") },
		"json": r.JSON, "markdown": r.Markdown, "html": r.HTML,
	} {
		b.Run(fmt.Sprintf("write/%s", name), func(b *testing.B) {
			for b.Loop() {
				if err := write(io.Discard); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
