package query

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"fettle/model"
)

// bigWorld answers by arithmetic, so that what is measured is the query.
type bigWorld struct{ fakeWorld }

func (w *bigWorld) Counts(n uint32, _ model.GroupID) model.Counts {
	return model.Counts{Computers: 1000, Needed: int(n%7) * int(n%3), Installed: int(n % 900)}
}

func (w *bigWorld) Approvals(n uint32) []model.Approval {
	if n%5 == 0 {
		return w.approvals[1]
	}
	return nil
}

func bigRows(count int) (*bigWorld, []*model.UpdateRow) {
	w := &bigWorld{*testWorld()}
	classes := model.Classifications()
	products := []model.CategoryID{"deb/Debian/bookworm", "deb/Debian/bookworm/localization", "w11", "office"}
	rows := make([]*model.UpdateRow, count)
	for i := range rows {
		n := uint32(i + 1)
		r := &model.UpdateRow{
			Number: n, ID: model.UpdateID(fmt.Sprintf("deb/Debian/bookworm/source-%d/1.%d-1", i, i%40)), Class: classes[i%len(classes)], Severity: model.Severity(i % 5),
			Flags: model.UpdateFlags(i*2654435761) & (1<<10 - 1), Products: products[i%4 : i%4+1], Upstream: "debian", Version: fmt.Sprintf("1.%d-1", i%40),
			Released: now.Add(-time.Duration(i%2000) * time.Hour), Arrived: now.Add(-time.Duration(i%1000) * time.Hour), Size: int64(i) * 1000,
		}
		if i%2 == 0 {
			r.Title = fmt.Sprintf("Cumulative Update %d for Windows 11 Version 23H2 for x64-based Systems (KB%d)", i, 5000000+i)
			r.KB = []string{fmt.Sprint(5000000 + i)}
		} else {
			r.Title = fmt.Sprintf("source-%d 1.%d-1+deb12u3", i, i%40)
			r.Packages = []string{fmt.Sprintf("source-%d", i), fmt.Sprintf("libsource%d-dev", i), fmt.Sprintf("libsource%d", i)}
			r.CVEs = []string{fmt.Sprintf("CVE-2024-%d", i)}
		}
		rows[i] = r
	}
	return w, rows
}

// lowering is the baseline: what the obvious search for a word in all titles
// takes, per row.
func lowering(rows []*model.UpdateRow) float64 {
	best := time.Duration(1 << 62)
	for range 5 {
		start := time.Now()
		found := 0
		for _, r := range rows {
			if strings.Contains(strings.ToLower(r.Title), "openssl") {
				found++
			}
		}
		best = min(best, time.Since(start))
	}
	return float64(best.Nanoseconds()) / float64(len(rows))
}

// BenchmarkFilter runs the filters that people write over 100,000 updates. It
// reports nanoseconds per row, and their ratio to the baseline.
func BenchmarkFilter(b *testing.B) {
	w, rows := bigRows(100_000)
	baseline := lowering(rows)
	for _, text := range []string{
		"needed:>0 class:security age:>14d",
		"needed:>0",
		"!is:declined,superseded severity:>=important",
		"openssl",
		`"version 23h2"`,
		"x64",
		"kb:5034442",
		`product:"debian 12"`,
		"approved:none needed:>0",
		`effective:"Web Servers"`,
		"cve:CVE-2024-6387,CVE-2024-99999",
	} {
		q, err := ParseUpdates(text)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := q.Filter(b.Context(), w, rows, now); err != nil {
					b.Fatal(err)
				}
			}
			row := float64(b.Elapsed().Nanoseconds()) / float64(b.N) / float64(len(rows))
			b.ReportMetric(row, "ns/row")
			b.ReportMetric(row/baseline, "x-lowering")
		})
	}
}

func BenchmarkMatch(b *testing.B) {
	w, rows := bigRows(1000)
	q, err := ParseUpdates("needed:>0 class:security age:>14d")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		q.Match(w, rows[i%len(rows)], now)
		i++
	}
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseUpdates(`needed:>0 class:security,critical (age:>14d or is:exploited) !in "quoted text"`); err != nil {
			b.Fatal(err)
		}
	}
}

// Matching must not allocate row by row: a filter over many rows allocates for
// its result and its memory only.
func TestFilterAllocates(t *testing.T) {
	w, rows := bigRows(20_000)
	for _, text := range []string{
		"needed:>5 class:security age:>14d is:exploited", "no-such-text", `product:"debian 99"`, "approved:Berlin", "kb:1 or cve:1 or package:x", `in:"Web Servers" needed:>1000`,
		"deadline:>50d", "installed-or-not-applicable:<0", "released:<1990",
	} {
		q, err := ParseUpdates(text)
		if err != nil {
			t.Fatal(err)
		}
		allocs := testing.AllocsPerRun(3, func() { q.Filter(t.Context(), w, rows, now) })
		if allocs > 40 {
			t.Errorf("%s allocates %v times over %d rows", text, allocs, len(rows))
		}
	}
}
